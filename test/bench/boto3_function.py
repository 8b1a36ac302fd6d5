#!/usr/bin/env python3
"""What make bench holds s3_to_sqs against: a Lambda function as it is usually written, with boto3.

The same work: an S3 event, NDJSON read as a stream, the enrichment of worker/examples/transaction.jq for each
record (ENRICH=0: the record as it stands), decimals kept, group and deduplication ids, lineage attributes, batches of ten, failed
entries sent again.
The loop over the runtime API is what AWS's runtime for Python does around a handler.
"""
import decimal
import hashlib
import json
import os
import re
import urllib.parse
import urllib.request

import boto3

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
QUEUE_URL = os.environ["QUEUE_URL"]
ENRICH = os.environ.get("ENRICH", "1") == "1"
s3 = boto3.client("s3")
sqs = boto3.client("sqs")


class Exact(json.JSONEncoder):
    """Decimals as the numbers they are: json writes a float subclass by its repr."""

    class Number(float):
        def __new__(cls, value):
            number = float.__new__(cls, value)
            number.text = str(value)
            return number

        def __repr__(self):
            return self.text

    def encode(self, o):
        return super().encode(self.exact(o))

    def exact(self, value):
        if isinstance(value, decimal.Decimal):
            return self.Number(value)
        if isinstance(value, dict):
            return {k: self.exact(v) for k, v in value.items()}
        return [self.exact(v) for v in value] if isinstance(value, list) else value


encoder = Exact(ensure_ascii=False, separators=(",", ":"))


DATE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([T ]|$)")


def enrich(record):
    booked_at = record.get("booked_at")
    if booked_at and not DATE.match(booked_at):
        raise ValueError("booked_at must begin with a date such as 2026-01-31")
    return {**record, "schema": "transaction.v1", "booked_on": booked_at[:10] if booked_at else None}


def attribute(value):
    return {"DataType": "String", "StringValue": value}


def message(line, number, bucket, key, sequencer):
    document = json.loads(line, parse_float=decimal.Decimal)
    body = encoder.encode(enrich(document)) if ENRICH else line.decode()
    digest = hashlib.sha256(line).hexdigest()
    return {
        "MessageBody": body,
        "MessageGroupId": document["transaction_id"],
        "MessageDeduplicationId": hashlib.sha256(b"default\0" + line).hexdigest(),
        "MessageAttributes": {
            "source_bucket": attribute(bucket), "source_key": attribute(urllib.parse.quote(key)), "source_sequencer": attribute(sequencer),
            "source_record": attribute(str(number)), "source_sha256": attribute(digest)},
    }


def send(batch):
    while batch:
        entries = [{"Id": str(i), **entry} for i, entry in enumerate(batch)]
        answer = sqs.send_message_batch(QueueUrl=QUEUE_URL, Entries=entries)
        failed = {int(f["Id"]) for f in answer.get("Failed", [])}
        batch = [entry for i, entry in enumerate(batch) if i in failed]


def handle(event):
    sent = 0
    for record in event.get("Records", []):
        bucket = record["s3"]["bucket"]["name"]
        key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
        batch = []
        for number, line in enumerate(s3.get_object(Bucket=bucket, Key=key)["Body"].iter_lines(), 1):
            batch.append(message(line, number, bucket, key, record["s3"]["object"].get("sequencer", "00")))
            if len(batch) == 10:
                send(batch)
                batch = []
                sent += 10
        send(batch)
        sent += len(batch)
    return {"sent": sent}


while True:
    with urllib.request.urlopen(f"{API}/next") as answer:
        request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
        result = handle(json.load(answer))
    urllib.request.urlopen(urllib.request.Request(f"{API}/{request_id}/response", json.dumps(result).encode(), method="POST")).close()
