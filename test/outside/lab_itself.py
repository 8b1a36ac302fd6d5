#!/usr/bin/env python3
"""What the lab can do that AWS cannot: faults, the journal, control calls; and that garbage does it no harm."""
import json
import os
import random
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
for folder in ("support", "cases"):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), folder))
import lab as support
from lab import case, equal, until

support.use_own_environment()
try:
    from cloud import Cloud, Runtime, refused
    from faults import raw_request
except ImportError:
    support.skip_all("boto3 is not installed")


@case("a poll whose client hung up takes no message")
def _(c):
    url = c.fifo()
    raw = socket.create_connection(c.lab.address.split(":"))
    raw.sendall(raw_request(c, "ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20))
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


@case("what the lab does not know it refuses")
def _(c):
    place = {"Bucket": c.bucket("k"), "Key": "k"}
    for call, arguments in (
            (c.s3.get_object_tagging, place), (c.s3.copy_object, {**place, "CopySource": place}), (c.s3.create_multipart_upload, place),
            (c.s3.get_object, {**place, "PartNumber": 1}), (c.s3.list_objects, {"Bucket": c.last_bucket}),
            (c.s3.list_object_versions, {"Bucket": c.last_bucket}),
            (c.s3.delete_objects, {"Bucket": c.last_bucket, "Delete": {"Objects": [{"Key": "k"}]}})):
        refused("NotImplemented", call, **arguments, status=501)
    refused("InvalidAction", c.sqs.add_permission, QueueUrl=c.fifo(), Label="x", AWSAccountIds=["123456789012"], Actions=["*"], status=400)
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


@case("a queue is filled by one call, in groups, with bodies of a template, and with repetitions")
def _(c):
    url = c.fifo()
    path = "prefill/" + c.queue_name(url)
    attributes = {"k": {"DataType": "String", "StringValue": "v"}}
    filled = c.lab.control("PUT", path, {"body": "<##> ####", "count": 6, "first": 98, "groups": 3, "again_every": 4, "attributes": attributes})
    equal([filled[k] for k in ("messages_count", "in_flight", "first_received_ms", "last_deleted_ms")], [6, 0, 0, 0])
    messages = sorted(c.receive(url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]), key=lambda m: int(m["Attributes"]["SequenceNumber"]))
    equal([(m["Body"], m["Attributes"]["MessageGroupId"]) for m in messages],
          [("<98> 0098", "g2"), ("<99> 0099", "g0"), ("<00> 0100", "g1"), ("<01> 0101", "g2"), ("<00> 0100", "g1"), ("<03> 0103", "g1")])
    ids = [m["Attributes"]["MessageDeduplicationId"] for m in messages]
    equal((ids[2] == ids[4], len(set(ids)), {len(i) for i in ids}), (True, 5, {64}))
    equal([m["MessageAttributes"]["k"]["StringValue"] for m in messages], ["v"] * 6)
    for message in messages:
        c.delete(url, message)
    state = c.lab.control("GET", path)
    equal((state["messages_count"], 0 < state["first_received_ms"] <= state["last_deleted_ms"]), (0, True))
    for wrong in ({"body": "x"}, {"body": "", "count": 1}, {"body": "\u0001", "count": 1}, {"body": "x", "count": 0}, {"body": "x", "count": 1, "groups": 0},
                  {"body": "x", "count": 1, "attributes": []}, {"body": "x", "count": 1, "other": 1}):
        equal(c.lab.request("PUT", "/_lab/" + path, json.dumps(wrong))[0], 400)
    equal(c.lab.request("GET", "/_lab/prefill/nobody.fifo")[0], 404)


@case("the journal is numbered without gaps, and tells requests from effects")
def _(c):
    lines = c.lab.journal()
    equal([line["n"] for line in lines], list(range(1, len(lines) + 1)))
    assert all(line.get("request") is True or "event" in line for line in lines)
    assert any(line.get("error") == "NotImplemented" for line in lines)


@case("the checker follows a message to its dead-letter queue, and back")
def _(_):
    other = support.Lab()
    try:
        c = Cloud("lab", other)
        dead = c.fifo()
        url = c.fifo(RedrivePolicy=c.redrive(dead, 1))
        c.send(url, "a-1")
        c.visibility(url, c.receive(url)[0], 0)
        equal(c.bodies(url), [])
        c.sqs.start_message_move_task(SourceArn=c.attributes(dead, "QueueArn")["QueueArn"])
        (message,) = c.receive(url, WaitTimeSeconds=5)
        c.delete(url, message)
        check = os.path.join(support.HERE, "..", "..", "lab", "check")
        done = subprocess.run(["perl", check, "--lab", other.url, other.journal_file], capture_output=True, text=True, check=False)
        equal((done.returncode, done.stdout.endswith(" lines, 3 messages, 0 problems\n")), (0, True))
    finally:
        other.stop()


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

support.run(lambda lab: Cloud("lab", lab), "--allow-run")
