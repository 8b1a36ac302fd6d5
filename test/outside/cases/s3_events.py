"""S3: notifications."""
import json
import time

import lab as support
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
    equal((event["Event"], event["Bucket"], "Records" in event), ("s3:TestEvent", bucket, False))


def events(c, *deeds):
    """The event records that a queue got from a versioned bucket."""
    url, bucket = c.create(c.name()), c.versioned()
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


@case("S3 events: sequencers of a key grow")
def _(c):
    """Hex, compared after padding the shorter on the right. [documented]"""
    deed = lambda b: c.s3.put_object(Bucket=b, Key="k", Body=b"")
    seen = [r["s3"]["object"]["sequencer"] for r in events(c, deed, deed, deed)[1]]
    equal(seen, sorted(set(seen)))


@case("S3 events: prefix and suffix choose keys")
def _(c):
    """A rule's filter must fit at both ends. [documented]"""
    url, bucket = c.create(c.name()), c.bucket()
    c.notify_queue(bucket, url, prefix="in/", suffix=".txt")
    for key in ("out/x.txt", "in/x.json", "in/x.txt"):
        c.s3.put_object(Bucket=bucket, Key=key, Body=b"")
    until(lambda: int(c.attributes(url)["ApproximateNumberOfMessages"]) == 2)
    equal([r["s3"]["object"]["key"] for body in c.bodies(url) for r in json.loads(body).get("Records", [])], ["in/x.txt"])
