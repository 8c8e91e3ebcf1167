"""A rate limit service and its Redis, which can be killed, stopped and started again."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from envoy import ROOT, end_with

BINARY = os.environ.get("PORTCULLIS_RLS") or ROOT / "target/debug/portcullis-rls"
START_SECONDS = 20


class Server:
    """A process that listens on a port, always the same one; a context manager that does not start it."""

    def __init__(self):
        self.port = free_port()
        self._ending = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        """Starts it, and waits until it listens."""
        self._process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end_with(self._ending, self._process)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.005)
        raise RuntimeError(f"{self.command()[0]} does not listen (exit code {self._process.returncode})")

    def kill(self):
        """Ends it as a crash does."""
        self._ending.close()

    def stop(self):
        """Lets it hang: its connections stay, and nobody is answered."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self):
        """Ends `stop`."""
        self._process.send_signal(signal.SIGCONT)


class Redis(Server):
    """A Redis that keeps nothing on a disk."""

    def command(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]


class Service(Server):
    """portcullis-rls with limits: texts of YAML, in the form that Limitador reads."""

    def __init__(self, redis, limits):
        super().__init__()
        self._redis, self._limits = redis, limits
        self._directory = tempfile.TemporaryDirectory()

    def __exit__(self, *_):
        super().__exit__()
        self._directory.cleanup()

    def command(self):
        limits = Path(self._directory.name, "limits.yaml")
        limits.write_text(self._limits)
        redis, listen = f"redis://127.0.0.1:{self._redis.port}", f"127.0.0.1:{self.port}"
        return [BINARY, "--redis", redis, "--limits", limits, "--listen", listen]


def free_port():
    """A port on which nobody listens."""
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]
