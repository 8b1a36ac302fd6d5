#!/usr/bin/env python3
"""The client of aws/ beside boto3: each reads what the other wrote, at the lab and at moto.

moto checks every signature here, by keys that it gave out itself. It sees
paths and queries decoded, so it refuses keys that are percent-encoded, even
boto3's; those are for the lab, which has a verifier of its own.
"""
import concurrent.futures
import json
import os
import sys
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
import lab as support
from lab import equal

support.use_own_environment()
try:
    import boto3
    import botocore
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    support.skip_all("boto3 is not installed")
if tuple(int(part) for part in botocore.__version__.split(".")[:2]) < (1, 31):
    support.skip_all("boto3 is too old to speak SQS's JSON protocol")
from moto_server import start_moto
from postgres import start_postgres
from steered import Client, Damage

EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
ANYBODY = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})
BODY = "Überweisung 12345678901234567.89 €\n"
AWKWARD = [
    "a b", "a+b", "a%2Bb", "a%20b", "%", "é", "e\u0301", "日本", "😀", "//", "/a", "a//b", "a/", "./", "./a", "../a", "a/../b", "a/./b", "..",
    "'", '"', '"a\'b"', "a&b=c;d", "a?b#c", "<a>&amp;", "]]>", "a\\b", "a|b", "{a}", "^`", "[a]", "$@:,!*()", "~-_.", "soap", "a\tb", "a\nb",
    "a\rb", "\x01\x02\x7f", "\u0085\u2028\ufeff", "k" * 1024, "é" * 512,
]
AWKWARD += [f"byte/{code:02x}/{chr(code)}" for code in range(1, 128)]
_cases = []


def case(where, name):
    def declare(function):
        _cases.append((where, name, function))
        return function
    return declare


class World:
    """A cloud with boto3's clients and ours, by the same keys."""

    def __init__(self, kind, server, key, secret):
        self.kind, self.server, self.url = kind, server, server.url
        self.key, self.secret = key, secret
        self.own = []
        self.postgres = None
        self.s3, self.sqs, self.sts = (self.boto(service) for service in ("s3", "sqs", "sts"))
        self.client = self.ours()
        self.names = 0

    def boto(self, service, region=support.REGION):
        return boto3.client(service, endpoint_url=self.url, region_name=region, aws_access_key_id=self.key, aws_secret_access_key=self.secret,
                            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=30))

    def ours(self, **options):
        self.own.append(Client(**{"url": self.url, "key": self.key, "secret": self.secret, **options}))
        return self.own[-1]

    def name(self):
        self.names += 1
        return f"inter-{self.names}"

    def bucket(self, region=support.REGION):
        name = self.name()
        self.boto("s3", region).create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        return name

    def queue(self):
        return self.sqs.create_queue(QueueName=self.name() + ".fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]

    def stop(self):
        for client in self.own:
            client.stop()
        self.server.stop()
        if self.postgres is not None:
            self.postgres.stop()


def text(answer):
    return bytes.fromhex(answer["hex"]).decode()


# ---------------------------------------------------------------- S3

@case("both", "S3: boto3 reads what we wrote: bytes, type, metadata, checksum")
def _(w):
    bucket = w.bucket()
    w.client("put", bucket=bucket, key="in/a.json", body=BODY, type="application/json", metadata={"batch": "7", "made-by": "us and them"})
    got = w.s3.get_object(Bucket=bucket, Key="in/a.json", ChecksumMode="ENABLED")
    equal(got["Body"].read().decode(), BODY)
    equal((got["ContentType"], got["Metadata"]), ("application/json", {"batch": "7", "made-by": "us and them"}))
    assert got.get("ChecksumCRC32"), got


@case("both", "S3: we read what boto3 wrote, with every checksum that it makes")
def _(w):
    bucket = w.bucket()
    for algorithm in (None, "CRC32", "SHA1", "SHA256"):
        etag = w.s3.put_object(Bucket=bucket, Key="k", Body=BODY.encode(), **({"ChecksumAlgorithm": algorithm} if algorithm else {}))["ETag"]
        got = w.client("get", bucket=bucket, key="k")
        equal((text(got), got["size"], '"' + got["etag"] + '"'), (BODY, len(BODY.encode()), etag))
        if algorithm:
            equal(got["checksum"], {"CRC32": 3, "SHA256": 4, "SHA1": 5}[algorithm])
        equal(w.client("head", bucket=bucket, key="k")["size"], len(BODY.encode()))


@case("both", "S3: ranges, and 412 when the object was replaced between two of them")
def _(w):
    bucket = w.bucket()
    w.s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    first = w.client("get", bucket=bucket, key="k", start=0, end=3)
    equal((text(first), first["start"], first["total"]), ("0123", 0, 10))
    second = w.client("get", bucket=bucket, key="k", start=4, end=99, if_match=first["etag"])
    equal((text(second), second["start"], second["size"]), ("456789", 4, 6))
    equal(text(w.client("get", bucket=bucket, key="k", start=8)), "89")
    equal(w.client.refused("get", bucket=bucket, key="k", start=10)["status"], 416)
    w.s3.put_object(Bucket=bucket, Key="k", Body=b"another one")
    equal(w.client.refused("get", bucket=bucket, key="k", start=4, end=7, if_match=first["etag"])["status"], 412)


@case("both", "S3: versions, and their deletion")
def _(w):
    bucket = w.bucket()
    w.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old = w.client("put", bucket=bucket, key="k", body="old")["version"]
    new = w.client("put", bucket=bucket, key="k", body="new")["version"]
    equal([text(w.client("get", bucket=bucket, key="k", **version)) for version in ({}, {"version": old}, {"version": new})], ["new", "old", "new"])
    equal(w.s3.get_object(Bucket=bucket, Key="k", VersionId=old)["Body"].read(), b"old")
    w.client("delete", bucket=bucket, key="k", version=new)
    equal(text(w.client("get", bucket=bucket, key="k")), "old")
    w.client("delete", bucket=bucket, key="k")
    equal(w.client.refused("get", bucket=bucket, key="k")["error"], "not found")
    equal(text(w.client("get", bucket=bucket, key="k", version=old)), "old")


@case("both", "S3: a list in pages, by prefix, behind a key")
def _(w):
    bucket = w.bucket()
    keys = [f"in-{n:02}" for n in range(25)]  # moto refuses a slash in the query, from boto3 too
    for key in keys + ["other"]:
        w.s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    got = w.client("list", bucket=bucket, prefix="in-", max_keys=10)
    equal(([entry[0] for entry in got["keys"]], got["pages"]), (keys, 3))
    equal({entry[1] for entry in got["keys"]}, {5})
    equal([entry[0] for entry in w.client("list", bucket=bucket, start_after="in-22")["keys"]], ["in-23", "in-24", "other"])
    equal(w.client("list", bucket=bucket, prefix="nothing")["keys"], [])


@case("both", "S3: what is missing, and what is there already")
def _(w):
    bucket = w.bucket()
    equal(w.client.refused("get", bucket=bucket, key="k")["code"], "NoSuchKey")
    equal(w.client.refused("head", bucket=bucket, key="k")["status"], 404)
    equal(w.client.refused("get", bucket=bucket + "-not", key="k")["code"], "NoSuchBucket")
    w.client("delete", bucket=bucket, key="k")
    w.client("put", bucket=bucket, key="k", body="first", only_new=True)
    equal(w.client.refused("put", bucket=bucket, key="k", body="second", only_new=True)["status"], 412)
    equal(text(w.client("get", bucket=bucket, key="k")), "first")


@case("both", "S3: an empty object, and one of a megabyte and a byte")
def _(w):
    bucket = w.bucket()
    for body in ("", "0123456789abcdef" * 65536 + "!"):
        w.client("put", bucket=bucket, key="k", body=body)
        equal(w.s3.get_object(Bucket=bucket, Key="k")["Body"].read().decode(), body)
        equal(text(w.client("get", bucket=bucket, key="k")), body)


@case("both", "S3: buckets in the name of the host")
def _(w):
    client = w.ours(url=w.url.replace("127.0.0.1", "localhost"), hosts=True)
    bucket = w.bucket()
    keys = ["k", "other"] if w.kind == "moto" else AWKWARD
    for key in keys:
        client("put", bucket=bucket, key=key, body=key)
        equal(w.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode(), key)
        equal(text(client("get", bucket=bucket, key=key)), key)
    equal([entry[0] for entry in client("list", bucket=bucket)["keys"]], sorted(keys, key=str.encode))


@case("lab", "S3: awkward keys that we wrote, read and listed by boto3")
def _(w):
    bucket = w.bucket()
    for key in AWKWARD:
        w.client("put", bucket=bucket, key=key, body=key)
    for key in AWKWARD:
        equal(w.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode(), key)
    listed = [entry["Key"] for page in w.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket) for entry in page["Contents"]]
    equal(listed, sorted(AWKWARD, key=str.encode))


@case("lab", "S3: awkward keys that boto3 wrote, listed, read and deleted by us")
def _(w):
    bucket = w.bucket()
    for key in AWKWARD:
        w.s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    listed = w.client("list", bucket=bucket, max_keys=50)
    equal([entry[0] for entry in listed["keys"]], sorted(AWKWARD, key=str.encode))
    for key, size, etag in listed["keys"]:
        got = w.client("get", bucket=bucket, key=key, if_match=etag)
        equal((text(got), got["size"]), (key, size))
        equal([entry[0] for entry in w.client("list", bucket=bucket, prefix=key, max_keys=1000)["keys"]][:1], [key])
        w.client("delete", bucket=bucket, key=key)
    equal(w.client("list", bucket=bucket)["keys"], [])


@case("lab", "S3: a bucket in another region: once redirected, then gone to at once")
def _(w):
    bucket = w.bucket("us-west-2")
    for first in ("put", "head"):  # a HEAD's redirect has no body
        client = w.ours()
        before = len(w.server.journal())
        client(first, bucket=bucket, key="k", **({"body": BODY} if first == "put" else {}))
        equal(text(client("get", bucket=bucket, key="k")), BODY)
        equal([entry[0] for entry in client("list", bucket=bucket)["keys"]], ["k"])
        equal([line["status"] for line in w.server.journal()[before:] if line.get("request")], [301, 200, 200, 200])
    equal(w.boto("s3", "us-west-2").get_object(Bucket=bucket, Key="k")["Body"].read().decode(), BODY)


# ---------------------------------------------------------------- SQS

@case("both", "SQS: boto3 receives what we sent, with attributes")
def _(w):
    url = w.queue()
    attributes = {"n": ["Number", "1.50"], "text": ["String", "é\n"], "bytes": ["Binary", "abc"]}
    sent = w.client("send", queue=url, entries=[
        {"body": f"{BODY}{n}", "group": f"g{n % 2}", "dedup": f"d{n}", "attributes": attributes} for n in range(3)])
    equal([entry["ok"] for entry in sent["entries"]], [True] * 3)
    got = w.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])["Messages"]
    equal(sorted(message["Body"] for message in got), [f"{BODY}{n}" for n in range(3)])
    equal({message["MessageId"] for message in got}, {entry["id"] for entry in sent["entries"]})
    equal(got[0]["MessageAttributes"]["bytes"]["BinaryValue"], b"abc")
    equal(got[0]["MessageAttributes"]["n"], {"DataType": "Number", "StringValue": "1.50"})


@case("both", "SQS: we receive what boto3 sent, put one back and delete the rest")
def _(w):
    url = w.queue()
    w.sqs.send_message_batch(QueueUrl=url, Entries=[
        {"Id": str(n), "MessageBody": f"{BODY}{n}", "MessageGroupId": f"g{n}", "MessageDeduplicationId": f"d{n}",
         "MessageAttributes": {"t": {"DataType": "String", "StringValue": "é"}, "b": {"DataType": "Binary.x", "BinaryValue": bytes(range(256))}}}
        for n in range(3)])
    got = w.client("receive", queue=url, wait=1)["messages"]
    equal(sorted(message["body"] for message in got), [f"{BODY}{n}" for n in range(3)])
    equal(got[0]["attributes"], {"t": ["String", "é".encode().hex()], "b": ["Binary.x", bytes(range(256)).hex()]})
    equal({message["group"] for message in got}, {"g0", "g1", "g2"})
    equal(w.client("receive", queue=url)["messages"], [])
    equal([entry["ok"] for entry in w.client("settle", queue=url, handles=[got[0]["handle"]], seconds=0)["entries"]], [True])
    equal([entry["ok"] for entry in w.client("settle", queue=url, handles=[message["handle"] for message in got[1:]])["entries"]], [True] * 2)
    again = w.client("receive", queue=url)["messages"]
    equal([(message["body"], message["receives"]) for message in again], [(got[0]["body"], 2)])
    w.client("settle", queue=url, handles=[again[0]["handle"]])
    equal(w.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"])["Attributes"],
          {"ApproximateNumberOfMessagesNotVisible": "0"})


@case("both", "SQS: names, attributes and errors of queues")
def _(w):
    url = w.queue()
    name = url.rsplit("/", 1)[1]
    equal(w.client("queue_url", name=name)["url"].rsplit("/", 1)[1], name)
    equal(w.client("attributes", queue=url)["arn"].rsplit(":", 1)[1], name)
    equal(w.client.refused("queue_url", name="nothing.fifo")["error"], "not found")
    equal(w.client.refused("receive", queue=url.replace(name, "nothing.fifo"))["error"], "not found")


# ---------------------------------------------------------------- Redshift Data API

def ended(described):
    """What ours says of a statement as soon as it has ended."""
    end = time.monotonic() + 60
    while described()["status"] == "running":
        assert time.monotonic() < end
        time.sleep(0.05)
    return described()


@case("lab", "Redshift: boto3 and we describe, read and find again what the other submitted")
def _(w):
    boto = w.boto("redshift-data")
    place = {"workgroup": "default", "database": "dev"}
    sqls = ["CREATE TABLE boto (id INT, t VARCHAR(20))", "INSERT INTO boto VALUES (1, 'it''s'), (2, NULL)", "SELECT t, id FROM boto ORDER BY id"]
    mine = w.client("execute", sqls=sqls, token="0" * 64, name="load", **place)["id"]
    described = ended(lambda: w.client("describe", id=mine))
    equal((described["status"], described["problem"], described["parts"][1:]), ("finished", "", [2, 2]))
    equal(w.client("rows", id=mine, part=3), {"records": [["it's", "1"], [None, "2"]], "next": None})
    theirs = boto.describe_statement(Id=mine)
    equal([part["QueryString"] for part in theirs["SubStatements"]], sqls)
    equal(boto.get_statement_result(Id=mine + ":3")["Records"][0][0], {"stringValue": "it's"})
    equal(boto.batch_execute_statement(WorkgroupName="default", Database="dev", Sqls=sqls, ClientToken="0" * 64)["Id"], mine)
    theirs = boto.execute_statement(WorkgroupName="default", Database="dev", Sql="SELECT 1/0")["Id"]
    described = ended(lambda: w.client("describe", id=theirs))
    equal(described["status"], "failed")
    assert "division by zero" in described["problem"], described
    equal(w.client.refused("describe", id="00000000-0000-0000-0000-000000000000")["error"], "not found")
    equal(w.client.refused("execute", sqls=["SELECT 1"], workgroup="other", database="dev")["error"], "request")


@case("moto", "Redshift: moto takes our requests, and we its answers")
def _(w):
    boto = w.boto("redshift-data")
    mine = w.client("execute", sqls=["SELECT 'é\n\\'"], cluster="c1", database="dev", user="loader", token="t", name="load")["id"]
    theirs = boto.describe_statement(Id=mine)
    equal((theirs["QueryString"], theirs["ClusterIdentifier"], theirs["Database"], theirs["DbUser"]), ("SELECT 'é\n\\'", "c1", "dev", "loader"))
    theirs = boto.execute_statement(WorkgroupName="default", Database="dev", Sql="SELECT 1")["Id"]
    equal(w.client("describe", id=theirs)["status"], "running")  # in moto for ever
    equal([len(row) for row in w.client("rows", id=theirs)["records"]], [3, 3, 3])
    w.client("cancel", id=theirs)
    equal(w.client("describe", id=theirs)["status"], "aborted")
    equal(w.client.refused("describe", id="00000000-0000-0000-0000-000000000000")["error"], "not found")


# ---------------------------------------------------------------- damage on the way

@case("both", "damage: an object is read once more, over another connection, and not a third time")
def _(w):
    bucket = w.bucket()
    w.s3.put_object(Bucket=bucket, Key="k", Body=b"precious", ChecksumAlgorithm="SHA256")
    for times, right in ((1, True), (2, False)):
        proxy = Damage(w.server.address, times)
        client = w.ours(url=proxy.url)
        if right:
            equal(text(client("get", bucket=bucket, key="k")), "precious")
        else:
            equal(client.refused("get", bucket=bucket, key="k")["error"], "integrity")
        equal((proxy.left, proxy.connections), (0, 2))
        proxy.stop()


@case("lab", "damage: an object that arrives damaged at S3 is sent once more")
def _(w):
    bucket = w.bucket()
    proxy = Damage(w.server.address, 1)
    w.ours(url=proxy.url)("put", bucket=bucket, key="k", body="precious")
    equal((proxy.left, proxy.connections), (0, 2))
    equal(w.s3.get_object(Bucket=bucket, Key="k")["Body"].read(), b"precious")
    proxy.stop()


@case("both", "damage: a message is not handed out, and comes again")
def _(w):
    url = w.queue()
    w.sqs.send_message(QueueUrl=url, MessageBody="precious", MessageGroupId="g", MessageDeduplicationId="d",
                       MessageAttributes={"a": {"DataType": "String", "StringValue": "x"}})
    proxy = Damage(w.server.address, 1)
    client = w.ours(url=proxy.url)
    equal(client.refused("receive", queue=url)["error"], "integrity")
    equal(proxy.left, 0)
    if w.kind == "lab":
        w.server.advance(31)
        equal([message["body"] for message in client("receive", queue=url)["messages"]], ["precious"])
    proxy.stop()


@case("both", "damage: the signature covers a message that is sent")
def _(w):
    url = w.queue()
    proxy = Damage(w.server.address, 1)
    answer = w.ours(url=proxy.url).refused("send", queue=url, entries=[{"body": "precious", "group": "g", "dedup": "d"}])
    equal((answer["error"], answer["status"], proxy.left), ("denied", 403, 0))
    equal(w.client("receive", queue=url)["messages"], [])
    proxy.stop()


# ---------------------------------------------------------------- signatures and STS

@case("both", "signature: wrong keys are refused at SQS and S3")
def _(w):
    bucket, url = w.bucket(), w.queue()
    liar = w.ours(secret="anotherSecret")
    for answer in (liar.refused("get", bucket=bucket, key="k"), liar.refused("receive", queue=url),
                   liar.refused("put", bucket=bucket, key="k", body="x")):
        equal((answer["error"], answer["status"]), ("denied", 403))
        assert answer["code"] in ("SignatureDoesNotMatch", "InvalidSignatureException"), answer
    equal(w.client("list", bucket=bucket)["keys"], [])


@case("both", "STS: a session of boto3's AssumeRole signs our calls")
def _(w):
    keys = w.sts.assume_role(RoleArn=w.role, RoleSessionName="theirs")["Credentials"]
    client = w.ours(key=keys["AccessKeyId"], secret=keys["SecretAccessKey"], token=keys["SessionToken"])
    bucket, url = w.bucket(), w.queue()
    client("put", bucket=bucket, key="k", body=BODY)
    equal(text(client("get", bucket=bucket, key="k")), BODY)
    equal(client("receive", queue=url)["messages"], [])


@case("both", "STS: our own AssumeRole, signed, and its keys at S3 and SQS")
def _(w):
    client = w.ours(role=w.role)
    bucket, url = w.bucket(), w.queue()
    client("put", bucket=bucket, key="k", body=BODY)
    equal(w.s3.get_object(Bucket=bucket, Key="k")["Body"].read().decode(), BODY)
    equal([entry["ok"] for entry in client("send", queue=url, entries=[{"body": BODY, "group": "g", "dedup": "d"}])["entries"]], [True])


# ---------------------------------------------------------------- running

def moto_world():
    """With a user and a role of moto's own, and from then on no call without a right signature."""
    server = start_moto(INITIAL_NO_AUTH_ACTION_COUNT="1000000")
    if server is None:
        return None
    iam = boto3.client("iam", endpoint_url=server.url, region_name=support.REGION)
    iam.create_user(UserName="tester")
    iam.put_user_policy(UserName="tester", PolicyName="all", PolicyDocument=EVERYTHING)
    keys = iam.create_access_key(UserName="tester")["AccessKey"]
    role = iam.create_role(RoleName="tested", AssumeRolePolicyDocument=ANYBODY)["Role"]["Arn"]
    iam.put_role_policy(RoleName="tested", PolicyName="all", PolicyDocument=EVERYTHING)
    server.check_signatures()
    try:
        iam.list_users()
        raise AssertionError("moto checks no signatures")
    except ClientError as error:
        equal(error.response["ResponseMetadata"]["HTTPStatusCode"], 403)
    world = World("moto", server, keys["AccessKeyId"], keys["SecretAccessKey"])
    world.role = role
    return world


def lab_world():
    postgres = start_postgres()
    world = World("lab", support.Lab(*(postgres.options if postgres is not None else ())), support.ACCESS_KEY, support.SECRET_KEY)
    world.postgres = postgres
    world.role = f"arn:aws:iam::{support.ACCOUNT}:role/tested"
    return world


def trouble(function, world):
    try:
        function(world)
        return None
    except Exception:
        return traceback.format_exc()


def run(world, kind, wanted):
    """[(name, None or why it failed, or the reason of a skip)] of the cases for that kind of cloud."""
    results = []
    for where, name, function in _cases:
        if where in ("both", kind) and wanted in name:
            results.append((name, "skip" if world is None else trouble(function, world)))
    if world is not None:
        world.stop()
    return results


def main(arguments):
    wanted = arguments[0] if arguments else ""
    # moto dies with the thread that starts it, so that is this one.
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        at_lab = thread.submit(lambda: run(lab_world(), "lab", wanted))
        results = [("moto", *result) for result in run(moto_world(), "moto", wanted)]
        results = [("lab", *result) for result in at_lab.result()] + results
    for number, (kind, name, why) in enumerate(results, 1):
        if why == "skip":
            print(f"ok {number} - {kind}: {name} # SKIP moto is not installed")
            continue
        print(f"{'not ok' if why else 'ok'} {number} - {kind}: {name}")
        print("".join(f"# {line}\n" for line in (why or "").splitlines()), end="")
    print(f"1..{len(results)}")
    return 1 if any(why not in (None, "skip") for _, _, why in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
