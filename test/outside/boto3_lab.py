#!/usr/bin/env python3
"""awslab as boto3 sees it: SQS FIFO, S3, the Lambda runtime API, signatures.

boto3, its signer and its checks (MD5, checksums, XML, retries) were written by
others: what they accept, our own client may rely on. Every rule tested here is
one recorded on AWS unless the case says otherwise.
"""
import hashlib
import http.client
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import zlib
import base64

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
import lab as support
from lab import Background, case, equal, until

support.use_own_environment()
try:
    import boto3
    import botocore
except ImportError:
    support.skip_all("boto3 is not installed")
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, HTTPClientError

if tuple(int(part) for part in botocore.__version__.split(".")[:2]) < (1, 31):
    support.skip_all("boto3 is too old to speak SQS's JSON protocol")

AWKWARD_KEYS = ["a b+c/é&=%2F.txt", "//x/../k", "./a/./b", "..", "a//b///c/", "%", "%41", "+", "~!*'();:@$,?#[]",
                "ключ/日本/🙂", "tab\there", "q?versionId=1", "soap", "x" * 1024, "\u0001\u001f", "a\\b\"c<d>&e"]


class Context:
    def __init__(self, lab):
        self.lab = lab
        self.sqs = self.client("sqs")
        self.s3 = self.client("s3")
        self.awslambda = self.client("lambda")

    def client(self, service, secret=support.SECRET_KEY, **changes):
        settings = dict(endpoint_url=self.lab.url, region_name=support.REGION,
                        aws_access_key_id=support.ACCESS_KEY, aws_secret_access_key=secret)
        settings.update(changes)
        return boto3.client(service, config=Config(
            retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=30,
            max_pool_connections=20), **settings)

    # --- SQS ---
    def fifo(self, **attributes):
        name = self.lab.name(".fifo")
        url = self.sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true", **attributes})["QueueUrl"]
        return url

    def send(self, url, *texts):
        """'g1-a' is body and dedup id 'g1-a' in group 'g1'."""
        return [self.sqs.send_message(QueueUrl=url, MessageBody=text, MessageGroupId=text.split("-")[0],
                                      MessageDeduplicationId=text) for text in texts]

    def receive(self, url, n=10, **options):
        options.setdefault("MessageSystemAttributeNames", ["All"])
        return self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=n, **options).get("Messages", [])

    def bodies(self, url, n=10, **options):
        return [message["Body"] for message in self.receive(url, n, **options)]

    def delete(self, url, message):
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def visibility(self, url, message, seconds):
        self.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"],
                                           VisibilityTimeout=seconds)

    # --- S3, Lambda ---
    def bucket(self):
        name = self.lab.name("-bucket")
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": support.REGION})
        return name

    def notify(self, bucket, function, prefix="", suffix=""):
        rules = [{"Name": name, "Value": value} for name, value in (("prefix", prefix), ("suffix", suffix)) if value]
        self.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
            "LambdaFunctionConfigurations": [{
                "Id": "rule-1", "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}},
                "LambdaFunctionArn": f"arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:function:{function}"}]})


class Runtime:
    """A Lambda runtime on one connection, as a bootstrap would hold it."""

    def __init__(self, lab, function):
        self.connection = http.client.HTTPConnection(lab.address, timeout=30)
        self.prefix = f"/runtime/{function}/2018-06-01/runtime/"

    def call(self, method, path, body=None, headers=None):
        self.connection.request(method, self.prefix + path, body, headers or {})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def next(self):
        status, headers, body = self.call("GET", "invocation/next")
        equal(status, 200)
        return headers["Lambda-Runtime-Aws-Request-Id"], json.loads(body), headers

    def respond(self, request_id, body="{}"):
        return self.call("POST", f"invocation/{request_id}/response", body)[0]

    def fail(self, request_id, kind="Function.Broken"):
        return self.call("POST", f"invocation/{request_id}/error", '{"errorMessage":"m","errorType":"t"}',
                         {"Lambda-Runtime-Function-Error-Type": kind})[0]


def refused(code, call, *args, status=None, **kwargs):
    try:
        call(*args, **kwargs)
    except ClientError as error:
        equal(error.response["Error"]["Code"], code)
        if status is not None:
            equal(error.response["ResponseMetadata"]["HTTPStatusCode"], status)
        return error.response
    raise AssertionError(f"{code} was expected, but the call succeeded")


# ---------------------------------------------------------------- SQS: queues

@case("a queue has the defaults, an ARN, and attributes as text")
def _(c):
    url = c.fifo()
    got = c.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    equal((got["VisibilityTimeout"], got["MaximumMessageSize"], got["FifoQueue"], got["DeduplicationScope"]),
          ("30", "1048576", "true", "queue"))
    equal(got["QueueArn"], f"arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:{url.rsplit('/', 1)[1]}")
    assert got["CreatedTimestamp"].isdigit()


@case("creating a queue again: same attributes are fine, others are refused")
def _(c):
    url = c.fifo(VisibilityTimeout="40")
    name = url.rsplit("/", 1)[1]
    equal(c.sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"], url)
    answer = refused("QueueAlreadyExists", c.sqs.create_queue, QueueName=name, Attributes={"VisibilityTimeout": "41", "FifoQueue": "true"})
    assert "attribute VisibilityTimeout" in answer["Error"]["Message"]


@case("queue names and attributes are validated")
def _(c):
    refused("InvalidParameterValue", c.sqs.create_queue, QueueName="no-suffix", Attributes={"FifoQueue": "true"})
    refused("InvalidParameterValue", c.sqs.create_queue, QueueName="x.fifo")
    refused("InvalidParameterValue", c.sqs.create_queue, QueueName="x" * 76 + ".fifo", Attributes={"FifoQueue": "true"})
    refused("InvalidAttributeName", c.sqs.create_queue, QueueName="std", Attributes={"FifoQueue": "false"})
    refused("InvalidAttributeValue", c.sqs.create_queue, QueueName="std", Attributes={"VisibilityTimeout": "43201"})
    refused("InvalidAttributeName", c.sqs.create_queue, QueueName="std", Attributes={"Nonsense": "1"})
    refused("InvalidAttributeName", c.sqs.get_queue_attributes, QueueUrl=c.fifo(), AttributeNames=["Nonsense"])


@case("an unknown queue: both names of the error")
def _(c):
    answer = refused("AWS.SimpleQueueService.NonExistentQueue", c.sqs.receive_message,
                     QueueUrl=f"{c.lab.url}/{support.ACCOUNT}/nope.fifo", status=400)
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-query-error"].endswith(";Sender")
    refused("AWS.SimpleQueueService.NonExistentQueue", c.sqs.get_queue_url, QueueName="nope.fifo")


@case("queues are listed by prefix and in pages")
def _(c):
    for n in range(3):
        c.sqs.create_queue(QueueName=f"listed-{n}")
    pages = c.sqs.get_paginator("list_queues").paginate(QueueNamePrefix="listed-", PaginationConfig={"PageSize": 2})
    equal([url.rsplit("/", 1)[1] for page in pages for url in page.get("QueueUrls", [])], ["listed-0", "listed-1", "listed-2"])
    assert "QueueUrls" not in c.sqs.list_queues(QueueNamePrefix="none-such")


@case("a deleted queue is gone, and its name rests for 60 seconds")
def _(c):
    url = c.fifo()
    name = url.rsplit("/", 1)[1]
    c.sqs.delete_queue(QueueUrl=url)
    refused("AWS.SimpleQueueService.NonExistentQueue", c.sqs.get_queue_url, QueueName=name)
    refused("AWS.SimpleQueueService.QueueDeletedRecently", c.sqs.create_queue, QueueName=name, Attributes={"FifoQueue": "true"})
    c.lab.advance(61)
    c.sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})


@case("a purge empties the queue, clears deduplication, and is not repeated within 60 seconds")
def _(c):
    url = c.fifo()
    c.send(url, "g-1", "g-2")
    c.sqs.purge_queue(QueueUrl=url)
    equal(c.bodies(url), [])
    c.send(url, "g-1")
    equal(c.bodies(url), ["g-1"])
    refused("AWS.SimpleQueueService.PurgeQueueInProgress", c.sqs.purge_queue, QueueUrl=url, status=403)


# ---------------------------------------------------------------- SQS: sending

@case("a message comes back with its digests and system attributes")
def _(c):
    url = c.fifo()
    attributes = {"n": {"DataType": "Number", "StringValue": "7"}, "s": {"DataType": "String.x", "StringValue": "é"},
                  "b": {"DataType": "Binary", "BinaryValue": b"\x00\x01\x02"}}
    sent = c.sqs.send_message(QueueUrl=url, MessageBody="é\n\"🙂", MessageGroupId="g", MessageDeduplicationId="d",
                              MessageAttributes=attributes)
    message = c.receive(url, MessageAttributeNames=["All"])[0]
    equal(message["Body"], "é\n\"🙂")
    equal(message["MD5OfBody"], hashlib.md5("é\n\"🙂".encode()).hexdigest())
    equal(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"])
    equal(message["MessageAttributes"], attributes)
    system = message["Attributes"]
    equal((system["MessageGroupId"], system["MessageDeduplicationId"], system["ApproximateReceiveCount"]), ("g", "d", "1"))
    equal(system["SequenceNumber"], sent["SequenceNumber"])
    assert len(sent["SequenceNumber"]) == 20 and int(sent["SequenceNumber"]) > 2 ** 64


@case("the digest of attributes is the one AWS computed")
def _(c):
    url = c.fifo()
    for wanted, texts in (("adb59cd4678ea5a855436b949cd07ab6", {"MyAttribute": "foobar"}),
                          ("4c360f3fdafd970e05fae2f149d997f5", {"General": "Kenobi", "Hello": "There", "Help.Me": "Me"})):
        sent = c.sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId=wanted,
                                  MessageAttributes={k: {"DataType": "String", "StringValue": v} for k, v in texts.items()})
        equal(sent["MD5OfMessageAttributes"], wanted)


@case("the digest on receive covers only the attributes returned")
def _(c):
    url = c.fifo(VisibilityTimeout="0")
    text = {"DataType": "String", "StringValue": "There"}
    c.sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d",
                       MessageAttributes={"Hello": text, "aa.b": text, "aa.c": text})
    equal(c.receive(url, MessageAttributeNames=["Hello"])[0]["MD5OfMessageAttributes"], "a311262e065454b75da111d535b8dacd")
    equal(sorted(c.receive(url, MessageAttributeNames=["aa.*"])[0]["MessageAttributes"]), ["aa.b", "aa.c"])
    assert "MessageAttributes" not in c.receive(url)[0]


@case("sequence numbers grow")
def _(c):
    url = c.fifo()
    numbers = [int(sent["SequenceNumber"]) for sent in c.send(url, "a-1", "b-1", "a-2")]
    equal(numbers, sorted(set(numbers)))


@case("a missing group or dedup id, also within a batch, fails the whole call")
def _(c):
    url = c.fifo()
    refused("MissingParameter", c.sqs.send_message, QueueUrl=url, MessageBody="x", MessageDeduplicationId="d")
    refused("InvalidParameterValue", c.sqs.send_message, QueueUrl=url, MessageBody="x", MessageGroupId="g")
    good = {"Id": "0", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    refused("MissingParameter", c.sqs.send_message_batch, QueueUrl=url, Entries=[good, {"Id": "1", "MessageBody": "x", "MessageDeduplicationId": "e"}])
    equal(c.bodies(url), [])


@case("ids with a blank, non-ASCII or too long are refused; all other printables are taken")
def _(c):
    url = c.fifo()
    for bad in ("a b", "é", "x" * 129):
        refused("InvalidParameterValue", c.sqs.send_message, QueueUrl=url, MessageBody="x", MessageGroupId=bad, MessageDeduplicationId="d")
        refused("InvalidParameterValue", c.sqs.send_message, QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId=bad)
    every = "".join(chr(code) for code in range(33, 127))
    c.sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId=every, MessageDeduplicationId=every)
    equal(c.receive(url)[0]["Attributes"]["MessageGroupId"], every)


@case("forbidden characters and empty bodies are refused")
def _(c):
    url = c.fifo()
    for bad in ("\x00", "a\x08b", "\x1f", "\ufffe", "\uffff"):
        refused("InvalidMessageContents", c.sqs.send_message, QueueUrl=url, MessageBody=bad, MessageGroupId="g", MessageDeduplicationId="d")
    refused("MissingParameter", c.sqs.send_message, QueueUrl=url, MessageBody="", MessageGroupId="g", MessageDeduplicationId="d")
    c.sqs.send_message(QueueUrl=url, MessageBody="\t\n\r\x7f\x80\ud7ff\ue000\ufffd\U00010000", MessageGroupId="g", MessageDeduplicationId="d")


@case("sizes count in bytes, attributes included")
def _(c):
    url = c.fifo(MaximumMessageSize="1024")
    c.sqs.send_message(QueueUrl=url, MessageBody="é" * 512, MessageGroupId="g", MessageDeduplicationId="1")
    refused("InvalidParameterValue", c.sqs.send_message, QueueUrl=url, MessageBody="é" * 512 + "x", MessageGroupId="g", MessageDeduplicationId="2")
    refused("InvalidParameterValue", c.sqs.send_message, QueueUrl=url, MessageBody="x" * 1015, MessageGroupId="g", MessageDeduplicationId="3",
            MessageAttributes={"abc": {"DataType": "String", "StringValue": "x"}})
    c.sqs.send_message(QueueUrl=url, MessageBody="x" * 1014, MessageGroupId="g", MessageDeduplicationId="4",
                       MessageAttributes={"abc": {"DataType": "String", "StringValue": "x"}})


@case("1 MiB is the limit of a message and of a batch")
def _(c):
    url = c.fifo()
    c.sqs.send_message(QueueUrl=url, MessageBody="x" * 1048576, MessageGroupId="g", MessageDeduplicationId="1")
    refused("InvalidParameterValue", c.sqs.send_message, QueueUrl=url, MessageBody="x" * 1048577, MessageGroupId="g", MessageDeduplicationId="2")
    answer = refused("AWS.SimpleQueueService.BatchRequestTooLong", c.sqs.send_message_batch, QueueUrl=url, Entries=[
        {"Id": str(n), "MessageBody": "x" * 600000, "MessageGroupId": "g", "MessageDeduplicationId": str(n)} for n in range(2)])
    assert "1200000" in answer["Error"]["Message"]


@case("a batch: order kept, an entry may fail alone, absent members")
def _(c):
    url = c.fifo(MaximumMessageSize="1024")
    entries = [{"Id": f"e{n}", "MessageBody": body, "MessageGroupId": "g", "MessageDeduplicationId": f"d{n}"}
               for n, body in enumerate(["one", "x" * 1025, "three"])]
    answer = c.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    equal([entry["Id"] for entry in answer["Successful"]], ["e0", "e2"])
    equal([(entry["Id"], entry["SenderFault"], entry["Code"]) for entry in answer["Failed"]], [("e1", True, "InvalidParameterValue")])
    equal(c.bodies(url), ["one", "three"])
    assert "Failed" not in c.sqs.send_message_batch(QueueUrl=url, Entries=[dict(entries[0], MessageDeduplicationId="y")])
    assert "Successful" not in c.sqs.send_message_batch(QueueUrl=url, Entries=[entries[1]])


@case("batches: empty, too many, ids repeated or malformed")
def _(c):
    url = c.fifo()
    prefix = "AWS.SimpleQueueService."
    entry = {"Id": "0", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    refused(prefix + "EmptyBatchRequest", c.sqs.send_message_batch, QueueUrl=url, Entries=[])
    refused(prefix + "TooManyEntriesInBatchRequest", c.sqs.send_message_batch, QueueUrl=url, Entries=[dict(entry, Id=str(n)) for n in range(11)])
    refused(prefix + "BatchEntryIdsNotDistinct", c.sqs.send_message_batch, QueueUrl=url, Entries=[entry, entry])
    refused(prefix + "InvalidBatchEntryId", c.sqs.send_message_batch, QueueUrl=url, Entries=[dict(entry, Id="a b")])
    refused(prefix + "EmptyBatchRequest", c.sqs.delete_message_batch, QueueUrl=url, Entries=[])


@case("a delay of a message is refused on a FIFO queue, obeyed on a standard one")
def _(c):
    url = c.fifo()
    refused("InvalidParameterValue", c.sqs.send_message, QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d", DelaySeconds=1)
    c.sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d", DelaySeconds=0)
    standard = c.sqs.create_queue(QueueName=c.lab.name())["QueueUrl"]
    c.sqs.send_message(QueueUrl=standard, MessageBody="later", DelaySeconds=5)
    equal(c.bodies(standard), [])
    equal(c.sqs.get_queue_attributes(QueueUrl=standard, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessagesDelayed"], "1")
    c.lab.advance(5)
    equal(c.bodies(standard), ["later"])


# ---------------------------------------------------------------- SQS: deduplication

@case("a duplicate gets the first one's id and number, and is not delivered")
def _(c):
    url = c.fifo()
    first, second = c.send(url, "g-1", "g-1")
    equal((second["MessageId"], second["SequenceNumber"]), (first["MessageId"], first["SequenceNumber"]))
    equal(c.bodies(url), ["g-1"])
    equal([line["duplicate"] for line in c.lab.events("sqs.sent", message_id=first["MessageId"])], [False, True])


@case("the dedup window outlives the message, and ends after five minutes")
def _(c):
    url = c.fifo()
    c.send(url, "g-1")
    c.delete(url, c.receive(url)[0])
    c.lab.advance(299)
    c.send(url, "g-1")
    equal(c.bodies(url), [])
    c.lab.advance(2)
    c.send(url, "g-1")
    equal(c.bodies(url), ["g-1"])


@case("scope queue: another group is a duplicate too; scope messageGroup: it is not")
def _(c):
    for scope, wanted in (("queue", ["x"]), ("messageGroup", ["x", "x"])):
        url = c.fifo(DeduplicationScope=scope)
        for group in ("a", "b"):
            c.sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId=group, MessageDeduplicationId="d")
        equal(c.bodies(url), wanted)


@case("the scope of deduplication is that of the queue's creation")
def _(c):
    url = c.fifo()
    c.sqs.set_queue_attributes(QueueUrl=url, Attributes={"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"})
    for group in ("a", "b"):
        c.sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId=group, MessageDeduplicationId="d")
    equal(c.bodies(url), ["x"])


@case("content-based deduplication: SHA-256 of the body, an explicit id wins")
def _(c):
    url = c.fifo(ContentBasedDeduplication="true")
    for options in ({}, {}, {"MessageDeduplicationId": "own"}):
        c.sqs.send_message(QueueUrl=url, MessageBody="same", MessageGroupId="g", **options)
    equal([m["Attributes"]["MessageDeduplicationId"] for m in c.receive(url)], [hashlib.sha256(b"same").hexdigest(), "own"])


# ---------------------------------------------------------------- SQS: order and locks

@case("a receive takes a group's run, then the next group's")
def _(c):
    url = c.fifo()
    c.send(url, "g1-1", "g2-1", "g1-2", "g1-3")
    equal(c.bodies(url), ["g1-1", "g1-2", "g1-3", "g2-1"])


@case("a group in flight is locked, for new messages too; other groups are not")
def _(c):
    url = c.fifo()
    c.send(url, "a-1", "a-2")
    equal(c.bodies(url, 1), ["a-1"])
    c.send(url, "a-3", "b-1")
    equal(c.bodies(url), ["b-1"])


@case("after all timeouts the batch comes back in the original order")
def _(c):
    url = c.fifo()
    c.send(url, "a-1", "a-2", "a-3")
    equal(c.bodies(url, VisibilityTimeout=10), ["a-1", "a-2", "a-3"])
    c.lab.advance(11)
    again = c.receive(url)
    equal([m["Body"] for m in again], ["a-1", "a-2", "a-3"])
    equal([m["Attributes"]["ApproximateReceiveCount"] for m in again], ["2", "2", "2"])


@case("the head nacked while its follower is in flight: the head alone comes back")
def _(c):
    url = c.fifo()
    c.send(url, "a-1", "a-2", "a-3")
    first, _second = c.receive(url, 2)
    c.visibility(url, first, 0)
    equal(c.bodies(url), ["a-1"])


@case("extending one of a batch: only what precedes it comes back")
def _(c):
    for extended, wanted in ((0, []), (1, ["a-1"]), (2, ["a-1", "a-2"])):
        url = c.fifo()
        c.send(url, "a-1", "a-2", "a-3")
        messages = c.receive(url, VisibilityTimeout=10)
        c.visibility(url, messages[extended], 40)
        c.lab.advance(25)
        equal(c.bodies(url), wanted)


@case("deleting some of a batch leaves the group locked, deleting all unlocks it")
def _(c):
    url = c.fifo()
    c.send(url, "a-1", "a-2", "a-3")
    first, second = c.receive(url, 2)
    c.delete(url, first)
    equal(c.bodies(url), [])
    c.delete(url, second)
    equal(c.bodies(url), ["a-3"])


@case("a group that was received goes to the back")
def _(c):
    url = c.fifo(VisibilityTimeout="0")
    c.send(url, "a-1", "b-1", "c-1")
    equal([c.bodies(url, 1) for _ in range(4)], [["a-1"], ["b-1"], ["c-1"], ["a-1"]])


@case("a receive with visibility 0 locks nothing and takes nothing twice")
def _(c):
    url = c.fifo()
    c.send(url, "a-1", "a-2")
    equal(c.bodies(url, VisibilityTimeout=0), ["a-1", "a-2"])
    equal(c.bodies(url), ["a-1", "a-2"])


@case("messages behind a locked group count as visible")
def _(c):
    url = c.fifo()
    c.send(url, "a-1", "a-2", "a-3")
    c.receive(url, 1)
    got = c.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    equal((got["ApproximateNumberOfMessages"], got["ApproximateNumberOfMessagesNotVisible"]), ("2", "1"))


@case("bad limits of a receive are refused")
def _(c):
    url = c.fifo()
    for options in ({"MaxNumberOfMessages": 11}, {"MaxNumberOfMessages": 0}, {"WaitTimeSeconds": 21}, {"WaitTimeSeconds": -1}, {"VisibilityTimeout": 43201}):
        refused("InvalidParameterValue", c.sqs.receive_message, QueueUrl=url, **options)


@case("retention ends a message's life")
def _(c):
    url = c.fifo(MessageRetentionPeriod="60")
    c.send(url, "a-1")
    c.lab.advance(61)
    equal(c.bodies(url), [])


# ---------------------------------------------------------------- SQS: long polls

@case("a long poll is woken by a send")
def _(c):
    url = c.fifo()
    poll = Background(c.bodies, url, WaitTimeSeconds=20)
    c.lab.wait_for_poll()
    c.send(url, "a-1")
    equal(poll.result(), ["a-1"])
    assert poll.seconds < 5


@case("a long poll is woken when a delete unlocks the group")
def _(c):
    url = c.fifo()
    c.send(url, "a-1", "a-2")
    held = c.receive(url, 1)[0]
    poll = Background(c.bodies, url, WaitTimeSeconds=20)
    c.lab.wait_for_poll()
    c.delete(url, held)
    equal(poll.result(), ["a-2"])


@case("a long poll is woken by visibility 0, and by a timeout that ends")
def _(c):
    url = c.fifo()
    c.send(url, "a-1")
    held = c.receive(url)[0]
    poll = Background(c.receive, url, WaitTimeSeconds=20, VisibilityTimeout=10)
    c.lab.wait_for_poll()
    c.visibility(url, held, 0)
    equal([m["Body"] for m in poll.result()], ["a-1"])
    poll = Background(c.bodies, url, WaitTimeSeconds=20)
    c.lab.wait_for_poll()
    c.lab.advance(10)
    equal(poll.result(), ["a-1"])


@case("a long poll that finds nothing ends with its wait, without a Messages member")
def _(c):
    url = c.fifo()
    poll = Background(c.sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
    c.lab.wait_for_poll()
    c.lab.advance(20)
    assert "Messages" not in poll.result()


@case("several polls of one queue are served one after the other")
def _(c):
    url = c.fifo()
    polls = [Background(c.bodies, url, 1, WaitTimeSeconds=20) for _ in range(3)]
    c.lab.wait_for_poll(3)
    c.send(url, "a-1", "b-1", "c-1")
    equal(sorted(body for poll in polls for body in poll.result()), ["a-1", "b-1", "c-1"])


@case("a poll whose client hung up takes no message")
def _(c):
    url = c.fifo()
    body = json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20})
    raw = socket.create_connection(c.lab.address.split(":"))
    raw.sendall(signed(c, "POST", "/", body.encode(), {"X-Amz-Target": "AmazonSQS.ReceiveMessage",
                                                       "Content-Type": "application/x-amz-json-1.0"}, "sqs"))
    c.lab.wait_for_poll()
    raw.close()
    c.lab.wait_for_poll(0)
    c.send(url, "a-1")
    equal(c.bodies(url), ["a-1"])


@case("deleting a queue ends its long polls")
def _(c):
    url = c.fifo()
    poll = Background(c.bodies, url, WaitTimeSeconds=20)
    c.lab.wait_for_poll()
    c.sqs.delete_queue(QueueUrl=url)
    refused("AWS.SimpleQueueService.NonExistentQueue", poll.result)


# ---------------------------------------------------------------- SQS: handles

@case("an expired handle: refused, the message stays; other code within a batch")
def _(c):
    url = c.fifo(VisibilityTimeout="10")
    c.send(url, "a-1")
    message = c.receive(url)[0]
    c.lab.advance(11)
    answer = refused("InvalidParameterValue", c.delete, url, message)
    assert "The receipt handle has expired" in answer["Error"]["Message"]
    failed = c.sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}])["Failed"]
    equal([(f["Code"], f["Message"]) for f in failed], [("ReceiptHandleIsInvalid", "The receipt handle has expired")])
    refused("AWS.SimpleQueueService.MessageNotInflight", c.visibility, url, message, 10)
    equal(c.bodies(url), ["a-1"])


@case("a superseded handle is refused like an expired one")
def _(c):
    url = c.fifo(VisibilityTimeout="10")
    c.send(url, "a-1")
    old = c.receive(url)[0]
    c.lab.advance(11)
    new = c.receive(url)[0]
    assert old["ReceiptHandle"] != new["ReceiptHandle"]
    refused("InvalidParameterValue", c.delete, url, old)
    c.delete(url, new)


@case("an extended handle stays good")
def _(c):
    url = c.fifo(VisibilityTimeout="10")
    c.send(url, "a-1")
    message = c.receive(url)[0]
    c.visibility(url, message, 60)
    c.lab.advance(30)
    c.delete(url, message)
    c.lab.advance(60)
    equal(c.bodies(url), [])


@case("garbage and foreign handles are invalid, a deleted message's is fine (assumed)")
def _(c):
    url, other = c.fifo(), c.fifo()
    c.send(url, "a-1")
    message = c.receive(url)[0]
    for handle in ("garbage", "AQEB" + "A" * 160, message["ReceiptHandle"][:-4] + "====", "é"):
        refused("ReceiptHandleIsInvalid", c.sqs.delete_message, QueueUrl=url, ReceiptHandle=handle)
    refused("ReceiptHandleIsInvalid", c.delete, other, message)
    c.delete(url, message)
    c.delete(url, message)
    refused("InvalidParameterValue", c.visibility, url, message, 10)


@case("a visibility batch mixes success and failure; twelve hours are the end")
def _(c):
    url = c.fifo()
    c.send(url, "a-1", "a-2")
    first, second = c.receive(url)
    c.delete(url, second)
    answer = c.sqs.change_message_visibility_batch(QueueUrl=url, Entries=[
        {"Id": "x", "ReceiptHandle": first["ReceiptHandle"], "VisibilityTimeout": 0},
        {"Id": "y", "ReceiptHandle": second["ReceiptHandle"], "VisibilityTimeout": 0}])
    equal(([e["Id"] for e in answer["Successful"]], [e["Id"] for e in answer["Failed"]]), (["x"], ["y"]))
    again = c.receive(url)[0]
    c.lab.advance(10)
    refused("InvalidParameterValue", c.visibility, url, again, 43200)
    c.visibility(url, again, 43180)


@case("a standard queue takes late deletes and gives no sequence numbers")
def _(c):
    url = c.sqs.create_queue(QueueName=c.lab.name(), Attributes={"VisibilityTimeout": "5"})["QueueUrl"]
    assert "SequenceNumber" not in c.sqs.send_message(QueueUrl=url, MessageBody="x")
    message = c.receive(url)[0]
    c.lab.advance(6)
    c.delete(url, message)
    equal(c.bodies(url), [])


@case("ReceiveRequestAttemptId: the same messages under the same handles, for longer")
def _(c):
    url = c.fifo(VisibilityTimeout="10")
    c.send(url, "a-1", "a-2", "b-1")
    first = c.receive(url, ReceiveRequestAttemptId="try-1")
    c.lab.advance(6)
    again = c.receive(url, ReceiveRequestAttemptId="try-1")
    equal([m["ReceiptHandle"] for m in again], [m["ReceiptHandle"] for m in first])
    c.lab.advance(6)
    equal(c.bodies(url), [])
    c.delete(url, first[0])
    refused("InvalidParameterValue", c.receive, url, ReceiveRequestAttemptId="try-1")
    equal(c.bodies(url, ReceiveRequestAttemptId="try-2"), [])


@case("the dead-letter queue: same id and group, its id for dedup, counts go on, the group goes on")
def _(c):
    dead = c.fifo()
    arn = c.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    url = c.fifo(VisibilityTimeout="5", RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2}))
    c.send(url, "a-1", "a-2")
    for _ in range(2):
        equal(c.bodies(url, 1), ["a-1"])
        c.lab.advance(6)
    equal(c.bodies(url, 1), ["a-2"])
    moved = c.receive(dead)[0]
    system = moved["Attributes"]
    equal((moved["Body"], system["MessageGroupId"], system["MessageDeduplicationId"], system["ApproximateReceiveCount"]),
          ("a-1", "a", moved["MessageId"], "3"))
    equal(system["DeadLetterQueueSourceArn"].rsplit(":", 1)[1], url.rsplit("/", 1)[1])


# ---------------------------------------------------------------- S3

@case("awkward keys: put, get, head, list, delete")
def _(c):
    bucket = c.bucket()
    for key in AWKWARD_KEYS:
        c.s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in AWKWARD_KEYS:
        equal(c.s3.get_object(Bucket=bucket, Key=key)["Body"].read(), key.encode())
        equal(c.s3.head_object(Bucket=bucket, Key=key)["ContentLength"], len(key.encode()))
    listed = [entry["Key"] for entry in c.s3.list_objects_v2(Bucket=bucket)["Contents"]]
    equal(listed, sorted(AWKWARD_KEYS, key=str.encode))
    for key in AWKWARD_KEYS:
        c.s3.delete_object(Bucket=bucket, Key=key)
    equal(c.s3.list_objects_v2(Bucket=bucket)["KeyCount"], 0)


@case("what is kept with an object: ETag, type, metadata, checksum")
def _(c):
    bucket = c.bucket()
    put = c.s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ContentType="text/x", Metadata={"one": "1", "two": "a  b"},
                          ContentEncoding="gzip", CacheControl="no-store")
    got = c.s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    equal((put["ETag"], got["ETag"]), ('"5d41402abc4b2a76b9719d911017c592"',) * 2)
    equal((got["ContentType"], got["Metadata"]["one"], got["ContentEncoding"], got["CacheControl"]), ("text/x", "1", "gzip", "no-store"))
    equal(got["ChecksumCRC32"], base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode())
    assert "VersionId" not in got


@case("checksums of every kind are computed anew; a wrong one is refused")
def _(c):
    bucket = c.bucket()
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        c.s3.put_object(Bucket=bucket, Key=algorithm, Body=b"123456789", ChecksumAlgorithm=algorithm)
    # the check values of the two CRCs that Python has not
    c.s3.put_object(Bucket=bucket, Key="c", Body=b"123456789", ChecksumCRC32C=base64.b64encode(bytes.fromhex("e3069283")).decode())
    c.s3.put_object(Bucket=bucket, Key="n", Body=b"123456789", ChecksumCRC64NVME=base64.b64encode(bytes.fromhex("ae8b14860a799888")).decode())
    refused("BadDigest", c.s3.put_object, Bucket=bucket, Key="k", Body=b"x", ChecksumCRC32="AAAAAA==")
    refused("BadDigest", c.s3.put_object, Bucket=bucket, Key="k", Body=b"x", ContentMD5=base64.b64encode(bytes(16)).decode())


@case("a stream of unknown kind goes up in chunks with a trailing checksum")
def _(c):
    bucket = c.bucket()
    body = random.randbytes(300000)
    request = AWSRequest("PUT", f"{c.lab.url}/{bucket}/k", data=b"")
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:70000], body[70000:]))
    crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big"))
    status, _ = send_signed(c, "PUT", f"/{bucket}/k", chunks + b"0\r\nx-amz-checksum-crc32:" + crc + b"\r\n\r\n", {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(len(body)), "x-amz-trailer": "x-amz-checksum-crc32"})
    equal(status, 200)
    got = c.s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    equal(got["Body"].read(), body)
    assert "ContentEncoding" not in got
    status, answer = send_signed(c, "PUT", f"/{bucket}/k", b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": "5"})
    equal((status, b"BadDigest" in answer), (400, True))


@case("multipart: a large file goes up in parts and comes back")
def _(c):
    bucket = c.bucket()
    body = random.randbytes(12_000_000)
    c.s3.upload_fileobj(io.BytesIO(body), bucket, "large")
    back = io.BytesIO()
    c.s3.download_fileobj(bucket, "large", back)
    equal(hashlib.md5(back.getvalue()).hexdigest(), hashlib.md5(body).hexdigest())
    assert c.s3.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-2"')
    upload = c.s3.create_multipart_upload(Bucket=bucket, Key="x")["UploadId"]
    c.s3.abort_multipart_upload(Bucket=bucket, Key="x", UploadId=upload)
    refused("NoSuchUpload", c.s3.upload_part, Bucket=bucket, Key="x", UploadId=upload, PartNumber=1, Body=b"x")


@case("ranges: 206, and 416 behind the end")
def _(c):
    bucket = c.bucket()
    c.s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    for header, wanted, content_range in (("bytes=2-4", b"234", "bytes 2-4/10"), ("bytes=7-", b"789", "bytes 7-9/10"),
                                          ("bytes=-3", b"789", "bytes 7-9/10"), ("bytes=8-99", b"89", "bytes 8-9/10")):
        got = c.s3.get_object(Bucket=bucket, Key="k", Range=header)
        equal((got["Body"].read(), got["ContentRange"], got["ResponseMetadata"]["HTTPStatusCode"]), (wanted, content_range, 206))
    refused("InvalidRange", c.s3.get_object, Bucket=bucket, Key="k", Range="bytes=10-", status=416)


@case("conditions: If-Match, If-None-Match, also on a put")
def _(c):
    bucket = c.bucket()
    etag = c.s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    c.s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)
    refused("PreconditionFailed", c.s3.get_object, Bucket=bucket, Key="k", IfMatch='"other"', status=412)
    refused("304", c.s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag)
    refused("PreconditionFailed", c.s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    c.s3.put_object(Bucket=bucket, Key="k2", Body=b"2", IfNoneMatch="*")


@case("versions: read, mark as deleted, delete")
def _(c):
    bucket = c.bucket()
    c.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    equal(c.s3.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
    one, two = (c.s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] for body in (b"1", b"2"))
    equal(c.s3.get_object(Bucket=bucket, Key="k", VersionId=one)["Body"].read(), b"1")
    equal(c.s3.get_object(Bucket=bucket, Key="k")["VersionId"], two)
    marker = c.s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"]
    refused("NoSuchKey", c.s3.get_object, Bucket=bucket, Key="k")
    refused("MethodNotAllowed", c.s3.get_object, Bucket=bucket, Key="k", VersionId=marker["VersionId"], status=405)
    c.s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    equal(c.s3.get_object(Bucket=bucket, Key="k")["Body"].read(), b"2")
    listed = c.s3.list_object_versions(Bucket=bucket)["Versions"]
    equal([(v["VersionId"], v["IsLatest"]) for v in listed], [(two, True), (one, False)])
    refused("NoSuchVersion", c.s3.get_object, Bucket=bucket, Key="k", VersionId="none")


@case("errors of S3: code, status, nothing in the body of a HEAD")
def _(c):
    bucket = c.bucket()
    refused("NoSuchKey", c.s3.get_object, Bucket=bucket, Key="nope", status=404)
    refused("NoSuchBucket", c.s3.get_object, Bucket="no-such-bucket", Key="nope", status=404)
    refused("404", c.s3.head_object, Bucket=bucket, Key="nope")
    refused("BucketAlreadyOwnedByYou", c.s3.create_bucket, Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": support.REGION})
    refused("KeyTooLongError", c.s3.put_object, Bucket=bucket, Key="x" * 1025, Body=b"")
    refused("NotImplemented", c.s3.get_object_tagging, Bucket=bucket, Key="nope", status=501)
    c.s3.put_object(Bucket=bucket, Key="k", Body=b"")
    refused("BucketNotEmpty", c.s3.delete_bucket, Bucket=bucket, status=409)


@case("listing: prefix, delimiter, pages, start-after; the older call too")
def _(c):
    bucket = c.bucket()
    keys = [f"{a}/{b}{d}" for a in "ab" for b in "xy" for d in ("", "/1", "/2")] + ["c", "a b+c"]
    for key in keys:
        c.s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for call in ("list_objects_v2", "list_objects"):
        got = {"Contents": [], "CommonPrefixes": []}
        for page in c.s3.get_paginator(call).paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1}):
            for part in got:
                got[part] += page.get(part, [])
        equal([entry["Key"] for entry in got["Contents"]], ["a b+c", "c"])
        equal([entry["Prefix"] for entry in got["CommonPrefixes"]], ["a/", "b/"])
        pages = list(c.s3.get_paginator(call).paginate(Bucket=bucket, PaginationConfig={"PageSize": 3}))
        equal([entry["Key"] for page in pages for entry in page["Contents"]], sorted(keys))
        equal([entry["Key"] for entry in getattr(c.s3, call)(Bucket=bucket, Prefix="a/x")["Contents"]], ["a/x", "a/x/1", "a/x/2"])
    equal([e["Key"] for e in c.s3.list_objects_v2(Bucket=bucket, StartAfter="b/y/1")["Contents"]], ["b/y/2", "c"])


@case("copy, delete of many, buckets")
def _(c):
    bucket = c.bucket()
    c.s3.put_object(Bucket=bucket, Key="a b+é", Body=b"1", ContentType="text/x")
    c.s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a b+é"})
    equal(c.s3.get_object(Bucket=bucket, Key="copy")["ContentType"], "text/x")
    equal(len(c.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "copy"}, {"Key": "a b+é"}]})["Deleted"]), 2)
    assert bucket in [b["Name"] for b in c.s3.list_buckets()["Buckets"]]
    equal(c.s3.get_bucket_location(Bucket=bucket)["LocationConstraint"], support.REGION)
    c.s3.delete_bucket(Bucket=bucket)
    refused("404", c.s3.head_bucket, Bucket=bucket)


# ---------------------------------------------------------------- notifications and Lambda

@case("a notification: test event first, then the object with its encoded key")
def _(c):
    bucket, function = c.bucket(), c.lab.name()
    c.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    c.notify(bucket, function, prefix="in/", suffix=".txt")
    runtime = Runtime(c.lab, function)
    request_id, event, _ = runtime.next()
    equal((event["Event"], event["Bucket"]), ("s3:TestEvent", bucket))
    equal(runtime.respond(request_id), 202)
    c.s3.put_object(Bucket=bucket, Key="out/x.txt", Body=b"no")
    c.s3.put_object(Bucket=bucket, Key="in/x.json", Body=b"no")
    put = c.s3.put_object(Bucket=bucket, Key="in/a b+c/é&=%2F@.txt", Body=b"hello")
    request_id, event, _ = runtime.next()
    record = event["Records"][0]
    equal((record["eventSource"], record["eventName"], record["awsRegion"]), ("aws:s3", "ObjectCreated:Put", support.REGION))
    equal((record["s3"]["bucket"]["name"], record["s3"]["configurationId"]), (bucket, "rule-1"))
    described = record["s3"]["object"]
    equal(described["key"], "in/a+b%2Bc/%C3%A9%26%3D%252F%40.txt")
    equal((described["size"], described["eTag"], described["versionId"]), (5, put["ETag"].strip('"'), put["VersionId"]))
    int(described["sequencer"], 16)
    runtime.respond(request_id)


@case("sequencers of a key grow")
def _(c):
    bucket, function = c.bucket(), c.lab.name()
    c.notify(bucket, function)
    runtime = Runtime(c.lab, function)
    runtime.respond(runtime.next()[0])
    seen = []
    for _ in range(3):
        c.s3.put_object(Bucket=bucket, Key="k", Body=b"")
        request_id, event, _ = runtime.next()
        seen.append(event["Records"][0]["s3"]["object"]["sequencer"])
        runtime.respond(request_id)
    equal(seen, sorted(set(seen)))


@case("a notification to a standard queue; a FIFO queue is refused")
def _(c):
    bucket = c.bucket()
    url = c.sqs.create_queue(QueueName=c.lab.name())["QueueUrl"]

    def configure(name):
        c.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [
            {"QueueArn": f"arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:{name}", "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]})
    refused("InvalidArgument", configure, c.fifo().rsplit("/", 1)[1])
    configure(url.rsplit("/", 1)[1])
    c.s3.put_object(Bucket=bucket, Key="k", Body=b"")
    c.s3.delete_object(Bucket=bucket, Key="k")
    events = [json.loads(body) for body in c.bodies(url)]
    equal([e.get("Event") or e["Records"][0]["eventName"] for e in events], ["s3:TestEvent", "ObjectCreated:Put", "ObjectRemoved:Delete"])
    assert "size" not in events[2]["Records"][0]["s3"]["object"]


@case("next blocks until there is work, with the headers of an invocation")
def _(c):
    function = c.lab.name()
    waiting = Background(Runtime(c.lab, function).next)
    until(lambda: c.lab.request("GET", f"/_lab/functions/{function}")[0] == 200 and
          c.lab.control("GET", f"functions/{function}")["idle"] == 1)
    equal(c.awslambda.invoke(FunctionName=function, InvocationType="Event", Payload=b'{"a":1}')["StatusCode"], 202)
    request_id, event, headers = waiting.result()
    equal((event, len(request_id)), ({"a": 1}, 36))
    deadline = int(headers["Lambda-Runtime-Deadline-Ms"]) - c.lab.control("GET", "clock")["now_ms"]
    assert 25000 < deadline <= 30000
    assert headers["Lambda-Runtime-Trace-Id"].startswith("Root=1-")
    equal(headers["Lambda-Runtime-Invoked-Function-Arn"].rsplit(":", 1)[1], function)


@case("a synchronous invoke returns the response, or the error")
def _(c):
    function = c.lab.name()
    runtime = Runtime(c.lab, function)
    for answer, wanted in ((runtime.respond, None), (runtime.fail, "Unhandled")):
        work = Background(runtime.next)
        until(lambda: c.lab.request("GET", f"/_lab/functions/{function}")[0] == 200)
        call = Background(c.awslambda.invoke, FunctionName=function, Payload=b'"in"')
        request_id, event, _ = work.result()
        equal(event, "in")
        answer(request_id)
        equal(call.result().get("FunctionError"), wanted)
    refused("ResourceNotFoundException", c.awslambda.invoke, FunctionName="no-such-function", status=404)


@case("status codes: wrong id 400, second answer 403, too large 413, next while busy 403")
def _(c):
    function = c.lab.name()
    runtime = Runtime(c.lab, function)
    equal(runtime.respond("00000000-0000-4000-8000-000000000000"), 400)
    for n in range(2):
        c.lab.request("GET", f"/_lab/functions/{function}")
        c.awslambda.invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")
    first, _, _ = runtime.next()
    status, _, body = runtime.call("GET", "invocation/next")
    equal((status, json.loads(body)["errorType"]), (403, "InvalidStateTransition"))
    equal(runtime.respond(first, '{"ok":true}'), 202)
    equal(runtime.respond(first), 403)
    second, _, _ = runtime.next()
    equal(runtime.respond(second, "x" * (6 * 1024 * 1024 + 101)), 413)
    equal(c.lab.events("lambda.result", request_id=second)[0]["error_type"], "Function.ResponseSizeTooLarge")
    equal(runtime.call("GET", "nonsense")[0], 404)


@case("init error: accepted before the first next, refused after")
def _(c):
    function = c.lab.name()
    headers = {"Lambda-Runtime-Function-Error-Type": "Runtime.NoSuchHandler"}
    equal(Runtime(c.lab, function).call("POST", "init/error", "{}", headers)[0], 202)
    Background(Runtime(c.lab, function).next)
    until(lambda: c.lab.control("GET", f"functions/{function}")["idle"] == 1)
    equal(Runtime(c.lab, function).call("POST", "init/error", "{}", headers)[0], 403)


@case("an event that fails is tried again after 1 and 2 minutes, with the same id, then given up")
def _(c):
    function = c.lab.name()
    runtime = Runtime(c.lab, function)
    equal(runtime.respond("x"), 400)  # makes the function known
    c.awslambda.invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")
    ids = []
    for pause in (60, 120, 0):
        ids.append(runtime.next()[0])
        equal(runtime.fail(ids[-1], "Function.Broken" if pause else "nonsense"), 202)
        if pause:
            c.lab.advance(pause - 2)
            equal(c.lab.control("GET", f"functions/{function}")["resting"], 1)
            c.lab.advance(2)
    equal(len(set(ids)), 1)
    equal([e["error_type"] for e in c.lab.events("lambda.result", function=function)], ["Function.Broken"] * 2 + ["Runtime.Unknown"])
    equal(len(c.lab.events("lambda.discarded", function=function)), 1)


@case("a runtime that does not answer: timeout, the event is tried again")
def _(c):
    function = c.lab.name()
    runtime, other = Runtime(c.lab, function), Runtime(c.lab, function)
    runtime.respond("x")
    c.awslambda.invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")
    request_id = runtime.next()[0]
    runtime.connection.close()
    c.lab.advance(31)
    equal([e["outcome"] for e in c.lab.events("lambda.result", function=function)], ["timeout"])
    c.lab.advance(60)
    equal(other.next()[0], request_id)
    equal(other.respond(request_id), 202)


@case("a runtime that hung up while waiting gets no event")
def _(c):
    function = c.lab.name()
    raw = socket.create_connection(c.lab.address.split(":"))
    raw.sendall(f"GET /runtime/{function}/2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    until(lambda: c.lab.request("GET", f"/_lab/functions/{function}")[0] == 200)
    raw.close()
    until(lambda: c.lab.control("GET", f"functions/{function}")["idle"] == 0)
    c.awslambda.invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")
    equal(len(c.lab.events("lambda.invoke", function=function)), 0)
    Runtime(c.lab, function).next()


# ---------------------------------------------------------------- faults

@case("a fault refuses requests: skip, times, status, code")
def _(c):
    url = c.fifo()
    c.lab.fault(service="sqs", action="SendMessage", skip=1, times=2, do="error", status=503, code="ServiceUnavailable", message="busy")
    c.send(url, "a-1")
    for _ in range(2):
        refused("ServiceUnavailable", c.send, url, "a-2", status=503)
    c.send(url, "a-3")
    equal(c.bodies(url), ["a-1", "a-3"])
    c.lab.fault(service="s3", do="error", status=503, code="SlowDown", message="slow")
    refused("SlowDown", c.s3.list_buckets, status=503)


@case("a dropped answer: before nothing was applied, after it was")
def _(c):
    url = c.fifo()
    for deed, body in (("drop_before", "a-1"), ("drop_after", "b-1")):
        c.lab.fault(action="SendMessage", do=deed)
        try:
            c.send(url, body)
            raise AssertionError("the call succeeded")
        except HTTPClientError:
            pass
    equal(c.bodies(url), ["b-1"])
    equal([line["do"] for line in c.lab.events("fault", resource=url.rsplit("/", 1)[1])], ["drop_before", "drop_after"])


@case("entries of a batch fail by script, and stay")
def _(c):
    url = c.fifo()
    c.send(url, "a-1", "b-1", "c-1")
    messages = c.receive(url)
    c.lab.fault(action="DeleteMessageBatch", do="fail_entries", entries=[1], code="InternalError")
    answer = c.sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)])
    equal([(f["Id"], f["Code"], f["SenderFault"]) for f in answer["Failed"]], [("1", "InternalError", False)])
    equal([m["body"] for m in c.lab.control("GET", "queues/" + url.rsplit("/", 1)[1])["messages"]], ["b-1"])


@case("a late answer, and none at all")
def _(c):
    url = c.fifo()
    c.lab.fault(action="SendMessage", do="delay_ms", ms=300)
    start = time.monotonic()
    c.send(url, "a-1")
    assert time.monotonic() - start > 0.29
    c.lab.fault(action="SendMessage", do="hang")
    raw = socket.create_connection(c.lab.address.split(":"))
    body = json.dumps({"QueueUrl": url, "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "x"}).encode()
    raw.sendall(signed(c, "POST", "/", body, {"X-Amz-Target": "AmazonSQS.SendMessage"}, "sqs"))
    raw.settimeout(0.3)
    try:
        equal(raw.recv(1), "nothing")
    except TimeoutError:
        pass
    raw.close()
    equal(c.bodies(url), ["a-1"])


@case("a fault kills a process before the request is applied")
def _(c):
    url = c.fifo()
    c.send(url, "a-1")
    message = c.receive(url)[0]
    victim = subprocess.Popen(["sleep", "60"])
    c.lab.fault(action="DeleteMessage", do="error", status=500, code="InternalError", kill=victim.pid)
    refused("InternalError", c.delete, url, message)
    equal(victim.wait(timeout=5), -signal.SIGKILL)
    c.delete(url, message)


@case("a script that makes no sense is refused")
def _(c):
    for script in ({"do": "explode"}, {"kill": 1}, {"do": "error", "status": 9}, {"do": "delay_ms", "ms": -1}):
        equal(c.lab.request("POST", "/_lab/faults", json.dumps(script))[0], 400)
    equal(c.lab.request("POST", "/_lab/faults", "garbage")[0], 400)
    equal(c.lab.request("POST", "/_lab/clock", '{"advance_seconds":-1}')[0], 400)


# ---------------------------------------------------------------- signatures

def signed_headers(c, method, path, body, headers, service, secret=support.SECRET_KEY, region=support.REGION, key=support.ACCESS_KEY):
    request = AWSRequest(method, c.lab.url + path, data=body, headers=dict(headers))
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    if service == "s3" and "x-amz-content-sha256" in headers:
        class signer(S3SigV4Auth):
            def payload(self, request):
                return headers["x-amz-content-sha256"]
    signer(Credentials(key, secret), service, region).add_auth(request)
    return dict(request.headers.items())


def send_signed(c, method, path, body, headers, service="s3", **options):
    """Signed by botocore, sent as is: the path on the wire is the one that was signed."""
    status, _, answer = c.lab.request(method, path, body, signed_headers(c, method, path, body, headers, service, **options))
    return status, answer


def signed(c, method, path, body, headers, service):
    """The same as raw bytes."""
    headers = signed_headers(c, method, path, body, headers, service)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {c.lab.address}", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines + [f"{k}: {v}" for k, v in headers.items()]).encode() + b"\r\n\r\n" + body


@case("a wrong secret and a wrong key are refused, with each service's codes")
def _(c):
    for service, call, arguments, codes in (("sqs", "list_queues", {}, ("SignatureDoesNotMatch", "InvalidClientTokenId")),
                                            ("s3", "list_buckets", {}, ("SignatureDoesNotMatch", "InvalidAccessKeyId")),
                                            ("lambda", "invoke", {"FunctionName": "f"}, ("InvalidSignatureException", "UnrecognizedClientException"))):
        refused(codes[0], getattr(c.client(service, secret="wrong"), call), status=403, **arguments)
        refused(codes[1], getattr(c.client(service, aws_access_key_id="AKIDOTHER"), call), status=403, **arguments)


@case("a foreign region is refused; S3 says which is right")
def _(c):
    refused("SignatureDoesNotMatch", c.client("sqs", region_name="us-east-1").list_queues)
    status, answer = send_signed(c, "GET", "/", b"", {}, region="us-east-1")
    equal((status, b"<Region>eu-west-1</Region>" in answer, b"AuthorizationHeaderMalformed" in answer), (400, True, True))


@case("a missing or a malformed signature is refused")
def _(c):
    status, headers, answer = c.lab.request("POST", "/", "{}", {"X-Amz-Target": "AmazonSQS.ListQueues"})
    equal((status, headers["x-amzn-query-error"]), (403, "MissingAuthenticationToken;Sender"))
    equal(c.lab.request("GET", "/")[0], 403)
    for header in ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ,,,", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=x", "Basic eA==", "=", ","):
        status, headers, answer = c.lab.request("POST", "/", "{}", {"X-Amz-Target": "AmazonSQS.ListQueues", "Authorization": header, "X-Amz-Date": "20260102T030405Z"})
        equal((status, headers["x-amzn-query-error"]), (400, "IncompleteSignature;Sender"))


@case("an old date is refused, an unsigned x-amz header too, a changed body too")
def _(c):
    headers = signed_headers(c, "GET", "/", b"", {}, "s3")
    status, _, answer = c.lab.request("GET", "/", None, dict(headers, **{"x-amz-meta-late": "1"}))
    equal((status, b"x-amz-meta-late" in answer), (403, True))
    old = {name: value for name, value in headers.items()}
    old["X-Amz-Date"] = "20200102T030405Z"
    old["Authorization"] = old["Authorization"].replace(headers["X-Amz-Date"][:8], "20200102")
    status, _, answer = c.lab.request("GET", "/", None, old)
    equal((status, b"RequestTimeTooSkewed" in answer), (403, True))
    bucket = c.bucket()
    headers = signed_headers(c, "PUT", f"/{bucket}/k", b"one", {}, "s3")
    status, _, answer = c.lab.request("PUT", f"/{bucket}/k", b"two", headers)
    equal((status, b"XAmzContentSHA256Mismatch" in answer), (400, True))


def random_text(alphabet, most):
    return "".join(random.choice(alphabet) for _ in range(random.randint(1, most)))


@case("300 random requests signed by botocore are accepted, and refused with one letter changed")
def _(c):
    bucket = c.bucket()
    alphabet = "ab/ +%&=?#.~-_!*'()@,;:é日🙂\\\"<>^`{}|[]$\t"
    connection = http.client.HTTPConnection(c.lab.address, timeout=30)
    for n in range(300):
        key = random_text(alphabet, 40)
        path = f"/{bucket}/" + urllib.parse.quote(key, safe="/~-._")
        headers = {f"x-amz-meta-{random_text('abc-d', 8)}": random_text("ab  ,;=\"'\t", 20).strip() or "x" for _ in range(random.randint(0, 4))}
        body = random.randbytes(random.randint(0, 100))
        method = random.choice(["PUT", "PUT", "PUT", "LIST"])
        if method == "LIST":
            method, body = "GET", b""
            query = {"list-type": "2", "prefix": random_text(alphabet, 10), "delimiter": random_text(alphabet, 2), "max-keys": "7",
                     "start-after": random_text(alphabet, 5)}
            path = f"/{bucket}?" + "&".join(f"{k}={urllib.parse.quote(v, safe='~-._')}" for k, v in random.sample(list(query.items()), 5))
        signed_ones = signed_headers(c, method, path, body, headers, "s3")
        broken = n % 10 == 0
        if broken:
            last = signed_ones["Authorization"][-1]
            signed_ones["Authorization"] = signed_ones["Authorization"][:-1] + ("0" if last != "0" else "1")
        connection.request(method, path, body, signed_ones)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != (403 if broken else 200):
            raise AssertionError(f"{answer.status} for {method} {path} {signed_ones}: {text.decode()}")
        if method == "PUT" and not broken:
            equal(c.s3.get_object(Bucket=bucket, Key=key)["Body"].read(), body)


# ---------------------------------------------------------------- the lab itself

@case("the journal is numbered without gaps, and tells requests from effects")
def _(c):
    lines = c.lab.journal()
    equal([line["n"] for line in lines], list(range(1, len(lines) + 1)))
    assert all(line.get("request") is True or "event" in line for line in lines)
    assert any(line.get("error") == "AWS.SimpleQueueService.NonExistentQueue" for line in lines)


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
            status, _ = send_signed(c, "POST", "/", body, {"X-Amz-Target": f"AmazonSQS.{action}"}, "sqs") if action.isascii() else (400, b"")
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
            status, _ = send_signed(c, "POST", "/", json.dumps(body).encode(), {"X-Amz-Target": f"AmazonSQS.{action}"}, "sqs")
            assert status in (200, 400, 404), (status, action, body)
    bucket = c.bucket()
    for query in ("versioning", "notification", "delete", "uploads", "uploadId=x", "list-type=2", "versions", "location", ""):
        for method in ("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"):
            for body in (b"", b"<a>", b"<a><b></a></b>", b"<" * 1000, b"<a>&#0;</a>", b"<Delete><Object/></Delete>"):
                status, _ = send_signed(c, method, f"/{bucket}/k?{query}", body, {})
                assert status < 500 or status == 501, (status, method, query, body)
    equal(c.lab.control("GET", "stats")["waiting_polls"], 0)


support.run(Context)
