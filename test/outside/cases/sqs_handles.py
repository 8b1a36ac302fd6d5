"""SQS FIFO: receipt handles, visibility, attempt ids, dead letters and their way back."""
import base64
import json

from cloud import refused
from lab import equal, until
from registry import CASES, LEGACY, case, refusals


def expired(c):
    url = c.fifo()
    c.send(url, "a-1")
    message = c.receive(url, VisibilityTimeout=1)[0]
    c.wait(1.2)
    return url, message


refusals(
    ("an expired handle: delete is refused", "InvalidParameterValue: 'The receipt handle has expired'. [recorded]",
     "InvalidParameterValue", 400, lambda c: c.delete(*expired(c))),
    ("an expired handle: a change of visibility is refused", "MessageNotInflight. [documented]",
     LEGACY + "MessageNotInflight", 400, lambda c: c.visibility(*expired(c), 10)),
    ("a handle that was never one", "ReceiptHandleIsInvalid. [documented]",
     "ReceiptHandleIsInvalid", None, lambda c: c.sqs.delete_message(QueueUrl=c.fifo(), ReceiptHandle="garbage")),
    ("a handle of another length of nonsense", "Well-formed base64 does not make a handle. [documented]",
     "ReceiptHandleIsInvalid", None, lambda c: c.sqs.delete_message(QueueUrl=c.fifo(), ReceiptHandle="AQEB" + "A" * 160)),
    ("a handle of another queue", "A handle belongs to its queue. [assumed]",
     "ReceiptHandleIsInvalid", None, lambda c: c.delete(c.fifo(), expired(c)[1])),
)


@case("an expired handle deletes nothing")
def _(c):
    """The message comes again. [recorded]"""
    url, message = expired(c)
    refused("InvalidParameterValue", c.delete, url, message)
    equal(c.bodies(url), ["a-1"])


@case("an expired handle within a batch has another code")
def _(c):
    """ReceiptHandleIsInvalid, 'The receipt handle has expired', SenderFault. [recorded]"""
    url, message = expired(c)
    failed = c.sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}])["Failed"]
    equal([(f["Code"], f["Message"], f["SenderFault"]) for f in failed], [("ReceiptHandleIsInvalid", "The receipt handle has expired", True)])


@case("every receive has a new handle, and the older one is refused")
def _(c):
    """The newest deletes the message. [documented]"""
    url, old = expired(c)
    new = c.receive(url)[0]
    assert old["ReceiptHandle"] != new["ReceiptHandle"]
    refused("InvalidParameterValue", c.delete, url, old)
    c.delete(url, new)


@case("an extended handle stays good")
def _(c):
    """A change of visibility does not change the handle. [recorded]"""
    url = c.fifo()
    c.send(url, "a-1")
    message = c.receive(url, VisibilityTimeout=1)[0]
    c.visibility(url, message, 30)
    c.wait(1.2)
    c.delete(url, message)
    equal(c.attributes(url)["ApproximateNumberOfMessagesNotVisible"], "0")


@case("deleting twice with a good handle succeeds")
def _(c):
    """A delete is idempotent. [assumed]"""
    url = c.fifo()
    c.send(url, "a-1")
    message = c.receive(url)[0]
    c.delete(url, message)
    c.delete(url, message)


@case("the visibility of a deleted message cannot be changed")
def _(c):
    """InvalidParameterValue: the message does not exist. [documented]"""
    url = c.fifo()
    c.send(url, "a-1")
    message = c.receive(url)[0]
    c.delete(url, message)
    refused("InvalidParameterValue", c.visibility, url, message, 10)


@case("a visibility batch mixes success and failure")
def _(c):
    """Each entry is judged alone, the call succeeds. [documented]"""
    url = c.fifo()
    c.send(url, "a-1")
    entries = [{"Id": "good", "ReceiptHandle": c.receive(url)[0]["ReceiptHandle"], "VisibilityTimeout": 0},
               {"Id": "bad", "ReceiptHandle": "garbage", "VisibilityTimeout": 0}]
    answer = c.sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    equal(([e["Id"] for e in answer["Successful"]], [e["Id"] for e in answer["Failed"]]), (["good"], ["bad"]))


@case("a message is held for twelve hours at most")
def _(c):
    """43,200 seconds from its receive, however often it is extended. [documented]"""
    url = c.fifo()
    c.send(url, "a-1")
    message = c.receive(url, VisibilityTimeout=100)[0]
    c.wait(10)
    refused("InvalidParameterValue", c.visibility, url, message, 43200)
    c.visibility(url, message, 43180)


@case("a standard queue takes late deletes")
def _(c):
    """An expired handle of a message that was not received again deletes it. [recorded]"""
    url = c.create(c.name())
    c.sqs.send_message(QueueUrl=url, MessageBody="x")
    message = c.receive(url, VisibilityTimeout=1)[0]
    c.wait(1.2)
    c.delete(url, message)
    equal(c.bodies(url), [])


@case("an attempt id gets the same messages again")
def _(c):
    """ReceiveRequestAttemptId, repeated: the same messages under the same handles. [documented]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2", "b-1")
    first, again = (c.receive(url, ReceiveRequestAttemptId="try-1") for _ in range(2))
    equal([m["ReceiptHandle"] for m in again], [m["ReceiptHandle"] for m in first])


@case("an attempt id starts the visibility timeout anew")
def _(c):
    """Each retry resets it. [documented]"""
    url = c.fifo(VisibilityTimeout="10")
    c.send(url, "a-1")
    c.receive(url, ReceiveRequestAttemptId="try-1")
    c.wait(6)
    c.receive(url, ReceiveRequestAttemptId="try-1")
    c.wait(6)
    equal(c.bodies(url), [])


@case("an attempt id whose messages were touched is refused")
def _(c):
    """Once one was deleted or had its visibility changed, the id is worth nothing. [assumed]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2")
    c.delete(url, c.receive(url, ReceiveRequestAttemptId="try-1")[0])
    refused("InvalidParameterValue", c.receive, url, ReceiveRequestAttemptId="try-1")


def dead_letters(c):
    dead = c.fifo()
    url = c.fifo(RedrivePolicy=c.redrive(dead, 1))
    c.send(url, "a-1", "a-2")
    first = c.receive(url, 1, VisibilityTimeout=1)[0]
    c.wait(1.2)
    return dead, url, c.bodies(url, 1), first


@case("dead letters: the move happens in the receive that would be one too many")
def _(c):
    """The group goes on with its next message in the same receive. [recorded]"""
    _dead, _url, received, _first = dead_letters(c)
    equal(received, ["a-2"])


@case("dead letters: id, body and group stay")
def _(c):
    """Only the queue is another. [recorded]"""
    dead, url, _received, first = dead_letters(c)
    message = c.receive(dead)[0]
    equal((message["MessageId"], message["Body"], message["Attributes"]["MessageGroupId"]), (first["MessageId"], "a-1", "a"))
    equal(message["Attributes"]["DeadLetterQueueSourceArn"], c.attributes(url, "QueueArn")["QueueArn"])


@case("dead letters: the dedup id becomes the message id")
def _(c):
    """So that no message is dropped as a duplicate on its way. [documented]"""
    dead, *_ = dead_letters(c)
    message = c.receive(dead)[0]
    equal(message["Attributes"]["MessageDeduplicationId"], message["MessageId"])


@case("dead letters: the receive count goes on")
def _(c):
    """Received once before, it is received for the second time there. [recorded]"""
    dead, *_ = dead_letters(c)
    equal(c.receive(dead)[0]["Attributes"]["ApproximateReceiveCount"], "2")


@case("dead letters: the handle of a message that has moved is refused")
def _(c):
    """As one of a message that was received again. [assumed]"""
    dead, url, _received, first = dead_letters(c)
    refused("InvalidParameterValue", c.delete, url, first)
    equal(c.bodies(dead), ["a-1"])


@case("dead letters: a FIFO queue's begin their retention anew, a standard queue's do not")
def _(c):
    """The time of sending is that of the move, or stays. [documented]"""
    for suffix, attributes, moves in ((".fifo", {"FifoQueue": "true"}, True), ("", {}, False)):
        dead = c.create(c.name() + suffix, **attributes)
        url = c.create(c.name() + suffix, **attributes, RedrivePolicy=c.redrive(dead, 1))
        c.sqs.send_message(QueueUrl=url, MessageBody="x", **({"MessageGroupId": "g", "MessageDeduplicationId": "d"} if attributes else {}))
        before = int(c.receive(url, VisibilityTimeout=1)[0]["Attributes"]["SentTimestamp"])
        c.wait(2.2)
        equal(c.bodies(url), [])
        equal(int(c.receive(dead)[0]["Attributes"]["SentTimestamp"]) > before, moves)


@case("a standard queue takes a late change of visibility")
def _(c):
    """It succeeds after the timeout. [recorded]"""
    url = c.create(c.name())
    c.sqs.send_message(QueueUrl=url, MessageBody="x")
    message = c.receive(url, VisibilityTimeout=1)[0]
    c.wait(1.2)
    c.visibility(url, message, 10)


def held_twice(c, action):
    """Two messages in flight, whose handles are void for the next call of an action."""
    url = c.fifo()
    c.send(url, "a-1", "b-1")
    messages = c.receive(url)
    c.lab.fault(action=action, resource=c.queue_name(url), do="expired_handle")
    return url, messages, [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]


@case("fault: an expired handle")
def _(c):
    """By script the next delete or change takes its handles for expired, with the codes of a single call and of a batch. [the lab's]"""
    url, messages, _entries = held_twice(c, "DeleteMessage")
    refused("InvalidParameterValue", c.delete, url, messages[0])
    c.delete(url, messages[0])
    url, messages, _entries = held_twice(c, "ChangeMessageVisibility")
    refused(LEGACY + "MessageNotInflight", c.visibility, url, messages[0], 0)
    url, messages, entries = held_twice(c, "DeleteMessageBatch")
    answer = c.sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    equal([(f["Id"], f["Code"]) for f in answer["Failed"]], [("0", "ReceiptHandleIsInvalid"), ("1", "ReceiptHandleIsInvalid")])
    equal([line["message_id"] for line in c.lab.events("sqs.fault", queue=c.queue_name(url), do="expired_handle")], [m["MessageId"] for m in messages])
    equal(c.attributes(url)["ApproximateNumberOfMessagesNotVisible"], "2")


@case("fault: a delete and a change of visibility that are lost")
def _(c):
    """By script they are answered with success and nothing comes of it. [the lab's]"""
    url, messages, entries = held_twice(c, "none")
    for action in ("DeleteMessageBatch", "ChangeMessageVisibility"):
        c.lab.fault(action=action, resource=c.queue_name(url), do="ignore")
    equal([entry["Id"] for entry in c.sqs.delete_message_batch(QueueUrl=url, Entries=entries)["Successful"]], ["0", "1"])
    c.visibility(url, messages[0], 0)
    equal(c.attributes(url)["ApproximateNumberOfMessagesNotVisible"], "2")
    equal(len(c.lab.events("sqs.fault", queue=c.queue_name(url), do="ignore")), 3)


# ---------------------------------------------------------------- message move tasks

def arn(c, url):
    return c.attributes(url, "QueueArn")["QueueArn"]


def failed_messages(c, n):
    """A source, its dead-letter queue with n messages of it, and that one's ARN."""
    dead = c.fifo()
    url = c.fifo(RedrivePolicy=c.redrive(dead, 1), VisibilityTimeout="0")
    c.send(url, *(f"a-{number}" for number in range(n)))
    c.receive(url)
    equal(c.bodies(url), [])
    return url, dead, arn(c, dead)


def task(c, source, **options):
    return c.sqs.start_message_move_task(SourceArn=source, **options)["TaskHandle"]


def latest(c, source):
    return c.sqs.list_message_move_tasks(SourceArn=source)["Results"][0]


def handle_with(c, source, task_id="10f57157-fc38-4da9-a113-4de7e12d05dd"):
    return base64.b64encode(json.dumps({"taskId": task_id, "sourceArn": source}).encode()).decode()


def told(name, code, status, text, call):
    """A case that is a refused call; its error's text was recorded."""
    CASES.append((f"move task: {name}", f"'{text}' [recorded]", lambda c: equal(refused(code, call, c, status=status)["Error"]["Message"], text)))


told("the source must be a dead-letter queue", "InvalidParameterValue", 400,
     "Source queue must be configured as a Dead Letter Queue.", lambda c: task(c, arn(c, c.fifo())))
told("the source must exist", "ResourceNotFoundException", 404,
     "The resource that you specified for the SourceArn parameter doesn't exist.", lambda c: task(c, arn(c, c.fifo()) + "-none"))
told("the destination must exist", "ResourceNotFoundException", 404,
     "The resource that you specified for the DestinationArn parameter doesn't exist.",
     lambda c: task(c, failed_messages(c, 1)[2], DestinationArn=arn(c, c.fifo()) + "-none"))
told("a handle that is none", "InvalidParameterValue", 400,
     "Value for parameter TaskHandle is invalid.", lambda c: c.sqs.cancel_message_move_task(TaskHandle="foobared"))
told("a handle of a queue that is not there", "ResourceNotFoundException", 404,
     "The resource that you specified for the SourceArn parameter doesn't exist.",
     lambda c: c.sqs.cancel_message_move_task(TaskHandle=handle_with(c, arn(c, c.fifo()) + "-none")))
told("a handle of a task that is not there", "ResourceNotFoundException", 404,
     "Task does not exist.", lambda c: c.sqs.cancel_message_move_task(TaskHandle=handle_with(c, arn(c, c.fifo()))))
told("one at a time for a source", "InvalidParameterValue", 400,
     "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
     lambda c: [task(c, source, MaxNumberOfMessagesPerSecond=1) for source in 2 * [failed_messages(c, 3)[2]]])
refusals(
    ("move task: the destination is another queue of the same kind", "Neither the source itself nor a standard queue for a FIFO one's messages. [assumed]",
     "InvalidParameterValue", 400, lambda c: task(c, failed_messages(c, 1)[2], DestinationArn=arn(c, c.create(c.name())))),
    ("move task: at most 500 messages a second", "1 to 500. [documented]",
     "InvalidParameterValue", 400, lambda c: task(c, failed_messages(c, 1)[2], MaxNumberOfMessagesPerSecond=501)),
    ("move task: ten tasks are listed at most", "1 to 10. [documented]",
     "InvalidParameterValue", 400, lambda c: c.sqs.list_message_move_tasks(SourceArn=failed_messages(c, 1)[2], MaxResults=11)),
)


@case("move task: messages go back to where they came from")
def _(c):
    """That is the default; the task has no DestinationArn then, and no handle when it is COMPLETED. [recorded]"""
    url, dead, source = failed_messages(c, 3)
    task(c, source)
    c.wait(1)
    equal((c.bodies(url), c.bodies(dead)), (["a-0", "a-1", "a-2"], []))
    done = latest(c, source)
    equal({name: done[name] for name in done if name != "StartedTimestamp"},
          {"Status": "COMPLETED", "SourceArn": source, "ApproximateNumberOfMessagesMoved": 3, "ApproximateNumberOfMessagesToMove": 3})


@case("move task: messages of several sources each go back to their own")
def _(c):
    """Each message knows its source. [recorded]"""
    dead = c.fifo()
    sources = [c.fifo(RedrivePolicy=c.redrive(dead, 1), VisibilityTimeout="0") for _ in range(2)]
    for number, url in enumerate(sources):
        c.send(url, f"g{number}-1")
        c.receive(url)
        equal(c.bodies(url), [])
    task(c, arn(c, dead))
    c.wait(1)
    equal([c.bodies(url) for url in sources], [["g0-1"], ["g1-1"]])


@case("move task: messages go to a destination")
def _(c):
    """DestinationArn names any queue; the answer repeats it. [recorded]"""
    url, dead, source = failed_messages(c, 2)
    destination = c.fifo()
    task(c, source, DestinationArn=arn(c, destination))
    c.wait(1)
    equal((c.bodies(destination), c.bodies(url), c.bodies(dead)), (["a-0", "a-1"], [], []))
    equal((latest(c, source)["Status"], latest(c, source)["DestinationArn"]), ("COMPLETED", arn(c, destination)))


@case("move task: what is moved is a new message")
def _(c):
    """A new id, received for the first time, from no dead-letter queue; group and attributes stay. [documented]"""
    url, dead, source = failed_messages(c, 1)
    old = c.receive(dead, VisibilityTimeout=0)[0]
    task(c, source)
    c.wait(1)
    new = c.receive(url)[0]
    assert new["MessageId"] != old["MessageId"]
    equal((new["Attributes"]["ApproximateReceiveCount"], new["Attributes"]["MessageGroupId"]), ("1", "a"))
    assert "DeadLetterQueueSourceArn" not in new["Attributes"], new
    equal([line["to"] for line in c.lab.events("sqs.redriven", message_id=old["MessageId"])], [c.queue_name(url)])


@case("move task: so many messages a second")
def _(c):
    """MaxNumberOfMessagesPerSecond=1: four messages take three seconds at least. [recorded]"""
    url, _dead, source = failed_messages(c, 4)
    task(c, source, MaxNumberOfMessagesPerSecond=1)
    for wanted in (1, 2, 3, 4):
        until(lambda: int(c.attributes(url)["ApproximateNumberOfMessages"]) == wanted)
        running = latest(c, source)
        equal((running["Status"], running["MaxNumberOfMessagesPerSecond"], running["ApproximateNumberOfMessagesMoved"], running["ApproximateNumberOfMessagesToMove"]),
              ("RUNNING", 1, wanted, 4))
        c.wait(1)
    until(lambda: latest(c, source)["Status"] == "COMPLETED")


@case("move task: the next may begin when the one before it is over")
def _(c):
    """The latest is listed first. [documented]"""
    url, _dead, source = failed_messages(c, 1)
    for wanted in (1, 0):
        task(c, source)
        until(lambda: latest(c, source)["Status"] == "COMPLETED")
        equal(latest(c, source)["ApproximateNumberOfMessagesMoved"], wanted)
    equal([done["ApproximateNumberOfMessagesMoved"] for done in c.sqs.list_message_move_tasks(SourceArn=source, MaxResults=10)["Results"]], [0, 1])


@case("move task: a cancelled one leaves the rest")
def _(c):
    """The handle is shown while it runs; the answer says how many were moved. [recorded]"""
    _url, dead, source = failed_messages(c, 5)
    handle = task(c, source, MaxNumberOfMessagesPerSecond=1)
    until(lambda: latest(c, source)["ApproximateNumberOfMessagesMoved"] == 1)
    equal(latest(c, source)["TaskHandle"], handle)
    equal(c.sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"], 1)
    c.wait(5)
    equal((latest(c, source)["Status"], "TaskHandle" in latest(c, source)), ("CANCELLED", False))
    equal(c.bodies(dead), ["a-1", "a-2", "a-3", "a-4"])


@case("move task: it fails when its destination is deleted")
def _(c):
    """FailureReason AWS.SimpleQueueService.NonExistentQueue; the rest stays. [recorded]"""
    _url, dead, source = failed_messages(c, 3)
    destination = c.fifo()
    task(c, source, DestinationArn=arn(c, destination), MaxNumberOfMessagesPerSecond=1)
    until(lambda: latest(c, source)["ApproximateNumberOfMessagesMoved"] == 1)
    c.sqs.delete_queue(QueueUrl=destination)
    c.wait(1)
    until(lambda: latest(c, source)["Status"] != "RUNNING")
    equal((latest(c, source)["Status"], latest(c, source)["FailureReason"]), ("FAILED", LEGACY + "NonExistentQueue"))
    equal(c.bodies(dead), ["a-1", "a-2"])


@case("move task: it fails at a message that was sent to the dead-letter queue itself")
def _(c):
    """FailureReason CouldNotDetermineMessageSource: such messages need a DestinationArn. [documented]"""
    dead = c.fifo()
    c.fifo(RedrivePolicy=c.redrive(dead, 1))
    c.send(dead, "a-1")
    task(c, arn(c, dead))
    until(lambda: latest(c, arn(c, dead))["Status"] != "RUNNING")
    equal(latest(c, arn(c, dead))["FailureReason"], "CouldNotDetermineMessageSource")
