"""SQS FIFO: receipt handles, visibility, attempt ids, dead letters."""
from cloud import refused
from lab import equal
from registry import LEGACY, case, refusals


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
    c.receive(url, 1, VisibilityTimeout=1)
    c.wait(1.2)
    return dead, url, c.bodies(url, 1)


@case("dead letters: the move happens in the receive that would be one too many")
def _(c):
    """The group goes on with its next message in the same receive. [recorded]"""
    _dead, _url, received = dead_letters(c)
    equal(received, ["a-2"])


@case("dead letters: id, body and group stay")
def _(c):
    """Only the queue is another. [recorded]"""
    dead, url, _ = dead_letters(c)
    message = c.receive(dead)[0]
    equal((message["Body"], message["Attributes"]["MessageGroupId"]), ("a-1", "a"))
    equal(message["Attributes"]["DeadLetterQueueSourceArn"], c.attributes(url, "QueueArn")["QueueArn"])


@case("dead letters: the dedup id becomes the message id")
def _(c):
    """So that no message is dropped as a duplicate on its way. [documented]"""
    dead, _url, _ = dead_letters(c)
    message = c.receive(dead)[0]
    equal(message["Attributes"]["MessageDeduplicationId"], message["MessageId"])


@case("dead letters: the receive count goes on")
def _(c):
    """Received once before, it is received for the second time there. [recorded]"""
    dead, _url, _ = dead_letters(c)
    equal(c.receive(dead)[0]["Attributes"]["ApproximateReceiveCount"], "2")
