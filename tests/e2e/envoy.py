"""A real Envoy, started as an operator starts it, and ended with the test whatever happens."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("PORTCULLIS_ENVOY") or Path(sys.executable).parent / "envoy"
START_SECONDS = 30
# The examples have no admin interface; it is added on the command line, so that they stay as they are.
ADMIN = json.dumps({"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}})
# Kills a process when its input ends, which it does with this program, even if that is killed.
WATCH = ["/bin/sh", "-c", 'read -r _; kill -9 "$0" 2>/dev/null']

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def command(config, *options, workers=2):
    """How Envoy is run on the file `config`, from the root of the project."""
    return [BINARY, "-c", config, "--concurrency", str(workers), "--use-dynamic-base-id", *options]


def end_with(ending, process):
    """Kills a process when the stack `ending` closes, or this program ends."""
    ending.callback(process.wait)
    watch = subprocess.Popen([*WATCH, str(process.pid)], stdin=subprocess.PIPE)
    ending.callback(watch.stdin.close)
    ending.callback(watch.wait)
    ending.callback(watch.kill)
    ending.callback(process.kill)


class Envoy:
    """Envoy on a configuration (a dict), ready to serve; a context manager. `options` are added to its command line."""

    def __init__(self, config, workers=2, options=()):
        self._config = config
        self._workers = workers
        self._options = options
        self._ending = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as ending:
            self._start(Path(ending.enter_context(tempfile.TemporaryDirectory())), ending)
            self._ending = ending.pop_all()
        return self

    def __exit__(self, *_):
        self._ending.close()

    def _start(self, directory, ending):
        self._access_log, self._log = directory / "stdout", directory / "stderr"
        config, address = directory / "envoy.json", directory / "admin"
        config.write_text(json.dumps(self._config))
        options = ["--config-yaml", ADMIN, "--admin-address-path", address, "--file-flush-interval-msec", "50"]
        options += self._options
        with self._access_log.open("wb") as stdout, self._log.open("wb") as stderr:
            envoy = command(config, *options, workers=self._workers)
            process = subprocess.Popen(envoy, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        end_with(ending, process)
        self.pid = process.pid
        self._wait(process, address)
        [listener] = json.loads(self.admin("/listeners?format=json"))["listener_statuses"]
        self.port = listener["local_address"]["socket_address"]["port_value"]

    def _wait(self, process, address):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError):
                self._admin = "http://" + address.read_text()
                self.admin("/ready")
                return
            time.sleep(0.01)
        raise RuntimeError(f"Envoy does not serve (exit code {process.returncode}):\n{self.log()[-4000:]}")

    def admin(self, path):
        """A page of the admin interface."""
        with _direct.open(self._admin + path, timeout=10) as page:
            return page.read().decode()

    def stats(self, pattern):
        """The counters and gauges whose whole name fits `pattern`."""
        lines = (line.rpartition(": ") for line in self.admin("/stats").splitlines())
        return {name: int(value) for name, _, value in lines if re.fullmatch(pattern, name) and value.isdigit()}

    def log(self):
        """What Envoy has logged."""
        return self._log.read_text(errors="replace")

    def access_log(self):
        """The lines of the access log."""
        return self._access_log.read_text(errors="replace").splitlines()
