#!/usr/bin/env python3
"""awslab as the aws command line sees it: a dozen everyday calls."""
import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
import lab as support
from lab import case, equal, until
from postgres import start_postgres

FILE_NAME = "Überweisung 1+2 é.json"


class Context:
    def __init__(self, lab):
        self.lab = lab
        self.folder = lab.folder.name
        self.queue = None

    def aws(self, *arguments, expect=0):
        """stdout as text; the endpoint is the lab's."""
        done = subprocess.run(["aws", "--endpoint-url", self.lab.url, *arguments], capture_output=True, text=True,
                              env=support.own_environment(), cwd=self.folder, timeout=30, check=False)
        if done.returncode != expect:
            raise AssertionError(f"aws {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout if expect == 0 else done.stderr

    def json(self, *arguments):
        return json.loads(self.aws("--output", "json", *arguments))


def find_aws():
    if shutil.which("aws") is None:
        support.skip_all("the aws CLI is not installed")
    done = subprocess.run(["aws", "--version"], capture_output=True, text=True, env=support.own_environment(), check=False)
    if done.returncode != 0:
        support.skip_all("the aws CLI does not start")
    version = (done.stdout + done.stderr).split()[0].split("/")[-1]
    if [int(part) for part in version.split(".")[:2]] < [1, 29] or version.startswith(("2.9.", "2.10.", "2.11.", "2.12.")):
        support.skip_all(f"the aws CLI {version} is too old to speak SQS's JSON protocol")


@case("aws s3 mb")
def _(c):
    equal(c.aws("s3", "mb", "s3://incoming").strip(), "make_bucket: incoming")


@case("aws s3 cp: a file whose name has a space, a plus and an é")
def _(c):
    with open(os.path.join(c.folder, FILE_NAME), "w", encoding="utf-8") as file:
        file.write('{"amount": 12345678901234567.89}')
    c.aws("s3", "cp", FILE_NAME, f"s3://incoming/in/{FILE_NAME}", "--no-progress")
    equal([line["key"] for line in c.lab.events("s3.put")], [f"in/{FILE_NAME}"])


@case("aws s3 cp back to stdout")
def _(c):
    equal(c.aws("s3", "cp", f"s3://incoming/in/{FILE_NAME}", "-"), '{"amount": 12345678901234567.89}')


@case("aws s3 ls --recursive")
def _(c):
    lines = c.aws("s3", "ls", "s3://incoming", "--recursive").splitlines()
    equal([line.split(None, 3)[3] for line in lines], [f"in/{FILE_NAME}"])


@case("aws s3 rm --recursive")
def _(c):
    c.aws("s3", "rm", "s3://incoming/in/", "--recursive")
    equal([line["key"] for line in c.lab.events("s3.delete")], [f"in/{FILE_NAME}"])


@case("aws s3api get-object of a missing key says NoSuchKey")
def _(c):
    assert "NoSuchKey" in c.aws("s3api", "get-object", "--bucket", "incoming", "--key", "none", "none", expect=254 if c.aws("--version").startswith("aws-cli/2") else 255)


@case("aws sqs create-queue")
def _(c):
    c.queue = c.json("sqs", "create-queue", "--queue-name", "cli.fifo", "--attributes", "FifoQueue=true")["QueueUrl"]


@case("aws sqs send-message")
def _(c):
    sent = c.json("sqs", "send-message", "--queue-url", c.queue, "--message-body", "héllo", "--message-group-id", "g",
                  "--message-deduplication-id", "d")
    equal(len(sent["SequenceNumber"]), 20)


@case("aws sqs receive-message")
def _(c):
    got = c.json("sqs", "receive-message", "--queue-url", c.queue, "--attribute-names", "All", "--wait-time-seconds", "5")["Messages"][0]
    equal((got["Body"], got["Attributes"]["MessageGroupId"]), ("héllo", "g"))
    c.handle = got["ReceiptHandle"]


@case("aws sqs delete-message")
def _(c):
    c.aws("sqs", "delete-message", "--queue-url", c.queue, "--receipt-handle", c.handle)
    equal(c.lab.control("GET", "queues/cli.fifo")["messages_count"], 0)


@case("aws sqs list-queues")
def _(c):
    equal(c.json("sqs", "list-queues", "--queue-name-prefix", "cl")["QueueUrls"], [c.queue])


@case("aws sqs get-queue-attributes")
def _(c):
    got = c.json("sqs", "get-queue-attributes", "--queue-url", c.queue, "--attribute-names", "All")["Attributes"]
    equal((got["FifoQueue"], got["ApproximateNumberOfMessages"]), ("true", "0"))


find_aws()
postgres = start_postgres()
if postgres is not None:
    @case("aws redshift-data: a batch, its description and a result")
    def _(c):
        place = ("--workgroup-name", "default", "--database", "dev")
        batch = c.json("redshift-data", "batch-execute-statement", *place, "--client-token", "cli", "--sqls",
                       "CREATE TABLE cli (id VARCHAR(20), amount DECIMAL(38,18))", "INSERT INTO cli VALUES ('héllo', 12345678901234567.89)", "SELECT * FROM cli")
        until(lambda: c.json("redshift-data", "describe-statement", "--id", batch["Id"])["Status"] == "FINISHED", timeout=60)
        told = c.json("redshift-data", "describe-statement", "--id", batch["Id"])
        equal([part["ResultRows"] for part in told["SubStatements"]], [0, 1, 1])
        got = c.json("redshift-data", "get-statement-result", "--id", batch["Id"] + ":3")
        equal(got["Records"], [[{"stringValue": "héllo"}, {"stringValue": "12345678901234567.890000000000000000"}]])

try:
    support.run(Context, *(postgres.options if postgres is not None else ()))
finally:
    if postgres is not None:
        postgres.stop()
