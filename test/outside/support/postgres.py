"""A PostgreSQL of our own that stands in for Redshift, where a server is installed."""
import os
import pwd
import shutil
import subprocess
import tempfile
import time

from moto_server import die_with_parent


def programs():
    """The folder of initdb and postgres, or None."""
    config = os.environ.get("PG_CONFIG", "pg_config")
    if shutil.which(config) is None:
        return None
    folder = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True).stdout.strip()
    return folder if os.path.exists(os.path.join(folder, "initdb")) else None


def somebody():
    """How to run a program as one whom PostgreSQL accepts: (words before it, uid); it refuses root."""
    if os.geteuid() != 0:
        return [], os.geteuid()
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
            return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"], entry.pw_uid
        except KeyError:
            continue
    raise RuntimeError("there is no user postgres or nobody")


class Postgres:
    def __init__(self, folder):
        self.user, uid = somebody()
        self.folder = tempfile.mkdtemp(prefix="pg_sqs-redshift-", dir="/tmp")
        os.chown(self.folder, uid, -1)
        self.data = os.path.join(self.folder, "data")
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": self.folder}
        subprocess.run([*self.user, os.path.join(folder, "initdb"), "-D", self.data, "-U", "postgres", "-A", "trust", "-N", "--locale=C"],
                       check=True, capture_output=True, env=environment, cwd=self.folder)
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen([*self.user, os.path.join(folder, "postgres"), "-D", self.data, "-k", self.folder,
                                             "-c", "listen_addresses=", "-c", "fsync=off"], env=environment, cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
        self.options = ("--redshift", f"host={self.folder} port=5432 user=postgres dbname=dev")
        self.wait_until_ready()

    def wait_until_ready(self):
        """Until it says so in its file."""
        end = time.monotonic() + 60
        while True:
            try:
                with open(os.path.join(self.data, "postmaster.pid"), encoding="ascii") as state:
                    if state.read().split("\n")[7:8] == ["ready   "]:
                        return
            except (FileNotFoundError, PermissionError):
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                with open(os.path.join(self.folder, "log"), encoding="utf-8") as log:
                    raise RuntimeError("PostgreSQL did not start: " + log.read())
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.send_signal(2)  # fast: without waiting for sessions
            self.process.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)


def start_postgres():
    """None where no server is installed; ends with stop(), or when this process does."""
    folder = programs()
    return Postgres(folder) if folder is not None else None
