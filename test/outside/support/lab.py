"""One awslab for a test script, and TAP on stdout.

A script declares cases with @case("name"), and calls run(). Each case gets the
Lab. The lab ends with the script, however that ends.
"""
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ACCOUNT = "123456789012"
REGION = "eu-west-1"
ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("AWSLAB", os.path.join(HERE, "..", "..", "..", "build", "awslab"))

_cases = []


def own_environment():
    """The environment without any of the user's own AWS settings."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith("AWS_") and not name.lower().endswith("_proxy")}
    clean.update(AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null",
                 AWS_EC2_METADATA_DISABLED="true", AWS_ACCESS_KEY_ID=ACCESS_KEY,
                 AWS_SECRET_ACCESS_KEY=SECRET_KEY, AWS_DEFAULT_REGION=REGION, AWS_PAGER="")
    return clean


def use_own_environment():
    clean = own_environment()
    os.environ.clear()
    os.environ.update(clean)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


class Lab:
    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="awslab-")
        self.journal_file = os.path.join(self.folder.name, "journal.ndjson")
        self.process = subprocess.Popen(
            [PROGRAM, "--journal", self.journal_file, "--parent", str(os.getpid()), *options],
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready http://"):
            raise RuntimeError(f"awslab did not start: {line!r}")
        self.url = line.split()[1]
        self.address = self.url[len("http://"):]
        self.names = 0

    def stop(self):
        self.process.terminate()
        status = self.process.wait(timeout=10)
        self.process.stdout.close()
        self.folder.cleanup()
        return status

    def request(self, method, path, body=None, headers=None):
        """A plain HTTP request, unsigned: (status, headers, body)."""
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def control(self, method, path, body=None):
        status, _, answer = self.request(method, "/_lab/" + path, json.dumps(body) if body is not None else None)
        if status != 200:
            raise AssertionError(f"{method} {path}: {status} {answer}")
        return json.loads(answer)

    def advance(self, seconds):
        return self.control("POST", "clock", {"advance_seconds": seconds})

    def fault(self, **script):
        return self.control("POST", "faults", script)

    def journal(self):
        with open(self.journal_file, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def events(self, name, **members):
        return [line for line in self.journal() if line.get("event") == name
                and all(line.get(key) == value for key, value in members.items())]

    def name(self, suffix=""):
        """A name that no other case uses."""
        self.names += 1
        return f"case-{self.names}{suffix}"

    def wait_for_poll(self, n=1):
        until(lambda: self.control("GET", "stats")["waiting_polls"] == n)


class Background:
    """A call in a thread: started at once, result() waits for it."""

    def __init__(self, call, *args, **kwargs):
        def body():
            try:
                self.value = call(*args, **kwargs)
            except Exception as error:  # handed to the caller
                self.error = error
            self.seconds = time.monotonic() - self.started
        self.error = None
        self.value = None
        self.started = time.monotonic()
        self.thread = threading.Thread(target=body, daemon=True)
        self.thread.start()

    def result(self, timeout=15):
        self.thread.join(timeout)
        if self.thread.is_alive():
            raise AssertionError(f"still waiting after {timeout} s")
        if self.error is not None:
            raise self.error
        return self.value


def until(condition, timeout=10):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("the awaited state did not come")
        time.sleep(0.002)


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r}, wanted {wanted!r}")


def case(name):
    def declare(function):
        _cases.append((name, function))
        return function
    return declare


def run(make_context, *lab_options):
    """Runs all cases; the exit status tells whether one failed."""
    print(f"1..{len(_cases)}")
    random.seed(20261122)
    failed = 0
    lab = Lab(*lab_options)
    try:
        context = make_context(lab)
        for number, (name, function) in enumerate(_cases, 1):
            try:
                function(context)
                print(f"ok {number} - {name}", flush=True)
            except Exception:
                failed += 1
                print(f"not ok {number} - {name}", flush=True)
                for line in traceback.format_exc().splitlines():
                    print("# " + line, flush=True)
            lab.control("DELETE", "faults")
    finally:
        lab.stop()
    sys.exit(1 if failed else 0)
