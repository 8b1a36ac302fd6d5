"""S3: what boto3 hides: uploads in chunks, checksums, errors, regions and addresses, as they are on the wire."""
import base64
import hashlib
import http.client
import json
import random
import xml.etree.ElementTree as ElementTree
import zlib

import lab as support
from cloud import refused
from lab import equal
from registry import case, refusals

ELSEWHERE = "eu-central-1"
# the check values of the algorithms: the digests of "123456789"
DIGITS = b"123456789"
CHECKSUMS = {
    "crc32": zlib.crc32(DIGITS).to_bytes(4, "big"), "crc32c": bytes.fromhex("e3069283"), "crc64nvme": bytes.fromhex("ae8b14860a799888"),
    "sha1": hashlib.sha1(DIGITS).digest(), "sha256": hashlib.sha256(DIGITS).digest()}


def base64_text(data):
    return base64.b64encode(data).decode()


def wire(c, method, path, body=b"", headers=None, **options):
    """A signed request as it is: (status, headers, body)."""
    return c.lab.request(method, path, body, c.signed_headers(method, path, body, headers or {}, **options))


def error_of(answer):
    """The elements of an error's document."""
    root = ElementTree.fromstring(answer)
    equal(root.tag, "Error")
    return {element.tag: element.text for element in root}


# ---------------------------------------------------------------- checksums

@case("S3: checksums of every kind are compared")
def _(c):
    """CRC32, CRC32C, CRC64NVME, SHA-1 and SHA-256, in base64 of big-endian bytes; the answer repeats it. [documented]"""
    for name, value in CHECKSUMS.items():
        member = "Checksum" + name.upper()
        equal(c.s3.put_object(Bucket=c.bucket(), Key="k", Body=DIGITS, **{member: base64_text(value)})[member], base64_text(value))
        equal(c.s3.head_object(Bucket=c.last_bucket, Key="k", ChecksumMode="ENABLED")[member], base64_text(value))


@case("S3: a wrong checksum of every kind is refused")
def _(c):
    """BadDigest, and nothing is stored. [documented]"""
    for name, value in CHECKSUMS.items():
        refused("BadDigest", c.s3.put_object, Bucket=c.bucket(), Key="k", Body=DIGITS,
                **{"Checksum" + name.upper(): base64_text(value[:-1] + bytes([value[-1] ^ 1]))}, status=400)
        equal(c.s3.list_objects_v2(Bucket=c.last_bucket)["KeyCount"], 0)


@case("S3: boto3 sends a CRC32 by itself")
def _(c):
    """And the answer repeats it, of the whole object. [recorded]"""
    put = c.s3.put_object(Bucket=c.bucket(), Key="k", Body=DIGITS)
    equal((put["ChecksumCRC32"], put["ChecksumType"]), (base64_text(CHECKSUMS["crc32"]), "FULL_OBJECT"))


@case("S3: the checksum comes back when asked for")
def _(c):
    """x-amz-checksum-mode: ENABLED, and not for a range. [documented]"""
    c.put("k", DIGITS, ChecksumAlgorithm="CRC32")
    got = c.s3.get_object(Bucket=c.last_bucket, Key="k", ChecksumMode="ENABLED")
    equal((got["ChecksumCRC32"], got["Body"].read()), (base64_text(CHECKSUMS["crc32"]), DIGITS))
    assert "ChecksumCRC32" not in c.s3.get_object(Bucket=c.last_bucket, Key="k", ChecksumMode="ENABLED", Range="bytes=0-3")
    assert "ChecksumCRC32" not in c.s3.head_object(Bucket=c.last_bucket, Key="k")


@case("S3 wire: without a checksum S3 computes one")
def _(c):
    """CRC64NVME. [documented]"""
    path = f"/{c.bucket()}/k"
    status, headers, _ = wire(c, "PUT", path, DIGITS)
    equal((status, headers["x-amz-checksum-crc64nvme"], headers["x-amz-checksum-type"]), (200, base64_text(CHECKSUMS["crc64nvme"]), "FULL_OBJECT"))


# ---------------------------------------------------------------- uploads in chunks

def put_chunks(c, chunks, length, kind="STREAMING-UNSIGNED-PAYLOAD-TRAILER", **headers):
    status, _, answer = wire(c, "PUT", f"/{c.last_bucket}/k", chunks, {
        "x-amz-content-sha256": kind, "content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(length),
        **{name.replace("_", "-"): value for name, value in headers.items()}})
    return 200 if status == 200 else error_of(answer)["Code"]


@case("S3 wire: a body in chunks with a trailing checksum of every kind")
def _(c):
    """aws-chunked is the transfer's form and not kept; the trailer is compared. [documented]"""
    bucket = c.bucket()
    for name, value in CHECKSUMS.items():
        for sent, wanted in ((value, 200), (bytes(len(value)), "BadDigest")):
            trailer = f"x-amz-checksum-{name}:{base64_text(sent)}\r\n\r\n".encode()
            equal(put_chunks(c, b"4\r\n1234\r\n5\r\n56789\r\n0\r\n" + trailer, 9, x_amz_trailer=f"x-amz-checksum-{name}"), wanted)
        got = c.s3.get_object(Bucket=bucket, Key="k")
        equal((got["Body"].read(), "ContentEncoding" in got), (DIGITS, False))
        assert f"x-amz-checksum-{name}" in wire(c, "HEAD", f"/{bucket}/k", b"", {"x-amz-checksum-mode": "ENABLED"})[1]


@case("S3 wire: a large body in chunks, with signatures")
def _(c):
    """STREAMING-AWS4-HMAC-SHA256-PAYLOAD: each chunk carries a signature; another encoding stays. [documented]"""
    bucket, body = c.bucket(), random.randbytes(300000)
    chunks = b"".join(b"%x;chunk-signature=%064x\r\n%s\r\n" % (len(part), 1, part) for part in (body[:70000], body[70000:], b""))
    equal(put_chunks(c, chunks, len(body), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", content_encoding="aws-chunked,gzip"), 200)
    got = c.s3.get_object(Bucket=bucket, Key="k")
    equal((got["Body"].read() == body, got["ContentEncoding"]), (True, "gzip"))


@case("S3 wire: chunks that are not whole")
def _(c):
    """IncompleteBody, also when the decoded length is another. [documented]"""
    c.bucket()
    for chunks in (b"", b"4\r\n1234\r\n", b"4\r\n1234", b"5\r\n1234\r\n0\r\n\r\n", b"4\r\n12345\r\n0\r\n\r\n", b"x\r\n\r\n0\r\n\r\n",
                   b"fffffff\r\n1234\r\n0\r\n\r\n", b"ffffffffffffffff\r\n1234\r\n0\r\n\r\n", b"3\r\n123\r\n0\r\n\r\n"):
        equal((chunks, put_chunks(c, chunks, 4)), (chunks, "IncompleteBody"))


@case("S3 wire: a trailer that was announced must come")
def _(c):
    """MalformedTrailerError. [documented]"""
    c.bucket()
    equal(put_chunks(c, b"9\r\n123456789\r\n0\r\n\r\n", 9, x_amz_trailer="x-amz-checksum-crc32"), "MalformedTrailerError")


@case("S3 wire: a put without Content-Length")
def _(c):
    """MissingContentLength: chunks of HTTP are not taken. [documented]"""
    path = f"/{c.bucket()}/k"
    headers = c.signed_headers("PUT", path, b"", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    status, _, answer = c.lab.request("PUT", path, iter([b"123"]), headers)
    equal((status, error_of(answer)["Code"]), (411, "MissingContentLength"))


# ---------------------------------------------------------------- errors, listings

@case("S3 wire: the document of an error")
def _(c):
    """Code, Message, what it is about, RequestId and HostId; the ids are in the headers too. [documented]"""
    status, headers, answer = wire(c, "GET", f"/{c.bucket()}/a%20b%2B%26")
    error = error_of(answer)
    equal((status, headers["Content-Type"], error["Code"], error["Message"], error["Key"]),
          (404, "application/xml", "NoSuchKey", "The specified key does not exist.", "a b+&"))
    equal((error["RequestId"], error["HostId"]), (headers["x-amz-request-id"], headers["x-amz-id-2"]))


@case("S3 wire: the error of a HEAD is its status alone")
def _(c):
    """No body and no type. [documented]"""
    status, headers, answer = wire(c, "HEAD", f"/{c.bucket()}/none")
    equal((status, answer, headers.get("Content-Type")), (404, b"", None))


@case("S3 wire: the range that is none is told")
def _(c):
    """RangeRequested and ActualObjectSize. [documented]"""
    error = error_of(wire(c, "GET", f"/{c.bucket('k')}/k", b"", {"Range": "bytes=7-"})[2])
    equal((error["Code"], error["RangeRequested"], error["ActualObjectSize"]), ("InvalidRange", "bytes=7-", "0"))


@case("S3 wire: url encoding of a listing")
def _(c):
    """Of keys and prefixes, when asked for; the slash stays. [documented]"""
    bucket = c.bucket("a b+c/é&\u0001", "z z")
    for path, wanted in ((f"/{bucket}?encoding-type=url&list-type=2", b"<Key>a%20b%2Bc/%C3%A9%26%01</Key>"),
                         (f"/{bucket}?delimiter=%20z&encoding-type=url&list-type=2", b"<Prefix>z%20z</Prefix>"),
                         (f"/{bucket}?list-type=2&prefix=z", b"<Key>z z</Key>")):
        answer = wire(c, "GET", path)[2]
        equal((wanted in answer, b"<EncodingType>url</EncodingType>" in answer), (True, "encoding-type" in path))


@case("S3 wire: documents that are none")
def _(c):
    """MalformedXML. [documented]"""
    bucket = c.bucket()
    for body in (b"", b"x", b"<a/>", b"<VersioningConfiguration>", b"<VersioningConfiguration><Status>Enabled</VersioningConfiguration>",
                 b"<VersioningConfiguration><Status>&x;</Status></VersioningConfiguration>", b"<!DOCTYPE x><VersioningConfiguration/>",
                 b"<VersioningConfiguration><Status>\xff</Status></VersioningConfiguration>", b"<VersioningConfiguration/>"):
        equal((body, error_of(wire(c, "PUT", f"/{bucket}?versioning=", body)[2])["Code"]), (body, "MalformedXML"))
    inside = b"<NotificationConfiguration>%s</NotificationConfiguration>"
    for body in (b"<Id>&nbsp;</Id>", b"<Id>x</Ix>", b"<Id>x", b"<Id></Id x>", b"<Id/", b"<a>" * 40 + b"</a>" * 40, b"<Id>\0</Id>", b"</>", b"<>"):
        equal((body, error_of(wire(c, "PUT", f"/{bucket}?notification=", inside % body)[2])["Code"]), (body, "MalformedXML"))
    equal(wire(c, "PUT", f"/{bucket}?notification=", b'<?xml version="1.0"?> ' + inside % b'<Id x="&">&lt;&amp;</Id><Id />')[0], 200)


@case("S3 wire: sequencers grow within a millisecond, too")
def _(c):
    """Every event of a key has a greater one. [documented]"""
    url, bucket = c.create(c.name()), c.bucket()
    c.notify_queue(bucket, url)
    headers = c.signed_headers("PUT", f"/{bucket}/k", b"", {})
    connection = http.client.HTTPConnection(c.lab.address, timeout=30)
    for _ in range(29):
        connection.request("PUT", f"/{bucket}/k", b"", headers)
        equal(connection.getresponse().read(), b"")
    connection.close()
    records = [record for _ in range(3) for body in c.bodies(url) for record in json.loads(body).get("Records", [])]
    seen = [int(record["s3"]["object"]["sequencer"].ljust(32, "0"), 16) for record in records]
    equal((len(seen), sorted(seen)), (29, sorted(set(seen))))


# ---------------------------------------------------------------- regions

def elsewhere(c, *keys):
    """A bucket of another region, with empty objects."""
    there = c.client("s3", region=ELSEWHERE)
    bucket = c.name() + "-elsewhere"
    there.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": ELSEWHERE})
    for key in keys:
        there.put_object(Bucket=bucket, Key=key, Body=b"far")
    return bucket


refusals(
    ("S3: a constraint that is not the region that was signed for", "IllegalLocationConstraintException. [documented]", "IllegalLocationConstraintException", 400,
     lambda c: c.client("s3", region=ELSEWHERE).create_bucket(Bucket=c.name() + "-x", CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})),
)


@case("S3 region: another endpoint's bucket is redirected")
def _(c):
    """301 PermanentRedirect with Endpoint and x-amz-bucket-region; after signing for that it works. [documented]"""
    path = f"/{elsewhere(c, 'k')}/k"
    status, headers, answer = wire(c, "GET", path)
    error = error_of(answer)
    equal((status, headers["x-amz-bucket-region"], error["Code"], error["Bucket"], "Location" in headers),
          (301, ELSEWHERE, "PermanentRedirect", path.split("/")[1], False))
    assert error["Endpoint"]
    equal(wire(c, "GET", path, region=headers["x-amz-bucket-region"])[::2], (200, b"far"))


@case("S3 region: a HEAD is redirected by its headers alone")
def _(c):
    """Of an object and of the bucket: 301, no body, the region. [documented]"""
    bucket = elsewhere(c, "k")
    for path in (f"/{bucket}", f"/{bucket}/k"):
        status, headers, answer = wire(c, "HEAD", path)
        equal((status, headers["x-amz-bucket-region"], answer), (301, ELSEWHERE, b""))
        equal(wire(c, "HEAD", path, region=ELSEWHERE)[0], 200)


@case("S3 region: signed for a third region")
def _(c):
    """400 AuthorizationHeaderMalformed with the bucket's region in header and body; 400 alone for a HEAD. [documented]"""
    for bucket, region in ((elsewhere(c), ELSEWHERE), (c.bucket(), support.REGION)):
        status, headers, answer = wire(c, "GET", f"/{bucket}/k", region="us-east-1")
        error = error_of(answer)
        equal((status, headers["x-amz-bucket-region"], error["Code"], error["Region"]), (400, region, "AuthorizationHeaderMalformed", region))
        status, headers, answer = wire(c, "HEAD", f"/{bucket}", region="us-east-1")
        equal((status, headers["x-amz-bucket-region"], answer), (400, region, b""))


@case("S3 region: a wrong signature is no redirect")
def _(c):
    """The signature is verified before the region is told. [assumed]"""
    refused("SignatureDoesNotMatch", c.client("s3", secret="wrong", region="us-east-1").list_objects_v2, Bucket=elsewhere(c), status=403)


@case("S3 region: boto3 finds its way")
def _(c):
    """It signs again for the region it was told. [documented]"""
    bucket = elsewhere(c, "k")
    equal(c.s3.get_object(Bucket=bucket, Key="k")["Body"].read(), b"far")
    c.s3.put_object(Bucket=bucket, Key="two", Body=b"")
    equal(c.client("s3", region="us-east-1").head_object(Bucket=bucket, Key="two")["ContentLength"], 0)


@case("S3 region: HeadBucket and GetBucketLocation tell it")
def _(c):
    """us-east-1 is the empty location. [documented]"""
    there = c.client("s3", region=ELSEWHERE)
    bucket = elsewhere(c)
    equal(there.head_bucket(Bucket=bucket)["BucketRegion"], ELSEWHERE)
    equal(there.get_bucket_location(Bucket=bucket)["LocationConstraint"], ELSEWHERE)
    virginia, bucket = c.client("s3", region="us-east-1"), c.name() + "-virginia"
    virginia.create_bucket(Bucket=bucket)
    equal(virginia.get_bucket_location(Bucket=bucket).get("LocationConstraint"), None)
    equal(virginia.head_bucket(Bucket=bucket)["BucketRegion"], "us-east-1")


@case("S3 region: us-east-1 makes buckets anywhere")
def _(c):
    """Its endpoint is the global one. [documented]"""
    bucket = c.name() + "-far"
    c.client("s3", region="us-east-1").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": ELSEWHERE})
    equal(c.client("s3", region=ELSEWHERE).head_bucket(Bucket=bucket)["BucketRegion"], ELSEWHERE)


# ---------------------------------------------------------------- addresses

@case("S3 wire: the bucket in the host name")
def _(c):
    """bucket.s3.region.amazonaws.com and the like; the path is the key. [documented]"""
    bucket = c.bucket()
    for host in (f"{bucket}.s3.{support.REGION}.amazonaws.com", f"{bucket}.s3.dualstack.{support.REGION}.amazonaws.com",
                 f"{bucket}.s3.amazonaws.com", f"{bucket}.s3-fips.{support.REGION}.amazonaws.com", f"{bucket}.localhost:{c.lab.address.split(':')[1]}"):
        equal(wire(c, "PUT", "/a//b", host.encode(), {"Host": host})[0], 200)
        equal(c.s3.get_object(Bucket=bucket, Key="a//b")["Body"].read(), host.encode())
        equal(wire(c, "HEAD", "/", b"", {"Host": host})[0], 200)
    equal(wire(c, "GET", f"/{bucket}/a//b", b"", {"Host": f"s3.{support.REGION}.amazonaws.com"})[0], 200)
