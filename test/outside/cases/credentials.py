"""Credentials: STS, the metadata service of EC2, the endpoint of containers; driven by botocore's own providers."""
import base64
import json
import os
import re
import tempfile
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.session import Session

import lab as support
from cloud import refused
from lab import equal
from registry import CASES, case, refusals

ROLE = f"arn:aws:iam::{support.ACCOUNT}:role/loader"
CREDENTIALS = "/latest/meta-data/iam/security-credentials/"
DEFAULTS = {"lifetime_seconds": 0, "role": "lab-role", "container_token": ""}


def settings(**changes):
    """During the case the control call says this of credentials."""
    def declare(function):
        def run(c):
            c.lab.control("PUT", "credentials", {**DEFAULTS, **changes})
            try:
                function(c)
            finally:
                c.lab.control("PUT", "credentials", DEFAULTS)
        run.__doc__ = function.__doc__
        return run
    return declare


def careless_sts(c):
    """A client that sends what the service must refuse."""
    return boto3.client("sts", endpoint_url=c.url, region_name=support.REGION, config=Config(parameter_validation=False))


def session_client(c, service, found):
    """A client with the credentials of an STS answer."""
    return boto3.client(service, endpoint_url=c.url, region_name=support.REGION, aws_access_key_id=found["AccessKeyId"],
                        aws_secret_access_key=found["SecretAccessKey"], aws_session_token=found["SessionToken"],
                        config=Config(retries={"total_max_attempts": 1}))


def assume(c, sts=None, **options):
    return (sts or c.client("sts")).assume_role(**{"RoleArn": ROLE, "RoleSessionName": "app-1", **options})


def jwt(c, **changes):
    """A token that ends an hour from the lab's now."""
    claims = {"sub": "system:serviceaccount:app", "iss": "https://issuer.example", "aud": ["sts.amazonaws.com"],
              "exp": c.lab.control("GET", "clock")["now_ms"] // 1000 + 3600, **changes}
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{part}.c2ln"


def assume_by_token(c, token, **options):
    return c.client("sts").assume_role_with_web_identity(**{"RoleArn": ROLE, "RoleSessionName": "app-1", "WebIdentityToken": token, **options})


def seconds_left(c, expiration):
    return round(expiration.timestamp() - c.lab.control("GET", "clock")["now_ms"] / 1000)


class Environment:
    """botocore's own chain of providers in an environment of our own."""

    def __init__(self, c, config="", **variables):
        self.variables = {"AWS_DEFAULT_REGION": support.REGION, "AWS_ENDPOINT_URL_STS": c.url, "AWS_ENDPOINT_URL_SQS": c.url, **variables}
        self.config = config

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="credentials-")
        self.saved = dict(os.environ)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"):
            os.environ.pop(name, None)
        path = os.path.join(self.folder.name, "config")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.config)
        os.environ.update(AWS_CONFIG_FILE=path, **self.variables)
        return self

    def __exit__(self, *_):
        os.environ.clear()
        os.environ.update(self.saved)
        self.folder.cleanup()

    def file(self, content):
        path = os.path.join(self.folder.name, "token")
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        return path

    @staticmethod
    def found():
        """(how botocore found credentials, who they are by STS)"""
        session = Session()
        credentials = session.get_credentials()
        return credentials.method, session.create_client("sts").get_caller_identity()["Arn"]


# ---------------------------------------------------------------- STS

@case("credentials: AssumeRole gives a key that works, with its token")
def _(c):
    """Key, secret, token and expiry; the session's ARN. [documented]"""
    answer = assume(c)
    found = answer["Credentials"]
    equal(answer["AssumedRoleUser"]["Arn"], f"arn:aws:sts::{support.ACCOUNT}:assumed-role/loader/app-1")
    assert found["AccessKeyId"].startswith("ASIA") and abs(seconds_left(c, found["Expiration"]) - 3600) < 3
    session_client(c, "sqs", found).list_queues()
    equal(session_client(c, "sts", found).get_caller_identity()["Arn"], answer["AssumedRoleUser"]["Arn"])


@case("credentials: who the user is")
def _(c):
    """GetCallerIdentity: account, ARN, id. [documented]"""
    got = c.client("sts").get_caller_identity()
    equal((got["Account"], got["Arn"]), (support.ACCOUNT, f"arn:aws:iam::{support.ACCOUNT}:user/lab"))


@case("credentials: a session's key ends")
def _(c):
    """After the duration asked for: ExpiredToken. [documented]"""
    found = assume(c, DurationSeconds=900)["Credentials"]
    c.wait(890)
    session_client(c, "sts", found).get_caller_identity()
    c.wait(20)
    refused("ExpiredToken", session_client(c, "sts", found).get_caller_identity, status=403)


@case("credentials: a key lives as long as the lab was told")
def _(c):
    """Shorter than AWS allows; a negative one has ended already. [assumed]"""
    for seconds in (5, -60):
        @settings(lifetime_seconds=seconds)
        def check(c, seconds=seconds):
            found = assume(c)["Credentials"]
            assert abs(seconds_left(c, found["Expiration"]) - seconds) < 3
            if seconds < 0:
                refused("ExpiredToken", session_client(c, "sts", found).get_caller_identity)
        check(c)


refusals(
    ("credentials: AssumeRole must be signed", "MissingAuthenticationToken or a wrong key. [documented]", "InvalidClientTokenId", 403,
     lambda c: assume(c, c.client("sts", key="AKIDOTHER"))),
    ("credentials: AssumeRole with a wrong secret", "SignatureDoesNotMatch. [documented]", "SignatureDoesNotMatch", 403,
     lambda c: assume(c, c.client("sts", secret="wrong"))),
    ("credentials: a session lasts at least 900 seconds", "ValidationError. [documented]", "ValidationError", 400, lambda c: assume(c, careless_sts(c), DurationSeconds=899)),
    ("credentials: a session lasts at most 43200 seconds", "ValidationError. [documented]", "ValidationError", 400, lambda c: assume(c, careless_sts(c), DurationSeconds=43201)),
    ("credentials: a session's name has no blank", "ValidationError. [documented]", "ValidationError", 400, lambda c: assume(c, RoleSessionName="a b")),
    ("credentials: a role's ARN must be one", "ValidationError. [documented]", "ValidationError", 400, lambda c: assume(c, RoleArn="arn:aws:iam::1:role/r/xxxx")),
    ("credentials: a chained session lasts an hour at most", "ValidationError. [documented]", "ValidationError", 400,
     lambda c: assume(c, session_client(c, "sts", assume(c)["Credentials"]), DurationSeconds=3601)),
    ("credentials: a web identity token that has ended", "ExpiredTokenException, 400. [documented]", "ExpiredTokenException", 400,
     lambda c: assume_by_token(c, jwt(c, exp=c.lab.control("GET", "clock")["now_ms"] // 1000 - 1))),
    ("credentials: a web identity token that is no JWT", "InvalidIdentityToken, 400. [documented]", "InvalidIdentityToken", 400,
     lambda c: assume_by_token(c, "nonsense")),
    ("credentials: a JWT without its claims", "InvalidIdentityToken, 400. [documented]", "InvalidIdentityToken", 400, lambda c: assume_by_token(c, "e30.e30.c2ln")),
)


def faulty(name, rule, code, status, action, call):
    def check(c):
        c.lab.fault(service="sts", action=action, do="error", status=status, code=code, message="m")
        refused(code, call, c, status=status)
    CASES.append((f"credentials: {name}", rule, check))


faulty("the identity provider may be out of reach", "IDPCommunicationError, 400: try again. [documented]", "IDPCommunicationError", 400,
       "AssumeRoleWithWebIdentity", lambda c: assume_by_token(c, jwt(c)))
faulty("a role that may not be assumed", "AccessDenied, 403. [documented]", "AccessDenied", 403, "AssumeRole", assume)


@case("credentials: AssumeRoleWithWebIdentity needs no signature")
def _(c):
    """The token says who asks. [documented]"""
    body = f"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={ROLE}&RoleSessionName=app-1&WebIdentityToken={jwt(c)}"
    status, headers, answer = c.lab.request("POST", "/", body, {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
    equal((status, headers["Content-Type"]), (200, "text/xml"))
    text = answer.decode()
    equal(re.findall("<(SubjectFromWebIdentityToken|Provider|Audience)>([^<]*)<", text),
          [("SubjectFromWebIdentityToken", "system:serviceaccount:app"), ("Provider", "https://issuer.example"), ("Audience", "sts.amazonaws.com")])
    assert text.startswith('<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>')


@case("credentials: an unsigned AssumeRole, an unknown action")
def _(c):
    """MissingAuthenticationToken; InvalidAction. [documented]"""
    for action, code in (("AssumeRole", "MissingAuthenticationToken"), ("Nonsense", "InvalidAction")):
        status, _, answer = c.lab.request("POST", "/", f"Action={action}&Version=2011-06-15", {"Content-Type": "application/x-www-form-urlencoded"})
        assert status in (400, 403) and f"<Type>Sender</Type><Code>{code}</Code>" in answer.decode(), answer


# ---------------------------------------------------------------- EC2

def token(c, ttl="60"):
    return c.lab.request("PUT", "/latest/api/token", None, {"X-aws-ec2-metadata-token-ttl-seconds": ttl})


def metadata(c, path, value=None):
    status, _, body = c.lab.request("GET", path, None, {"X-aws-ec2-metadata-token": value or token(c)[2].decode()})
    return status, body.decode()


@case("credentials: IMDS gives a token for the time asked for")
def _(c):
    """PUT with a header; it ends by itself: 401. [documented]"""
    status, headers, body = token(c, "60")
    equal((status, headers["X-Aws-Ec2-Metadata-Token-Ttl-Seconds"]), (200, "60"))
    equal(metadata(c, CREDENTIALS, body.decode()), (200, "lab-role"))
    c.wait(61)
    equal(metadata(c, CREDENTIALS, body.decode())[0], 401)


@case("credentials: IMDS refuses a token's time that is none")
def _(c):
    """From 1 to 21600 seconds, else 400; a proxy's request 403. [documented]"""
    for ttl, status in (("0", 400), ("21601", 400), ("x", 400), ("21600", 200)):
        equal((ttl, token(c, ttl)[0]), (ttl, status))
    equal(c.lab.request("PUT", "/latest/api/token")[0], 400)
    equal(c.lab.request("PUT", "/latest/api/token", None, {"X-aws-ec2-metadata-token-ttl-seconds": "60", "X-Forwarded-For": "192.0.2.1"})[0], 403)


@case("credentials: IMDS answers nothing without a token, or with a wrong one")
def _(c):
    """Version 1 is off: 401. [documented]"""
    for path in (CREDENTIALS, CREDENTIALS + "lab-role", "/latest/dynamic/instance-identity/document", "/latest/meta-data/placement/region"):
        equal((path, c.lab.request("GET", path)[0], metadata(c, path, "wrong")[0]), (path, 401, 401))


@case("credentials: IMDS gives a role's key")
def _(c):
    """Code, type, times, key, secret, Token. [documented]"""
    got = json.loads(metadata(c, CREDENTIALS + "lab-role")[1])
    equal((got["Code"], got["Type"], sorted(got)), ("Success", "AWS-HMAC", ["AccessKeyId", "Code", "Expiration", "LastUpdated", "SecretAccessKey", "Token", "Type"]))
    session_client(c, "sqs", {**got, "SessionToken": got["Token"]}).list_queues()
    equal(metadata(c, CREDENTIALS + "other-role")[0], 404)


@case("credentials: IMDS gives the same key until shortly before its end")
def _(c):
    """A new one at least five minutes before. [documented]"""
    def key():
        return json.loads(metadata(c, CREDENTIALS + "lab-role")[1])["AccessKeyId"]
    c.lab.control("PUT", "credentials", DEFAULTS)
    first = key()
    c.wait(6 * 3600 - 330)
    equal(key(), first)
    c.wait(60)
    assert key() != first


@case("credentials: a machine without a role")
@settings(role="")
def _(c):
    """404. [documented]"""
    equal((metadata(c, CREDENTIALS)[0], metadata(c, CREDENTIALS + "lab-role")[0]), (404, 404))


@case("credentials: IMDS may answer 200 with a code that is not Success")
def _(c):
    """With Code and Message. [documented]"""
    c.lab.fault(service="metadata", action="credentials", do="error", status=200, code="AssumeRoleUnauthorizedAccess", message="m")
    status, body = metadata(c, CREDENTIALS + "lab-role")
    equal((status, json.loads(body)["Code"], json.loads(body)["Message"]), (200, "AssumeRoleUnauthorizedAccess", "m"))


@case("credentials: IMDS tells the region")
def _(c):
    """As text, and in the identity document. [documented]"""
    equal(metadata(c, "/latest/meta-data/placement/region")[1], support.REGION)
    equal(metadata(c, "/latest/meta-data/placement/availability-zone")[1], support.REGION + "a")
    document = json.loads(metadata(c, "/latest/dynamic/instance-identity/document")[1])
    equal((document["region"], document["accountId"]), (support.REGION, support.ACCOUNT))
    equal(metadata(c, "/latest/meta-data/nonsense")[0], 404)


# ---------------------------------------------------------------- containers

@case("credentials: a container's endpoint")
def _(c):
    """AccessKeyId, SecretAccessKey, Token, Expiration, RoleArn. [documented]"""
    status, _, body = c.lab.request("GET", "/v2/credentials/0a1b")
    got = json.loads(body)
    equal((status, got["RoleArn"]), (200, f"arn:aws:iam::{support.ACCOUNT}:role/lab-role"))
    session_client(c, "sqs", {**got, "SessionToken": got["Token"]}).list_queues()


@case("credentials: a container's endpoint may ask for a token")
@settings(container_token="the token")
def _(c):
    """In the header Authorization, as it is. [documented]"""
    for header, status in ({}, 401), ({"Authorization": "Bearer the token"}, 401), ({"Authorization": "the token"}, 200):
        equal((header, c.lab.request("GET", "/v2/credentials/x", None, header)[0]), (header, status))


# ---------------------------------------------------------------- botocore's providers

@case("credentials: botocore finds them by IMDS")
def _(c):
    """AWS_EC2_METADATA_SERVICE_ENDPOINT. [documented]"""
    with Environment(c, AWS_EC2_METADATA_SERVICE_ENDPOINT=c.url, AWS_EC2_METADATA_V1_DISABLED="true") as environment:
        session = Session()
        credentials = session.get_credentials()
        equal(credentials.method, "iam-role")
        session.create_client("sqs").list_queues()
        before = credentials.access_key
        c.lab.control("PUT", "credentials", {"lifetime_seconds": 60})
        c.lab.control("PUT", "credentials", DEFAULTS)
        credentials._expiry_time = datetime.now(timezone.utc) + timedelta(seconds=1)  # it refreshes
        assert credentials.get_frozen_credentials().access_key != before
        del environment


@case("credentials: botocore finds them at a container's endpoint, with a token in a file")
@settings(container_token="from a file")
def _(c):
    """AWS_CONTAINER_CREDENTIALS_FULL_URI and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE. [documented]"""
    with Environment(c, AWS_CONTAINER_CREDENTIALS_FULL_URI=c.url + "/v2/credentials/x") as environment:
        os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = environment.file("from a file")
        session = Session()
        equal(session.get_credentials().method, "container-role")
        session.create_client("sqs").list_queues()


@case("credentials: botocore assumes a profile's role")
def _(c):
    """role_arn and source_profile. [documented]"""
    config = (f"[default]\nrole_arn = {ROLE}\nsource_profile = base\nrole_session_name = by-profile\n"
              f"[profile base]\naws_access_key_id = {support.ACCESS_KEY}\naws_secret_access_key = {support.SECRET_KEY}\n")
    with Environment(c, config) as environment:
        equal(environment.found(), ("assume-role", f"arn:aws:sts::{support.ACCOUNT}:assumed-role/loader/by-profile"))


@case("credentials: botocore assumes a role by web identity")
def _(c):
    """AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN. [documented]"""
    with Environment(c, AWS_ROLE_ARN=ROLE, AWS_ROLE_SESSION_NAME="by-token") as environment:
        os.environ["AWS_WEB_IDENTITY_TOKEN_FILE"] = environment.file(jwt(c))
        equal(environment.found(), ("assume-role-with-web-identity", f"arn:aws:sts::{support.ACCOUNT}:assumed-role/loader/by-token"))
