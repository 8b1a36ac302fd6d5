"""S3: objects, versions, listings, uploads."""
import base64
import hashlib
import io
import random
import zlib

import lab as support
from cloud import refused
from lab import equal
from registry import CASES, case, refusals


AWKWARD_KEYS = ["a b+c/é&=%2F.txt", "//x/../k", "./a/./b", "..", "a//b///c/", "%", "%41", "+", "~!*'();:@$,?#[]",
                "ключ/日本/🙂", "tab\there", "q?versionId=1", "soap", "x" * 1024, "\u0001\u001f", "a\\b\"c<d>&e"]

refusals(
    ("S3: a key that is not there", "NoSuchKey. [documented]", "NoSuchKey", 404, lambda c: c.s3.get_object(Bucket=c.bucket(), Key="none")),
    ("S3: a bucket that is not there", "NoSuchBucket. [documented]", "NoSuchBucket", 404, lambda c: c.s3.get_object(Bucket="no-such-bucket", Key="k")),
    ("S3: a version that is not there", "NoSuchVersion. [documented]", "NoSuchVersion", 404, lambda c: c.s3.get_object(Bucket=c.versioned(), Key=c.put("k"), VersionId="none")),
    ("S3: the error of a HEAD has no body", "Only the status tells. [documented]", "404", 404, lambda c: c.s3.head_object(Bucket=c.bucket(), Key="none")),
    ("S3: a bucket twice", "BucketAlreadyOwnedByYou, outside of us-east-1. [documented]", "BucketAlreadyOwnedByYou", 409, lambda c: c.create_bucket(c.bucket())),
    ("S3: a bucket's name", "3 to 63 lower-case letters, digits, dots and hyphens. [documented]", "InvalidBucketName", 400, lambda c: c.create_bucket("a.-b-")),
    ("S3: a bucket elsewhere", "The constraint must be the endpoint's region. [documented]", "IllegalLocationConstraintException", 400, lambda c: c.create_bucket("elsewhere", "eu-central-1")),
    ("S3: a bucket that holds something", "BucketNotEmpty. [documented]", "BucketNotEmpty", 409, lambda c: c.s3.delete_bucket(Bucket=c.bucket("k"))),
    ("S3: a key of 1,025 bytes", "1,024 bytes of UTF-8 are the most. [documented]", "KeyTooLongError", 400, lambda c: c.s3.put_object(Bucket=c.bucket(), Key="é" * 512 + "x", Body=b"")),
    ("S3: a wrong Content-MD5", "BadDigest. [documented]", "BadDigest", 400, lambda c: c.put("k", ContentMD5=base64.b64encode(bytes(16)).decode())),
    ("S3: a Content-MD5 that is none", "InvalidDigest. [documented]", "InvalidDigest", 400, lambda c: c.put("k", ContentMD5="x")),
    ("S3: a wrong CRC32", "BadDigest. [documented]", "BadDigest", 400, lambda c: c.put("k", ChecksumCRC32="AAAAAA==")),
    ("S3: a range behind the end", "InvalidRange. [documented]", "InvalidRange", 416, lambda c: c.s3.get_object(Bucket=c.bucket("k"), Key="k", Range="bytes=10-")),
    ("S3: If-Match with another ETag", "PreconditionFailed. [documented]", "PreconditionFailed", 412, lambda c: c.s3.get_object(Bucket=c.bucket("k"), Key="k", IfMatch='"other"')),
    ("S3: If-None-Match with the ETag", "304, without a body. [documented]", "304", 304, lambda c: c.s3.get_object(Bucket=c.bucket("k"), Key="k", IfNoneMatch=c.etag("k"))),
    ("S3: a put with If-None-Match=* on a key that is there", "PreconditionFailed: so only one of many writers wins. [documented]", "PreconditionFailed", 412, lambda c: c.s3.put_object(Bucket=c.bucket("k"), Key="k", Body=b"", IfNoneMatch="*")),
    ("S3: an upload that was aborted", "NoSuchUpload. [documented]", "NoSuchUpload", 404, lambda c: c.s3.upload_part(Bucket=c.last_bucket, Key="k", UploadId=c.aborted_upload(), PartNumber=1, Body=b"x")),
    ("S3: completing with a part that was not uploaded", "InvalidPart. [documented]", "InvalidPart", 400, lambda c: c.complete([b"x"], [(2, None)])),
    ("S3: completing with parts out of order", "InvalidPartOrder. [documented]", "InvalidPartOrder", 400, lambda c: c.complete([b"x" * 5242880] * 2, [(2, None), (1, None)])),
    ("S3: a part under 5 MiB that is not the last", "EntityTooSmall. [documented]", "EntityTooSmall", 400, lambda c: c.complete([b"x", b"y"], [(1, None), (2, None)])),
)


@case("S3: awkward keys are put, read, listed and deleted")
def _(c):
    """Any UTF-8 of 1 to 1,024 bytes is a key; paths are not normalised. [documented]"""
    bucket = c.bucket()
    for key in AWKWARD_KEYS:
        c.s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in AWKWARD_KEYS:
        equal(c.s3.get_object(Bucket=bucket, Key=key)["Body"].read(), key.encode())
        equal(c.s3.head_object(Bucket=bucket, Key=key)["ContentLength"], len(key.encode()))
    equal([entry["Key"] for entry in c.s3.list_objects_v2(Bucket=bucket)["Contents"]], sorted(AWKWARD_KEYS, key=str.encode))
    for key in AWKWARD_KEYS:
        c.s3.delete_object(Bucket=bucket, Key=key)
    equal(c.s3.list_objects_v2(Bucket=bucket)["KeyCount"], 0)


@case("S3: what is kept with an object")
def _(c):
    """Type, encoding, cache control and metadata come back as sent. [documented]"""
    c.put("k", ContentType="text/x", Metadata={"one": "1"}, ContentEncoding="gzip", CacheControl="no-store")
    got = c.s3.get_object(Bucket=c.last_bucket, Key="k")
    equal((got["ContentType"], got["Metadata"], got["ContentEncoding"], got["CacheControl"]), ("text/x", {"one": "1"}, "gzip", "no-store"))


@case("S3: an object without a type is binary/octet-stream")
def _(c):
    """The default. [documented]"""
    equal(c.s3.get_object(Bucket=c.bucket("k"), Key="k")["ContentType"], "binary/octet-stream")


@case("S3: the ETag of a plain object is its MD5 in quotes")
def _(c):
    """For objects that were put in one piece. [documented]"""
    c.put("k", b"hello")
    equal(c.etag("k"), '"5d41402abc4b2a76b9719d911017c592"')


@case("S3: without versioning there is no version id")
def _(c):
    """The member is absent. [documented]"""
    assert "VersionId" not in c.s3.get_object(Bucket=c.bucket("k"), Key="k")


@case("S3: checksums of every kind are computed anew")
def _(c):
    """CRC32, CRC32C, CRC64NVME, SHA-1 and SHA-256, in base64 of big-endian bytes. [documented]"""
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        c.put(algorithm, b"123456789", ChecksumAlgorithm=algorithm)
    # the check values of the two CRCs that Python has not
    c.put("c", b"123456789", ChecksumCRC32C=base64.b64encode(bytes.fromhex("e3069283")).decode())
    c.put("n", b"123456789", ChecksumCRC64NVME=base64.b64encode(bytes.fromhex("ae8b14860a799888")).decode())


@case("S3: the checksum comes back when asked for")
def _(c):
    """x-amz-checksum-mode: ENABLED. [documented]"""
    c.put("k", b"hello", ChecksumAlgorithm="CRC32")
    equal(c.s3.get_object(Bucket=c.last_bucket, Key="k", ChecksumMode="ENABLED")["ChecksumCRC32"], base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode())


@case("S3: a body in chunks with a trailing checksum")
def _(c):
    """aws-chunked is the transfer's form and not kept; the trailer is compared. [documented]"""
    bucket = c.bucket()
    body = random.randbytes(300000)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:70000], body[70000:]))
    for crc, wanted in ((zlib.crc32(body).to_bytes(4, "big"), 200), (bytes(4), 400)):
        status, _ = c.send_signed("PUT", f"/{bucket}/k", chunks + b"0\r\nx-amz-checksum-crc32:" + base64.b64encode(crc) + b"\r\n\r\n", {
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": str(len(body)), "x-amz-trailer": "x-amz-checksum-crc32"})
        equal(status, wanted)
    got = c.s3.get_object(Bucket=bucket, Key="k")
    equal(got["Body"].read(), body)
    assert "ContentEncoding" not in got


@case("S3: a large file goes up in parts and comes back")
def _(c):
    """The ETag of an upload in parts ends with their number. [documented]"""
    bucket, body, back = c.bucket(), random.randbytes(12_000_000), io.BytesIO()
    c.s3.upload_fileobj(io.BytesIO(body), bucket, "large")
    c.s3.download_fileobj(bucket, "large", back)
    equal(hashlib.md5(back.getvalue()).hexdigest(), hashlib.md5(body).hexdigest())
    assert c.etag("large").endswith('-2"')


@case("S3: ranges")
def _(c):
    """a-b, a- and -n give 206 and Content-Range; an end behind the end is cut. [documented]"""
    c.put("k", b"0123456789")
    for header, wanted, content_range in (("bytes=2-4", b"234", "bytes 2-4/10"), ("bytes=7-", b"789", "bytes 7-9/10"),
                                          ("bytes=-3", b"789", "bytes 7-9/10"), ("bytes=8-99", b"89", "bytes 8-9/10")):
        got = c.s3.get_object(Bucket=c.last_bucket, Key="k", Range=header)
        equal((got["Body"].read(), got["ContentRange"], got["ResponseMetadata"]["HTTPStatusCode"]), (wanted, content_range, 206))


@case("S3: If-Match with the ETag passes")
def _(c):
    """Conditions that hold change nothing. [documented]"""
    c.put("k", b"1")
    equal(c.s3.get_object(Bucket=c.last_bucket, Key="k", IfMatch=c.etag("k"))["Body"].read(), b"1")


@case("S3: every version can be read")
def _(c):
    """The newest without an id, each with its own. [documented]"""
    bucket = c.versioned()
    one, two = (c.s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] for body in (b"1", b"2"))
    equal(c.s3.get_object(Bucket=bucket, Key="k", VersionId=one)["Body"].read(), b"1")
    equal(c.s3.get_object(Bucket=bucket, Key="k")["VersionId"], two)


@case("S3: a delete in a versioned bucket leaves a marker")
def _(c):
    """The key is not there, its versions are; a GET of the marker is 405; without the marker the key is back. [documented]"""
    bucket = c.versioned()
    c.s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    marker = c.s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"]
    refused("NoSuchKey", c.s3.get_object, Bucket=bucket, Key="k")
    refused("MethodNotAllowed", c.s3.get_object, Bucket=bucket, Key="k", VersionId=marker["VersionId"], status=405)
    c.s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    equal(c.s3.get_object(Bucket=bucket, Key="k")["Body"].read(), b"1")


@case("S3: versions are listed, the newest first")
def _(c):
    """IsLatest marks it; markers are listed apart. [documented]"""
    bucket = c.versioned()
    ids = [c.s3.put_object(Bucket=bucket, Key="k", Body=b"")["VersionId"] for _ in range(2)]
    marker = c.s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    listed = c.s3.list_object_versions(Bucket=bucket)
    equal([(v["VersionId"], v["IsLatest"]) for v in listed["Versions"]], [(ids[1], False), (ids[0], False)])
    equal([(v["VersionId"], v["IsLatest"]) for v in listed["DeleteMarkers"]], [(marker, True)])


def list_keys(call):
    def check(c):
        keys = [f"{a}/{b}{d}" for a in "ab" for b in "xy" for d in ("", "/1", "/2")] + ["c", "a b+c"]
        bucket = c.bucket(*keys)
        got = {"Contents": [], "CommonPrefixes": []}
        for page in c.s3.get_paginator(call).paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1}):
            for part in got:
                got[part] += page.get(part, [])
        equal([entry["Key"] for entry in got["Contents"]], ["a b+c", "c"])
        equal([entry["Prefix"] for entry in got["CommonPrefixes"]], ["a/", "b/"])
        pages = list(c.s3.get_paginator(call).paginate(Bucket=bucket, PaginationConfig={"PageSize": 3}))
        equal([entry["Key"] for page in pages for entry in page["Contents"]], sorted(keys))
        equal([entry["Key"] for entry in getattr(c.s3, call)(Bucket=bucket, Prefix="a/x")["Contents"]], ["a/x", "a/x/1", "a/x/2"])
    return check


CASES.append(("S3: ListObjectsV2: prefix, delimiter, pages", "Keys in the order of their bytes; common prefixes once. [documented]", list_keys("list_objects_v2")))
CASES.append(("S3: ListObjects: prefix, delimiter, pages", "The older call says the same. [documented]", list_keys("list_objects")))


@case("S3: a listing starts after a key")
def _(c):
    """start-after need not exist. [documented]"""
    equal([e["Key"] for e in c.s3.list_objects_v2(Bucket=c.bucket("a", "b", "d"), StartAfter="bb")["Contents"]], ["d"])


@case("S3: a copy keeps type and content")
def _(c):
    """The source's name is encoded in a header. [documented]"""
    c.put("a b+é", b"1", ContentType="text/x")
    c.s3.copy_object(Bucket=c.last_bucket, Key="copy", CopySource={"Bucket": c.last_bucket, "Key": "a b+é"})
    got = c.s3.get_object(Bucket=c.last_bucket, Key="copy")
    equal((got["Body"].read(), got["ContentType"]), (b"1", "text/x"))


@case("S3: many objects are deleted in one call")
def _(c):
    """A key that is not there is deleted as well. [documented]"""
    bucket = c.bucket("a", "b")
    equal(len(c.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}, {"Key": "none"}]})["Deleted"]), 3)
    equal(c.s3.list_objects_v2(Bucket=bucket)["KeyCount"], 0)


@case("S3: a bucket comes, is listed, says where it is, and goes")
def _(c):
    """ListBuckets, GetBucketLocation, DeleteBucket, HeadBucket. [documented]"""
    bucket = c.bucket()
    assert bucket in [b["Name"] for b in c.s3.list_buckets()["Buckets"]]
    equal(c.s3.get_bucket_location(Bucket=bucket)["LocationConstraint"], support.REGION)
    c.s3.delete_bucket(Bucket=bucket)
    refused("404", c.s3.head_bucket, Bucket=bucket)
