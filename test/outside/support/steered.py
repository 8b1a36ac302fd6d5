"""The client of aws/ as a program that a test steers, and a proxy that changes what passes."""
import json
import os
import socket
import subprocess
import threading

import lab as support

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(support.PROGRAM)), "awsx_client")


class Refused(Exception):
    """What the client of aws/ says of a failure: the members of an AwsxError."""

    def __init__(self, answer):
        super().__init__(str(answer))
        self.answer = answer


class Client:
    """awsx_client, steered over its pipes."""

    def __init__(self, url, key, secret, token=None, region=support.REGION, role="", hosts=False):
        environment = support.own_environment()
        environment.update(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
        if token:
            environment["AWS_SESSION_TOKEN"] = token
        self.process = subprocess.Popen([PROGRAM, url, region, role] + (['hosts'] if hosts else []), env=environment,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, deed, **members):
        # surrogates cannot be sent; everything else may be in a key
        self.process.stdin.write(json.dumps({"do": deed, **members}).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise Refused(answer)
        return answer

    def refused(self, deed, **members):
        try:
            answer = self(deed, **members)
        except Refused as error:
            return error.answer
        raise AssertionError(f"an error was expected, but {deed} answered {answer}")

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.wait(timeout=10) != 0:
            raise AssertionError(f"awsx_client ended with status {self.process.returncode}")


class Damage:
    """A proxy that changes "precious" into "precioux" where it passes, so many times."""

    def __init__(self, address, times):
        host, port = address.split(":")
        self.target, self.left, self.connections = (host, int(port)), times, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            far = socket.create_connection(self.target)
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self.copy, args=pair, daemon=True).start()

    def copy(self, source, target):
        try:
            while data := source.recv(65536):
                if b"precious" in data and self.left > 0:
                    self.left -= 1
                    data = data.replace(b"precious", b"precioux")
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        self.socket.close()
