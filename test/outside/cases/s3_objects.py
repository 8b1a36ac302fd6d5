"""S3: buckets, objects, conditions, versions, listings."""
import base64
import zlib

import lab as support
from cloud import refused
from lab import equal
from registry import case, refusals


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
    ("S3: the last zero bytes", "bytes=-0 is no range of any object. [documented]", "InvalidRange", 416, lambda c: c.s3.get_object(Bucket=c.bucket(), Key=c.put("k"), Range="bytes=-0")),
    ("S3: a range of an empty object", "Its first byte is behind its end. [documented]", "InvalidRange", 416, lambda c: c.s3.get_object(Bucket=c.bucket("k"), Key="k", Range="bytes=0-")),
    ("S3: a checksum that is none", "InvalidRequest. [documented]", "InvalidRequest", 400, lambda c: c.put("k", ChecksumCRC32="x")),
    ("S3: If-Match with another ETag", "PreconditionFailed. [documented]", "PreconditionFailed", 412, lambda c: c.s3.get_object(Bucket=c.bucket("k"), Key="k", IfMatch='"other"')),
    ("S3: If-None-Match with the ETag", "304, without a body. [documented]", "304", 304, lambda c: c.s3.get_object(Bucket=c.bucket("k"), Key="k", IfNoneMatch=c.etag("k"))),
    ("S3: a put with If-Match and another ETag", "PreconditionFailed. [documented]", "PreconditionFailed", 412, lambda c: c.s3.put_object(Bucket=c.bucket("k"), Key="k", Body=b"", IfMatch='"other"')),
    ("S3: a put with If-Match on a key that is not there", "NoSuchKey. [documented]", "NoSuchKey", 404, lambda c: c.s3.put_object(Bucket=c.bucket(), Key="k", Body=b"", IfMatch='"other"')),
    ("S3: another owner is expected", "x-amz-expected-bucket-owner must be the bucket's. [documented]", "AccessDenied", 403, lambda c: c.s3.get_object(Bucket=c.bucket("k"), Key="k", ExpectedBucketOwner="210987654321")),
    ("S3: an object that is archived", "InvalidObjectState, until it is restored. [documented]", "InvalidObjectState", 403, lambda c: c.s3.get_object(Bucket=c.bucket(), Key=c.put("k", StorageClass="GLACIER"))),
    ("S3: a put with If-None-Match=* on a key that is there", "PreconditionFailed: so only one of many writers wins. [documented]", "PreconditionFailed", 412, lambda c: c.s3.put_object(Bucket=c.bucket("k"), Key="k", Body=b"", IfNoneMatch="*")),
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


@case("S3: ranges")
def _(c):
    """a-b, a- and -n give 206 and Content-Range; an end behind the end is cut. [documented]"""
    c.put("k", b"0123456789")
    for header, wanted, content_range in (("bytes=2-4", b"234", "bytes 2-4/10"), ("bytes=7-", b"789", "bytes 7-9/10"),
                                          ("bytes=-3", b"789", "bytes 7-9/10"), ("bytes=8-99", b"89", "bytes 8-9/10"),
                                          ("bytes=0-0", b"0", "bytes 0-0/10"), ("bytes=9-", b"9", "bytes 9-9/10"), ("bytes=-99", b"0123456789", "bytes 0-9/10"),
                                          ("bytes=0-99999999999999999999999", b"0123456789", "bytes 0-9/10")):
        got = c.s3.get_object(Bucket=c.last_bucket, Key="k", Range=header)
        equal((got["Body"].read(), got["ContentRange"], got["ResponseMetadata"]["HTTPStatusCode"]), (wanted, content_range, 206))


@case("S3: ranges that are ignored")
def _(c):
    """What is no single range of bytes gets the whole object and 200. [documented]"""
    c.put("k", b"0123456789")
    for header in ("bytes=5-2", "bytes=1-2,4-5", "lines=1-2", "bytes=x-", "bytes=-", "bytes=1", "bytes="):
        got = c.s3.get_object(Bucket=c.last_bucket, Key="k", Range=header)
        equal((header, got["Body"].read(), got["ResponseMetadata"]["HTTPStatusCode"]), (header, b"0123456789", 200))


@case("S3: HEAD of a range")
def _(c):
    """Tells what a GET would answer. [documented]"""
    c.put("k", b"0123456789")
    got = c.s3.head_object(Bucket=c.last_bucket, Key="k", Range="bytes=2-4")
    equal((got["ContentLength"], got["ResponseMetadata"]["HTTPStatusCode"]), (3, 206))


@case("S3: a range of a large object, piece by piece")
def _(c):
    """Ranges with If-Match put together give the object. [documented]"""
    body = b"".join(b"%d\n" % n for n in range(50000))
    c.put("k", body)
    etag, size = c.etag("k"), 65536
    pieces = [c.s3.get_object(Bucket=c.last_bucket, Key="k", Range=f"bytes={at}-{at + size - 1}", IfMatch=etag)["Body"].read()
              for at in range(0, len(body), size)]
    equal(b"".join(pieces), body)


@case("S3: a put with If-None-Match=* on a new key, and with If-Match on the old")
def _(c):
    """Conditions that hold change nothing; a delete marker counts as no object. [documented]"""
    bucket = c.versioned()
    for _ in range(2):
        etag = c.s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
        c.s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)
        c.s3.delete_object(Bucket=bucket, Key="k")


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


@case("S3: If-Match and versionId go together")
def _(c):
    """The condition is put to the version that is named. [documented]"""
    bucket = c.versioned()
    one, two = (c.s3.put_object(Bucket=bucket, Key="k", Body=body) for body in (b"1", b"2"))
    equal(c.s3.get_object(Bucket=bucket, Key="k", VersionId=one["VersionId"], IfMatch=one["ETag"])["Body"].read(), b"1")
    refused("PreconditionFailed", c.s3.get_object, Bucket=bucket, Key="k", IfMatch=one["ETag"], status=412)
    refused("PreconditionFailed", c.s3.get_object, Bucket=bucket, Key="k", VersionId=one["VersionId"], IfMatch=two["ETag"], status=412)


@case("S3: a delete marker says that it is one")
def _(c):
    """404 by key and 405 by its version, both with x-amz-delete-marker, by GET and HEAD. [documented]"""
    bucket = c.versioned()
    c.s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    marker = c.s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    for call, codes in ((c.s3.get_object, ("NoSuchKey", "MethodNotAllowed")), (c.s3.head_object, ("404", "405"))):
        for code, version in zip(codes, ({}, {"VersionId": marker})):
            headers = refused(code, call, Bucket=bucket, Key="k", status=405 if version else 404, **version)["ResponseMetadata"]["HTTPHeaders"]
            equal((headers.get("x-amz-delete-marker"), headers.get("x-amz-version-id")), ("true", marker))


@case("S3: a delete of a version takes just that one")
def _(c):
    """And is answered with its id; what is not there is deleted as well. [documented]"""
    bucket = c.versioned()
    one, two = (c.s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] for body in (b"1", b"2"))
    equal(c.s3.delete_object(Bucket=bucket, Key="k", VersionId=two)["VersionId"], two)
    equal(c.s3.get_object(Bucket=bucket, Key="k")["VersionId"], one)
    equal(c.s3.delete_object(Bucket=c.bucket(), Key="none")["ResponseMetadata"]["HTTPStatusCode"], 204)


@case("S3: suspended versioning")
def _(c):
    """Old versions stay, new ones share the id null. [documented]"""
    bucket = c.versioned()
    old = c.s3.put_object(Bucket=bucket, Key="k", Body=b"old")["VersionId"]
    c.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    for body in (b"1", b"2"):
        c.s3.put_object(Bucket=bucket, Key="k", Body=body)
    equal(c.s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read(), b"2")
    c.s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    equal(c.s3.get_object(Bucket=bucket, Key="k")["VersionId"], old)


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


def pages(c, bucket, **options):
    """Keys and common prefixes of a listing in pages of that size."""
    listed = list(c.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **options))
    return ([e["Key"] for page in listed for e in page.get("Contents", [])],
            [e["Prefix"] for page in listed for e in page.get("CommonPrefixes", [])], len(listed))


@case("S3: a listing: prefix, delimiter, pages")
def _(c):
    """Keys in the order of their bytes; a common prefix counts as one key, and comes once. [documented]"""
    keys = [f"{a}/{b}{d}" for a in "ab" for b in "xy" for d in ("", "/1", "/2")] + ["c", "a b+c"]
    bucket = c.bucket(*keys)
    equal(pages(c, bucket, PaginationConfig={"PageSize": 3}), (sorted(keys), [], 5))
    equal(pages(c, bucket, Delimiter="/", PaginationConfig={"PageSize": 1}), (["a b+c", "c"], ["a/", "b/"], 4))
    equal(pages(c, bucket, Delimiter="/", Prefix="a/x"), (["a/x"], ["a/x/"], 1))
    equal(pages(c, bucket, Prefix="a/x"), (["a/x", "a/x/1", "a/x/2"], [], 1))
    equal(pages(c, bucket, Delimiter="/x", Prefix="b"), (["b/y", "b/y/1", "b/y/2"], ["b/x"], 1))


@case("S3: keys sort by their bytes")
def _(c):
    """Not by letters nor by UTF-16. [documented]"""
    keys = ["B", "a", "a-", "a/", "a0", "é", "\uffee", "\U0001f642"]
    equal(pages(c, c.bucket(*reversed(keys)), PaginationConfig={"PageSize": 2})[0], keys)


@case("S3: a listing starts after a key")
def _(c):
    """start-after need not exist, and does not include its own key. [documented]"""
    bucket = c.bucket("a", "b", "d")
    for after, wanted in (("bb", ["d"]), ("a", ["b", "d"]), ("", ["a", "b", "d"])):
        equal(pages(c, bucket, StartAfter=after)[0], wanted)


@case("S3: what a page says of itself")
def _(c):
    """KeyCount, MaxKeys (a thousand at most), IsTruncated; a token only when there is more. [documented]"""
    bucket = c.bucket("a", "b/1", "b/2")
    page = c.s3.list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=2)
    equal((page["KeyCount"], page["MaxKeys"], page["IsTruncated"], "NextContinuationToken" in page), (2, 2, False, False))
    page = c.s3.list_objects_v2(Bucket=bucket, MaxKeys=2)
    equal((page["KeyCount"], page["IsTruncated"], "NextContinuationToken" in page), (2, True, True))
    equal(c.s3.list_objects_v2(Bucket=bucket, MaxKeys=5000)["MaxKeys"], 1000)


@case("S3: what a listing says of an object")
def _(c):
    """Size, ETag in quotes, class, time; nothing of what is deleted. [documented]"""
    bucket = c.versioned()
    for key in ("gone", "k"):
        etag = c.s3.put_object(Bucket=bucket, Key=key, Body=b"hello")["ETag"]
    c.s3.delete_object(Bucket=bucket, Key="gone")
    listed = c.s3.list_objects_v2(Bucket=bucket)["Contents"]
    equal([(e["Key"], e["Size"], e["ETag"], e["StorageClass"]) for e in listed], [("k", 5, etag, "STANDARD")])
    assert "Owner" not in listed[0] and "Owner" in c.s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]
    equal(listed[0]["LastModified"].replace(microsecond=0), c.s3.head_object(Bucket=bucket, Key="k")["LastModified"])


@case("S3: a token that is none")
def _(c):
    """InvalidArgument. [documented]"""
    refused("InvalidArgument", c.s3.list_objects_v2, Bucket=c.bucket(), ContinuationToken="%", status=400)


@case("S3: a bucket comes, is listed, says where it is, and goes")
def _(c):
    """ListBuckets, GetBucketLocation, DeleteBucket, HeadBucket. [documented]"""
    bucket = c.bucket()
    assert bucket in [b["Name"] for b in c.s3.list_buckets()["Buckets"]]
    equal(c.s3.get_bucket_location(Bucket=bucket)["LocationConstraint"], support.REGION)
    c.s3.delete_bucket(Bucket=bucket)
    refused("404", c.s3.head_bucket, Bucket=bucket)
