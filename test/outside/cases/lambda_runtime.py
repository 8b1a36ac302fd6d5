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
