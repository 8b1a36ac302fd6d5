#!/usr/bin/env python3
"""What the lab can do that AWS cannot: faults, the journal, control calls; and that garbage does it no harm."""
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
import lab as support
from lab import case, equal, until

support.use_own_environment()
try:
    from botocore.exceptions import HTTPClientError
    from cloud import Cloud, Runtime, refused
except ImportError:
    support.skip_all("boto3 is not installed")


def raw_request(c, headers, body):
    """A signed SQS request as bytes."""
    headers = c.signed_headers("POST", "/", body, headers, "sqs")
    lines = ["POST / HTTP/1.1", f"Host: {c.lab.address}", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines + [f"{k}: {v}" for k, v in headers.items()]).encode() + b"\r\n\r\n" + body


@case("a poll whose client hung up takes no message")
def _(c):
    url = c.fifo()
    body = json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20})
    raw = socket.create_connection(c.lab.address.split(":"))
    raw.sendall(raw_request(c, {"X-Amz-Target": "AmazonSQS.ReceiveMessage"}, body.encode()))
    c.lab.wait_for_poll()
    raw.close()
    c.lab.wait_for_poll(0)
    c.send(url, "a-1")
    equal(c.bodies(url), ["a-1"])


@case("a runtime that hung up while waiting gets no event")
def _(c):
    function = c.name()
    raw = socket.create_connection(c.lab.address.split(":"))
    raw.sendall(f"GET /runtime/{function}/2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    until(lambda: c.lab.request("GET", f"/_lab/functions/{function}")[0] == 200)
    raw.close()
    until(lambda: c.lab.control("GET", f"functions/{function}")["idle"] == 0)
    c.awslambda.invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")
    equal(len(c.lab.events("lambda.invoke", function=function)), 0)
    Runtime(c, function).next()


@case("a fault refuses requests: skip, times, status, code")
def _(c):
    url = c.fifo()
    c.lab.fault(service="sqs", action="SendMessage", skip=1, times=2, do="error", status=503, code="ServiceUnavailable", message="busy")
    c.send(url, "a-1")
    for _ in range(2):
        refused("ServiceUnavailable", c.send, url, "a-2", status=503)
    c.send(url, "a-3")
    equal(c.bodies(url), ["a-1", "a-3"])
    c.lab.fault(service="s3", do="error", status=503, code="SlowDown", message="slow")
    refused("SlowDown", c.s3.list_buckets, status=503)


@case("a dropped answer: before nothing was applied, after it was")
def _(c):
    url = c.fifo()
    for deed, body in (("drop_before", "a-1"), ("drop_after", "b-1")):
        c.lab.fault(action="SendMessage", do=deed)
        try:
            c.send(url, body)
            raise AssertionError("the call succeeded")
        except HTTPClientError:
            pass
    equal(c.bodies(url), ["b-1"])
    equal([line["do"] for line in c.lab.events("fault", resource=url.rsplit("/", 1)[1])], ["drop_before", "drop_after"])


@case("entries of a batch fail by script, and stay")
def _(c):
    url = c.fifo()
    c.send(url, "a-1", "b-1", "c-1")
    messages = c.receive(url)
    c.lab.fault(action="DeleteMessageBatch", do="fail_entries", entries=[1], code="InternalError")
    answer = c.sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)])
    equal([(f["Id"], f["Code"], f["SenderFault"]) for f in answer["Failed"]], [("1", "InternalError", False)])
    equal([m["body"] for m in c.lab.control("GET", "queues/" + url.rsplit("/", 1)[1])["messages"]], ["b-1"])


@case("a late answer, and none at all")
def _(c):
    url = c.fifo()
    c.lab.fault(action="SendMessage", do="delay_ms", ms=300)
    start = time.monotonic()
    c.send(url, "a-1")
    assert time.monotonic() - start > 0.29
    c.lab.fault(action="SendMessage", do="hang")
    raw = socket.create_connection(c.lab.address.split(":"))
    body = json.dumps({"QueueUrl": url, "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "x"}).encode()
    raw.sendall(raw_request(c, {"X-Amz-Target": "AmazonSQS.SendMessage"}, body))
    raw.settimeout(0.3)
    try:
        equal(raw.recv(1), "nothing")
    except TimeoutError:
        pass
    raw.close()
    equal(c.bodies(url), ["a-1"])


@case("a fault kills a process before the request is applied")
def _(c):
    url = c.fifo()
    c.send(url, "a-1")
    message = c.receive(url)[0]
    victim = subprocess.Popen(["sleep", "60"])
    c.lab.fault(action="DeleteMessage", do="error", status=500, code="InternalError", kill=victim.pid)
    refused("InternalError", c.delete, url, message)
    equal(victim.wait(timeout=5), -signal.SIGKILL)
    c.delete(url, message)


@case("a script that makes no sense is refused")
def _(c):
    for script in ({"do": "explode"}, {"kill": 1}, {"do": "error", "status": 9}, {"do": "delay_ms", "ms": -1}):
        equal(c.lab.request("POST", "/_lab/faults", json.dumps(script))[0], 400)
    equal(c.lab.request("POST", "/_lab/faults", "garbage")[0], 400)
    equal(c.lab.request("POST", "/_lab/clock", '{"advance_seconds":-1}')[0], 400)


@case("what the lab does not know it refuses")
def _(c):
    refused("NotImplemented", c.s3.get_object_tagging, Bucket=c.bucket("k"), Key="k", status=501)
    refused("InvalidAction", c.sqs.list_dead_letter_source_queues, QueueUrl=c.fifo(), status=400)
    equal(c.lab.request("GET", "/_lab/nonsense")[0], 404)


@case("a function's timeout can be set")
def _(c):
    function = c.function()
    equal(c.lab.control("PUT", f"functions/{function}", {"timeout_seconds": 3})["timeout_ms"], 3000)
    c.invoke_event(function)
    Runtime(c, function).next()
    c.wait(3)
    equal([e["outcome"] for e in c.lab.events("lambda.result", function=function)], ["timeout"])


@case("a queue can be looked into")
def _(c):
    url = c.fifo()
    c.send(url, "a-1", "a-2")
    c.receive(url, 1)
    seen = c.lab.control("GET", "queues/" + c.queue_name(url))
    equal([(m["body"], m["state"], m["receive_count"]) for m in seen["messages"]], [("a-1", "in_flight", 1), ("a-2", "visible", 0)])


@case("the journal is numbered without gaps, and tells requests from effects")
def _(c):
    lines = c.lab.journal()
    equal([line["n"] for line in lines], list(range(1, len(lines) + 1)))
    assert all(line.get("request") is True or "event" in line for line in lines)
    assert any(line.get("error") == "NotImplemented" for line in lines)


@case("garbage of all kinds does no harm")
def _(c):
    for n in range(150):
        raw = socket.create_connection(c.lab.address.split(":"))
        start = random.choice([b"", b"POST / HTTP/1.1\r\n", b"PUT /x/%zz HTTP/1.1\r\nHost: x\r\n", b"GET /runtime/ HTTP/1.1\r\nHost: x\r\n",
                               b"POST /2015-03-31/functions/ HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /runtime/%ff/2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost:x\r\n\r\n"])
        raw.sendall(start + random.randbytes(random.randint(0, 300)))
        raw.close()
    for body in (b"", b"[]", b"{", b"null", b'{"QueueUrl":1}', b'{"QueueUrl":"\\u0000"}', b'{"QueueUrl":[]}', b'{"x":' * 5000, b"\xff"):
        for action in ("SendMessage", "CreateQueue", "Nonsense", "\u00e9"):
            status, _ = c.send_signed("POST", "/", body, {"X-Amz-Target": f"AmazonSQS.{action}"}, "sqs") if action.isascii() else (400, b"")
            assert 400 <= status < 500, (status, body, action)
    url = c.fifo()
    wrong = ["x", 1, None, [], {}, [1], [None], {"x": 1}, {"x": {"DataType": 1}}, -1, 10 ** 18, 1.5, True, [{"Id": 1}], [{"Id": "a"}], [{}]]
    members = ["Entries", "MessageBody", "MessageAttributes", "MessageGroupId", "ReceiptHandle", "VisibilityTimeout", "Attributes",
               "AttributeNames", "MaxNumberOfMessages", "MessageAttributeNames", "MessageSystemAttributes", "DelaySeconds", "tags", "QueueName"]
    for action in ("SendMessage", "SendMessageBatch", "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility", "CreateQueue",
                   "ChangeMessageVisibilityBatch", "ReceiveMessage", "SetQueueAttributes", "GetQueueAttributes", "ListQueues", "GetQueueUrl"):
        for n in range(12):
            body = {"QueueUrl": url, "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d", "QueueName": "n"}
            body.update({random.choice(members): random.choice(wrong) for _ in range(2)})
            status, _ = c.send_signed("POST", "/", json.dumps(body).encode(), {"X-Amz-Target": f"AmazonSQS.{action}"}, "sqs")
            assert status in (200, 400, 404), (status, action, body)
    bucket = c.bucket()
    for query in ("versioning", "notification", "delete", "uploads", "uploadId=x", "list-type=2", "versions", "location", ""):
        for method in ("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"):
            for body in (b"", b"<a>", b"<a><b></a></b>", b"<" * 1000, b"<a>&#0;</a>", b"<Delete><Object/></Delete>"):
                status, _ = c.send_signed(method, f"/{bucket}/k?{query}", body, {})
                assert status < 500 or status == 501, (status, method, query, body)
    equal(c.lab.control("GET", "stats")["waiting_polls"], 0)

support.run(lambda lab: Cloud("lab", lab))
