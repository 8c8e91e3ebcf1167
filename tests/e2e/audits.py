"""audit-log in a real Envoy, and what `portcullis audit verify` says of what has arrived."""

import asyncio
import collections
import contextlib
import itertools
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from breakers import Upstream, running
from clients import eventually
from envoy import ROOT, Envoy
from load import CONNECTIONS, Load, get
from recorded import distinct, of_requests, problems
from sinks import Sink
from traces import plugin, proxy

PORTCULLIS = os.environ.get("PORTCULLIS") or ROOT / "target/debug/portcullis"
WORKERS = 4
DROPPED = [f"dropped_{reason}" for reason in ("queue_full", "refused", "failed", "stopped")]


def audit(cluster="sink", **members):
    """audit-log; its records go to a sink, unless `members` say otherwise, and soon."""
    http = {"cluster": cluster, "path": f"/{cluster}", "timeout": "1s"}
    return plugin("audit-log", {"sink": {"http": http}, "delivery": {"delay": "200ms"}} | members)


class Numbered(Load):
    """A load of which no two requests have the same path: `/name/0`, `/name/1` and so on."""

    def __init__(self, port, name, connections=CONNECTIONS, pace=0.0, headers=()):
        super().__init__(port, (), connections, pace)
        self._name, self._headers, self._numbers = name, headers, itertools.count()

    async def _connection(self, number):
        # They begin one after the other, so that requests come evenly.
        await asyncio.sleep(self._pace * number / self._connections)
        await super()._connection(number)

    def _turns(self, _):
        for number in self._numbers:
            path = f"/{self._name}/{number}"
            yield path, get(path, self._headers)


def verify(files, *options):
    """What `portcullis audit verify` says of files: its exit code and its report."""
    command = [PORTCULLIS, "audit", "verify", "--format", "json", "--all", *options, *files]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    if ran.returncode not in (0, 1):
        raise AssertionError(f"{command}: exit code {ran.returncode}\n{ran.stderr}")
    return ran.returncode, json.loads(ran.stdout)


class Audited(unittest.TestCase):
    """With an upstream, and sinks for the records of any number of Envoys, each of which has a name."""

    workers, pace = WORKERS, 0.0

    def setUp(self):
        self.upstream, self.envoys = Upstream(), {}
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.wait = self.enterContext(running(self.upstream))

    def sink(self, name="sink"):
        """A sink that is there until the test ends."""
        sink = Sink(name)
        self.wait(sink.start())
        self.addCleanup(lambda: self.wait(sink.stop()))
        return sink

    def start(self, name, config, options=()):
        """Starts an Envoy; requests for the path `/name` are for it."""
        config["node"] = {"id": name, "cluster": name}
        self.envoys[name] = self.enterContext(Envoy(config, self.workers, options))
        self.addCleanup(self.assert_calm, self.envoys[name])
        return self.envoys[name]

    def proxy(self, *filters, **ports):
        """A configuration of these filters in front of the upstream."""
        return proxy(self.upstream.port, *filters, **ports)

    def assert_calm(self, envoy):
        self.assertNotIn("Function: ", envoy.log(), "the log of a trap")

    def under_load(self, script, *loads):
        """The answers to requests of all loads that are sent while `script` runs, by the name of the Envoy."""
        return asyncio.run(self._under_load(script, loads or [self.load(name) for name in self.envoys]))

    async def _under_load(self, script, loads):
        asking = [asyncio.create_task(it.run()) for it in loads]
        try:
            await script()
        finally:
            for load in loads:
                load.stop()
            answers = await asyncio.gather(*asking)
        by_name = collections.defaultdict(list)
        for answer in itertools.chain(*answers):
            by_name[answer.kind.split("/")[1]].append(answer)
        return by_name

    def load(self, name):
        return Numbered(self.envoys[name].port, name, pace=self.pace)

    def counted(self, name, what):
        """A counter of an Envoy."""
        return sum(self.envoys[name].stats(rf"wasmcustom\.portcullis_audit_log_{what}_total").values())

    def assert_counts(self, name, **expected):
        """The counters of an Envoy become these, and those of what is dropped; others of those are 0."""
        expected = dict.fromkeys(DROPPED, 0) | expected

        def counted():
            return {what: self.counted(name, what) for what in expected}

        with contextlib.suppress(AssertionError):
            eventually(lambda: counted() == expected, 3, "the counters")
        self.assertEqual(counted(), expected)

    def waits(self, name):
        """How many bytes of records an Envoy has said to be waiting."""
        return sum(self.envoys[name].stats(r"wasmcustom\.portcullis_audit_log_queue_bytes").values())

    def arrived(self, sink, name):
        """The records of an Envoy, each once."""
        return [it for it in distinct(sink.lines()) if self.is_of(it, name)]

    @staticmethod
    def is_of(record, name):
        return (record.all["service"]["name"] if record.is_ecs else record.all["metadata"]["log_provider"]) == name

    def assert_valid(self, records):
        self.assertEqual(problems(records), {})

    def assert_each_has_one(self, answers, records):
        """Each request that was answered has exactly one record, which says how, and there are no others."""
        expected = collections.Counter((it.kind, it.status) for it in answers)
        found = collections.Counter((it.path, it.status) for it in of_requests(records))
        self.assertEqual((expected - found, found - expected), ({}, {}))

    def assert_verifies(self, lines, *options):
        """`audit verify` finds nothing; its report."""
        code, report = verify([self.file(lines)], *options)
        self.assertEqual((code, report["findings"]), (0, []))
        return report

    def findings(self, lines, *options):
        """What `audit verify` finds."""
        code, report = verify([self.file(lines)], *options)
        self.assertEqual(code, 1, "nothing")
        return report["findings"]

    def file(self, lines):
        """A file of its own with these lines."""
        path = self.directory / f"lines-{len(list(self.directory.iterdir()))}"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path


