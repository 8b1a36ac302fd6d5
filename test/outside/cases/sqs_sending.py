"""SQS FIFO: what may be sent, what comes back, and what is a duplicate."""
import hashlib

from cloud import refused
from lab import equal
from registry import LEGACY, case, refusals


refusals(
    ("send: a group is required", "MessageGroupId is required for FIFO queues. [documented]",
     "MissingParameter", 400, lambda c: c.sqs.send_message(QueueUrl=c.fifo(), MessageBody="x", MessageDeduplicationId="d")),
    ("send: a dedup id is required", "...unless the queue has content-based deduplication. [documented]",
     "InvalidParameterValue", 400, lambda c: c.sqs.send_message(QueueUrl=c.fifo(), MessageBody="x", MessageGroupId="g")),
    ("send: an empty body is missing", "The minimum is one character. [recorded]",
     "MissingParameter", 400, lambda c: c.send_with(body="")),
    ("send: a message may not delay alone on a FIFO queue", "DelaySeconds can be set on the queue only. [documented]",
     "InvalidParameterValue", 400, lambda c: c.send_with(DelaySeconds=1)),
    ("send: a dedup id is for FIFO queues", "A standard queue does not take the parameter. [documented]",
     "InvalidParameterValue", 400, lambda c: c.sqs.send_message(QueueUrl=c.create(c.name()), MessageBody="x", MessageDeduplicationId="d")),
    ("send: one byte over 1 MiB", "A message has at most 1,048,576 bytes. [documented]",
     "InvalidParameterValue", 400, lambda c: c.send_with(body="x" * 1048577)),
    ("send: sizes are bytes, not characters", "MaximumMessageSize counts UTF-8. [documented]",
     "InvalidParameterValue", 400, lambda c: c.send_with(c.fifo(MaximumMessageSize="1024"), body="é" * 512 + "x")),
    ("send: attributes count: name, type and value", "1,015 bytes and an attribute of 10 are too many for 1,024. [documented]",
     "InvalidParameterValue", 400, lambda c: c.send_with(c.fifo(MaximumMessageSize="1024"), body="x" * 1015, MessageAttributes={"abc": c.text("x")})),
    ("send: ten attributes are the most", "A message can have up to 10 attributes. [documented]",
     "InvalidParameterValue", 400, lambda c: c.send_with(MessageAttributes={f"a{n}": c.text("x") for n in range(11)})),
    ("send: attribute names do not begin with AWS.", "The prefixes AWS. and Amazon. are reserved, in any case. [documented]",
     "InvalidParameterValue", 400, lambda c: c.send_with(MessageAttributes={"aWs.x": c.text("x")})),
    ("send: attribute types are String, Number, Binary", "...with a custom suffix behind a dot. [documented]",
     "InvalidParameterValue", 400, lambda c: c.send_with(MessageAttributes={"a": {"DataType": "Date", "StringValue": "x"}})),
    ("send: a Number attribute is a number", "Its text is checked. [documented]",
     "InvalidParameterValue", 400, lambda c: c.send_with(MessageAttributes={"a": {"DataType": "Number", "StringValue": "x"}})),
    ("send: an attribute's value is not empty", "Name, type and value must not be empty. [documented]",
     "InvalidParameterValue", 400, lambda c: c.send_with(MessageAttributes={"a": c.text("")})),
)
refusals(*(
    (f"send: U+{ord(bad):04X} may not be in a body", "Only #x9, #xA, #xD, #x20-#xD7FF, #xE000-#xFFFD and above may. [documented]",
     "InvalidMessageContents", 400, lambda c, bad=bad: c.send_with(body=f"a{bad}"))
    for bad in "\x00\x08\x1f\ufffe\uffff"))
refusals(*(
    (f"send: a {what} {kind}", "Ids are 1 to 128 of ASCII letters, digits and punctuation, without blanks. [recorded]",
     "InvalidParameterValue", 400, lambda c, member=member, bad=bad: c.send_with(**{member: bad}))
    for what, member in (("group", "group"), ("dedup id", "dedup"))
    for kind, bad in (("with a blank", "a b"), ("that is not ASCII", "é"), ("of 129 characters", "x" * 129))))
refusals(
    ("batch: empty", "A batch has at least one entry. [documented]", LEGACY + "EmptyBatchRequest", 400, lambda c: c.send_batch(c.fifo(), [])),
    ("batch: eleven entries", "Ten are the most. [documented]", LEGACY + "TooManyEntriesInBatchRequest", 400,
     lambda c: c.send_batch(c.fifo(), [c.entry(n) for n in range(11)])),
    ("batch: an id twice", "Ids are distinct within a call. [documented]", LEGACY + "BatchEntryIdsNotDistinct", 400,
     lambda c: c.send_batch(c.fifo(), [c.entry(1), c.entry(1)])),
    ("batch: an id with a blank", "Ids are letters, digits, - and _. [documented]", LEGACY + "InvalidBatchEntryId", 400,
     lambda c: c.send_batch(c.fifo(), [c.entry(1, Id="a b")])),
    ("batch: an id of 81 characters", "80 are the most. [documented]", LEGACY + "InvalidBatchEntryId", 400,
     lambda c: c.send_batch(c.fifo(), [c.entry(1, Id="x" * 81)])),
    ("batch: the sum of sizes", "All entries together have at most 1,048,576 bytes. [documented]", LEGACY + "BatchRequestTooLong", 400,
     lambda c: c.send_batch(c.fifo(), [c.entry(n, MessageBody="x" * 600000) for n in range(2)])),
    ("delete batch: empty", "As for sending. [documented]", LEGACY + "EmptyBatchRequest", 400,
     lambda c: c.sqs.delete_message_batch(QueueUrl=c.fifo(), Entries=[])),
    ("visibility batch: empty", "As for sending. [documented]", LEGACY + "EmptyBatchRequest", 400,
     lambda c: c.sqs.change_message_visibility_batch(QueueUrl=c.fifo(), Entries=[])),
)


@case("batch: a missing group fails the whole call")
def _(c):
    """Not the entry: nothing of the batch is accepted. [recorded]"""
    url = c.fifo()
    bad = c.entry(2)
    del bad["MessageGroupId"]
    refused("MissingParameter", c.send_batch, url, [c.entry(1), bad])
    equal(c.bodies(url), [])


@case("batch: a missing dedup id fails the whole call")
def _(c):
    """Not the entry: nothing of the batch is accepted. [recorded]"""
    url = c.fifo()
    bad = c.entry(2)
    del bad["MessageDeduplicationId"]
    refused("InvalidParameterValue", c.send_batch, url, [c.entry(1), bad])
    equal(c.bodies(url), [])


@case("batch: entries are accepted in their order")
def _(c):
    """On a FIFO queue messages are enqueued in the order of the array. [documented]"""
    url = c.fifo()
    c.send_batch(url, [c.entry(n) for n in (3, 1, 2)])
    equal(c.bodies(url), ["body-3", "body-1", "body-2"])


@case("batch: an entry that is too large fails alone, and the later ones are accepted")
def _(c):
    """HTTP 200; Failed has the query code and SenderFault. [recorded]"""
    url = c.fifo(MaximumMessageSize="1024")
    answer = c.send_batch(url, [c.entry(0), c.entry(1, MessageBody="x" * 1025), c.entry(2)])
    equal([entry["Id"] for entry in answer["Successful"]], ["0", "2"])
    equal([(entry["Id"], entry["SenderFault"], entry["Code"]) for entry in answer["Failed"]], [("1", True, "InvalidParameterValue")])
    equal(c.bodies(url), ["body-0", "body-2"])


@case("batch: Failed is absent when nothing failed")
def _(c):
    """Although the model calls the member required. [recorded]"""
    assert "Failed" not in c.send_batch(c.fifo(), [c.entry(1)])


@case("batch: Successful is absent when everything failed")
def _(c):
    """Although the model calls the member required. [recorded]"""
    assert "Successful" not in c.send_batch(c.fifo(MaximumMessageSize="1024"), [c.entry(1, MessageBody="x" * 1025)])


@case("a message comes back as it was sent")
def _(c):
    """Body and attributes byte by byte, with the digests that boto3 checks. [documented]"""
    url = c.fifo()
    attributes = {"n": {"DataType": "Number", "StringValue": "7.10"}, "s": {"DataType": "String.x", "StringValue": "é"},
                  "b": {"DataType": "Binary", "BinaryValue": b"\x00\x01\x02"}}
    sent = c.send_with(url, body="é\n\"🙂", MessageAttributes=attributes)
    message = c.receive(url, MessageAttributeNames=["All"])[0]
    equal((message["Body"], message["MD5OfBody"]), ("é\n\"🙂", hashlib.md5("é\n\"🙂".encode()).hexdigest()))
    equal((message["MessageAttributes"], message["MD5OfMessageAttributes"]), (attributes, sent["MD5OfMessageAttributes"]))


@case("the edges of the allowed characters pass")
def _(c):
    """Tab, line feed, return, DEL, C1 controls, U+D7FF, U+E000, U+FFFD and beyond the BMP. [documented]"""
    url = c.fifo()
    body = "\t\n\r\x7f\x80\ud7ff\ue000\ufffd\U00010000"
    c.send_with(url, body=body)
    equal(c.bodies(url), [body])


@case("ids may have every printable ASCII character but the blank")
def _(c):
    """All of alphanumerics and punctuation. [documented]"""
    url = c.fifo()
    every = "".join(chr(code) for code in range(33, 127))
    c.send_with(url, group=every, dedup=every)
    system = c.receive(url)[0]["Attributes"]
    equal((system["MessageGroupId"], system["MessageDeduplicationId"]), (every, every))


@case("1 MiB passes")
def _(c):
    """1,048,576 bytes are not too many. [documented]"""
    url = c.fifo()
    c.send_with(url, body="x" * 1048576)
    equal(len(c.receive(url)[0]["Body"]), 1048576)


@case("the digest of attributes is the one AWS computes")
def _(c):
    """Sorted by name; length, name, length, type, kind, length, value. Three digests that AWS gave. [recorded]"""
    for wanted, texts in (("adb59cd4678ea5a855436b949cd07ab6", {"MyAttribute": "foobar"}),
                          ("4c360f3fdafd970e05fae2f149d997f5", {"General": "Kenobi", "Hello": "There", "Help.Me": "Me"})):
        equal(c.send_with(MessageAttributes={name: c.text(value) for name, value in texts.items()})["MD5OfMessageAttributes"], wanted)
    binary = {"DataType": "Binary", "BinaryValue": b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"}
    equal(c.send_with(MessageAttributes={"attr1": binary})["MD5OfMessageAttributes"], "8cbe4db156db8a94db8b801b7addb984")


@case("the digest on receive covers what is returned")
def _(c):
    """It changes with MessageAttributeNames. [recorded]"""
    url = c.fifo(VisibilityTimeout="0")
    c.send_with(url, MessageAttributes={"Hello": c.text("There"), "aa.b": c.text("x")})
    equal(c.receive(url, MessageAttributeNames=["Hello"])[0]["MD5OfMessageAttributes"], "a311262e065454b75da111d535b8dacd")


@case("attributes are chosen by name, by prefix.* or all")
def _(c):
    """None are returned unless asked for. [documented]"""
    url = c.fifo(VisibilityTimeout="0")
    c.send_with(url, MessageAttributes={"Hello": c.text("x"), "aa.b": c.text("x"), "aa.c": c.text("x")})
    for wanted, names in ((["aa.b", "aa.c"], ["aa.*"]), (["Hello"], ["Hello", "none"]), (["Hello", "aa.b", "aa.c"], ["All"]), (["Hello", "aa.b", "aa.c"], [".*"]), ([], [])):
        equal(sorted(c.receive(url, MessageAttributeNames=names)[0].get("MessageAttributes", {})), wanted)


@case("system attributes come only when asked for")
def _(c):
    """Without MessageSystemAttributeNames the member Attributes is absent. [documented]"""
    url = c.fifo()
    c.send(url, "a-1")
    assert "Attributes" not in c.receive(url, MessageSystemAttributeNames=[])[0]


@case("the deprecated AttributeNames asks for system attributes too")
def _(c):
    """With both lists, the union is returned. [recorded]"""
    url = c.fifo()
    c.send(url, "a-1")
    equal(sorted(c.receive(url, MessageSystemAttributeNames=["MessageGroupId"], AttributeNames=["SequenceNumber"])[0]["Attributes"]), ["MessageGroupId", "SequenceNumber"])


@case("system attributes: group, dedup id, count, times")
def _(c):
    """Text all of them; times in epoch milliseconds, the count starts at 1. [documented]"""
    url = c.fifo()
    c.send_with(url, group="g", dedup="d")
    system = c.receive(url)[0]["Attributes"]
    equal((system["MessageGroupId"], system["MessageDeduplicationId"], system["ApproximateReceiveCount"]), ("g", "d", "1"))
    assert len(system["SentTimestamp"]) == len(system["ApproximateFirstReceiveTimestamp"]) == 13, system


@case("the trace header travels")
def _(c):
    """AWSTraceHeader is the one system attribute a sender may set. [documented]"""
    url = c.fifo()
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    c.send_with(url, MessageSystemAttributes={"AWSTraceHeader": c.text(trace)})
    equal(c.receive(url)[0]["Attributes"]["AWSTraceHeader"], trace)


@case("sequence numbers have 20 digits, beyond 64 bits")
def _(c):
    """Large, not consecutive; the receiver sees the one the sender got. [documented]"""
    url = c.fifo()
    number = c.send(url, "a-1")[0]["SequenceNumber"]
    assert len(number) == 20 and int(number) > 2 ** 64, number
    equal(c.receive(url)[0]["Attributes"]["SequenceNumber"], number)


@case("sequence numbers grow")
def _(c):
    """They increase for a message group. [documented]"""
    numbers = [int(sent["SequenceNumber"]) for sent in c.send(c.fifo(), "a-1", "a-2", "a-3", "a-4", "a-5")]
    equal(numbers, sorted(set(numbers)))


@case("a standard queue gives no sequence numbers")
def _(c):
    """The member is for FIFO queues. [documented]"""
    assert "SequenceNumber" not in c.sqs.send_message(QueueUrl=c.create(c.name()), MessageBody="x")


@case("DelaySeconds=0 on a FIFO queue is accepted")
def _(c):
    """It means the queue's default. [recorded]"""
    url = c.fifo()
    c.send_with(url, DelaySeconds=0, body="now")
    equal(c.bodies(url), ["now"])


@case("a delayed message is counted and comes later")
def _(c):
    """On a standard queue each message may delay. [documented]"""
    url = c.create(c.name())
    c.sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=2)
    equal(c.bodies(url), [])
    equal(c.attributes(url)["ApproximateNumberOfMessagesDelayed"], "1")
    c.wait(2.2)
    equal(c.bodies(url), ["later"])


@case("a duplicate is accepted and not delivered")
def _(c):
    """The send succeeds, no second message comes. [documented]"""
    url = c.fifo()
    c.send(url, "g-1", "g-1")
    equal(c.bodies(url), ["g-1"])


@case("a duplicate gets the first one's message id")
def _(c):
    """...and sequence number: to a sender that repeats, it is the message it sent. [assumed]"""
    first, second = c.send(c.fifo(), "g-1", "g-1")
    equal((second["MessageId"], second["SequenceNumber"]), (first["MessageId"], first["SequenceNumber"]))


@case("another body under the same id is a duplicate")
def _(c):
    """Only the id is compared; the digest is that of the new body. [documented]"""
    url = c.fifo()
    c.send_with(url, body="one", dedup="d")
    equal(c.send_with(url, body="two", dedup="d")["MD5OfMessageBody"], hashlib.md5(b"two").hexdigest())
    equal(c.bodies(url), ["one"])


@case("an id is remembered after its message was deleted")
def _(c):
    """The interval counts from the send, whatever becomes of the message. [recorded]"""
    url = c.fifo()
    c.send(url, "g-1")
    c.delete(url, c.receive(url)[0])
    c.send(url, "g-1")
    equal(c.bodies(url), [])


@case("the deduplication interval is five minutes")
def _(c):
    """An id is a duplicate for 5 minutes and then no more. [documented]"""
    url = c.fifo()
    c.send(url, "g-1")
    c.delete(url, c.receive(url)[0])
    c.wait(298)
    c.send(url, "g-1")
    equal(c.bodies(url), [])
    c.wait(3)
    c.send(url, "g-1")
    equal(c.bodies(url), ["g-1"])


@case("scope queue: the same id in another group is a duplicate")
def _(c):
    """The default. [recorded]"""
    url = c.fifo()
    for group in ("a", "b"):
        c.send_with(url, group=group, dedup="d")
    equal(len(c.receive(url)), 1)


@case("scope messageGroup: the same id in another group is none")
def _(c):
    """DeduplicationScope=messageGroup compares within the group, also without the high-throughput limit. [recorded]"""
    url = c.fifo(DeduplicationScope="messageGroup")
    for group in ("a", "b", "a"):
        c.send_with(url, group=group, dedup="d")
    equal(len(c.receive(url)), 2)


@case("the scope is that of the queue's creation")
def _(c):
    """Setting it later is accepted and shown, and changes nothing. [recorded]"""
    url = c.fifo()
    c.sqs.set_queue_attributes(QueueUrl=url, Attributes={"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"})
    equal(c.attributes(url)["DeduplicationScope"], "messageGroup")
    for group in ("a", "b"):
        c.send_with(url, group=group, dedup="d")
    equal(len(c.receive(url)), 1)


@case("content-based deduplication: the id is the body's SHA-256")
def _(c):
    """In hex, attributes not included. [documented]"""
    url = c.fifo(ContentBasedDeduplication="true")
    for value in ("1", "2"):
        c.sqs.send_message(QueueUrl=url, MessageBody="same", MessageGroupId="g", MessageAttributes={"a": c.text(value)})
    equal([m["Attributes"]["MessageDeduplicationId"] for m in c.receive(url)], [hashlib.sha256(b"same").hexdigest()])


@case("content-based deduplication: an explicit id wins")
def _(c):
    """Then the content is not looked at. [documented]"""
    url = c.fifo(ContentBasedDeduplication="true")
    for dedup in ("one", "two"):
        c.send_with(url, body="same", dedup=dedup)
    equal([m["Attributes"]["MessageDeduplicationId"] for m in c.receive(url)], ["one", "two"])


@case("what is too long is told with its limit")
def _(c):
    """'Message must be shorter than 1048576 bytes.', 'Batch requests cannot be longer than 1048576 bytes. You have sent N bytes.' [recorded]"""
    url = c.fifo()
    alone = refused("InvalidParameterValue", c.send_with, url, body="x" * 1048577)
    together = refused(LEGACY + "BatchRequestTooLong", c.send_batch, url, [c.entry(n, MessageBody="x" * 524289) for n in range(2)])
    assert alone["Error"]["Message"].endswith("Message must be shorter than 1048576 bytes."), alone
    equal(together["Error"]["Message"], "Batch requests cannot be longer than 1048576 bytes. You have sent 1048578 bytes.")


@case("DelaySeconds=0 does not lift a FIFO queue's own delay")
def _(c):
    """It means the queue's default. [recorded]"""
    url = c.fifo(DelaySeconds="2")
    c.send_with(url, DelaySeconds=0, body="later")
    equal(c.bodies(url), [])
    c.wait(2.2)
    equal(c.bodies(url), ["later"])
