"""SQS: queues, their attributes, names and tags."""
import json

import boto3
import lab as support
from cloud import refused
from lab import equal
from registry import LEGACY, case, refusals


refusals(
    ("create: a FIFO queue's name ends with .fifo", "The name of a FIFO queue must end with the .fifo suffix. [documented]",
     "InvalidParameterValue", 400, lambda c: c.create("no-suffix", FifoQueue="true")),
    ("create: a .fifo name needs FifoQueue", "Without FifoQueue=true a name with a dot is no queue name. [recorded]",
     "InvalidParameterValue", 400, lambda c: c.create("x.fifo")),
    ("create: a name has at most 80 characters", "A queue name can have up to 80 characters, the suffix counts. [documented]",
     "InvalidParameterValue", 400, lambda c: c.create("x" * 76 + ".fifo", FifoQueue="true")),
    ("create: a name is letters, digits, - and _", "Other characters are refused. [documented]",
     "InvalidParameterValue", 400, lambda c: c.create("a b")),
    ("create: FifoQueue=false is not an attribute", "A standard queue is made by leaving FifoQueue out: 'Unknown Attribute FifoQueue.' [recorded]",
     "InvalidAttributeName", 400, lambda c: c.create(c.name(), FifoQueue="false")),
    ("create: unknown attributes are refused", "An attribute that does not exist is InvalidAttributeName. [documented]",
     "InvalidAttributeName", 400, lambda c: c.create(c.name(), Nonsense="1")),
    ("create: FIFO attributes are for FIFO queues", "ContentBasedDeduplication on a standard queue is unknown. [assumed]",
     "InvalidAttributeName", 400, lambda c: c.create(c.name(), ContentBasedDeduplication="true")),
    ("create: VisibilityTimeout ends at 43200", "0 to 43,200 seconds (12 hours). [documented]",
     "InvalidAttributeValue", 400, lambda c: c.create(c.name(), VisibilityTimeout="43201")),
    ("create: MessageRetentionPeriod begins at 60", "60 seconds to 1,209,600 (14 days). [documented]",
     "InvalidAttributeValue", 400, lambda c: c.create(c.name(), MessageRetentionPeriod="59")),
    ("create: DelaySeconds ends at 900", "0 to 900 seconds (15 minutes). [documented]",
     "InvalidAttributeValue", 400, lambda c: c.create(c.name(), DelaySeconds="901")),
    ("create: MaximumMessageSize begins at 1024", "1,024 to 1,048,576 bytes. [documented]",
     "InvalidAttributeValue", 400, lambda c: c.create(c.name(), MaximumMessageSize="1023")),
    ("create: ReceiveMessageWaitTimeSeconds ends at 20", "0 to 20 seconds. [documented]",
     "InvalidAttributeValue", 400, lambda c: c.create(c.name(), ReceiveMessageWaitTimeSeconds="21")),
    ("create: a number must be one", "Attribute values are text, and text that is no number is refused. [documented]",
     "InvalidAttributeValue", 400, lambda c: c.create(c.name(), VisibilityTimeout="soon")),
    ("create: DeduplicationScope is queue or messageGroup", "Other values are refused. [documented]",
     "InvalidAttributeValue", 400, lambda c: c.fifo(DeduplicationScope="world")),
    ("create: the dead-letter queue must exist", "RedrivePolicy with an unknown target is an invalid value for the parameter. [documented]",
     "InvalidParameterValue", 400, lambda c: c.fifo(RedrivePolicy=c.redrive("none.fifo", 3))),
    ("create: the dead-letter queue of a FIFO queue is FIFO", "A standard queue cannot be its dead-letter queue. [documented]",
     "InvalidParameterValue", 400, lambda c: c.fifo(RedrivePolicy=c.redrive(c.create(c.name()), 3))),
    ("create: maxReceiveCount begins at 1", "1 to 1,000. [documented]",
     "InvalidParameterValue", 400, lambda c: c.fifo(RedrivePolicy=c.redrive(c.fifo(), 0))),
    ("create: the same name with another value is refused", "CreateQueue is idempotent only for equal attributes: 'A queue already exists with the same name and a different value for attribute VisibilityTimeout'. [recorded]",
     "QueueAlreadyExists", 400, lambda c: c.create(c.queue_name(c.fifo(VisibilityTimeout="40")), FifoQueue="true", VisibilityTimeout="41")),
    ("set: FifoQueue is only for creation", "The kind of a queue cannot be changed. [documented]",
     "InvalidAttributeName", 400, lambda c: c.sqs.set_queue_attributes(QueueUrl=c.fifo(), Attributes={"FifoQueue": "true"})),
    ("attributes: an unknown name is refused", "GetQueueAttributes refuses a name that does not exist. [documented]",
     "InvalidAttributeName", 400, lambda c: c.sqs.get_queue_attributes(QueueUrl=c.fifo(), AttributeNames=["Nonsense"])),
    ("an unknown queue: the query code of its error", "__type is com.amazonaws.sqs#QueueDoesNotExist, the header x-amzn-query-error has the older code. [recorded]",
     LEGACY + "NonExistentQueue", 400, lambda c: c.receive(f"{c.url}/{support.ACCOUNT}/nope.fifo")),
    ("GetQueueUrl of an unknown queue", "The same error as for any other call. [recorded]",
     LEGACY + "NonExistentQueue", 400, lambda c: c.sqs.get_queue_url(QueueName="nope.fifo")),
)


@case("a queue's attributes and their defaults")
def _(c):
    """All values are text; visibility 30 s, retention 4 days, 1 MiB, scope queue. Timestamps are whole seconds. [documented]"""
    url = c.fifo()
    got = c.attributes(url)
    equal((got["VisibilityTimeout"], got["MessageRetentionPeriod"], got["MaximumMessageSize"], got["FifoQueue"], got["DeduplicationScope"]),
          ("30", "345600", "1048576", "true", "queue"))
    assert got["CreatedTimestamp"].isdigit(), got["CreatedTimestamp"]


@case("a queue's ARN names region, account and queue")
def _(c):
    """arn:aws:sqs:REGION:ACCOUNT:NAME. [documented]"""
    url = c.fifo()
    equal(c.attributes(url, "QueueArn")["QueueArn"], f"arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:{c.queue_name(url)}")


@case("asking for no attribute gets none")
def _(c):
    """Without AttributeNames the member Attributes is absent. [recorded]"""
    assert "Attributes" not in c.sqs.get_queue_attributes(QueueUrl=c.fifo())


@case("creating a queue again with equal attributes returns it")
def _(c):
    """CreateQueue with the name and the attributes of an existing queue returns its URL. [documented]"""
    url = c.fifo(VisibilityTimeout="40")
    equal(c.create(c.queue_name(url), FifoQueue="true", VisibilityTimeout="40"), url)


@case("an attribute that is set is shown and used")
def _(c):
    """SetQueueAttributes changes what it names and nothing else. [documented]"""
    url = c.fifo(DelaySeconds="0")
    c.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    equal((c.attributes(url)["VisibilityTimeout"], c.attributes(url)["DelaySeconds"]), ("1", "0"))
    c.send(url, "a-1")
    c.receive(url)
    c.wait(1.2)
    equal(c.bodies(url), ["a-1"])


@case("an empty RedrivePolicy removes it")
def _(c):
    """Setting the attribute to the empty text takes the dead-letter queue away. [recorded]"""
    url = c.fifo(RedrivePolicy=c.redrive(c.fifo(), 3))
    assert "RedrivePolicy" in c.attributes(url)
    c.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert "RedrivePolicy" not in c.attributes(url)


@case("queues are listed by prefix, in pages")
def _(c):
    """MaxResults and NextToken page through the list; without a match the member QueueUrls is absent. [documented]"""
    for n in range(3):
        c.create(f"listed-{n}")
    pages = c.sqs.get_paginator("list_queues").paginate(QueueNamePrefix="listed-", PaginationConfig={"PageSize": 2})
    equal([c.queue_name(url) for page in pages for url in page.get("QueueUrls", [])], ["listed-0", "listed-1", "listed-2"])
    assert "QueueUrls" not in c.sqs.list_queues(QueueNamePrefix="none-such")


@case("a deleted queue is gone")
def _(c):
    """Its name is unknown from then on. [documented]"""
    url = c.fifo()
    c.sqs.delete_queue(QueueUrl=url)
    refused(LEGACY + "NonExistentQueue", c.sqs.get_queue_url, QueueName=c.queue_name(url))


@case("the name of a deleted queue rests for 60 seconds")
def _(c):
    """Making it again earlier is QueueDeletedRecently. [documented]"""
    url = c.fifo()
    c.sqs.delete_queue(QueueUrl=url)
    refused(LEGACY + "QueueDeletedRecently", c.create, c.queue_name(url), FifoQueue="true")
    c.wait(61)
    c.create(c.queue_name(url), FifoQueue="true")


@case("a purge empties the queue")
def _(c):
    """Visible messages and those in flight go. [documented]"""
    url = c.fifo()
    c.send(url, "g-1", "h-1")
    c.receive(url, 1)
    c.sqs.purge_queue(QueueUrl=url)
    equal(c.bodies(url), [])
    equal(c.attributes(url)["ApproximateNumberOfMessagesNotVisible"], "0")


@case("a purge clears deduplication")
def _(c):
    """The same deduplication id is accepted anew at once. [recorded]"""
    url = c.fifo()
    c.send(url, "g-1")
    c.sqs.purge_queue(QueueUrl=url)
    c.send(url, "g-1")
    equal(c.bodies(url), ["g-1"])


@case("a second purge within 60 seconds is refused")
def _(c):
    """PurgeQueueInProgress, with HTTP status 403. [recorded]"""
    url = c.fifo()
    c.sqs.purge_queue(QueueUrl=url)
    refused(LEGACY + "PurgeQueueInProgress", c.sqs.purge_queue, QueueUrl=url, status=403)
    c.wait(61)
    c.sqs.purge_queue(QueueUrl=url)


@case("the counters tell visible from in flight")
def _(c):
    """Messages that wait behind a locked group count as visible. [recorded]"""
    url = c.fifo()
    c.send(url, "a-1", "a-2", "a-3")
    c.receive(url, 1)
    got = c.attributes(url)
    equal((got["ApproximateNumberOfMessages"], got["ApproximateNumberOfMessagesNotVisible"]), ("2", "1"))


@case("a queue's own path answers as well")
def _(c):
    """Requests go to / of the endpoint; JSON that is posted to the path of a queue URL is answered, too. [recorded]"""
    url = c.fifo()
    equal(boto3.client("sqs", endpoint_url=url).get_queue_url(QueueName=c.queue_name(url))["QueueUrl"], url)


@case("answers have the protocol's content type")
def _(c):
    """application/x-amz-json-1.0, with a request id. [recorded]"""
    headers = c.sqs.list_queues()["ResponseMetadata"]["HTTPHeaders"]
    equal(headers["content-type"], "application/x-amz-json-1.0")
    assert headers["x-amzn-requestid"], headers


@case("errors have a type of the service or of the framework, and an older code")
def _(c):
    """com.amazonaws.sqs#... or com.amazon.coral.service#... in __type, CODE;Sender in x-amzn-query-error. [recorded]"""
    types = []
    client = c.client("sqs")
    client.meta.events.register("before-parse.sqs", lambda response_dict, **_: types.append(json.loads(response_dict["body"])["__type"]))
    headers = [refused(code, client.receive_message, status=400, **request)["ResponseMetadata"]["HTTPHeaders"]["x-amzn-query-error"] for code, request in (
        (LEGACY + "NonExistentQueue", {"QueueUrl": f"{c.url}/{support.ACCOUNT}/nope.fifo"}),
        ("InvalidParameterValue", {"QueueUrl": c.fifo(), "MaxNumberOfMessages": 11}))]
    equal(types, ["com.amazonaws.sqs#QueueDoesNotExist", "com.amazon.coral.service#InvalidParameterValueException"])
    equal(headers, [LEGACY + "NonExistentQueue;Sender", "InvalidParameterValue;Sender"])


@case("tags are given at creation and later, and taken away")
def _(c):
    """CreateQueue's tags, TagQueue, UntagQueue, ListQueueTags; a tag that is set again changes. [documented]"""
    url = c.sqs.create_queue(QueueName=c.name(), tags={"a": "1", "b": "2"})["QueueUrl"]
    c.sqs.tag_queue(QueueUrl=url, Tags={"b": "3", "c": "4"})
    c.sqs.untag_queue(QueueUrl=url, TagKeys=["a", "none"])
    equal(c.sqs.list_queue_tags(QueueUrl=url)["Tags"], {"b": "3", "c": "4"})


@case("a queue without tags has no member Tags")
def _(c):
    """It is absent. [documented]"""
    assert "Tags" not in c.sqs.list_queue_tags(QueueUrl=c.fifo())


@case("the sources of a dead-letter queue are listed")
def _(c):
    """The member is queueUrls, with a small letter; NextToken goes on. [documented]"""
    dead = c.fifo()
    sources = sorted(c.fifo(RedrivePolicy=c.redrive(dead, 3)) for _ in range(3))
    pages = c.sqs.get_paginator("list_dead_letter_source_queues").paginate(QueueUrl=dead, PaginationConfig={"PageSize": 2})
    equal(sorted(url for page in pages for url in page["queueUrls"]), sources)
    c.sqs.set_queue_attributes(QueueUrl=sources[0], Attributes={"RedrivePolicy": ""})
    equal(sorted(c.sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"]), sources[1:])
