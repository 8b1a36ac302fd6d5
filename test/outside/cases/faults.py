"""Each fault of the lab: what it does to a request, and its line in the journal."""
import json
import os
import signal
import socket
import subprocess
import time

from botocore.exceptions import HTTPClientError

from cloud import Runtime, refused
from lab import Background, case, equal, until


def raw_request(c, action, **body):
    """A signed SQS request as bytes."""
    data = json.dumps(body).encode()
    headers = c.signed_headers("POST", "/", data, {"X-Amz-Target": f"AmazonSQS.{action}"}, "sqs")
    lines = ["POST / HTTP/1.1", f"Host: {c.lab.address}", f"Content-Length: {len(data)}"]
    return "\r\n".join(lines + [f"{k}: {v}" for k, v in headers.items()]).encode() + b"\r\n\r\n" + data


def struck(c, resource, deed, **members):
    """The journal has exactly one line of that fault on that queue, bucket or function; returns it."""
    lines = c.lab.events("fault", resource=c.queue_name("/" + resource), do=deed, **members)
    equal(len(lines), 1)
    return lines[0]


def requests(c, action, url):
    return [line for line in c.lab.journal() if line.get("request") and line["action"] == action and line.get("queue") == c.queue_name(url)]


def queued(c, url):
    return [message["body"] for message in c.lab.control("GET", "queues/" + c.queue_name(url))["messages"]]


@case("fault error: refuses with status, code and message; skip and times count")
def _(c):
    url = c.fifo()
    c.lab.fault(service="sqs", action="SendMessage", resource=c.queue_name(url), skip=1, times=2, do="error", status=503,
                code="ServiceUnavailable", message="busy")
    c.send(url, "a-1")
    for _ in range(2):
        answer = refused("ServiceUnavailable", c.send, url, "a-2", status=503)
        equal(answer["Error"]["Message"], "busy")
    c.send(url, "a-3")
    equal(c.bodies(url), ["a-1", "a-3"])
    equal([line["error"] for line in requests(c, "SendMessage", url) if "error" in line], ["ServiceUnavailable"] * 2)
    equal(len(c.lab.events("fault", resource=c.queue_name(url), do="error", action="SendMessage", service="sqs")), 2)
    (listed,) = c.lab.control("GET", "faults")["faults"]
    equal((listed["seen"], listed["fired"]), (3, 2))


@case("fault error: only the service that is named")
def _(c):
    bucket = c.bucket("k")
    c.lab.fault(service="s3", do="error", status=503, code="ServiceUnavailable", message="slow")
    c.sqs.list_queues()
    refused("ServiceUnavailable", c.s3.get_object, Bucket=bucket, Key="k", status=503)
    struck(c, bucket, "error", service="s3", action="GetObject")


@case("fault throttle: each service has its own way")
def _(c):
    url, bucket, function = c.fifo(), c.bucket("k"), c.function()
    c.lab.fault(do="throttle", times=3)
    refused("ThrottlingException", c.send, url, "a-1", status=400)
    refused("SlowDown", c.s3.get_object, Bucket=bucket, Key="k", status=503)
    refused("TooManyRequestsException", c.invoke_event, function, status=429)
    for resource in (url, bucket, function):
        struck(c, resource.rsplit("/", 1)[-1], "throttle")
    equal(c.bodies(url), [])


@case("fault html: a load balancer's page")
def _(c):
    url = c.fifo()
    c.lab.fault(action="SendMessage", do="html")
    status, headers, body = c.lab.request(
        "POST", "/", b"{}", c.signed_headers("POST", "/", b"{}", {"X-Amz-Target": "AmazonSQS.SendMessage"}, "sqs"))
    equal((status, headers["Content-Type"], body[:6]), (503, "text/html", b"<html>"))
    struck(c, "", "html")
    equal(c.bodies(url), [])


@case("fault drop_before, drop_after: no answer; nothing was applied, or all was")
def _(c):
    url = c.fifo()
    for deed, body in (("drop_before", "a-1"), ("drop_after", "b-1")):
        c.lab.fault(action="SendMessage", do=deed)
        try:
            c.send(url, body)
            raise AssertionError("the call succeeded")
        except HTTPClientError:
            pass
        struck(c, c.queue_name(url), deed)
    equal(c.bodies(url), ["b-1"])
    equal([line["dedup"] for line in c.lab.events("sqs.sent", queue=c.queue_name(url))], ["b-1"])
    equal([line.get("error") for line in requests(c, "SendMessage", url)], ["connection closed", "answer dropped"])


@case("fault delay_ms: the request is applied late")
def _(c):
    url = c.fifo()
    c.lab.fault(action="SendMessage", do="delay_ms", ms=300)
    late = Background(c.send, url, "a-1")
    until(lambda: c.lab.events("fault", resource=c.queue_name(url), do="delay_ms"))
    equal(queued(c, url), [])
    late.result()
    assert late.seconds >= 0.29
    equal(queued(c, url), ["a-1"])
    struck(c, c.queue_name(url), "delay_ms")


@case("fault late_ms: the answer comes late, by the lab's clock")
def _(c):
    url = c.fifo()
    c.lab.fault(action="SendMessage", do="late_ms", ms=60000)
    late = Background(c.send, url, "a-1")
    until(lambda: queued(c, url) == ["a-1"])
    equal(requests(c, "SendMessage", url), [])
    c.wait(60)
    late.result()
    equal(len(requests(c, "SendMessage", url)), 1)
    struck(c, c.queue_name(url), "late_ms")


@case("fault late_ms: a client that does not wait is no harm")
def _(c):
    url = c.fifo()
    c.lab.fault(action="SendMessage", do="late_ms", ms=60000)
    raw = socket.create_connection(c.lab.address.split(":"))
    raw.sendall(raw_request(c, "SendMessage", QueueUrl=url, MessageBody="a-1", MessageGroupId="a", MessageDeduplicationId="a-1"))
    until(lambda: queued(c, url) == ["a-1"])
    raw.close()
    until(lambda: [line["status"] for line in requests(c, "SendMessage", url)] == [0])
    c.wait(60)
    equal(c.bodies(url), ["a-1"])


@case("fault hang: no answer, the connection stays")
def _(c):
    url = c.fifo()
    c.lab.fault(action="SendMessage", do="hang")
    raw = socket.create_connection(c.lab.address.split(":"))
    raw.sendall(raw_request(c, "SendMessage", QueueUrl=url, MessageBody="a-1", MessageGroupId="a", MessageDeduplicationId="a-1"))
    until(lambda: c.lab.events("fault", resource=c.queue_name(url), do="hang"))
    raw.settimeout(0.3)
    try:
        equal(raw.recv(1), "nothing")
    except TimeoutError:
        pass
    raw.close()
    struck(c, c.queue_name(url), "hang")
    equal(c.bodies(url), [])


@case("fault fail_entries: those of a batch fail and stay, the others do not")
def _(c):
    url = c.fifo()
    c.send(url, "a-1", "b-1", "c-1")
    messages = c.receive(url)
    c.lab.fault(action="DeleteMessageBatch", do="fail_entries", entries=[1], code="InternalError")
    answer = c.sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)])
    equal([(f["Id"], f["Code"], f["SenderFault"]) for f in answer["Failed"]], [("1", "InternalError", False)])
    equal(queued(c, url), ["b-1"])
    struck(c, c.queue_name(url), "fail_entries")


@case("fault duplicate: what was received is received once more")
def _(c):
    url = c.fifo()
    c.send(url, "a-1")
    c.lab.fault(action="ReceiveMessage", do="duplicate")
    (first,) = c.receive(url)
    (again,) = c.receive(url)
    equal((again["MessageId"], again["Body"]), (first["MessageId"], "a-1"))
    struck(c, c.queue_name(url), "duplicate")
    equal(len(c.lab.events("sqs.received", queue=c.queue_name(url))), 2)


@case("fault ignore: success is said, nothing is applied")
def _(c):
    url = c.fifo()
    c.send(url, "a-1")
    (message,) = c.receive(url)
    c.lab.fault(action="DeleteMessage", do="ignore")
    c.delete(url, message)
    equal(queued(c, url), ["a-1"])
    struck(c, c.queue_name(url), "ignore")
    equal(c.lab.events("sqs.deleted", queue=c.queue_name(url)), [])


@case("fault expired_handle: a good handle is refused")
def _(c):
    url = c.fifo()
    c.send(url, "a-1")
    (message,) = c.receive(url)
    c.lab.fault(action="DeleteMessage", do="expired_handle")
    answer = refused("InvalidParameterValue", c.delete, url, message, status=400)
    assert "expired" in answer["Error"]["Message"], answer
    equal(queued(c, url), ["a-1"])
    struck(c, c.queue_name(url), "expired_handle")
    c.delete(url, message)


@case("fault pass: a request is seen, and that is all")
def _(c):
    url = c.fifo()
    c.lab.fault(action="SendMessage", do="pass")
    c.send(url, "a-1")
    struck(c, c.queue_name(url), "pass")
    equal(queued(c, url), ["a-1"])


@case("a fault kills a process before the request is applied")
def _(c):
    url = c.fifo()
    c.send(url, "a-1")
    message = c.receive(url)[0]
    victim = subprocess.Popen(["sleep", "60"])
    c.lab.fault(action="DeleteMessage", do="error", status=500, code="InternalError", kill=victim.pid)
    refused("InternalError", c.delete, url, message)
    equal(victim.wait(timeout=5), -signal.SIGKILL)
    struck(c, c.queue_name(url), "error", killed=victim.pid)
    c.delete(url, message)


@case("a fault runs a command: the request waits for it, the lab does not")
def _(c):
    url = c.fifo()
    flag = os.path.join(c.lab.folder.name, "go")
    command = f"echo said >&2; while ! test -e {flag}; do sleep 0.01; done; exit 3"
    c.lab.fault(action="SendMessage", run=command)
    sender = Background(c.send, url, "a-1")
    until(lambda: c.lab.events("fault", resource=c.queue_name(url)))
    equal((queued(c, url), c.lab.events("fault.ran", run=command)), ([], []))
    with open(flag, "w", encoding="ascii"):
        pass
    sender.result()
    equal(queued(c, url), ["a-1"])
    equal([line["status"] for line in c.lab.events("fault.ran", run=command)], [3])


@case("a fault's command ends by a signal, inherits nothing, and outlives its client")
def _(c):
    url = c.fifo()
    files = os.path.join(c.lab.folder.name, "files")
    command = f"ls /proc/$$/fd > {files}; kill -TERM $$"
    c.lab.fault(action="SendMessage", do="error", status=500, code="InternalError", run=command)
    refused("InternalError", c.send, url, "a-1")
    equal([line["status"] for line in c.lab.events("fault.ran", run=command)], [128 + 15])
    with open(files, encoding="ascii") as listed:
        equal({int(number) for number in listed.read().split()} - set(range(3)) - {10, 255}, set())
    flag = os.path.join(c.lab.folder.name, "gone")
    command = f"while ! test -e {flag}; do sleep 0.01; done"
    c.lab.fault(action="SendMessage", run=command)
    raw = socket.create_connection(c.lab.address.split(":"))
    raw.sendall(raw_request(c, "SendMessage", QueueUrl=url, MessageBody="a-2", MessageGroupId="a", MessageDeduplicationId="a-2"))
    until(lambda: len(c.lab.events("fault", resource=c.queue_name(url))) == 2)
    raw.close()
    until(lambda: [line["status"] for line in requests(c, "SendMessage", url)] == [500, 0])
    with open(flag, "w", encoding="ascii"):
        pass
    until(lambda: c.lab.events("fault.ran", run=command))
    equal(queued(c, url), [])


@case("a fault with a probability strikes the same requests for the same seed")
def _(c):
    def pattern(**script):
        url = c.fifo()
        c.lab.fault(action="GetQueueAttributes", resource=c.queue_name(url), do="error", status=500, **script)
        hits = []
        for _ in range(100):
            try:
                c.attributes(url)
                hits.append(0)
            except c.sqs.exceptions.ClientError:
                hits.append(1)
        equal(len(c.lab.events("fault", resource=c.queue_name(url))), sum(hits))
        return hits
    first = pattern(probability=0.2, seed=42)
    assert 10 <= sum(first) <= 35, first
    equal(pattern(probability=0.2, seed=42), first)
    assert pattern(probability=0.2, seed=43) != first
    equal(sum(pattern(probability=0.2, seed=42, times=3)), 3)
    equal(sum(pattern(probability=0)), 0)


@case("the first fault that matches decides alone")
def _(c):
    url = c.fifo()
    c.lab.fault(action="SendMessage", skip=1, do="error", status=500, code="First")
    c.lab.fault(resource=c.queue_name(url), do="error", status=500, code="Second", times=-1)
    c.send(url, "a-1")
    refused("First", c.send, url, "a-2")
    refused("Second", c.send, url, "a-2")


@case("a wrong clock of the services shows in Date, and refuses the signatures of others")
def _(c):
    url = c.fifo()
    c.lab.control("POST", "clock", {"skew_seconds": 3600})
    try:
        answer = refused("SignatureDoesNotMatch", c.send, url, "a-1", status=403)
        told = time.mktime(time.strptime(answer["ResponseMetadata"]["HTTPHeaders"]["date"], "%a, %d %b %Y %H:%M:%S GMT"))
        assert abs(told - time.mktime(time.gmtime()) - 3600) < 30, answer
        assert "Signature expired" in answer["Error"]["Message"], answer
        refused("RequestTimeTooSkewed", c.s3.list_buckets, status=403)
    finally:
        c.lab.control("POST", "clock", {"skew_seconds": 0})
    equal([line["skew_seconds"] for line in c.lab.events("clock")][-2:], [3600, 0])
    c.send(url, "a-1")


@case("faults strike the runtime API, too")
def _(c):
    function = c.function()
    c.invoke_event(function)
    c.lab.fault(service="lambda", action="next", do="error", status=500, code="InternalError")
    runtime = Runtime(c, function)
    equal(runtime.call("GET", "invocation/next")[0], 500)
    struck(c, function, "error", action="next")
    runtime.next()


@case("a script that makes no sense is refused")
def _(c):
    for script in ({"do": "explode"}, {"kill": 1}, {"do": "error", "status": 9}, {"do": "delay_ms", "ms": -1}, {"probability": 1.1},
                   {"probability": -0.1}, {"tmies": 1}, {"times": "1"}, {"seed": "x"}, {"skip": -1}):
        equal(c.lab.request("POST", "/_lab/faults", json.dumps(script))[0], 400)
    equal(c.lab.request("POST", "/_lab/faults", "garbage")[0], 400)
    for move in ('{"advance_seconds":-1}', '{"advance_seconds":"1"}', '{"skew_seconds":1e10}', '{"x":1}'):
        equal(c.lab.request("POST", "/_lab/clock", move)[0], 400)


@case("only a lab that was asked to runs commands")
def _(_):
    import lab as support
    other = support.Lab()
    try:
        status, _, answer = other.request("POST", "/_lab/faults", '{"run": "true"}')
        equal((status, b"--allow-run" in answer), (400, True))
    finally:
        other.stop()
