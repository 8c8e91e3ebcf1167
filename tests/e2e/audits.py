"""audit-log in a real Envoy, a sink that does all that sinks do to clients, and what has arrived there."""

import asyncio
import collections
import contextlib
import itertools
import json
import os
import socket
import struct
import subprocess
import tempfile
import unittest
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from breakers import Upstream, running
from clients import eventually
from envoy import ROOT, Envoy
from load import CONNECTIONS, Load, get
from records import validate
from traces import lasting_port, plugin, proxy

PORTCULLIS = os.environ.get("PORTCULLIS") or ROOT / "target/debug/portcullis"
WORKERS = 4

TAKING, STORING, HALF = "taking", "storing", "half"
"""A sink that stores: it says so, it hangs up, it hangs up in the middle of saying so."""
BUSY, LIMITING, HANGING, RESETTING, NO_HTTP, REFUSING = "busy", "limiting", "hanging", "resetting", "no-http", "refusing"
"""A sink that does not."""
ANSWERS = {
    TAKING: b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n",
    HALF: b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{",
    BUSY: b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
    LIMITING: b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n",
    NO_HTTP: b"what do you want?\r\n\r\n",
    REFUSING: b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
}
DROPPED = [f"dropped_{reason}" for reason in ("queue_full", "refused", "failed", "stopped")]


@dataclass(frozen=True)
class Post:
    """What a sink was sent."""

    path: str
    headers: dict
    body: bytes


class Sink(Upstream):
    """An HTTP/1.1 server that is `TAKING`, or behaves otherwise; `stored` is what it has kept, and `seen` also what it has not.

    `says` are the bodies of its answers.
    """

    def __init__(self, name="sink"):
        super().__init__(name)
        self.port, self.mode, self.stored, self.seen = lasting_port(), TAKING, [], []
        self.says = lambda post: b""

    def lines(self):
        """The records that it has kept, in their order."""
        return [line for post in list(self.stored) for line in post.body.splitlines()]

    def repeats(self):
        """How many requests it was sent again."""
        bodies = [it.body for it in self.seen]
        return len(bodies) - len(set(bodies))

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        post = Post(first.split()[1], headers, await reader.readexactly(int(headers["content-length"])))
        mode = self.mode
        self.seen.append(post)
        if mode in (TAKING, STORING, HALF):
            self.stored.append(post)
        if mode == HANGING:
            await reader.read()
        if mode == RESETTING:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        if mode == TAKING:
            body = self.says(post)
            writer.write(ANSWERS[mode] % len(body) + body)
        elif mode in ANSWERS:
            writer.write(ANSWERS[mode])
        await writer.drain()
        return mode in (TAKING, BUSY, LIMITING, REFUSING)


@dataclass(frozen=True)
class Record:
    """A record, of OCSF or of ECS."""

    line: bytes

    @cached_property
    def all(self):
        return json.loads(self.line)

    @property
    def is_ecs(self):
        return "ecs" in self.all

    @property
    def ours(self):
        """What no schema has a place for."""
        return self.all["portcullis" if self.is_ecs else "unmapped"]

    @property
    def audit(self):
        return self.ours["audit"]

    @property
    def uid(self):
        return self.all["event"]["id"] if self.is_ecs else self.all["metadata"]["uid"]

    @property
    def chain(self):
        return self.uid.split("-")[0]

    @property
    def sequence(self):
        return int(self.uid.split("-")[1])

    @property
    def hash(self):
        return self.ours["integrity"]["hash"]

    @property
    def kind(self):
        return self.audit.get("kind", "request")

    @property
    def count(self):
        """How many requests it stands for."""
        return self.ours.get("count", 1) if self.is_ecs else self.all.get("count", 1)

    @property
    def url(self):
        return self.all["url"] if self.is_ecs else self.all["http_request"]["url"]

    @property
    def path(self):
        return self.url.get("path")

    @property
    def query(self):
        return self.url.get("query" if self.is_ecs else "query_string")

    @property
    def trace(self):
        """The ids of its trace and its span; none without."""
        if "trace" not in self.all:
            return None
        if self.is_ecs:
            return self.all["trace"]["id"], self.all["span"]["id"]
        return self.all["trace"]["uid"], self.all["trace"]["span"]["uid"]

    @property
    def who(self):
        """Who has asked, as tokens say."""
        if self.is_ecs:
            found = {
                "subject": self.all.get("user", {}).get("id"),
                "issuer": self.audit.get("issuer"),
                "client": self.audit.get("client_id"),
                "session": self.audit.get("session"),
                "tenant": self.all.get("organization", {}).get("id"),
            }
        else:
            actor, metadata = self.all.get("actor", {}), self.all["metadata"]
            found = {
                "subject": actor.get("user", {}).get("uid"),
                "issuer": actor.get("idp", {}).get("uid"),
                "client": actor.get("app_uid"),
                "session": actor.get("session", {}).get("uid"),
                "tenant": metadata.get("tenant_uid"),
            }
        return {name: value for name, value in found.items() if value is not None}

    @property
    def tls(self):
        """The version and the name that was asked for."""
        if self.is_ecs:
            tls = self.all["tls"]
            return f"{tls['version_protocol'].upper()}v{tls['version']}", tls["client"].get("server_name")
        tls = self.all.get("tls") or self.audit["tls"]
        return tls["version"], tls.get("sni")

    @property
    def is_denied(self):
        return "denied" in self.all["event"]["type"] if self.is_ecs else self.all["action_id"] == 2

    @property
    def status(self):
        """The status of the response; 0 for none."""
        response = self.all.get("http", {}).get("response") if self.is_ecs else self.all.get("http_response")
        return (response or {}).get("status_code" if self.is_ecs else "code", 0)


def distinct(lines):
    """The records in their order, each once; that it comes again in the same bytes is looked at."""
    found = {}
    for line in lines:
        record = Record(line)
        if found.setdefault(record.uid, record).line != line:
            raise AssertionError(f"two records with the id {record.uid}:\n{found[record.uid].line}\n{line}")
    return list(found.values())


def problems(records):
    """What schemas say against records: each problem once, with a record that has it."""
    return {problem: it.line for it in records for problem in validate(it.all)}


def of_requests(records):
    """Those of requests."""
    return [it for it in records if it.kind == "request"]


def chains(records):
    """The records by their chains."""
    found = collections.defaultdict(list)
    for record in records:
        found[record.chain].append(record)
    return dict(found)


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


