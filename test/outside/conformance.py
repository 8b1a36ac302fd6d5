#!/usr/bin/env python3
"""AWS's rules for SQS FIFO, S3, Lambda's runtime API and the Redshift Data API, put to the lab and to moto by boto3.

The cases are in cases/, a file a subject. Each has a name and the rule it
checks in words. A rule ends with where it is from: [recorded] was observed on
AWS, [documented] stands in AWS's pages or in the service models that the SDKs
are made from, [assumed] is nobody's word.

The same cases run against moto_server where that is installed. MOTO_DIFFERS
lists those in which moto is known to be wrong, each with its reason; they are
run all the same and reported as todo, so that a moto that was mended shows.
LAB_ONLY lists what moto cannot be asked.

    python3 test/outside/conformance.py [lab|moto] [PART OF A NAME]

prints TAP, and closes with "N passed, N failed, N skipped"; the known
differences count as skipped. AWSLAB names another lab than build/awslab.
"""
import concurrent.futures
import os
import random
import sys
import threading
import traceback

sys.dont_write_bytecode = True
for folder in ("support", "cases"):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), folder))
import lab as support

support.use_own_environment()
try:
    import boto3  # noqa: F401
    import botocore
except ImportError:
    support.skip_all("boto3 is not installed")
if tuple(int(part) for part in botocore.__version__.split(".")[:2]) < (1, 31):
    support.skip_all("boto3 is too old to speak SQS's JSON protocol")
import sqs_queues  # noqa: F401
import sqs_sending  # noqa: F401
import sqs_receiving  # noqa: F401
import sqs_handles  # noqa: F401
import s3_objects  # noqa: F401
import s3_events  # noqa: F401
import s3_wire  # noqa: F401
import lambda_runtime  # noqa: F401
import lambda_process  # noqa: F401
import event_source  # noqa: F401
import redshift  # noqa: F401
import credentials  # noqa: F401
import signatures  # noqa: F401
from cloud import Cloud
from moto_server import start_moto
from postgres import start_postgres
from registry import CASES

LAB_ONLY = {  # the beginning of a case's name -> why moto is not asked
    "Lambda": "moto has no runtime API",
    "event source: ": "moto has no runtime API",
    "credentials: ": "moto checks no session",
    "Redshift: ": "moto runs no SQL",
    "fault: ": "they are the lab's",
    "limits: ": "the lab lowers them by a tag",
    "move task: ": "moto has none",
    "signature: ": "moto checks signatures only after a set-up of its own",
    "S3 wire: ": "sent as raw bytes to the lab",
    "S3 region: ": "moto has one region for all buckets",
    "EventBridge: ": "its rule is a control call of the lab",
    "the name of a deleted queue rests": "minutes pass",
    "a second purge within 60": "minutes pass",
    "the deduplication interval": "minutes pass",
    "retention ends": "minutes pass",
    "a message is held for twelve": "seconds pass by the dozen",
    "an attempt id starts": "seconds pass by the dozen",
}

_DIFFERENCES = [
    ("a queue's name and attributes are hardly checked", [
        "create: a .fifo name needs FifoQueue", "create: FifoQueue=false is not an attribute", "create: unknown attributes are refused",
        "create: FIFO attributes are for FIFO queues", "create: VisibilityTimeout ends at 43200", "create: MessageRetentionPeriod begins at 60",
        "create: DelaySeconds ends at 900", "create: ReceiveMessageWaitTimeSeconds ends at 20",
        "create: DeduplicationScope is queue or messageGroup", "create: maxReceiveCount begins at 1", "set: FifoQueue is only for creation"]),
    ("text that is no number is an internal error", ["create: a number must be one"]),
    ("another error code", [
        "create: the dead-letter queue must exist", "create: the dead-letter queue of a FIFO queue is FIFO",
        "the visibility of a deleted message cannot be changed", "dead letters: the handle of a message that has moved is refused"]),
    ("timestamps of a queue have a fraction", ["a queue's attributes and their defaults"]),
    ("bodies and ids are not checked for their characters and lengths", [
        "send: an empty body is missing", "send: a dedup id is for FIFO queues",
        *(f"send: U+{code} may not be in a body" for code in ("0000", "0008", "001F", "FFFE", "FFFF")),
        *(f"send: a {what} {kind}" for what in ("group", "dedup id") for kind in ("with a blank", "that is not ASCII", "of 129 characters"))]),
    ("sizes are characters of the body alone", ["send: sizes are bytes, not characters", "send: attributes count: name, type and value"]),
    ("message attributes are hardly checked", [
        "send: ten attributes are the most", "send: attribute names do not begin with AWS.", "send: a Number attribute is a number",
        "send: an attribute's value is not empty"]),
    ("an empty batch of visibilities is accepted", ["visibility batch: empty"]),
    ("an entry that is too large fails the whole batch", [
        "batch: an entry that is too large fails alone, and the later ones are accepted", "batch: Successful is absent when everything failed"]),
    ("Failed is an empty list", ["batch: Failed is absent when nothing failed"]),
    ("sequence numbers are random digits", ["sequence numbers have 20 digits, beyond 64 bits", "sequence numbers grow"]),
    ("every error has the service's prefix", ["errors have a type of the service or of the framework, and an older code"]),
    ("Tags is an empty map", ["a queue without tags has no member Tags"]),
    ("DelaySeconds=0 lifts a queue's delay", ["DelaySeconds=0 does not lift a FIFO queue's own delay"]),
    ("a duplicate gets ids of its own", ["a duplicate gets the first one's message id"]),
    ("a deleted message's id is forgotten", ["an id is remembered after its message was deleted"]),
    ("the scope of deduplication is ignored", ["scope messageGroup: the same id in another group is none"]),
    ("groups are interleaved in the order of sending, and do not take turns", [
        "a receive takes as many of a group as it can, then the next group's", "a group that was received goes to the back"]),
    ("a message in flight holds back what comes before it, too", [
        "after all timeouts the batch comes back in its order", "the head nacked while its follower is in flight comes back alone",
        "extending message 2 of 3 holds it and what follows", "extending message 3 of 3 holds it and what follows",
        "a receive with visibility 0 locks nothing"]),
    ("what is locked is decided when a poll begins", [
        "a long poll is woken when a delete unlocks the group", "a long poll is woken by visibility 0"]),
    ("a poll does not notice that its queue is deleted", ["deleting a queue ends its long polls"]),
    ("a handle never expires", [
        "an expired handle: delete is refused", "an expired handle: a change of visibility is refused", "an expired handle deletes nothing",
        "an expired handle within a batch has another code", "every receive has a new handle, and the older one is refused"]),
    ("attempt ids are ignored", ["an attempt id gets the same messages again", "an attempt id whose messages were touched is refused"]),
    ("dead letters keep their dedup id and lack their source", [
        "dead letters: id, body and group stay", "dead letters: the dedup id becomes the message id"]),
    ("a message keeps its time when it moves", [
        "dead letters: a FIFO queue's begin their retention anew, a standard queue's do not"]),
    ("names of buckets and keys are hardly checked", ["S3: a bucket's name", "S3: a key of 1,025 bytes"]),
    ("digests that a client sends are not compared, and not all come back", [
        "S3: a wrong Content-MD5", "S3: a Content-MD5 that is none", "S3: a wrong CRC32", "S3: a checksum that is none",
        "S3: a wrong checksum of every kind is refused", "S3: checksums of every kind are compared", "S3: boto3 sends a CRC32 by itself"]),
    ("the owner that is expected is not compared", ["S3: another owner is expected"]),
    ("any unit of a range is taken for bytes", ["S3: ranges that are ignored"]),
    ("tokens and the number of keys are not checked", ["S3: a token that is none", "S3: what a page says of itself"]),
    ("targets are not looked at", ["S3: a notification to a FIFO queue", "S3: a notification to a queue that is not there"]),
    ("a delete marker is no version, and null no version's id", [
        "S3: a delete in a versioned bucket leaves a marker", "S3: a delete marker says that it is one", "S3: suspended versioning"]),
    ("the slash of a key is encoded", ["S3 events: the key is form-encoded, the slash stays", "S3 events: prefix and suffix choose keys"]),
    ("versionId is missing", ["S3 events: size, eTag without quotes, versionId", "S3 events: the delete of a version names it"]),
    ("members of a record and of the test event are missing", [
        "S3 events: the members of a record", "S3 events: the test event names its request"]),
    ("a delete of a versioned object notifies nobody", ["S3 events: the names of events", "S3 events: a delete has no size and no eTag"]),
    ("the sequencer is missing", ["S3 events: sequencers of a key grow"]),
    ("the time of an event has no zone", ["S3 events: who, where, when"]),
]
MOTO_DIFFERS = {name: reason for reason, names in _DIFFERENCES for name in names}


# ---------------------------------------------------------------- running

def trouble(function, cloud):
    """None, or why the case failed, as text."""
    try:
        function(cloud)
        return None
    except Exception:
        return traceback.format_exc()


class Tally:
    def __init__(self):
        self.number = self.passed = self.failed = self.skipped = 0

    def record(self, kind, name, rule, why):
        self.number += 1
        reason = MOTO_DIFFERS.get(name) if kind == "moto" else None
        mark = f" # todo moto: {reason}" if reason else ""
        print(f"{'not ok' if why else 'ok'} {self.number} - {kind}: {name}{mark}", flush=True)
        if reason:
            self.skipped += 1
        elif why is None:
            self.passed += 1
        else:
            self.failed += 1
            print(f"# the rule: {rule}")
            print("".join(f"# {line}\n" for line in why.splitlines()), end="", flush=True)


def run_all(lab, moto, cases, has_redshift):
    """The lab's clock is moved, so its cases go one by one; moto's mostly wait, and do so together."""
    tally = Tally()
    own = threading.local()

    def in_thread(function):
        if not hasattr(own, "cloud"):
            own.cloud = Cloud("moto", moto)
        return trouble(function, own.cloud)

    def ask(case):
        name, _, function = case
        reason = next((reason for start, reason in LAB_ONLY.items() if name.startswith(start)), None)
        return reason, None if reason else threads.submit(in_thread, function)

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        asked = [(case, *ask(case)) for case in cases] if moto is not None else []
        random.seed(20261122)
        cloud = Cloud("lab", lab) if lab is not None else None
        for name, rule, function in cases if cloud is not None else ():
            if name.startswith("Redshift") and not has_redshift:
                print(f"# the lab is not asked, for no PostgreSQL is installed: {name}")
                tally.skipped += 1
            else:
                tally.record("lab", name, rule, trouble(function, cloud))
        for (name, rule, _), reason, result in asked:
            if reason:
                print(f"# moto is not asked: {name}: {reason}")
                tally.skipped += 1
            else:
                tally.record("moto", name, rule, result.result())
    print(f"1..{tally.number}")
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return tally.failed


def main(arguments):
    kinds = ("lab", "moto")
    if arguments and arguments[0] in kinds:
        kinds = (arguments.pop(0),)
    cases = [entry for entry in CASES if not arguments or arguments[0] in entry[0]]
    without = [name for name, rule, _ in CASES if not name.startswith("fault: ") and not rule.endswith(("[recorded]", "[documented]", "[assumed]"))]
    if without:
        raise SystemExit(f"rules that do not say where they are from: {without}")
    unknown = set(MOTO_DIFFERS) - {name for name, _, _ in CASES}
    if unknown or len({name for name, _, _ in CASES}) < len(CASES):
        raise SystemExit(f"names that are no case's, or two cases': {unknown}")
    moto = start_moto() if "moto" in kinds else None
    postgres = start_postgres() if "lab" in kinds else None
    lab = support.Lab(*(postgres.options if postgres is not None else ())) if "lab" in kinds else None
    try:
        if "moto" in kinds and moto is None:
            print("# moto_server is not installed: only the lab is asked")
        return run_all(lab, moto, cases, postgres is not None)
    finally:
        for server in (lab, moto, postgres):
            if server is not None:
                server.stop()


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
