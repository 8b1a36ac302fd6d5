"""SQS FIFO: order, group locks, long polls."""
from cloud import refused
from lab import Background, equal
from registry import CASES, LEGACY, case, refusals


refusals(*(
    (f"receive: {member}={value}", rule, "InvalidParameterValue", 400, lambda c, member=member, value=value: c.sqs.receive_message(QueueUrl=c.fifo(), **{member: value}))
    for member, value, rule in (
        ("MaxNumberOfMessages", 11, "1 to 10. [recorded]"), ("MaxNumberOfMessages", 0, "1 to 10. [recorded]"),
        ("WaitTimeSeconds", 21, "0 to 20. [recorded]"), ("WaitTimeSeconds", -1, "0 to 20. [recorded]"),
        ("VisibilityTimeout", 43201, "0 to 43,200. [documented]"))))


@case("a receive that finds nothing has no member Messages")
def _(c):
    """It is absent, not empty. [recorded]"""
    assert "Messages" not in c.sqs.receive_message(QueueUrl=c.fifo())


@case("without MaxNumberOfMessages one message comes")
def _(c):
    """The default is 1. [documented]"""
    url = c.fifo()
    c.send(url, "a-1", "b-1")
    equal(len(c.sqs.receive_message(QueueUrl=url)["Messages"]), 1)


@case("a receive takes as many of a group as it can, then the next group's")
def _(c):
    """Sent g1, g2, g1, g1: received g1, g1, g1, g2. [recorded]"""
    url = c.fifo()
    c.send(url, "g1-1", "g2-1", "g1-2", "g1-3")
    equal(c.bodies(url), ["g1-1", "g1-2", "g1-3", "g2-1"])


@case("within a group the order is that of sending")
def _(c):
    """Over any number of receives. [documented]"""
    url = c.fifo()
    c.send(url, *(f"a-{n}" for n in range(7)))
    got = []
    while len(got) < 7:
        messages = c.receive(url, 3)
        got += [m["Body"] for m in messages]
        for message in messages:
            c.delete(url, message)
    equal(got, [f"a-{n}" for n in range(7)])


@case("a group in flight is locked")
def _(c):
    """What follows in the group is not delivered. [documented]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2")
    equal((c.bodies(url, 1), c.bodies(url)), (["a-1"], []))


@case("a send to a locked group does not unlock it")
def _(c):
    """The new message waits as well. [recorded]"""
    url = c.fifo()
    c.send(url, "a-1")
    c.receive(url)
    c.send(url, "a-2")
    equal(c.bodies(url), [])


@case("other groups are not locked")
def _(c):
    """Groups do not wait for each other. [documented]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2")
    c.receive(url, 1)
    c.send(url, "b-1")
    equal(c.bodies(url), ["b-1"])


@case("after all timeouts the batch comes back in its order")
def _(c):
    """The counts of all are raised. [recorded]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2", "a-3")
    c.receive(url, VisibilityTimeout=1)
    c.wait(1.2)
    again = c.receive(url)
    equal([(m["Body"], m["Attributes"]["ApproximateReceiveCount"]) for m in again], [("a-1", "2"), ("a-2", "2"), ("a-3", "2")])


@case("the head nacked while its follower is in flight comes back alone")
def _(c):
    """The lock holds back what comes after a message in flight, never what comes before. [recorded]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2", "a-3")
    head = c.receive(url, 2)[0]
    c.visibility(url, head, 0)
    equal(c.bodies(url), ["a-1"])


@case("all nacked in one call come back in order")
def _(c):
    """Visibility 0 for each of a batch. [recorded]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2", "a-3")
    c.sqs.change_message_visibility_batch(QueueUrl=url, Entries=[
        {"Id": str(n), "ReceiptHandle": m["ReceiptHandle"], "VisibilityTimeout": 0} for n, m in enumerate(c.receive(url))])
    equal(c.bodies(url), ["a-1", "a-2", "a-3"])


def extending(position, wanted):
    def check(c):
        url = c.fifo()
        c.send(url, "a-1", "a-2", "a-3")
        c.visibility(url, c.receive(url, VisibilityTimeout=1)[position], 30)
        c.wait(1.2)
        equal(c.bodies(url), wanted)
    rule = f"Of three received together number {position + 1} is extended and the others time out: {wanted or 'nothing'} comes. [recorded]"
    CASES.append((f"extending message {position + 1} of 3 holds it and what follows", rule, check))


extending(0, [])
extending(1, ["a-1"])
extending(2, ["a-1", "a-2"])


@case("deleting a part of what is in flight keeps the group locked")
def _(c):
    """Until the rest is deleted or visible again. [recorded]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2", "a-3")
    c.delete(url, c.receive(url, 2)[0])
    equal(c.bodies(url), [])


@case("deleting all that is in flight unlocks the group at once")
def _(c):
    """The next receive has the next message. [recorded]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2", "a-3")
    for message in c.receive(url, 2):
        c.delete(url, message)
    equal(c.bodies(url), ["a-3"])


@case("a later message may be deleted before an earlier one")
def _(c):
    """Nothing in the interface forbids it. [assumed]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2")
    first, second = c.receive(url, VisibilityTimeout=1)
    c.delete(url, second)
    c.wait(1.2)
    equal(c.bodies(url), ["a-1"])


@case("a group that was received goes to the back")
def _(c):
    """Groups take turns. [recorded]"""
    url = c.fifo(VisibilityTimeout="0")
    c.send(url, "a-1", "b-1", "c-1")
    equal([c.bodies(url, 1) for _ in range(4)], [["a-1"], ["b-1"], ["c-1"], ["a-1"]])


@case("a receive with visibility 0 locks nothing")
def _(c):
    """The whole group can be received again at once. [recorded]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2")
    equal((c.bodies(url, VisibilityTimeout=0), c.bodies(url)), (["a-1", "a-2"], ["a-1", "a-2"]))


@case("retention ends a message's life")
def _(c):
    """A message older than MessageRetentionPeriod is gone. [documented]"""
    url = c.fifo(MessageRetentionPeriod="60")
    c.send(url, "a-1")
    c.wait(61)
    equal(c.bodies(url), [])


@case("a long poll is woken by a send")
def _(c):
    """It returns as soon as a message is there. [documented]"""
    url = c.fifo()
    poll = c.poll(url)
    c.send(url, "a-1")
    equal(poll.result(), ["a-1"])
    assert poll.seconds < 3, poll.seconds


@case("a long poll is woken when a delete unlocks the group")
def _(c):
    """The next message of the group is handed to it. [recorded]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2")
    held = c.receive(url, 1)[0]
    poll = c.poll(url)
    c.delete(url, held)
    equal(poll.result(), ["a-2"])


@case("a long poll is woken by visibility 0")
def _(c):
    """A nack makes the message available. [documented]"""
    url = c.fifo()
    c.send(url, "a-1")
    held = c.receive(url)[0]
    poll = c.poll(url)
    c.visibility(url, held, 0)
    equal(poll.result(), ["a-1"])


@case("a long poll is woken by a visibility timeout that ends")
def _(c):
    """Nobody has to call for that. [documented]"""
    url = c.fifo()
    c.send(url, "a-1")
    c.receive(url, VisibilityTimeout=1)
    poll = c.poll(url)
    c.wait(1)
    equal(poll.result(), ["a-1"])


@case("a long poll that finds nothing ends with its wait")
def _(c):
    """...and without a member Messages. [documented]"""
    poll = Background(c.sqs.receive_message, QueueUrl=c.fifo(), WaitTimeSeconds=1)
    c.wait_for_poll()
    c.wait(1)
    assert "Messages" not in poll.result()


@case("without WaitTimeSeconds the queue's own wait counts")
def _(c):
    """ReceiveMessageWaitTimeSeconds is the default. [documented]"""
    url = c.fifo(ReceiveMessageWaitTimeSeconds="5")
    poll = Background(c.bodies, url)
    c.wait_for_poll()
    c.send(url, "a-1")
    equal(poll.result(), ["a-1"])


@case("several polls of a queue share what comes")
def _(c):
    """No message goes to two of them. [documented]"""
    url = c.fifo()
    polls = [c.poll(url, 1) for _ in range(3)]
    c.send(url, "a-1", "b-1", "c-1")
    equal(sorted(body for poll in polls for body in poll.result()), ["a-1", "b-1", "c-1"])


@case("deleting a queue ends its long polls")
def _(c):
    """With the error of a queue that does not exist. [assumed]"""
    url = c.fifo()
    poll = c.poll(url)
    c.sqs.delete_queue(QueueUrl=url)
    refused(LEGACY + "NonExistentQueue", poll.result)


@case("a long poll returns at once with what is there")
def _(c):
    """Also with fewer messages than were asked for. [recorded]"""
    url = c.fifo()
    c.send(url, "a-1")
    poll = Background(c.bodies, url, 10, WaitTimeSeconds=5)
    equal(poll.result(), ["a-1"])
    assert poll.seconds < 3, poll.seconds


@case("deleting the rest of what is in flight unlocks the group")
def _(c):
    """First one of two, then the other: only then the third comes. [recorded]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2", "a-3")
    first, second = c.receive(url, 2)
    c.delete(url, second)
    equal(c.bodies(url), [])
    c.delete(url, first)
    equal(c.bodies(url), ["a-3"])


def limited(c, kind, suffix="", **attributes):
    """A queue whose limit of 120,000 is lowered to 2."""
    return c.sqs.create_queue(QueueName=c.name() + suffix, Attributes=attributes, tags={f"awslab:{kind}": "2"})["QueueUrl"]


@case("limits: a FIFO queue with 120,000 in flight gives nothing, and no error")
def _(c):
    """A delete makes room. [documented]"""
    url = limited(c, "in-flight-max", ".fifo", FifoQueue="true")
    c.send(url, "a-1", "b-1", "c-1")
    held = c.receive(url)
    equal(([m["Body"] for m in held], c.bodies(url)), (["a-1", "b-1"], []))
    c.delete(url, held[0])
    equal(c.bodies(url), ["c-1"])


@case("limits: a standard queue with 120,000 in flight refuses short polls")
def _(c):
    """OverLimit, 403; a long poll waits for room instead. [documented]"""
    url = limited(c, "in-flight-max")
    for body in "xyz":
        c.sqs.send_message(QueueUrl=url, MessageBody=body)
    held = c.receive(url)
    equal(len(held), 2)
    refused("OverLimit", c.receive, url, status=403)
    poll = c.poll(url)
    c.delete(url, held[0])
    equal(len(poll.result()), 1)


@case("limits: receives look at the first 120,000 messages of a FIFO queue")
def _(c):
    """A group beyond them has to wait, though it is free. [documented]"""
    url = limited(c, "look-ahead", ".fifo", FifoQueue="true")
    c.send(url, "a-1", "a-2", "a-3", "b-1")
    held = c.receive(url)
    equal(([m["Body"] for m in held], c.bodies(url)), (["a-1", "a-2"], []))
    c.delete(url, held[0])
    equal(c.bodies(url), [])
    c.delete(url, held[1])
    equal(sorted(c.bodies(url)), ["a-3", "b-1"])


@case("fault: a duplicate delivery")
def _(c):
    """By script a receive leaves its messages visible: another one gets them again at once, and the first handle is worth nothing. [the lab's]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2")
    c.lab.fault(action="ReceiveMessage", resource=c.queue_name(url), do="duplicate")
    once, twice = c.receive(url), c.receive(url)
    equal([[(m["Body"], m["Attributes"]["ApproximateReceiveCount"]) for m in messages] for messages in (once, twice)],
          [[("a-1", "1"), ("a-2", "1")], [("a-1", "2"), ("a-2", "2")]])
    refused("InvalidParameterValue", c.delete, url, once[0])
    c.delete(url, twice[0])
    equal([line["message_id"] for line in c.lab.events("sqs.fault", queue=c.queue_name(url), do="duplicate")], [m["MessageId"] for m in once])


@case("fault: a send that is lost")
def _(c):
    """By script a send, alone or in a batch, is answered with success and nothing comes of it. [the lab's]"""
    url = c.fifo()
    c.lab.fault(action="SendMessage", resource=c.queue_name(url), do="ignore")
    c.lab.fault(action="SendMessageBatch", resource=c.queue_name(url), do="ignore")
    lost = [c.send(url, "a-1")[0], *c.send_batch(url, [c.entry(1)])["Successful"]]
    assert all(sent["MessageId"] and sent["SequenceNumber"] for sent in lost), lost
    equal([line["message_id"] for line in c.lab.events("sqs.fault", queue=c.queue_name(url), do="ignore")], [sent["MessageId"] for sent in lost])
    equal(c.bodies(url), [])
    c.send(url, "a-1")
    equal(c.bodies(url), ["a-1"])
