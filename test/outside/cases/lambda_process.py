"""Lambda: what happens to a function's process: frozen, thawed, killed, gone."""
import json
import subprocess
import sys

from lab import Background, equal, until
from registry import case

# A runtime that also keeps a connection of its own, as a function's SDK does.
PROGRAM = """
import http.client, json, sys, time
address, prefix = sys.argv[1:]
runtime, own = http.client.HTTPConnection(address), http.client.HTTPConnection(address)
def call(connection, method, path, body=None):
    connection.request(method, path, body)
    answer = connection.getresponse()
    return answer.headers, answer.read()
call(own, "GET", "/_lab/clock")
if sys.stdin.readline() == "go\\n":
    while True:
        headers, body = call(runtime, "GET", prefix + "invocation/next")
        event = json.loads(body)
        try:
            call(own, "GET", "/_lab/clock")
            alive = True
        except (OSError, http.client.HTTPException):
            own.close()
            call(own, "GET", "/_lab/clock")
            alive = False
        if event == "exit":
            sys.exit(3)
        if event == "sleep":
            time.sleep(3600)
        call(runtime, "POST", prefix + "invocation/%s/response" % headers["Lambda-Runtime-Aws-Request-Id"], json.dumps(alive))
"""


class Process:
    """A function with a process that the lab knows; it begins with go()."""

    def __init__(self, c, **settings):
        self.c = c
        self.function = c.name()
        self.start(**settings)

    def start(self, **settings):
        self.process = subprocess.Popen([sys.executable, "-c", PROGRAM, self.c.lab.address, f"/runtime/{self.function}/2018-06-01/runtime/"],
                                        stdin=subprocess.PIPE, text=True)
        self.c.lab.control("PUT", f"functions/{self.function}", {"pid": self.process.pid, **settings})

    def go(self, word="go"):
        self.process.stdin.write(word + "\n")
        self.process.stdin.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(timeout=10)

    def described(self):
        return self.c.lab.control("GET", f"functions/{self.function}")

    def is_stopped(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "T"

    def until_it_waits(self):
        until(lambda: self.described()["idle"] == 1)

    def invoke(self, event):
        return Background(self.c.awslambda.invoke, FunctionName=self.function, Payload=json.dumps(event).encode())

    def events(self, name):
        return self.c.lab.events(name, function=self.function)

    def error_of(self, call):
        answer = call.result()
        equal(answer["FunctionError"], "Unhandled")
        return json.loads(answer["Payload"].read())


@case("Lambda process: it is frozen while it waits for work")
def _(c):
    """When it asks for the next event and there is none. [documented]"""
    with Process(c, freeze=True) as p:
        p.go()
        until(lambda: p.described()["frozen"])
        until(p.is_stopped)
        equal((len(p.events("lambda.frozen")), len(p.events("lambda.thawed"))), (1, 0))


@case("Lambda process: thawed, its next event comes on the old connection, and its other connections are dead")
def _(c):
    """What was open when it was frozen may be gone. [documented]"""
    with Process(c, freeze=True) as p:
        p.go()
        for wanted in (False, False):
            until(p.is_stopped)
            equal(json.loads(p.invoke("x").result()["Payload"].read()), wanted)
        until(lambda: len(p.events("lambda.frozen")) == 3)
        equal(len(p.events("lambda.thawed")), 2)


@case("Lambda process: it is not frozen between events that wait already")
def _(c):
    """Only when there are no pending events. [documented]"""
    with Process(c, freeze=True) as p:
        for _ in range(3):
            c.invoke_event(p.function, b'"x"')
        p.go()
        until(lambda: len(p.events("lambda.result")) == 3)
        until(p.is_stopped)
        equal((len(p.events("lambda.frozen")), len(p.events("lambda.thawed"))), (1, 0))


@case("Lambda process: without freeze it runs on, and its connections live")
def _(c):
    """The lab's switch. [assumed]"""
    with Process(c) as p:
        p.go()
        p.until_it_waits()
        equal(p.is_stopped(), False)
        equal(json.loads(p.invoke("x").result()["Payload"].read()), True)


@case("Lambda process: at the deadline it is killed")
def _(c):
    """By SIGKILL, without a word; the invocation is Sandbox.Timedout. [documented]"""
    with Process(c, timeout_seconds=2, freeze=True) as p:
        p.go()
        call = p.invoke("sleep")
        until(lambda: p.described()["running"] == 1)
        c.wait(1)
        equal((p.process.poll(), p.events("lambda.killed")), (None, []))
        c.wait(2)
        equal(p.process.wait(timeout=10), -9)
        equal(p.error_of(call)["errorType"], "Sandbox.Timedout")
        equal([(e["pid"], p.described()["pid"]) for e in p.events("lambda.killed")], [(p.process.pid, 0)])


@case("Lambda process: an event whose process was killed is tried again by the next one")
def _(c):
    """After one minute, in a new process. [documented]"""
    with Process(c, timeout_seconds=2) as p:
        p.go()
        c.invoke_event(p.function, b'"sleep"')
        until(lambda: p.described()["running"] == 1)
        c.wait(3)
        p.process.wait(timeout=10)
    p.start()
    with p:
        p.go()
        p.until_it_waits()
        c.wait(60)
        until(lambda: p.described()["running"] == 1)
        equal([(e["try"]) for e in p.events("lambda.invoke")], [1, 2])


@case("Lambda process: it ends during an invocation")
def _(c):
    """Runtime.ExitError, at once; what waits goes to the next process. [documented]"""
    with Process(c) as p:
        call = p.invoke("exit")
        until(lambda: p.described()["queued"] == 1)
        c.invoke_event(p.function)
        p.go()
        error = p.error_of(call)
        equal((error["errorType"], error["errorMessage"].split(" Error: ")[1]), ("Runtime.ExitError", "Runtime exited without providing a reason"))
        equal(([e["outcome"] for e in p.events("lambda.result")], p.described()["queued"]), (["error"], 1))


@case("Lambda process: it ends before it asked for an event")
def _(c):
    """Runtime.ExitError of the invocation for which it was started. [documented]"""
    with Process(c) as p:
        call = p.invoke("x")
        until(lambda: p.described()["queued"] == 1)
        p.go("no")
        equal(p.error_of(call)["errorType"], "Runtime.ExitError")


@case("Lambda process: it ends while it waits, and no event is lost with it")
def _(c):
    """The next process gets it. [documented]"""
    with Process(c, freeze=True) as p:
        p.go()
        until(p.is_stopped)
        p.process.kill()
        p.process.wait(timeout=10)
        until(lambda: p.described()["idle"] == 0)
        call = p.invoke("x")
        until(lambda: p.described()["queued"] == 1)
    p.start(freeze=True)
    with p:
        p.go()
        equal(call.result().get("FunctionError"), None)
        until(p.is_stopped)
        equal(len(p.events("lambda.thawed")), 0)


@case("Lambda process: the lab signals only what it was told, and refuses what cannot be meant")
def _(c):
    """No process 1, no process that is not there, no unknown member. [assumed]"""
    function = c.function()
    for settings in ({"pid": 1}, {"pid": -1}, {"pid": 4194303 + 9}, {"pid": "x"}, {"pids": 5}, {"freeze": 1}, {"timeout_seconds": 901},
                     {"timeout_seconds": 0}, {"pid": c.lab.process.pid}):
        equal((settings, c.lab.request("PUT", f"/_lab/functions/{function}", json.dumps(settings))[0]), (settings, 400))
    equal((c.lab.control("GET", f"functions/{function}")["pid"], c.lab.process.poll()), (0, None))
