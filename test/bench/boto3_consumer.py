#!/usr/bin/env python3
"""What make bench holds the consumer against: a consumer of a FIFO queue as it is well written with boto3 and psycopg2.

A batch of ten by long polling; one statement, and so one transaction, for the batch: the ids that were not seen yet
into a table with a primary key, and the rows of those messages, exact, for JSON is read by PostgreSQL and not here;
then the messages are deleted, after the commit.  Failed entries of a delete are received again and are duplicates.
BENCH_WORKERS threads do so side by side, so that one works while others wait.
"""
import os
import threading

import boto3
import psycopg2
from botocore.config import Config

STATEMENT = os.environ["BENCH_STATEMENT"]
QUEUE_URL = os.environ["QUEUE_URL"]
WORKERS = int(os.environ["BENCH_WORKERS"])
# nothing here takes parameters from outside
sqs = boto3.client("sqs", config=Config(parameter_validation=False, max_pool_connections=WORKERS))


def consume():
    connection = psycopg2.connect(application_name="bench peer")
    while True:
        messages = sqs.receive_message(
            QueueUrl=QUEUE_URL, MaxNumberOfMessages=10, WaitTimeSeconds=20,
            MessageSystemAttributeNames=["MessageDeduplicationId"]).get("Messages", [])
        if not messages:
            continue
        first = {m["Attributes"]["MessageDeduplicationId"]: m["Body"] for m in reversed(messages)}
        ids = list(reversed(first))
        with connection, connection.cursor() as cursor:
            cursor.execute(STATEMENT, (ids, [first[i] for i in ids]))
        sqs.delete_message_batch(QueueUrl=QUEUE_URL, Entries=[
            {"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)])


def end_with_error(details):
    threading.__excepthook__(details)
    os._exit(1)


threading.excepthook = end_with_error
for _ in range(WORKERS):
    threading.Thread(target=consume).start()
