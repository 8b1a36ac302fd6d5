"""Signature Version 4, by botocore's signer."""
import http.client
import random
import urllib.parse

from cloud import refused
from lab import equal
from registry import case, refusals


refusals(
    ("signature: a wrong secret, SQS", "The query code is SignatureDoesNotMatch. [documented]", "SignatureDoesNotMatch", 403, lambda c: c.client("sqs", secret="wrong").list_queues()),
    ("signature: an unknown key, SQS", "The query code is InvalidClientTokenId. [documented]", "InvalidClientTokenId", 403, lambda c: c.client("sqs", key="AKIDOTHER").list_queues()),
    ("signature: a foreign region, SQS", "The scope must be the endpoint's. [documented]", "SignatureDoesNotMatch", 403, lambda c: c.client("sqs", region="us-east-1").list_queues()),
    ("signature: a wrong secret, S3", "SignatureDoesNotMatch. [documented]", "SignatureDoesNotMatch", 403, lambda c: c.client("s3", secret="wrong").list_buckets()),
    ("signature: an unknown key, S3", "InvalidAccessKeyId. [documented]", "InvalidAccessKeyId", 403, lambda c: c.client("s3", key="AKIDOTHER").list_buckets()),
    ("signature: a wrong secret, Lambda", "InvalidSignatureException. [documented]", "InvalidSignatureException", 403, lambda c: c.client("lambda", secret="wrong").invoke(FunctionName="f")),
    ("signature: an unknown key, Lambda", "UnrecognizedClientException. [documented]", "UnrecognizedClientException", 403, lambda c: c.client("lambda", key="AKIDOTHER").invoke(FunctionName="f")),
)


@case("signature: S3 says which region is right")
def _(c):
    """AuthorizationHeaderMalformed with the element Region. [documented]"""
    status, answer = c.send_signed("GET", "/", b"", {}, region="us-east-1")
    equal((status, b"<Region>eu-west-1</Region>" in answer, b"AuthorizationHeaderMalformed" in answer), (400, True, True))


@case("signature: none at all")
def _(c):
    """MissingAuthenticationToken; S3 says AccessDenied. [documented]"""
    status, headers, _ = c.lab.request("POST", "/", "{}", {"X-Amz-Target": "AmazonSQS.ListQueues"})
    equal((status, headers["x-amzn-query-error"]), (403, "MissingAuthenticationToken;Sender"))
    equal(c.lab.request("GET", "/")[0], 403)


@case("signature: a header that is none")
def _(c):
    """IncompleteSignature. [documented]"""
    for header in ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ,,,", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=x", "Basic eA==", "=", ","):
        status, headers, _ = c.lab.request("POST", "/", "{}", {"X-Amz-Target": "AmazonSQS.ListQueues", "Authorization": header, "X-Amz-Date": "20260102T030405Z"})
        equal((status, headers["x-amzn-query-error"]), (400, "IncompleteSignature;Sender"))


@case("signature: an x-amz header that is not signed")
def _(c):
    """All of them must be. [documented]"""
    headers = c.signed_headers("GET", "/", b"", {})
    status, _, answer = c.lab.request("GET", "/", None, dict(headers, **{"x-amz-meta-late": "1"}))
    equal((status, b"x-amz-meta-late" in answer), (403, True))


@case("signature: an old date")
def _(c):
    """S3 takes 15 minutes of difference. [documented]"""
    headers = c.signed_headers("GET", "/", b"", {})
    day = headers["X-Amz-Date"][:8]
    old = dict(headers, **{"X-Amz-Date": "20200102T030405Z", "Authorization": headers["Authorization"].replace(day, "20200102")})
    status, _, answer = c.lab.request("GET", "/", None, old)
    equal((status, b"RequestTimeTooSkewed" in answer), (403, True))


@case("signature: another body than the one signed")
def _(c):
    """XAmzContentSHA256Mismatch. [documented]"""
    path = f"/{c.bucket()}/k"
    status, _, answer = c.lab.request("PUT", path, b"two", c.signed_headers("PUT", path, b"one", {}))
    equal((status, b"XAmzContentSHA256Mismatch" in answer), (400, True))


def random_text(alphabet, most):
    return "".join(random.choice(alphabet) for _ in range(random.randint(1, most)))


def random_request(bucket, alphabet):
    """(method, path, key or None, headers, body)"""
    if random.random() < 0.3:
        query = {"list-type": "2", "prefix": random_text(alphabet, 10), "delimiter": random_text(alphabet, 2), "max-keys": "7",
                 "start-after": random_text(alphabet, 5)}
        pairs = random.sample(list(query.items()), 5)
        return "GET", f"/{bucket}?" + "&".join(f"{k}={urllib.parse.quote(v, safe='~-._')}" for k, v in pairs), None, {}, b""
    key = random_text(alphabet, 40)
    headers = {f"x-amz-meta-{random_text('abc-d', 8)}": random_text("ab  ,;=\"'\t", 20).strip() or "x" for _ in range(random.randint(0, 4))}
    return "PUT", f"/{bucket}/" + urllib.parse.quote(key, safe="/~-._"), key, headers, random.randbytes(random.randint(0, 100))


@case("signature: 1,000 random requests signed by botocore")
def _(c):
    """Awkward keys, queries and headers are accepted, and refused when a letter of the signature changes. [documented]"""
    bucket = c.bucket()
    connection = http.client.HTTPConnection(c.lab.address, timeout=30)
    for n in range(1000):
        method, path, key, headers, body = random_request(bucket, "ab/ +%&=?#.~-_!*'()@,;:é日🙂\\\"<>^`{}|[]$\t")
        signed = c.signed_headers(method, path, body, headers)
        broken = n % 10 == 0
        if broken:
            last = signed["Authorization"][-1]
            signed["Authorization"] = signed["Authorization"][:-1] + ("0" if last != "0" else "1")
        connection.request(method, path, body, signed)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != (403 if broken else 200):
            raise AssertionError(f"{answer.status} for {method} {path} {signed}: {text.decode()}")
        if key is not None and not broken and n % 5 == 1:
            equal(c.s3.get_object(Bucket=bucket, Key=key)["Body"].read(), body)
