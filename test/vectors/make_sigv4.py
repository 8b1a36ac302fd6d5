#!/usr/bin/env python3
"""Makes the signature vectors under sigv4/ with botocore, a second opinion.

Each case is a folder of four files: what is signed (request: lines of "key
value"), and what botocore makes of it (canonical, string-to-sign,
authorization).  The values are made up.  The cases have the kinds of the
public AWS Signature Version 4 test suite and, for each service that is used
here, its requests with and without a session token.  Three kinds of the suite
have no case, because such requests are never made: a header value of several
lines (refused), a session token that is added after signing, and the
signature in the query.  Run it again only to add cases:

    python3 test/vectors/make_sigv4.py
"""
import datetime
import os
from unittest import mock

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sigv4")
KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE//8wEaCXVzLWVhc3QtMSJH+MEUCIQ=="
WHEN = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
PLAIN = "-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
JSON = [("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", "AmazonSQS.ReceiveMessage")]
FORM = [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]
AWKWARD = "/a%20b%2Bc/%C3%A9%26%3D%252F.txt"
STS = "https://sts.eu-west-1.amazonaws.com"
STS_FORM = (b"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr"
            b"&RoleSessionName=a%2Bb%40c&DurationSeconds=3600")
REDSHIFT = "https://redshift-data.eu-west-1.amazonaws.com"
STATEMENT = [("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "RedshiftData.BatchExecuteStatement")]
STATEMENT_BODY = '{"ClientToken":"c-1","Sqls":["INSERT INTO t VALUES (\'é\', 1.50)"]}'.encode()
SQS = "https://sqs.us-east-1.amazonaws.com"
S3 = "https://bkt.s3.us-east-1.amazonaws.com"
QUEUE = (b'{"QueueUrl":"https://sqs.us-east-1.amazonaws.com/123456789012/q.fifo",'
         b'"WaitTimeSeconds":20}')


def case(name, method="GET", path="/", query=None, headers=(), body=None, token=None,
         service="service", endpoint="https://example.amazonaws.com", region="us-east-1",
         when=WHEN):
    return locals()


CASES = [
    case("get-vanilla"),
    case("post-vanilla", method="POST"),
    case("get-vanilla-query", query="Param1=value1"),
    case("get-query-order-key", query="Param2=value2&Param1=value1"),
    case("get-query-order-value", query="Param1=value2&Param1=value1"),
    case("get-query-order-key-case", query="param=b&Param=a&PARAM=c"),
    case("get-query-order-encoded", query="Param-3=Value3&Param=Value2&%E1%88%B4=Value1&Param-=x"),
    case("get-query-prefix-names", query="ab=1&a=3&a=2&a-b=4"),
    case("get-query-empty-value", query="versions&prefix=&max-keys=2"),
    case("get-query-unreserved", query=f"{PLAIN}={PLAIN}"),
    case("get-query-reserved", query="a=%26%3D%2B%20%25%2F&%3D=%26"),
    case("get-query-utf8", query="%E1%88%B4=bar&name=%C3%A9"),
    case("get-unreserved", path=f"/{PLAIN}"),
    case("get-utf8", path="/%E1%88%B4"),
    case("get-space", path="/example%20space/"),
    case("get-relative", path="/example/.."),
    case("get-relative-relative", path="/example1/example2/../.."),
    case("get-relative-above-root", path="/../../x"),
    case("get-dot-segment", path="/./example"),
    case("get-slashes", path="//example//"),
    case("get-slash-dot-slash", path="/./"),
    case("get-pointless-dot", path="/a/./b/../c/"),
    case("get-header-duplicate", headers=[("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")]),
    case("get-header-order", headers=[("My-Header1", "value4"), ("My-Header1", "value1"), ("my-header1", "value3")]),
    case("get-header-trim", headers=[("My-Header1", "  value1  "), ("My-Header2", ' "a   b   c" ')]),
    case("get-header-inner-blanks", headers=[("My-Header1", "value1 \t  value2\t\tvalue3")]),
    case("get-header-prefix-names", headers=[("x-amz-meta-a-b", "2"), ("x-amz-meta-a", "1"), ("x-amz-meta", "0")]),
    case("get-header-empty", headers=[("My-Header1", "")]),
    case("get-header-unsigned", headers=[("User-Agent", "x"), ("Expect", "100-continue"), ("Connection", "close"),
                                         ("X-Amzn-Trace-Id", "Root=1-2-3"), ("Range", "bytes=0-9")]),
    case("post-header-key-sort", method="POST", headers=[("Zoo", "z"), ("ABC", "a"), ("b-c", "b")]),
    case("post-form", method="POST", headers=FORM, body=b"Param1=value1"),
    case("post-utf8-body", method="POST", headers=FORM, body="é=中".encode()),
    case("post-binary-body", method="POST", headers=FORM, body=bytes(range(256))),
    case("post-session-token", method="POST", token=TOKEN),
    case("get-host-port", endpoint="http://localhost:4566"),
    case("get-host-default-port", endpoint="https://example.amazonaws.com:443"),
    case("get-host-ipv6", endpoint="http://[::1]:4566"),
    case("get-leap-day", when=datetime.datetime(2028, 2, 29, 23, 59, 59, tzinfo=datetime.timezone.utc)),
    case("get-other-region", region="cn-north-1"),
    case("sqs-receive", method="POST", service="sqs", endpoint=SQS, headers=JSON, body=QUEUE),
    case("sqs-receive-token", method="POST", service="sqs", endpoint=SQS, headers=JSON, body=QUEUE,
         token="TOK/en+=="),
    case("s3-awkward-key", service="s3", endpoint=S3, path="/a%20b%2Bc/%C3%A9%26%3D%252F.txt",
         query="versionId=v.1_-~%2F"),
    case("s3-list", service="s3", endpoint=S3,
         query="prefix=a%20b%2B%2F&list-type=2&continuation-token=1%2Bx%3D"),
    case("s3-slashes-and-dots", service="s3", endpoint=S3, path="//a//b/./c/../d//"),
    case("s3-everything-encoded", service="s3", endpoint=S3,
         path="/%21%22%23%24%25%26%27%28%29%2A%2B%2C%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%5E%60%7B%7C%7D"),
    case("s3-put", method="PUT", service="s3", endpoint=S3, path="/k", body=b"\x00body\n",
         headers=[("Content-Type", "application/json"), ("x-amz-meta-a", "1")], token=TOKEN),
    case("s3-path-style", service="s3", endpoint="http://127.0.0.1:9000", path="/bkt/k%20", headers=[("Range", "bytes=0-"), ("If-Match", '"e"')]),
    case("s3-subresource", service="s3", endpoint=S3, query="versioning"),
    case("s3-head", method="HEAD", service="s3", endpoint=S3, path="/k", query="versionId=null"),
    # more of the suite's kinds
    case("get-session-token", token=TOKEN),
    case("get-slash", path="//"),
    case("get-query-no-value", query="Param1"),
    case("get-query-empty-name", query="=value1"),
    case("post-header-key-case", method="POST", headers=[("MY-HEADER1", "value1"), ("my-header2", "value2")]),
    case("post-header-value-case", method="POST", headers=[("My-Header1", "VALUE1")]),
    case("post-query", method="POST", query="Param1=value1"),
    case("post-query-empty-value", method="POST", query="Param1="),
    case("post-form-plain", method="POST", headers=[("Content-Type", "application/x-www-form-urlencoded")], body=b"Param1=value1"),
    # S3 takes paths as they are
    case("s3-relative", service="s3", endpoint=S3, path="/example/.."),
    case("s3-relative-relative", service="s3", endpoint=S3, path="/example1/example2/../.."),
    case("s3-slash", service="s3", endpoint=S3, path="//"),
    case("s3-slashes", service="s3", endpoint=S3, path="//example//"),
    case("s3-slash-dot-slash", service="s3", endpoint=S3, path="/./"),
    case("s3-pointless-dot", service="s3", endpoint=S3, path="/./example"),
    case("s3-space", service="s3", endpoint=S3, path="/example%20space/"),
    # each service's requests
    case("sqs-send-batch-token", method="POST", service="sqs", endpoint="https://sqs.cn-north-1.amazonaws.com.cn", region="cn-north-1",
         headers=[("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", "AmazonSQS.SendMessageBatch")],
         body='{"QueueUrl":"q","Entries":[{"Id":"0","MessageBody":"é\\n","MessageGroupId":"g"}]}'.encode(), token=TOKEN),
    case("sqs-fips", method="POST", service="sqs", endpoint="https://sqs-fips.us-east-1.amazonaws.com", headers=JSON, body=QUEUE),
    case("sqs-loopback", method="POST", service="sqs", endpoint="http://127.0.0.1:9324", headers=JSON, body=QUEUE, token=TOKEN),
    case("sts-assume-role", method="POST", service="sts", endpoint=STS, region="eu-west-1", headers=FORM, body=STS_FORM),
    case("sts-assume-role-token", method="POST", service="sts", endpoint=STS, region="eu-west-1", headers=FORM, body=STS_FORM, token=TOKEN),
    case("sts-global", method="POST", service="sts", endpoint="https://sts.amazonaws.com", headers=FORM, body=STS_FORM),
    case("redshift-data-batch", method="POST", service="redshift-data", endpoint=REDSHIFT, region="eu-west-1", headers=STATEMENT,
         body=STATEMENT_BODY),
    case("redshift-data-batch-token", method="POST", service="redshift-data", endpoint=REDSHIFT, region="eu-west-1", headers=STATEMENT,
         body=STATEMENT_BODY, token=TOKEN),
    case("s3-range-token", service="s3", endpoint=S3, path=AWKWARD, query="versionId=v.1_-~%2F", token=TOKEN,
         headers=[("x-amz-checksum-mode", "ENABLED"), ("Range", "bytes=8388608-16777215"), ("If-Match", '"d41d8cd9-2"')]),
    case("s3-put-checksum", method="PUT", service="s3", endpoint=S3, path=AWKWARD, body=b"123456789", token=TOKEN,
         headers=[("Content-Type", "application/json"), ("If-None-Match", "*"), ("x-amz-meta-b-c", ""), ("x-amz-meta-b", "us and them"),
                  ("x-amz-sdk-checksum-algorithm", "CRC32"), ("x-amz-checksum-crc32", "y/Q5Jg==")]),
    case("s3-put-nothing", method="PUT", service="s3", endpoint=S3, path="/k", body=b""),
    case("s3-delete-version", method="DELETE", service="s3", endpoint=S3, path=AWKWARD, query="versionId=a%2Bb"),
    case("s3-list-token", service="s3", endpoint=S3, token=TOKEN,
         query="continuation-token=1%2Bx%3D&encoding-type=url&list-type=2&max-keys=1000&prefix=a%20b%2B%2F&start-after=a%26%C3%A9%0A"),
    case("s3-control-characters", service="s3", endpoint=S3, path="/" + "".join(f"%{code:02X}" for code in [*range(1, 32), 127])),
    case("s3-utf8", service="s3", endpoint=S3, path="/%E6%97%A5%E6%9C%AC/%F0%9F%98%80"),
    case("s3-percent", service="s3", endpoint=S3, path="/%25/%252B/%2525"),
    case("s3-path-style-token", service="s3", endpoint="http://localhost:9000", region="us-west-2", path="/my.bucket" + AWKWARD, token=TOKEN),
    case("s3-dual-stack", service="s3", endpoint="https://bkt.s3.dualstack.eu-west-1.amazonaws.com", region="eu-west-1", path="/k"),
]


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as out:
        out.write(text)


def describe(c):
    lines = [f"method {c['method']}", f"endpoint {c['endpoint']}", f"path {c['path']}"]
    if c["query"] is not None:
        lines.append(f"query {c['query']}")
    lines += [f"region {c['region']}", f"service {c['service']}",
              f"when_ms {int(c['when'].timestamp()) * 1000}", f"id {KEY}", f"secret {SECRET}"]
    if c["token"]:
        lines.append(f"token {c['token']}")
    lines += [f"header {name}:{value}" for name, value in c["headers"]]
    if c["body"] is not None:
        lines.append(f"body {c['body'].hex()}")
    return "\n".join(lines) + "\n"


def make(c):
    url = c["endpoint"] + c["path"] + (f"?{c['query']}" if c["query"] else "")
    request = AWSRequest(method=c["method"], url=url, data=c["body"])
    request.headers = HTTPHeaders()
    for name, value in c["headers"]:
        request.headers.add_header(name, value)
    credentials = Credentials(KEY, SECRET, c["token"])
    signer_class = botocore.auth.S3SigV4Auth if c["service"] == "s3" else botocore.auth.SigV4Auth
    signer = signer_class(credentials, c["service"], c["region"])
    made = {}

    def keep(name, function):
        def wrapped(*args):
            made[name] = function(*args)
            return made[name]
        return wrapped

    signer.canonical_request = keep("canonical", signer.canonical_request)
    signer.string_to_sign = keep("string-to-sign", signer.string_to_sign)
    with mock.patch("botocore.auth.get_current_datetime", lambda: c["when"]):
        signer.add_auth(request)
    folder = os.path.join(HERE, c["name"])
    os.makedirs(folder, exist_ok=True)
    write(folder, "request", describe(c))
    write(folder, "canonical", made["canonical"])
    write(folder, "string-to-sign", made["string-to-sign"])
    write(folder, "authorization", request.headers["Authorization"])


for each in CASES:
    make(each)
print(f"{len(CASES)} cases")
