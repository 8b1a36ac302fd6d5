"""S3: notifications."""
import json
import time

import lab as support
from cloud import Runtime
from lab import equal, until
from registry import case, refusals


refusals(
    ("S3: a notification to a FIFO queue", "S3 cannot notify FIFO queues. [documented]", "InvalidArgument", 400, lambda c: c.notify_queue(c.bucket(), c.fifo())),
    ("S3: a notification to a queue that is not there", "Destinations are validated. [documented]", "InvalidArgument", 400, lambda c: c.notify_queue(c.bucket(), "x/none")),
)


@case("S3 events: a test event comes when the configuration is set")
def _(c):
    """s3:TestEvent, without Records. [documented]"""
    url, bucket = c.create(c.name()), c.bucket()
    c.notify_queue(bucket, url)
    event = json.loads(c.bodies(url)[0])
    equal((event["Service"], event["Event"], event["Bucket"], "Records" in event), ("Amazon S3", "s3:TestEvent", bucket, False))


@case("S3 events: the test event names its request")
def _(c):
    """RequestId and HostId. [documented]"""
    url = c.create(c.name())
    c.notify_queue(c.bucket(), url)
    equal(sorted(set(json.loads(c.bodies(url)[0])) - {"Service", "Event", "Bucket", "Time"}), ["HostId", "RequestId"])


def events(c, *deeds, versioned=True):
    """The event records that a queue got from a bucket."""
    url, bucket = c.create(c.name()), c.versioned() if versioned else c.bucket()
    c.notify_queue(bucket, url)
    for deed in deeds:
        deed(bucket)
    until(lambda: int(c.attributes(url)["ApproximateNumberOfMessages"]) == 1 + len(deeds), timeout=10 if c.kind == "lab" else 3)
    return bucket, [record for body in c.bodies(url) for record in json.loads(body).get("Records", [])]


@case("S3 events: the names of events")
def _(c):
    """Without the prefix s3:; a delete in a versioned bucket makes a marker. [documented]"""
    _, records = events(c, lambda b: c.s3.put_object(Bucket=b, Key="k", Body=b""), lambda b: c.s3.delete_object(Bucket=b, Key="k"))
    equal([r["eventName"] for r in records], ["ObjectCreated:Put", "ObjectRemoved:DeleteMarkerCreated"])


@case("S3 events: the key is form-encoded, the slash stays")
def _(c):
    """A blank is +, a plus %2B, @ is %40. [documented]"""
    _, records = events(c, lambda b: c.s3.put_object(Bucket=b, Key="in/a b+c/é&=%2F@.txt", Body=b""))
    equal(records[0]["s3"]["object"]["key"], "in/a+b%2Bc/%C3%A9%26%3D%252F%40.txt")


@case("S3 events: size, eTag without quotes, versionId")
def _(c):
    """Of exactly the version that was put. [documented]"""
    bucket, records = events(c, lambda b: c.s3.put_object(Bucket=b, Key="k", Body=b"hello"))
    put = c.s3.head_object(Bucket=bucket, Key="k")
    described = records[0]["s3"]["object"]
    equal((described["size"], described["eTag"], described["versionId"]), (5, put["ETag"].strip('"'), put["VersionId"]))


@case("S3 events: who, where, when")
def _(c):
    """Source, region, bucket, version of the format; the time in UTC with milliseconds. [documented]"""
    bucket, records = events(c, lambda b: c.s3.put_object(Bucket=b, Key="k", Body=b""))
    record = records[0]
    equal((record["eventVersion"], record["eventSource"], record["awsRegion"]), ("2.1", "aws:s3", support.REGION))
    equal((record["s3"]["bucket"]["name"], record["s3"]["bucket"]["arn"]), (bucket, f"arn:aws:s3:::{bucket}"))
    time.strptime(record["eventTime"], "%Y-%m-%dT%H:%M:%S.%fZ")


@case("S3 events: a delete has no size and no eTag")
def _(c):
    """There is nothing to measure. [recorded]"""
    _, records = events(c, lambda b: c.s3.put_object(Bucket=b, Key="k", Body=b""), lambda b: c.s3.delete_object(Bucket=b, Key="k"))
    equal(sorted({"size", "eTag"} & set(records[1]["s3"]["object"])), [])


@case("S3 events: without versioning there is no versionId")
def _(c):
    """And a delete is one. [documented]"""
    _, records = events(c, lambda b: c.s3.put_object(Bucket=b, Key="k", Body=b""), lambda b: c.s3.delete_object(Bucket=b, Key="k"), versioned=False)
    equal([(r["eventName"], "versionId" in r["s3"]["object"]) for r in records], [("ObjectCreated:Put", False), ("ObjectRemoved:Delete", False)])


@case("S3 events: the delete of a version names it")
def _(c):
    """ObjectRemoved:Delete with the versionId that is gone. [documented]"""
    put = lambda b: ids.append(c.s3.put_object(Bucket=b, Key="k", Body=b"")["VersionId"])
    ids = []
    record = events(c, put, lambda b: c.s3.delete_object(Bucket=b, Key="k", VersionId=ids[0]))[1][1]
    equal((record["eventName"], record["s3"]["object"]["versionId"]), ("ObjectRemoved:Delete", ids[0]))


@case("S3 events: the members of a record")
def _(c):
    """Who did it, from where, which request and which rule. [documented]"""
    record = events(c, lambda b: c.s3.put_object(Bucket=b, Key="k", Body=b""))[1][0]
    equal(sorted(record), ["awsRegion", "eventName", "eventSource", "eventTime", "eventVersion", "requestParameters", "responseElements", "s3", "userIdentity"])
    equal((sorted(record["userIdentity"]), sorted(record["requestParameters"]), sorted(record["responseElements"])),
          (["principalId"], ["sourceIPAddress"], ["x-amz-id-2", "x-amz-request-id"]))
    equal((sorted(record["s3"]), record["s3"]["configurationId"], record["s3"]["s3SchemaVersion"]),
          (["bucket", "configurationId", "object", "s3SchemaVersion"], "rule-1", "1.0"))


@case("S3 events: only those a rule asks for")
def _(c):
    """By name, or all of a kind. [documented]"""
    url, bucket = c.create(c.name()), c.bucket()
    c.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [
        {"QueueArn": c.attributes(url)["QueueArn"], "Events": ["s3:ObjectRemoved:Delete"]}]})
    c.s3.put_object(Bucket=bucket, Key="k", Body=b"")
    c.s3.delete_object(Bucket=bucket, Key="k")
    until(lambda: int(c.attributes(url)["ApproximateNumberOfMessages"]) == 2)
    equal([r["eventName"] for body in c.bodies(url) for r in json.loads(body).get("Records", [])], ["ObjectRemoved:Delete"])


@case("S3 events: the configuration can be read, and emptied")
def _(c):
    """As it was set; an empty one ends the events. [documented]"""
    url, bucket = c.create(c.name()), c.bucket()
    c.notify_queue(bucket, url, prefix="in/")
    rule = c.s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"][0]
    equal((rule["Id"], rule["QueueArn"], rule["Filter"]["Key"]["FilterRules"][0]["Value"]), ("rule-1", c.attributes(url)["QueueArn"], "in/"))
    c.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    c.s3.put_object(Bucket=bucket, Key="in/k", Body=b"")
    equal(len(c.bodies(url)), 1)  # the test event


@case("S3 events: sequencers of a key grow")
def _(c):
    """Hex of any length, compared after padding the shorter with zeros on the right. [documented]"""
    deed = lambda b: c.s3.put_object(Bucket=b, Key="k", Body=b"")
    seen = [int(r["s3"]["object"]["sequencer"].ljust(32, "0"), 16) for r in events(c, deed, deed, lambda b: c.s3.delete_object(Bucket=b, Key="k"))[1]]
    equal((len(seen), seen), (3, sorted(set(seen))))


@case("S3 events: prefix and suffix choose keys")
def _(c):
    """A rule's filter must fit at both ends. [documented]"""
    url, bucket = c.create(c.name()), c.bucket()
    c.notify_queue(bucket, url, prefix="in/", suffix=".txt")
    for key in ("out/x.txt", "in/x.json", "in/x.txt"):
        c.s3.put_object(Bucket=bucket, Key=key, Body=b"")
    until(lambda: int(c.attributes(url)["ApproximateNumberOfMessages"]) == 2)
    equal([r["s3"]["object"]["key"] for body in c.bodies(url) for r in json.loads(body).get("Records", [])], ["in/x.txt"])


# ---------------------------------------------------------------- EventBridge's form

def bridge(c, *deeds, versioned=True, on=True):
    """The events that a queue got over EventBridge from a bucket."""
    url, bucket = c.create(c.name()), c.versioned() if versioned else c.bucket()
    if on:
        c.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    c.lab.control("PUT", f"eventbridge/{bucket}", {"target": c.attributes(url)["QueueArn"]})
    for deed in deeds:
        deed(bucket)
    return bucket, [json.loads(body) for body in c.bodies(url)]


@case("EventBridge: Object Created")
def _(c):
    """Names in lower case with hyphens, no test event, the key as it is. [documented]"""
    key = "in/red flower+é%2F1.jsonl"
    ids = []
    bucket, got = bridge(c, lambda b: ids.append(c.s3.put_object(Bucket=b, Key=key, Body=b"hello")))
    event = got[0]
    detail = event["detail"]
    equal((len(got), event["version"], event["detail-type"], event["source"], event["account"], event["region"], event["resources"]),
          (1, "0", "Object Created", "aws.s3", support.ACCOUNT, support.REGION, [f"arn:aws:s3:::{bucket}"]))
    time.strptime(event["time"], "%Y-%m-%dT%H:%M:%SZ")
    int(detail["object"].pop("sequencer"), 16)
    equal(detail["object"], {"key": key, "size": 5, "etag": ids[0]["ETag"].strip('"'), "version-id": ids[0]["VersionId"]})
    equal((detail["version"], detail["bucket"], detail["requester"], detail["reason"]), ("0", {"name": bucket}, support.ACCOUNT, "PutObject"))
    equal(sorted(set(detail) - {"version", "bucket", "object", "requester", "reason"}), ["request-id", "source-ip-address"])


@case("EventBridge: Object Deleted")
def _(c):
    """deletion-type tells a marker from the end. [documented]"""
    put, delete = (lambda b: c.s3.put_object(Bucket=b, Key="k", Body=b"")), (lambda b: c.s3.delete_object(Bucket=b, Key="k"))
    for versioned, wanted in ((True, "Delete Marker Created"), (False, "Permanently Deleted")):
        event = bridge(c, put, delete, versioned=versioned)[1][1]
        equal((event["detail-type"], event["detail"]["deletion-type"], event["detail"]["reason"]), ("Object Deleted", wanted, "DeleteObject"))
        equal(sorted({"size", "etag"} & set(event["detail"]["object"])), [])


@case("EventBridge: only when the bucket's configuration says so")
def _(c):
    """The element EventBridgeConfiguration turns it on. [documented]"""
    equal(bridge(c, lambda b: c.s3.put_object(Bucket=b, Key="k", Body=b""), on=False)[1], [])


@case("EventBridge: both forms at once, in one order")
def _(c):
    """A bucket may notify directly as well; the sequencers of a happening are the same. [assumed]"""
    url, function, bucket = c.create(c.name()), c.function(), c.bucket()
    runtime = Runtime(c, function)
    c.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}, "QueueConfigurations": [
        {"QueueArn": c.attributes(url)["QueueArn"], "Events": ["s3:ObjectCreated:*"]}]})
    c.lab.control("PUT", f"eventbridge/{bucket}", {"target": f"arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:function:{function}"})
    c.s3.put_object(Bucket=bucket, Key="k", Body=b"")
    request_id, event, _ = runtime.next()
    equal(runtime.respond(request_id), 202)
    equal(event["detail"]["object"]["sequencer"], json.loads(c.bodies(url)[1])["Records"][0]["s3"]["object"]["sequencer"])


@case("EventBridge: a target that is none")
def _(c):
    """The lab's call takes a function or a standard queue that is there. [assumed]"""
    bucket = c.bucket()
    for body in ('{"target":"arn:aws:sqs:eu-west-1:123456789012:none"}', json.dumps({"target": c.attributes(c.fifo())["QueueArn"]}), '{"target":1}', "[]", ""):
        equal(c.lab.request("PUT", f"/_lab/eventbridge/{bucket}", body)[0], 400)
    equal(c.lab.request("PUT", "/_lab/eventbridge/none", json.dumps({"target": c.attributes(c.create(c.name()))["QueueArn"]}))[0], 400)
