"""What the conformance cases say: boto3 clients of one cloud, and short words for common deeds."""
import http.client
import itertools
import json
import time

import boto3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

import lab as support
from lab import Background, equal

_names = itertools.count(1)


def refused(code, call, *args, status=None, **kwargs):
    """The call must fail with that code (and status)."""
    try:
        call(*args, **kwargs)
    except ClientError as error:
        equal(error.response["Error"]["Code"], code)
        if status is not None:
            equal(error.response["ResponseMetadata"]["HTTPStatusCode"], status)
        return error.response
    raise AssertionError(f"{code} was expected, but the call succeeded")


class Cloud:
    """kind is "lab" or "moto"; server has url and address, a Lab also its control calls."""

    def __init__(self, kind, server):
        self.kind = kind
        self.lab = server
        self.url = server.url
        self.sqs = self.client("sqs")
        self.s3 = self.client("s3")
        self.awslambda = self.client("lambda")
        self.last_bucket = None

    def client(self, service, secret=support.SECRET_KEY, key=support.ACCESS_KEY, region=support.REGION):
        return boto3.client(service, endpoint_url=self.url, region_name=region, aws_access_key_id=key, aws_secret_access_key=secret,
                            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=30,
                                          max_pool_connections=20))

    def name(self):
        """A name that nothing else has."""
        return f"case-{next(_names)}"

    def wait(self, seconds):
        """Time passes: the lab's clock is moved, moto's cannot be."""
        if self.kind == "lab":
            self.lab.advance(seconds)
        else:
            time.sleep(seconds)

    def wait_for_poll(self, n=1):
        """Until so many long polls wait at the server."""
        if self.kind == "lab":
            self.lab.wait_for_poll(n)
        else:
            time.sleep(0.3)

    # --- SQS
    def create(self, queue, **attributes):
        return self.sqs.create_queue(QueueName=queue, Attributes=attributes)["QueueUrl"]

    def fifo(self, **attributes):
        return self.create(self.name() + ".fifo", FifoQueue="true", **attributes)

    @staticmethod
    def queue_name(url):
        return url.rsplit("/", 1)[1]

    def redrive(self, queue, count):
        """A RedrivePolicy to a queue, given by URL or name."""
        return json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:{queue.rsplit('/', 1)[-1]}", "maxReceiveCount": count})

    def attributes(self, url, *names):
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names or ["All"])["Attributes"]

    @staticmethod
    def text(value):
        return {"DataType": "String", "StringValue": value}

    @staticmethod
    def entry(n, **changes):
        return {"Id": str(n), "MessageBody": f"body-{n}", "MessageGroupId": "g", "MessageDeduplicationId": f"d{n}", **changes}

    def send(self, url, *texts):
        """'g1-a' is body and dedup id 'g1-a' in group 'g1'."""
        return [self.send_with(url, body=text, group=text.split("-")[0], dedup=text) for text in texts]

    def send_with(self, url=None, body="x", group="g", dedup="d", **options):
        return self.sqs.send_message(QueueUrl=url or self.fifo(), MessageBody=body, MessageGroupId=group, MessageDeduplicationId=dedup, **options)

    def send_batch(self, url, entries):
        return self.sqs.send_message_batch(QueueUrl=url, Entries=entries)

    def receive(self, url, n=10, **options):
        options.setdefault("MessageSystemAttributeNames", ["All"])
        return self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=n, **options).get("Messages", [])

    def bodies(self, url, n=10, **options):
        return [message["Body"] for message in self.receive(url, n, **options)]

    def poll(self, url, n=10):
        """A long poll that waits by now; its result are bodies."""
        waiting = self.lab.control("GET", "stats")["waiting_polls"] if self.kind == "lab" else 0
        poll = Background(self.bodies, url, n, WaitTimeSeconds=5 if self.kind == "lab" else 2)
        self.wait_for_poll(waiting + 1)
        return poll

    def delete(self, url, message):
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def visibility(self, url, message, seconds):
        self.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds)

    # --- S3
    def create_bucket(self, bucket, region=support.REGION):
        self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})

    def bucket(self, *keys):
        """A new bucket with empty objects of those keys."""
        self.last_bucket = self.name() + "-bucket"
        self.create_bucket(self.last_bucket)
        for key in keys:
            self.s3.put_object(Bucket=self.last_bucket, Key=key, Body=b"")
        return self.last_bucket

    def versioned(self):
        bucket = self.bucket()
        self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        equal(self.s3.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
        return bucket

    def put(self, key, body=b"x", **options):
        """Into the last bucket, or a first one; returns the key."""
        self.s3.put_object(Bucket=self.last_bucket or self.bucket(), Key=key, Body=body, **options)
        return key

    def etag(self, key):
        return self.s3.head_object(Bucket=self.last_bucket, Key=key)["ETag"]

    def notify(self, bucket, kind, arn_name, arn, prefix="", suffix=""):
        rules = [{"Name": name, "Value": value} for name, value in (("prefix", prefix), ("suffix", suffix)) if value]
        chosen = {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}
        self.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={kind: [
            {"Id": "rule-1", "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"], arn_name: arn, **chosen}]})

    def notify_queue(self, bucket, url, **filters):
        self.notify(bucket, "QueueConfigurations", "QueueArn", f"arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:{self.queue_name(url)}", **filters)

    def notify_function(self, bucket, function, **filters):
        self.notify(bucket, "LambdaFunctionConfigurations", "LambdaFunctionArn",
                    f"arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:function:{function}", **filters)

    # --- Lambda
    def function(self):
        """A function's name, made known by a call of its runtime."""
        name = self.name()
        equal(Runtime(self, name).respond("none"), 400)
        return name

    def invoke_event(self, function, payload=b"{}"):
        return self.awslambda.invoke(FunctionName=function, InvocationType="Event", Payload=payload)

    # --- signatures, by botocore
    def signed_headers(self, method, path, body, headers, service="s3", region=support.REGION):
        request = AWSRequest(method, self.url + path, data=body, headers=dict(headers))
        signer = S3SigV4Auth if service == "s3" else SigV4Auth
        if "x-amz-content-sha256" in headers:
            class signer(S3SigV4Auth):
                def payload(self, request):
                    return headers["x-amz-content-sha256"]
        signer(Credentials(support.ACCESS_KEY, support.SECRET_KEY), service, region).add_auth(request)
        return dict(request.headers.items())

    def send_signed(self, method, path, body, headers, service="s3", **options):
        """Sent as is: the path on the wire is the one that was signed."""
        status, _, answer = self.lab.request(method, path, body, self.signed_headers(method, path, body, headers, service, **options))
        return status, answer


class Runtime:
    """A Lambda runtime on one connection, as a bootstrap would hold it."""

    def __init__(self, cloud, function):
        self.connection = http.client.HTTPConnection(cloud.lab.address, timeout=30)
        self.prefix = f"/runtime/{function}/2018-06-01/runtime/"

    def call(self, method, path, body=None, headers=None):
        self.connection.request(method, self.prefix + path, body, headers or {})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def next(self):
        status, headers, body = self.call("GET", "invocation/next")
        equal(status, 200)
        return headers["Lambda-Runtime-Aws-Request-Id"], json.loads(body), headers

    def respond(self, request_id, body="{}"):
        return self.call("POST", f"invocation/{request_id}/response", body)[0]

    def fail(self, request_id, kind="Function.Broken"):
        return self.call("POST", f"invocation/{request_id}/error", '{"errorMessage":"m","errorType":"t"}',
                         {"Lambda-Runtime-Function-Error-Type": kind})[0]
