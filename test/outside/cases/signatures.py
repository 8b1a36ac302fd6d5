"""Signature Version 4: what each service says of a wrong one; and 1,000 right ones, by botocore's signer."""
import datetime
import http.client
import json
import random
import re
import urllib.parse

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import lab as support
from cloud import Runtime
from lab import equal
from registry import CASES, case

REQUESTS = {  # service -> a request that would succeed
    "sqs": ("POST", "/", b"{}", {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"}),
    "s3": ("GET", "/", b"", {}),
    "lambda": ("POST", "/2015-03-31/functions/signed/invocations", b"{}", {"X-Amz-Invocation-Type": "Event"}),
    "sts": ("POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", {"Content-Type": "application/x-www-form-urlencoded"}),
}


def signed(c, service, *, secret=support.SECRET_KEY, key=support.ACCESS_KEY, token=None, region=support.REGION, name=None, shift=0):
    """The headers of that service's request, signed at another time if wanted."""
    method, path, body, headers = REQUESTS[service]
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(Credentials(key, secret, token), name or service, region)
    request = AWSRequest(method, c.url + path, data=body, headers=dict(headers))
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=shift)
    request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(text, request))
    return dict(request.headers.items())


def answer(c, service, headers):
    """(status, code), with SQS's both names of an error, and each service's shape of it checked."""
    method, path, body, _ = REQUESTS[service]
    status, got, text = c.lab.request(method, path, body, headers)
    if status < 300:
        return status, None
    if service == "sqs":
        kind, code = json.loads(text)["__type"], got["x-amzn-query-error"].split(";")[0]
        equal(kind, "com.amazon.coral.service#" + SAME[code])
        return status, code
    if service == "lambda":
        assert "essage" in text.decode(), text
        return status, got["x-amzn-ErrorType"]
    found = re.search(r"<Error>.*<Code>(\w+)</Code><Message>.+</Message>", text.decode(), re.S)
    return status, found.group(1)


SAME = {  # the query protocol's code -> the JSON protocol's
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "ExpiredToken": "ExpiredTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
}


def without(headers, *names):
    return {name: value for name, value in headers.items() if name.lower() not in names}


def changed(headers, pattern, replacement):
    """With another Authorization."""
    authorization = re.sub(pattern, replacement, headers["Authorization"])
    assert authorization != headers["Authorization"]
    return dict(headers, Authorization=authorization)


def session(c):
    """The arguments of signed() for a key that STS issued."""
    got = c.client("sts").assume_role(RoleArn=f"arn:aws:iam::{support.ACCOUNT}:role/r", RoleSessionName="session")["Credentials"]
    return {"key": got["AccessKeyId"], "secret": got["SecretAccessKey"], "token": got["SessionToken"]}


def make_function(c):
    equal(Runtime(c, "signed").respond("none"), 400)


def expired(c, service):
    make_function(c)
    arguments = session(c)
    equal(answer(c, service, signed(c, service, **arguments))[1], None)
    c.wait(3601)
    return signed(c, service, **arguments)


# What is wrong, the rule, (status, code) of SQS and STS, that of S3, and the headers.
# Lambda has SQS's, by the JSON protocol's names.
MISMATCH, S3_SCOPE = (403, "SignatureDoesNotMatch"), (400, "AuthorizationHeaderMalformed")
MALFORMED, UNKNOWN = (400, "IncompleteSignature"), (403, "InvalidClientTokenId")
WRONG = [
    ("a wrong secret", "The signature does not match. [documented]", MISMATCH, MISMATCH, lambda c, s: signed(c, s, secret="wrong")),
    ("an unknown key", "The key must be known. [documented]", UNKNOWN, (403, "InvalidAccessKeyId"), lambda c, s: signed(c, s, key="AKIDOTHER")),
    ("a foreign region", "The scope's region must be the endpoint's. [documented]", MISMATCH, S3_SCOPE, lambda c, s: signed(c, s, region="us-west-2")),
    ("another service", "The scope's service must be the one that is called. [documented]", MISMATCH, S3_SCOPE, lambda c, s: signed(c, s, name="ec2")),
    ("another day in the scope", "The scope's date must be the request's. [documented]", MISMATCH, S3_SCOPE,
     lambda c, s: changed(signed(c, s), r"/\d{8}/", "/20200102/")),
    ("another end of the scope", "The scope ends with aws4_request. [documented]", MISMATCH, S3_SCOPE,
     lambda c, s: changed(signed(c, s), "/aws4_request", "/aws3_request")),
    ("an old date", "A signature is good for 5 minutes, S3's for 15. [documented]", MISMATCH, (403, "RequestTimeTooSkewed"),
     lambda c, s: signed(c, s, shift=-(16 if s == "s3" else 6) * 60)),
    ("a date to come", "The same into the future. [documented]", MISMATCH, (403, "RequestTimeTooSkewed"),
     lambda c, s: signed(c, s, shift=(16 if s == "s3" else 6) * 60)),
    ("a date that is none", "The date is in ISO 8601's basic format. [documented]", MALFORMED, S3_SCOPE,
     lambda c, s: dict(signed(c, s), **{"X-Amz-Date": signed(c, s)["X-Amz-Date"][:8] + "T99"})),
    ("no date", "A date is required. [documented]", MALFORMED, S3_SCOPE, lambda c, s: without(signed(c, s), "x-amz-date")),
    ("an x-amz header that is not signed", "All of them must be. [documented]", MISMATCH, (403, "AccessDenied"),
     lambda c, s: dict(signed(c, s), **{"x-amz-meta-late": "1"})),
    ("a host that is not signed", "It must be. [documented]", MISMATCH, (403, "AccessDenied"),
     lambda c, s: changed(signed(c, s), "host;", "")),
    ("a signed header that is missing", "The signature does not match. [documented]", MISMATCH, MISMATCH,
     lambda c, s: changed(signed(c, s), "host;", "host;x-none;")),
    ("no Authorization", "Requests are signed. [documented]", (403, "MissingAuthenticationToken"), (403, "AccessDenied"),
     lambda c, s: without(signed(c, s), "authorization")),
    ("a scope of four parts", "It has five. [documented]", MALFORMED, S3_SCOPE, lambda c, s: changed(signed(c, s), r"/\d{8}/", "/")),
    ("no list of signed headers", "It is required. [documented]", MALFORMED, S3_SCOPE, lambda c, s: changed(signed(c, s), "SignedHeaders=[^,]*", "x=y")),
    ("no signature", "It is required. [documented]", MALFORMED, S3_SCOPE, lambda c, s: changed(signed(c, s), "Signature=.*", "")),
    ("another algorithm", "There is only one. [documented]", MALFORMED, S3_SCOPE, lambda c, s: changed(signed(c, s), "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1")),
    ("a session's key without its token", "The key is unknown without. [documented]", UNKNOWN, (403, "InvalidAccessKeyId"),
     lambda c, s: signed(c, s, **{**session(c), "token": None})),
    ("a session's key with another's token", "The token is the key's own. [documented]", UNKNOWN, (400, "InvalidToken"),
     lambda c, s: signed(c, s, **{**session(c), "token": session(c)["token"]})),
    ("a user's key with a token", "It has none. [documented]", UNKNOWN, (400, "InvalidToken"), lambda c, s: signed(c, s, token=session(c)["token"])),
    ("a session that is over", "Its time is the lab's clock's. [documented]", (403, "ExpiredToken"), (400, "ExpiredToken"), expired),
]


def declare(service, what, rule, query, s3, headers):
    status, code = s3 if service == "s3" else query
    wanted = (status, SAME[code] if service == "lambda" else code)
    CASES.append((f"signature: {service}: {what}", rule, lambda c: equal(answer(c, service, headers(c, service)), wanted)))


for each in REQUESTS:
    for row in WRONG:
        declare(each, *row)


@case("signature: a date within the tolerance")
def _(c):
    """5 minutes, for S3 15. [documented]"""
    make_function(c)
    for service in REQUESTS:
        for shift in (-1, 1):
            headers = signed(c, service, shift=shift * (14 if service == "s3" else 4) * 60)
            equal(answer(c, service, headers)[1], None)


@case("signature: S3 says which region is right")
def _(c):
    """AuthorizationHeaderMalformed with the element Region. [documented]"""
    status, text = c.send_signed("GET", "/", b"", {}, region="us-east-1")
    equal((status, b"<Region>eu-west-1</Region>" in text, b"AuthorizationHeaderMalformed" in text), (400, True, True))


@case("signature: a header that is none")
def _(c):
    """IncompleteSignature. [documented]"""
    for header in ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ,,,", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=x", "Basic eA==", "=", ","):
        equal(answer(c, "sqs", dict(signed(c, "sqs"), Authorization=header)), MALFORMED)


@case("signature: another body than the one signed")
def _(c):
    """XAmzContentSHA256Mismatch. [documented]"""
    path = f"/{c.bucket()}/k"
    status, _, text = c.lab.request("PUT", path, b"two", c.signed_headers("PUT", path, b"one", {}))
    equal((status, b"XAmzContentSHA256Mismatch" in text), (400, True))


chance = random.Random(20261122)  # the same requests in every run


def random_text(alphabet, most):
    return "".join(chance.choice(alphabet) for _ in range(chance.randint(1, most)))


def random_request(bucket, alphabet):
    """(method, path, key or None, headers, body)"""
    if chance.random() < 0.3:
        query = {"list-type": "2", "prefix": random_text(alphabet, 10), "delimiter": random_text(alphabet, 2), "max-keys": "7",
                 "start-after": random_text(alphabet, 5)}
        pairs = chance.sample(list(query.items()), 5)
        return "GET", f"/{bucket}?" + "&".join(f"{k}={urllib.parse.quote(v, safe='~-._')}" for k, v in pairs), None, {}, b""
    key = random_text(alphabet, 40)
    headers = {f"x-amz-meta-{random_text('abc-d', 8)}": random_text("ab  ,;=\"'\t", 20).strip() or "x" for _ in range(chance.randint(0, 4))}
    return "PUT", f"/{bucket}/" + urllib.parse.quote(key, safe="/~-._"), key, headers, chance.randbytes(chance.randint(0, 100))


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
        got = connection.getresponse()
        text = got.read()
        if got.status != (403 if broken else 200):
            raise AssertionError(f"{got.status} for {method} {path} {signed}: {text.decode()}")
        if key is not None and not broken and n % 5 == 1:
            equal(c.s3.get_object(Bucket=bucket, Key=key)["Body"].read(), body)
