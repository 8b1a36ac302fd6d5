"""Lambda: event source mappings of queues."""
import json

import lab as support
from cloud import Runtime
from lab import Background, equal, until
from registry import CASES, case, refusals


class Source:
    """A queue, a function and the mapping between them."""

    def __init__(self, c, queue=None, standard=False, **settings):
        self.c = c
        attributes = queue or {}
        self.url = c.create(c.name(), **attributes) if standard else c.fifo(**attributes)
        self.arn = f"arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:{c.queue_name(self.url)}"
        self.function = c.function()
        self.mapping = c.awslambda.create_event_source_mapping(EventSourceArn=self.arn, FunctionName=self.function, **settings)
        self.id = self.mapping["UUID"]

    def runtime(self):
        return Runtime(self.c, self.function)

    def waiting(self, n=1):
        """So many runtimes that have asked for an event."""
        calls = [Background(self.runtime().next) for _ in range(n)]
        until(lambda: self.c.lab.control("GET", f"functions/{self.function}")["idle"] == n)
        return calls

    def is_idle(self):
        """A runtime that asks for work gets none."""
        before = len(self.c.lab.events("lambda.invoke", function=self.function))
        self.waiting()
        return len(self.c.lab.events("lambda.invoke", function=self.function)) == before

    def left(self):
        return [m["body"] for m in self.c.lab.control("GET", "queues/" + self.c.queue_name(self.url))["messages"]]

    def counts(self):
        return {m["body"]: m["receive_count"] for m in self.c.lab.control("GET", "queues/" + self.c.queue_name(self.url))["messages"]}


REPORTS = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


def bodies(event):
    return [record["body"] for record in event["Records"]]


def failures(event, *indexes):
    return json.dumps({"batchItemFailures": [{"itemIdentifier": event["Records"][i]["messageId"]} for i in indexes]})


@case("event source: what a mapping is made of")
def _(c):
    """202; the defaults of a queue: ten messages, enabled, no window. [recorded]"""
    s = Source(c)
    got = {k: s.mapping[k] for k in ("BatchSize", "MaximumBatchingWindowInSeconds", "EventSourceArn", "FunctionResponseTypes", "State", "StateTransitionReason")}
    equal(got, {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "EventSourceArn": s.arn, "FunctionResponseTypes": [], "State": "Creating",
                "StateTransitionReason": "USER_INITIATED"})
    equal((s.mapping["FunctionArn"].rsplit(":", 1)[1], s.mapping["ResponseMetadata"]["HTTPStatusCode"]), (s.function, 202))
    equal(c.awslambda.get_event_source_mapping(UUID=s.id)["State"], "Enabled")


@case("event source: list, by queue and by function")
def _(c):
    """Both are filters. [documented]"""
    one, other = Source(c), Source(c)
    for filters, wanted in (({"EventSourceArn": one.arn}, [one.id]), ({"FunctionName": other.function}, [other.id]),
                            ({"EventSourceArn": one.arn, "FunctionName": other.function}, [])):
        equal([m["UUID"] for m in c.awslambda.list_event_source_mappings(**filters)["EventSourceMappings"]], wanted)


@case("event source: update, disable, enable, delete")
def _(c):
    """A disabled mapping takes nothing from its queue. [documented]"""
    s = Source(c, BatchSize=1, Enabled=False)
    equal(c.awslambda.get_event_source_mapping(UUID=s.id)["State"], "Disabled")
    c.send(s.url, "a-1", "a-2")
    assert s.is_idle()
    c.awslambda.update_event_source_mapping(UUID=s.id, Enabled=True, BatchSize=2, ScalingConfig={"MaximumConcurrency": 5}, **REPORTS)
    got = c.awslambda.get_event_source_mapping(UUID=s.id)
    equal((got["State"], got["BatchSize"], got["FunctionResponseTypes"], got["ScalingConfig"]),
          ("Enabled", 2, ["ReportBatchItemFailures"], {"MaximumConcurrency": 5}))
    equal(len(c.lab.events("lambda.invoke", function=s.function)), 1)
    equal(c.awslambda.delete_event_source_mapping(UUID=s.id)["State"], "Deleting")
    equal(c.awslambda.list_event_source_mappings(EventSourceArn=s.arn)["EventSourceMappings"], [])
    c.send(s.url, "b-1")
    assert s.is_idle()


refusals(
    ("event source: a mapping that is not there", "ResourceNotFoundException. [documented]", "ResourceNotFoundException", 404,
     lambda c: c.awslambda.get_event_source_mapping(UUID="00000000-0000-4000-8000-000000000000")),
    ("event source: the same queue and function twice", "ResourceConflictException. [documented]", "ResourceConflictException", 409,
     lambda c: (lambda s: c.awslambda.create_event_source_mapping(EventSourceArn=s.arn, FunctionName=s.function))(Source(c))),
    ("event source: a function that is not there", "ResourceNotFoundException. [documented]", "ResourceNotFoundException", 404,
     lambda c: c.awslambda.create_event_source_mapping(EventSourceArn=Source(c).arn, FunctionName="no-such-function")),
    ("event source: a queue that is not there", "InvalidParameterValueException. [documented]", "InvalidParameterValueException", 400,
     lambda c: c.awslambda.create_event_source_mapping(EventSourceArn=f"arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:no-such.fifo",
                                                       FunctionName=c.function())),
    *((f"event source: {what}", f"InvalidParameterValueException. [{origin}]", "InvalidParameterValueException", 400,
       lambda c, settings=settings: Source(c, **settings)) for what, origin, settings in (
        ("a batch of a FIFO queue has at most ten messages", "documented", {"BatchSize": 11}),
        ("a batch of more than ten messages needs a window", "documented", {"BatchSize": 11, "standard": True}),
        ("a FIFO queue has no batching window", "documented", {"MaximumBatchingWindowInSeconds": 1}),
        ("another response type", "documented", {"FunctionResponseTypes": ["ReportBatchItemFailures", "ReportBatchItemFailures"]}),
        ("the queue's visibility timeout is not shorter than the function's timeout", "recorded", {"queue": {"VisibilityTimeout": "29"}}))),
)


@case("event source: the concurrency begins at 2")
def _(c):
    """And ends at 1000. [documented]"""
    s = Source(c)
    for value, status in ((1, 400), (2, 202), (1000, 202), (1001, 400)):
        body = json.dumps({"ScalingConfig": {"MaximumConcurrency": value}})
        equal((value, c.send_signed("PUT", f"/2015-03-31/event-source-mappings/{s.id}", body.encode(), {}, "lambda")[0]), (value, status))


@case("event source: the members of a record")
def _(c):
    """Lower camel names, the body a text, the attributes those of SQS. [recorded]"""
    s = Source(c)
    c.send_with(s.url, body='{"a": 1}', group="g1", dedup="d1", MessageAttributes={"Author": c.text("x")})
    record = s.runtime().next()[1]["Records"][0]
    equal({k: record[k] for k in ("body", "eventSource", "eventSourceARN", "awsRegion")},
          {"body": '{"a": 1}', "eventSource": "aws:sqs", "eventSourceARN": s.arn, "awsRegion": support.REGION})
    equal(record["messageAttributes"], {"Author": {"stringValue": "x", "stringListValues": [], "binaryListValues": [], "dataType": "String"}})
    equal({k: record["attributes"][k] for k in ("ApproximateReceiveCount", "MessageGroupId", "MessageDeduplicationId")},
          {"ApproximateReceiveCount": "1", "MessageGroupId": "g1", "MessageDeduplicationId": "d1"})
    equal((len(record["messageId"]), len(record["md5OfBody"]), bool(record["receiptHandle"])), (36, 32, True))


@case("event source: what was processed is deleted")
def _(c):
    """Whatever the answer says, without ReportBatchItemFailures. [documented]"""
    s = Source(c)
    runtime = s.runtime()
    for answer in ("{}", "nonsense", '{"batchItemFailures":[{"itemIdentifier":""}]}'):
        c.send_with(s.url, body=answer, dedup=str(len(answer)))
        request_id, event, _ = runtime.next()
        equal((bodies(event), runtime.respond(request_id, answer), s.left()), ([answer], 202, []))


@case("event source: messages that come while a runtime waits reach it")
def _(c):
    """At once. [documented]"""
    s = Source(c)
    waiting = s.waiting()[0]
    c.send(s.url, "a-1")
    equal(bodies(waiting.result()[1]), ["a-1"])


@case("event source: a batch of a FIFO queue has messages of one group, in order")
def _(c):
    """As many as BatchSize at most. [assumed]"""
    s = Source(c, BatchSize=3)
    c.send(s.url, "a-1", "b-1", "a-2", "b-2", "b-3", "b-4")
    got = [bodies(s.runtime().next()[1]) for _ in range(2)]
    equal(sorted(got), [["a-1", "a-2"], ["b-1", "b-2", "b-3"]])


@case("event source: groups run side by side, but never two batches of a group")
def _(c):
    """Concurrency is the number of active groups. [documented]"""
    s = Source(c, BatchSize=1)
    c.send(s.url, "a-1", "a-2", "b-1", "b-2")
    first, second = s.runtime(), s.runtime()
    taken = {}
    for runtime in (first, second):
        request_id, event, _ = runtime.next()
        taken[bodies(event)[0]] = (runtime, request_id)
    equal(sorted(taken), ["a-1", "b-1"])
    third = s.waiting()[0]
    equal(len(c.lab.events("lambda.invoke", function=s.function)), 2)
    runtime, request_id = taken["b-1"]
    runtime.respond(request_id)
    equal(bodies(third.result()[1]), ["b-2"])


@case("event source: the concurrency of a mapping is limited")
def _(c):
    """MaximumConcurrency. [documented]"""
    s = Source(c, ScalingConfig={"MaximumConcurrency": 2})
    c.send(s.url, "a-1", "b-1", "c-1")
    runtime = s.runtime()
    request_id = runtime.next()[0]
    s.runtime().next()
    third = s.waiting()[0]
    equal(len(c.lab.events("lambda.invoke", function=s.function)), 2)
    runtime.respond(request_id)
    equal(len(third.result()[1]["Records"]), 1)


@case("event source: reported messages come back after the visibility timeout, the others are gone")
def _(c):
    """Of 1 to 4, 2 to 4 are reported and come with count 2, then 4 alone. [recorded]"""
    s = Source(c, **REPORTS)
    c.send(s.url, "a-1", "a-2", "a-3", "a-4")
    runtime = s.runtime()
    request_id, event, _ = runtime.next()
    runtime.respond(request_id, failures(event, 1, 2, 3))
    equal(s.left(), ["a-2", "a-3", "a-4"])
    assert s.is_idle()
    c.wait(28)
    equal(len(c.lab.events("lambda.invoke", function=s.function)), 1)
    c.wait(3)
    until(lambda: len(c.lab.events("lambda.invoke", function=s.function)) == 2)
    equal(s.counts(), {"a-2": 2, "a-3": 2, "a-4": 2})
    event = {"Records": [{"messageId": m["message_id"]} for m in c.lab.control("GET", "queues/" + c.queue_name(s.url))["messages"]]}
    runtime.respond(c.lab.events("lambda.invoke", function=s.function)[1]["request_id"], failures(event, 2))
    equal(s.left(), ["a-4"])


def answer_case(name, rule, answer, comes_back):
    def check(c):
        s = Source(c, **REPORTS)
        c.send(s.url, "a-1", "a-2")
        runtime = s.runtime()
        request_id, event, _ = runtime.next()
        equal(runtime.respond(request_id, answer(event) if callable(answer) else answer), 202)
        equal(s.left(), ["a-1", "a-2"] if comes_back else [])
        c.wait(31)
        if comes_back:
            equal(bodies(runtime.next()[1]), ["a-1", "a-2"])
        else:
            assert s.is_idle()
    CASES.append((f"event source: {name}", rule, check))


for name, origin, text in (("an empty list of failures", "documented", '{"batchItemFailures": []}'), ("a null list of failures", "documented", '{"batchItemFailures": null}'),
                           ("an empty object", "recorded", "{}"), ("null", "documented", "null"), ("nothing", "documented", "")):
    answer_case(f"{name} is success", f"All messages are deleted. [{origin}]", text, False)
for name, origin, text in (("an answer that is no JSON", "documented", '{"batchItemFailures": ['),
                           ("an item without an id", "recorded", '{"batchItemFailures": [{"foo": "notvalid"}]}'),
                           ("an item with an empty id", "documented", '{"batchItemFailures": [{"itemIdentifier": ""}]}'),
                           ("an item with the id null", "documented", '{"batchItemFailures": [{"itemIdentifier": null}]}'),
                           ("an item with an unknown id", "documented", '{"batchItemFailures": [{"itemIdentifier": "x"}]}'),
                           ("a good item beside a bad one", "documented",
                            lambda event: json.dumps({"batchItemFailures": [{"itemIdentifier": event["Records"][1]["messageId"]}, {"itemIdentifier": ""}]}))):
    answer_case(f"{name} fails the whole batch", f"All messages come back. [{origin}]", text, True)


@case("event source: a function error fails the whole batch")
def _(c):
    """It comes back after the visibility timeout, and is not tried again before. [recorded]"""
    s = Source(c, **REPORTS)
    c.send(s.url, "a-1", "a-2")
    runtime = s.runtime()
    runtime.fail(runtime.next()[0])
    equal((s.left(), len(c.lab.events("lambda.retry", function=s.function))), (["a-1", "a-2"], 0))
    c.wait(31)
    request_id, event, _ = runtime.next()
    equal((bodies(event), event["Records"][0]["attributes"]["ApproximateReceiveCount"], runtime.respond(request_id)), (["a-1", "a-2"], "2", 202))
    equal(s.left(), [])


@case("event source: a function that times out fails the whole batch")
def _(c):
    """The messages come back. [documented]"""
    s = Source(c)
    c.lab.control("PUT", f"functions/{s.function}", {"timeout_seconds": 5})
    c.send(s.url, "a-1")
    s.runtime().next()
    c.wait(6)
    equal(([e["outcome"] for e in c.lab.events("lambda.result", function=s.function)], s.left()), (["timeout"], ["a-1"]))
    c.wait(25)
    equal(bodies(s.runtime().next()[1]), ["a-1"])


@case("event source: after maxReceiveCount a message goes to the dead-letter queue, and its group goes on")
def _(c):
    """The redrive policy is the queue's. [recorded]"""
    dead = c.fifo()
    s = Source(c, queue={"RedrivePolicy": c.redrive(dead, 2)}, BatchSize=1)
    c.send(s.url, "a-1")
    runtime = s.runtime()
    for _ in range(2):
        runtime.fail(runtime.next()[0])
        c.wait(31)
    c.send(s.url, "a-2")
    equal(bodies(runtime.next()[1]), ["a-2"])
    equal(c.bodies(dead), ["a-1"])


@case("event source: a standard queue")
def _(c):
    """Ten messages at most, whatever they are. [documented]"""
    s = Source(c, standard=True)
    for n in range(12):
        c.sqs.send_message(QueueUrl=s.url, MessageBody=str(n))
    runtime = s.runtime()
    request_id, event, _ = runtime.next()
    equal((len(event["Records"]), "MessageGroupId" in event["Records"][0]["attributes"], runtime.respond(request_id)), (10, False, 202))
    equal(len(runtime.next()[1]["Records"]), 2)


@case("event source: an event has at most 6 MiB; what does not fit comes next, in order")
def _(c):
    """The batch is cut short. [documented]"""
    s = Source(c)
    for n in range(8):
        c.send_with(s.url, body=str(n) * 1000000, group="g", dedup=str(n))
    runtime = s.runtime()
    got = []
    for wanted in (6, 2):
        request_id, event, _ = runtime.next()
        equal((len(event["Records"]), runtime.respond(request_id)), (wanted, 202))
        got += [body[0] for body in bodies(event)]
    equal((got, s.left()), (list("01234567"), []))


@case("event source: a mapping that is deleted lets its running batch end")
def _(c):
    """What it processed is deleted from the queue. [documented]"""
    s = Source(c)
    c.send(s.url, "a-1")
    runtime = s.runtime()
    request_id = runtime.next()[0]
    c.awslambda.delete_event_source_mapping(UUID=s.id)
    equal((runtime.respond(request_id), s.left()), (202, []))
