"""A moto_server of our own, where moto is installed."""
import http.client
import os
import socket
import subprocess
import sys
import time


class Moto:
    def __init__(self, process, port):
        self.process = process
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"

    def check_signatures(self):
        """From now on every call must be signed by keys that moto gave out."""
        connection = http.client.HTTPConnection(self.address, timeout=30)
        connection.request("POST", "/moto-api/reset-auth", "0", {"Content-Type": "text/plain"})
        status = connection.getresponse().status
        connection.close()
        if status != 200:
            raise RuntimeError(f"moto_server answered {status} to reset-auth")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def start_moto(**environment):
    """None where moto is not installed; ends with stop(), or when this process does. More variables for it may be given."""
    try:
        import moto.server  # noqa: F401 (only to see whether it is there)
    except ImportError:
        return None
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent,
                               env={**os.environ, **environment})
    end = time.monotonic() + 60
    while not answers(port):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise RuntimeError("moto_server is installed but did not start")
        time.sleep(0.1)
    return Moto(process, port)


def die_with_parent():
    """Linux: SIGTERM when the parent ends, however it ends."""
    import ctypes
    import signal
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
