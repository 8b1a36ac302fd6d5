"""Lambda: the runtime API, Invoke, retries."""
import json

import lab as support
from cloud import Runtime
from lab import Background, equal, until
from registry import CASES, case, refusals


@case("Lambda: an object's event reaches the function")
def _(c):
    """S3 invokes it asynchronously; the test event comes first. [documented]"""
    bucket, function = c.bucket(), c.name()
    c.notify_function(bucket, function)
    runtime = Runtime(c, function)
    request_id, event, _ = runtime.next()
    equal((event["Event"], runtime.respond(request_id)), ("s3:TestEvent", 202))
    c.s3.put_object(Bucket=bucket, Key="k", Body=b"")
    request_id, event, _ = runtime.next()
    equal((event["Records"][0]["s3"]["object"]["key"], runtime.respond(request_id)), ("k", 202))


@case("Lambda: next waits until there is work")
def _(c):
    """The call has no timeout. [documented]"""
    function = c.function()
    waiting = Background(Runtime(c, function).next)
    until(lambda: c.lab.control("GET", f"functions/{function}")["idle"] == 1)
    c.invoke_event(function, b'{"a":1}')
    equal(waiting.result()[1], {"a": 1})


@case("Lambda: the headers of an invocation")
def _(c):
    """Request id, deadline in epoch milliseconds, ARN, trace id. [documented]"""
    function = c.function()
    c.invoke_event(function)
    request_id, _, headers = Runtime(c, function).next()
    left = int(headers["Lambda-Runtime-Deadline-Ms"]) - c.lab.control("GET", "clock")["now_ms"]
    assert 25000 < left <= 30000, left
    assert headers["Lambda-Runtime-Trace-Id"].startswith("Root=1-")
    equal((len(request_id), headers["Lambda-Runtime-Invoked-Function-Arn"]), (36, f"arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:function:{function}"))


@case("Lambda: an event is accepted with 202")
def _(c):
    """Invocation type Event does not wait. [documented]"""
    equal(c.invoke_event(c.function())["StatusCode"], 202)


@case("Lambda: a synchronous invoke returns the response")
def _(c):
    """With status 200 and no function error. [documented]"""
    function = c.function()
    call = Background(c.awslambda.invoke, FunctionName=function, Payload=b'"in"')
    runtime = Runtime(c, function)
    request_id, event, _ = runtime.next()
    runtime.respond(request_id, '"out"')
    answer = call.result()
    equal((event, answer["Payload"].read(), answer.get("FunctionError")), ("in", b'"out"', None))


@case("Lambda: a synchronous invoke returns the function's error")
def _(c):
    """With status 200 and the header X-Amz-Function-Error: Unhandled. [documented]"""
    function = c.function()
    call = Background(c.awslambda.invoke, FunctionName=function)
    runtime = Runtime(c, function)
    equal(runtime.fail(runtime.next()[0]), 202)
    equal((call.result()["FunctionError"], call.result()["StatusCode"]), ("Unhandled", 200))


refusals(("Lambda: a function that is not there", "ResourceNotFoundException. [documented]", "ResourceNotFoundException", 404,
          lambda c: c.awslambda.invoke(FunctionName="no-such-function")))


def status_case(name, rule, check):
    CASES.append((name, rule, lambda c: check(c, Runtime(c, c.function()))))


status_case("Lambda: a response to an unknown id is 400", "InvalidRequestID. [documented]",
            lambda c, r: equal(r.respond("00000000-0000-4000-8000-000000000000"), 400))
status_case("Lambda: an unknown path is 404", "There are four calls. [documented]", lambda c, r: equal(r.call("GET", "nonsense")[0], 404))
status_case("Lambda: init/error before the first next is 202", "The runtime then exits. [documented]",
            lambda c, r: equal(r.call("POST", "init/error", "{}")[0], 202))


@case("Lambda: init/error after the first next is 403")
def _(c):
    """It breaks the state machine. [documented]"""
    function = c.function()
    Background(Runtime(c, function).next)
    until(lambda: c.lab.control("GET", f"functions/{function}")["idle"] == 1)
    equal(Runtime(c, function).call("POST", "init/error", "{}")[0], 403)


@case("Lambda: a second answer to an invocation is 403")
def _(c):
    """Exactly one response or error for each id. [documented]"""
    function = c.function()
    c.invoke_event(function)
    runtime = Runtime(c, function)
    request_id = runtime.next()[0]
    equal((runtime.respond(request_id), runtime.respond(request_id)), (202, 403))


@case("Lambda: next while an invocation runs is 403")
def _(c):
    """InvalidStateTransition: answer first. [documented]"""
    function = c.function()
    c.invoke_event(function)
    runtime = Runtime(c, function)
    runtime.next()
    status, _, body = runtime.call("GET", "invocation/next")
    equal((status, json.loads(body)["errorType"]), (403, "InvalidStateTransition"))


@case("Lambda: a response over 6 MiB and 100 bytes is 413")
def _(c):
    """The invocation is over with Function.ResponseSizeTooLarge. [documented]"""
    function = c.function()
    c.invoke_event(function)
    runtime = Runtime(c, function)
    request_id = runtime.next()[0]
    equal(runtime.respond(request_id, "x" * (6 * 1024 * 1024 + 101)), 413)
    equal(c.lab.events("lambda.result", request_id=request_id)[0]["error_type"], "Function.ResponseSizeTooLarge")


@case("Lambda: a failed event is tried again after one and two minutes, then given up")
def _(c):
    """Two retries, under the same request id. [documented]"""
    function = c.function()
    runtime = Runtime(c, function)
    c.invoke_event(function)
    ids = []
    for pause in (60, 120, 0):
        ids.append(runtime.next()[0])
        runtime.fail(ids[-1])
        if pause:
            c.wait(pause - 2)
            equal(c.lab.control("GET", f"functions/{function}")["resting"], 1)
            c.wait(2)
    equal((len(ids), len(set(ids)), len(c.lab.events("lambda.discarded", function=function))), (3, 1, 1))


@case("Lambda: an error type that is none is recorded as Unknown")
def _(c):
    """It must be Runtime.Name or Function.Name. [documented]"""
    function = c.function()
    runtime = Runtime(c, function)
    for kind in ("Function.Broken", "nonsense", "Function.x"):
        c.invoke_event(function)
        runtime.fail(runtime.next()[0], kind)
    equal([e["error_type"] for e in c.lab.events("lambda.result", function=function)], ["Function.Broken", "Runtime.Unknown", "Function.Unknown"])


@case("Lambda: a runtime that does not answer times out, and the event is tried again")
def _(c):
    """At the deadline. [documented]"""
    function = c.function()
    runtime, other = Runtime(c, function), Runtime(c, function)
    c.invoke_event(function)
    request_id = runtime.next()[0]
    c.wait(31)
    equal([e["outcome"] for e in c.lab.events("lambda.result", function=function)], ["timeout"])
    c.wait(60)
    equal(other.next()[0], request_id)
    equal(other.respond(request_id), 202)


@case("Lambda: a late answer, after the next invocation was fetched, is 400")
def _(c):
    """InvalidRequestID: the id is no longer that of the process's invocation. [documented]"""
    function = c.function()
    runtime = Runtime(c, function)
    c.invoke_event(function)
    first = runtime.next()[0]
    equal(runtime.respond(first), 202)
    c.invoke_event(function)
    second = runtime.next()[0]
    status, _, body = runtime.call("POST", f"invocation/{first}/response", "{}")
    equal((status, json.loads(body)["errorType"], runtime.respond(second)), (400, "InvalidRequestID", 202))


@case("Lambda: init/error after an answered invocation is 403")
def _(c):
    """It is only allowed before the first next. [documented]"""
    function = c.function()
    runtime = Runtime(c, function)
    c.invoke_event(function)
    equal(runtime.respond(runtime.next()[0]), 202)
    equal(runtime.call("POST", "init/error", "{}")[0], 403)


@case("Lambda: init/error fails the invocation that waits, with its type and body")
def _(c):
    """The caller gets what the runtime reported. [documented]"""
    function = c.function()
    call = Background(c.awslambda.invoke, FunctionName=function)
    until(lambda: c.lab.control("GET", f"functions/{function}")["queued"] == 1)
    Runtime(c, function).call("POST", "init/error", '{"errorMessage":"no module"}', {"Lambda-Runtime-Function-Error-Type": "Runtime.NoSuchHandler"})
    answer = call.result()
    equal((answer["FunctionError"], json.loads(answer["Payload"].read())), ("Unhandled", {"errorMessage": "no module"}))
    equal([e["error_type"] for e in c.lab.events("lambda.result", function=function)], ["Runtime.NoSuchHandler"])


@case("Lambda: a response of 6 MiB and 100 bytes is accepted")
def _(c):
    """The limit itself. [documented]"""
    function = c.function()
    c.invoke_event(function)
    runtime = Runtime(c, function)
    equal(runtime.respond(runtime.next()[0], "x" * (6 * 1024 * 1024 + 100)), 202)


@case("Lambda: the caller of a response that is too large gets Function.ResponseSizeTooLarge")
def _(c):
    """As a function error. [documented]"""
    function = c.function()
    call = Background(c.awslambda.invoke, FunctionName=function)
    runtime = Runtime(c, function)
    runtime.respond(runtime.next()[0], "x" * (6 * 1024 * 1024 + 101))
    equal((call.result()["FunctionError"], json.loads(call.result()["Payload"].read())["errorType"]), ("Unhandled", "Function.ResponseSizeTooLarge"))


@case("Lambda: an error has the runtime's body, and may carry an X-Ray cause")
def _(c):
    """Lambda-Runtime-Function-XRay-Error-Cause is accepted. [documented]"""
    function = c.function()
    call = Background(c.awslambda.invoke, FunctionName=function)
    runtime = Runtime(c, function)
    request_id = runtime.next()[0]
    status, _, body = runtime.call("POST", f"invocation/{request_id}/error", '{"errorMessage":"m","errorType":"t","stackTrace":["s"]}',
                                   {"Lambda-Runtime-Function-XRay-Error-Cause": "{}"})
    equal((status, json.loads(body)), (202, {"status": "OK"}))
    equal(json.loads(call.result()["Payload"].read()), {"errorMessage": "m", "errorType": "t", "stackTrace": ["s"]})


@case("Lambda: an invocation has a content type, and no header without a value")
def _(c):
    """Such as the client context and the Cognito identity of a call that has none. [documented]"""
    function = c.function()
    c.invoke_event(function)
    headers = Runtime(c, function).next()[2]
    equal((headers["Content-Type"], [h for h in ("Lambda-Runtime-Client-Context", "Lambda-Runtime-Cognito-Identity") if h in headers]), ("application/json", []))


refusals(
    ("Lambda: an event must be JSON", "InvalidRequestContentException. [documented]", "InvalidRequestContentException", 400,
     lambda c: c.awslambda.invoke(FunctionName=c.function(), Payload=b"{nonsense")),
    ("Lambda: an event of a call over 6 MiB is refused", "RequestTooLargeException, 413. [documented]", "RequestTooLargeException", 413,
     lambda c: c.awslambda.invoke(FunctionName=c.function(), Payload=b'"%s"' % (b"x" * (6 * 1024 * 1024)))),
    ("Lambda: an event that nobody waits for over 1 MiB is refused", "RequestTooLargeException, 413. [documented]", "RequestTooLargeException", 413,
     lambda c: c.invoke_event(c.function(), b'"%s"' % (b"x" * (1024 * 1024)))),
)


@case("Lambda: an event that nobody waits for of 1 MiB is accepted")
def _(c):
    """The limit itself. [documented]"""
    equal(c.invoke_event(c.function(), b'"%s"' % (b"x" * (1024 * 1024 - 2)))["StatusCode"], 202)


@case("Lambda: the runtime API's errors have a type and a message")
def _(c):
    """{"errorType", "errorMessage"}, also of a container error, 500, after which the runtime exits. [documented]"""
    function = c.function()
    c.lab.fault(service="lambda", action="next", resource=function, do="error", status=500, code="ContainerError", message="m")
    status, _, body = Runtime(c, function).call("GET", "invocation/next")
    equal((status, json.loads(body)["errorType"], json.loads(body)["errorMessage"]), (500, "ContainerError", "m"))


@case("Lambda: an invocation that timed out is a function error")
def _(c):
    """Sandbox.Timedout, "... Task timed out after 3.00 seconds". [documented]"""
    function = c.function()
    c.lab.control("PUT", f"functions/{function}", {"timeout_seconds": 3})
    call = Background(c.awslambda.invoke, FunctionName=function)
    request_id = Runtime(c, function).next()[0]
    c.wait(4)
    answer = call.result()
    error = json.loads(answer["Payload"].read())
    equal((answer["FunctionError"], error["errorType"]), ("Unhandled", "Sandbox.Timedout"))
    equal(error["errorMessage"], f"RequestId: {request_id} Error: Task timed out after 3.00 seconds")
