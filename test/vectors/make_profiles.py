#!/usr/bin/env python3
"""Write profiles: what botocore makes of shared files, as calls on the wire.

    python3 test/vectors/make_profiles.py >test/vectors/profiles

Each case is a config file, a credentials file and an environment.  botocore
looks for credentials in them; its HTTP is replaced by an STS that gives out
counted keys, ASIA1, ASIA2, ..., and every call is a line of the result, which
ends with "keys ID", "none" or "error".
"""
import json
import os
import re
import sys
import tempfile
import urllib.parse
from collections import namedtuple

import botocore
import botocore.awsrequest
import botocore.httpsession
import botocore.session

ROLE = "arn:aws:iam::123456789012:role/"
KEYS = "aws_access_key_id = %s\naws_secret_access_key = theSecretKey\n"
Case = namedtuple("Case", "name config credentials environment", defaults=("", "", ""))

CASES = [
    Case("nothing at all"),
    Case("keys of the default profile", credentials="[default]\n" + KEYS % "AKFILE"),
    Case("keys of the config file", config="[default]\n" + KEYS % "AKCONFIG"),
    Case("keys of [profile default]", config="[profile default]\n" + KEYS % "AKCONFIG"),
    Case("keys of both files", config="[default]\n" + KEYS % "AKCONFIG", credentials="[default]\n" + KEYS % "AKFILE"),
    Case("a profile by name", config="[profile p]\nregion = eu-west-1\n", credentials="[default]\n" + KEYS % "AKOTHER" + "[p]\n" + KEYS % "AKP",
         environment="AWS_PROFILE=p"),
    Case("a profile that is not there", credentials="[default]\n" + KEYS % "AKOTHER", environment="AWS_PROFILE=nobody"),
    Case("a profile with a region only", config="[profile p]\nregion = eu-west-1\n", environment="AWS_PROFILE=p"),
    Case("a section without profile", config="[p]\n" + KEYS % "AKP", environment="AWS_PROFILE=p"),
    Case("a quoted profile", config="[profile \"p q\"]\n" + KEYS % "AKP", environment="AWS_PROFILE=p q"),
    Case("an id without a secret", credentials="[default]\naws_access_key_id = AKFILE\n"),
    Case("keys in capitals and with colons", credentials="[default]\nAWS_ACCESS_KEY_ID: AKFILE\nAws_Secret_Access_Key : theSecretKey\n"),
    Case("keys of an indented section", credentials="  [default]\n  aws_access_key_id=AKFILE\n  aws_secret_access_key=theSecretKey\n"),
    Case("comments and CRLF", credentials="# x\r\n[default]\r\n; y\r\naws_access_key_id=AKFILE\r\n\r\naws_secret_access_key=theSecretKey\r\n"),
    Case("a line that is no setting", credentials="[default]\n" + KEYS % "AKFILE" + "nonsense\n"),
    Case("a setting before a section", credentials="region = x\n[default]\n" + KEYS % "AKFILE"),
    Case("a block without settings", config="[default]\ns3 =\n  nonsense\n", credentials="[default]\n" + KEYS % "AKFILE"),
    Case("keys inside a block", config="[default]\nregion = eu-west-1\ns3 =\n  aws_access_key_id = AKBLOCK\n  aws_secret_access_key = theSecretKey\n"),
    Case("the environment before a profile", credentials="[p]\n" + KEYS % "AKP",
         environment="AWS_PROFILE=p\nAWS_ACCESS_KEY_ID=AKENV\nAWS_SECRET_ACCESS_KEY=theSecretKey"),
    Case("a role with a source", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = s\n", credentials="[s]\n" + KEYS % "AKS"),
    Case("a role with all there is",
         config=f"[default]\nregion = eu-north-1\nrole_arn = {ROLE}a\nsource_profile = s\nrole_session_name = me@home\nexternal_id = x/1\nduration_seconds = 1800\n",
         credentials="[s]\n" + KEYS % "AKS"),
    Case("a role whose source has a token", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = s\n",
         credentials="[s]\n" + KEYS % "AKS" + "aws_session_token = token\n"),
    Case("a role with keys of its own profile", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = default\n",
         credentials="[default]\n" + KEYS % "AKS"),
    Case("a role of a role of a role",
         config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = b\n[profile b]\nregion = eu-west-2\nrole_arn = {ROLE}b\nsource_profile = c\n"
                f"[profile c]\nrole_arn = {ROLE}c\nsource_profile = s\n[profile s]\n" + KEYS % "AKS"),
    Case("a source with a role and keys gives its keys",
         config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = s\n[profile s]\nrole_arn = {ROLE}s\nsource_profile = t\n" + KEYS % "AKS"
                + "[profile t]\n" + KEYS % "AKT"),
    Case("a role of itself without keys", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = default\n"),
    Case("two roles in a circle",
         config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = b\n[profile b]\nrole_arn = {ROLE}b\nsource_profile = default\n"),
    Case("a circle that does not come back to the start",
         config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = b\n[profile b]\nrole_arn = {ROLE}b\nsource_profile = c\n"
                f"[profile c]\nrole_arn = {ROLE}c\nsource_profile = b\n"),
    Case("a circle over a profile with keys",
         config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = b\n" + KEYS % "AKA"
                + f"[profile b]\nrole_arn = {ROLE}b\nsource_profile = default\n"),
    Case("a source that is not there", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = nobody\n"),
    Case("a source without credentials", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = s\n[profile s]\nregion = x\n"),
    Case("a role without a source", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\n"),
    Case("a role with two sources", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = s\ncredential_source = Environment\n",
         credentials="[s]\n" + KEYS % "AKS"),
    Case("a role from a container", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\ncredential_source = EcsContainer\n",
         environment="AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1/creds"),
    Case("a role from a container that is none", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\ncredential_source = EcsContainer\n"),
    Case("a role from the environment that has no keys", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\ncredential_source = Environment\n"),
    Case("a role from nowhere", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\ncredential_source = Moon\n"),
    Case("a role before keys", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = s\n" + KEYS % "AKA",
         credentials="[s]\n" + KEYS % "AKS"),
    Case("a web identity", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}w\nweb_identity_token_file = @HOME@/token\nrole_session_name = web\n"),
    Case("a web identity before a source", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}w\nweb_identity_token_file = @HOME@/token\nsource_profile = s\n",
         credentials="[s]\n" + KEYS % "AKS"),
    Case("a web identity without a role", config="[default]\nregion = eu-west-1\nweb_identity_token_file = @HOME@/token\n"),
    Case("a web identity without its file", config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}w\nweb_identity_token_file = @HOME@/nothing\n"),
    Case("a role with a web identity as its source",
         config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = w\n[profile w]\nrole_arn = {ROLE}w\nweb_identity_token_file = @HOME@/token\n"),
    Case("a web identity of the environment", config="[default]\nregion = eu-central-1\n", credentials="[default]\n" + KEYS % "AKFILE",
         environment=f"AWS_WEB_IDENTITY_TOKEN_FILE=@HOME@/token\nAWS_ROLE_ARN={ROLE}w\nAWS_ROLE_SESSION_NAME=pod"),
    Case("a web identity of the environment without a role", environment="AWS_WEB_IDENTITY_TOKEN_FILE=@HOME@/token\nAWS_DEFAULT_REGION=eu-west-1"),
    Case("a role of the environment without a token", environment=f"AWS_ROLE_ARN={ROLE}w"),
    Case("a process", config="[default]\ncredential_process = echo '{\"Version\":1,\"AccessKeyId\":\"AKPROC\",\"SecretAccessKey\":\"theSecretKey\"}'\n"),
    Case("a process before keys of the config file",
         config="[default]\ncredential_process = echo '{\"Version\":1,\"AccessKeyId\":\"AKPROC\",\"SecretAccessKey\":\"theSecretKey\"}'\n" + KEYS % "AKCONFIG"),
    Case("keys of the credentials file before a process",
         config="[default]\ncredential_process = echo '{\"Version\":1,\"AccessKeyId\":\"AKPROC\",\"SecretAccessKey\":\"theSecretKey\"}'\n",
         credentials="[default]\n" + KEYS % "AKFILE"),
    Case("a process that fails", config="[default]\ncredential_process = false\n"),
    Case("a role with a process as its source",
         config=f"[default]\nregion = eu-west-1\nrole_arn = {ROLE}a\nsource_profile = p\n[profile p]\n"
                "credential_process = echo '{\"Version\":1,\"AccessKeyId\":\"AKPROC\",\"SecretAccessKey\":\"theSecretKey\",\"SessionToken\":\"t\"}'\n"),
    Case("another region's old endpoint", config=f"[default]\nregion = eu-west-1\nsts_regional_endpoints = legacy\nrole_arn = {ROLE}a\nsource_profile = s\n",
         credentials="[s]\n" + KEYS % "AKS"),
    Case("a region without an old endpoint", config=f"[default]\nregion = eu-south-1\nsts_regional_endpoints = legacy\nrole_arn = {ROLE}a\nsource_profile = s\n",
         credentials="[s]\n" + KEYS % "AKS"),
    Case("no region", config=f"[default]\nrole_arn = {ROLE}a\nsource_profile = s\n", credentials="[s]\n" + KEYS % "AKS"),
    Case("a region of China", config=f"[default]\nregion = cn-north-1\nrole_arn = {ROLE.replace(':aws:', ':aws-cn:')}a\nsource_profile = s\n",
         credentials="[s]\n" + KEYS % "AKS"),
    Case("an endpoint of the profile's services",
         config=f"[default]\nregion = eu-west-1\nservices = lab\nrole_arn = {ROLE}a\nsource_profile = s\n[services lab]\nsts =\n  endpoint_url = http://127.0.0.1:9\n",
         credentials="[s]\n" + KEYS % "AKS"),
    Case("an endpoint of the environment before it",
         config=f"[default]\nregion = eu-west-1\nservices = lab\nrole_arn = {ROLE}a\nsource_profile = s\n[services lab]\nsts =\n  endpoint_url = http://127.0.0.1:9\n",
         credentials="[s]\n" + KEYS % "AKS", environment="AWS_ENDPOINT_URL=http://127.0.0.1:8"),
    Case("signing in with a browser", config="[default]\nregion = eu-west-1\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n"
                                             "sso_account_id = 123456789012\nsso_role_name = r\n"),
]

calls = []


def note_sts(request):
    form = dict(urllib.parse.parse_qsl(request.body if isinstance(request.body, str) else request.body.decode()))
    line = form["Action"]
    for name in ("RoleArn", "RoleSessionName", "ExternalId", "DurationSeconds", "WebIdentityToken"):
        if name in form and not form[name].startswith("botocore-session-"):
            line += f" {name}={form[name]}"
    authorization = request.headers.get("Authorization")
    if authorization is None:
        line += " unsigned"
    else:
        line += " signed " + re.search(r"Credential=([^/]+)/", authorization if isinstance(authorization, str) else authorization.decode()).group(1)
        line += " with a token" if "X-Amz-Security-Token" in request.headers else ""
    calls.append(line + " at " + request.url.rstrip("/"))


class Raw:
    def __init__(self, body):
        self.body = body

    def stream(self, **_):
        yield self.body


def send(_self, request):
    if request.method == "GET":
        calls.append("GET " + request.url)
        body = json.dumps({"AccessKeyId": "AKCONTAINER", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-02T04:04:05Z"})
    else:
        note_sts(request)
        number = sum(line.startswith("Assume") for line in calls)
        action = calls[-1].split(" ")[0]
        body = (f"<{action}Response><{action}Result><Credentials><AccessKeyId>ASIA{number}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                f"<SessionToken>t</SessionToken><Expiration>2099-01-02T04:04:05Z</Expiration></Credentials></{action}Result></{action}Response>")
    return botocore.awsrequest.AWSResponse(request.url, 200, {}, Raw(body.encode()))


def resolve():
    try:
        credentials = botocore.session.Session().get_credentials()
        return "none" if credentials is None else "keys " + credentials.get_frozen_credentials().access_key
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return "error"


def run(case, home):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(HOME=home, AWS_EC2_METADATA_DISABLED="true")
    os.makedirs(home + "/.aws")
    with open(home + "/token", "w") as token:
        token.write("a.b.c")
    for name, text in (("config", case.config), ("credentials", case.credentials)):
        if text:
            with open(f"{home}/.aws/{name}", "w", newline="") as file:
                file.write(text.replace("@HOME@", home))
    for line in case.environment.splitlines():
        name, value = line.split("=", 1)
        os.environ[name] = value.replace("@HOME@", home)
    calls.clear()
    print(f"{case.name}: ", end="", file=sys.stderr)
    outcome = resolve()
    print(outcome, file=sys.stderr)
    return calls + [outcome]


def main():
    botocore.httpsession.URLLib3Session.send = send
    print(f"# made by make_profiles.py with botocore {botocore.__version__}")
    for case in CASES:
        with tempfile.TemporaryDirectory() as home:
            lines = run(case, home)
        print(f"== case {case.name}")
        for name, text in (("config", case.config), ("credentials", case.credentials), ("environment", case.environment)):
            if text:
                print(f"== {name}\n{text}" + ("" if text.endswith("\n") else "\n"), end="")
        print("== result\n" + "\n".join(lines))


main()
