"""Every filter in a real Envoy whose plugin is replaced while requests arrive, by good ones and by bad ones.

    .venv/bin/python tests/e2e/hot_swap.py [-v] [CLASS[.TEST]]

What becomes of buckets, breakers, spans and chains is told by the tests of each filter (`*_swap.py`).
"""

import asyncio
import collections
import contextlib
import faulthandler
import itertools
import json
import re
import tempfile
import time
import unittest
from pathlib import Path

import swaps
from breakers import until
from clients import eventually
from envoy import Envoy
from example import JWKS, bearer, token
from limits import on, routes
from load import Load, ask, get
from modules import CLUSTER, answering, at_server, built, digest, in_file, module_server, policy
from traces import plugin
from trapping import renamed, trapping

WORKERS, CONNECTIONS, PACE_SECONDS = 2, 32, 0.04
SETTLED_SECONDS = 20
"""Workers take a plugin over later than Envoy says that it holds: those of a busy machine much later."""
ADMITTED, DENIED = "admitted", "denied"
DEADLINE_SECONDS = 240


class Swapped(swaps.Filters, unittest.TestCase):
    """A filter whose requests are `admitted`, with 200, or `denied`, by an answer of its own that has `x-version`."""

    name, denied, options = "", 0, ()

    def setUp(self):
        self.directory, self.envoys = Path(self.enterContext(tempfile.TemporaryDirectory())), {}
        self.server = self.enterContext(module_server())

    def start(self, name, config, _):
        config["node"] = {"id": name, "cluster": name}
        self.envoy = self.envoys[name] = self.enterContext(Envoy(config, WORKERS, self.options))
        return self.envoy

    def whole(self, version, change=lambda it: it, **members):
        """All of the configuration; `change` is what a test does to the plugin, `members` come to its configuration."""
        it = plugin(self.name, self.configuration(version) | members)
        return self.answering(change(it))

    def answering(self, *filters):
        return answering(*filters, **{CLUSTER: self.server.server_port})

    def configuration(self, version):
        raise NotImplementedError

    def requests(self):
        """Those of both kinds, as often."""
        return [(ADMITTED, get("/admitted")), (DENIED, get("/denied"))]

    def shown(self, answer):
        """The version of the configuration that has made an answer, where it shows."""
        found = re.search(rb"\r\nx-version: (\d+)", answer.head)
        return int(found[1]) if found else None

    def another(self, it):
        """The plugin with another module, which does the same."""
        return in_file(it, self.module("another.wasm", renamed(built(self.name), "another")))

    def module(self, name, content):
        """The path of a file of this test."""
        path = self.directory / name
        path.write_bytes(content)
        return path

    def under_load(self, script):
        """The answers to requests that are sent while `script` runs."""
        self.load = Load(self.envoy.port, self.requests(), CONNECTIONS, PACE_SECONDS)
        return asyncio.run(self._under_load(script))

    async def _under_load(self, script):
        asking = asyncio.create_task(self.load.run())
        try:
            await script()
        finally:
            self.load.stop()
            answers = await asking
        return answers

    async def settled(self, version):
        """Waits until every connection has got an answer of this version to a request that it sends from now on."""
        begin, first = time.monotonic(), len(self.load.answers)

        def have_it():
            answers = self.load.answers[first:]
            return {it.connection for it in answers if it.begun > begin and self.shown(it) == version}

        await until(lambda: len(have_it()) == CONNECTIONS, SETTLED_SECONDS, f"version {version} on all connections")

    def vms(self):
        """How many VMs were ever made."""
        return sum(self.envoy.stats(r"wasm\..*\.created").values())

    def assert_answered(self, answers):
        """Each request, as it has to be, on all workers."""
        found = collections.Counter((it.kind, it.status, self.shown(it) is not None) for it in answers)
        self.assertEqual(found.keys(), self.right(), found)
        self.assertTrue(all(count > 4 * CONNECTIONS for count in found.values()), found)
        workers = self.envoy.stats(r"listener\..*\.worker_\d+\.downstream_cx_total")
        self.assertTrue(len(workers) == WORKERS and all(workers.values()), workers)

    def right(self):
        """The kinds of requests, their statuses, and whether the version shows."""
        return {(ADMITTED, 200, False), (DENIED, self.denied, True)}

    def assert_in_order(self, answers, versions):
        """Each connection has seen these versions, one after the other."""
        for number in range(CONNECTIONS):
            ours = (self.shown(it) for it in answers if it.connection == number)
            seen = [version for version, _ in itertools.groupby(it for it in ours if it is not None)]
            self.assertEqual(seen, versions, number)

    def assert_kept(self, answers):
        """No connection was closed."""
        self.assertEqual([it.head for it in answers if b"\r\nconnection: close\r\n" in it.head], [])


class Swaps:
    """What is done to each filter."""

    closes_connections = False
    wrong, said = ({"nonsense": 1}, {"stat_prefix": "No Prefix"}), "stat_prefix: "

    async def refused(self, *args, **members):
        """Puts what is refused; the former one serves on."""
        await self.swap(*args, becomes="rejected", **members)
        await self.settled(2)

    async def script(self):
        await self.settled(1)
        await self.swap(2)
        await self.settled(2)
        for wrong in self.wrong:
            await self.refused(8, **wrong)
        await self.refused(8, lambda it: in_file(it, self.module("no.wasm", b"no module")))
        await self.refused(8, lambda it: in_file(it, self.directory / "nowhere.wasm"))
        await self.refused(8, lambda it: in_file(it, self.traps))
        before = self.vms()
        await self.swap(3, self.another)
        await self.settled(3)
        # A base, the one that it is tried with, and one for the main thread and for each worker.
        self.assertEqual(self.vms() - before, 3 + WORKERS)
        await self.swap(1)
        await self.settled(1)

    def test_nothing_is_lost_and_nothing_let_through(self):
        self.traps = self.module("traps.wasm", trapping(built(self.name), "_initialize"))
        self.start_swapped(1)
        answers = self.under_load(self.script)
        print(f"\n{self.name}: {len(answers)} answers", end="", flush=True)
        self.assert_answered(answers)
        self.assert_in_order(answers, [1, 2, 3, 1])
        if not self.closes_connections:
            self.assert_kept(answers)
        self.assertEqual(self.updates("rejected"), 5)
        self.assert_said()

    def assert_said(self):
        """What was wrong stands in Envoy's log."""
        log = self.envoy.log()
        for text in ("nonsense: unknown field `nonsense`", self.said, "Invalid path: ", "Function: _initialize failed"):
            self.assertTrue(text in log, text)


def tokens():
    """What jwt-auth is told of tokens."""
    jwks = {"inline": json.loads(json.dumps(JWKS))}
    provider = {"name": "example", "issuer": "https://issuer.example", "audiences": ["orders"], "jwks": jwks}
    return {"providers": [provider], "otherwise": {"provider": "example"}}


def versioned(version):
    """What each filter that denies adds to its answers."""
    return {"headers": {"x-version": str(version)}}


class Guarded(Swapped):
    """jwt-auth."""

    name, denied = "jwt-auth", 401

    def configuration(self, version):
        return tokens() | {"reply": versioned(version)}

    def requests(self):
        with_token = get("/admitted", bearer(token()).items())
        return [(ADMITTED, with_token), (DENIED, get("/denied"))]


class JwtAuth(Swaps, Guarded):
    """Whoever has no token is denied all the time."""


class JwtAuthOfListeners(Swaps, swaps.Listeners, Guarded):
    """With the listener as a whole."""

    closes_connections = True
    # Each connection ends with its next answer. What is left of them after the time is cut off, and the time also runs
    # while a module is compiled.
    options = ("--drain-time-s", "30", "--drain-strategy", "immediate")


class TokenBucket(Swaps, Swapped):
    """A limit without tokens denies all the time."""

    name, denied = "token-bucket", 429

    def configuration(self, version):
        none = {"name": "none", "when": on("/denied"), "rate": "1/8784h", "start": 0}
        many = {"name": "many", "when": on("/admitted"), "rate": "1000000/1s"}
        return {"limits": [none, many], "reply": versioned(version)}


class CircuitBreaker(Swaps, Swapped):
    """A breaker that is forced open denies all the time."""

    name, denied = "circuit-breaker", 503

    def configuration(self, version):
        none = {"name": "none", "when": on("/denied"), "key": [], "mode": "forced_open"}
        some = {"name": "some", "key": [], "trip": {"error_ratio": 0.5}}
        return {"breakers": [none, some], "reply": versioned(version)}


class TraceInjection(Swaps, Swapped):
    """Each request has a trace; the version is the dialect that stands beside W3C."""

    name = "trace-injection"
    wrong, said = ({"nonsense": 1}, {"inject": ["none"]}), "inject[0]: "
    dialects = {1: ("b3", "b3"), 2: ("jaeger", "uber-trace-id"), 3: ("gcp", "x-cloud-trace-context")}

    def configuration(self, version):
        return {"inject": ["w3c", self.dialects.get(version, ["xray"])[0]]}

    def answering(self, *filters):
        config = super().answering(*filters)
        names = ["traceparent", *(header for _, header in self.dialects.values())]
        shown = [{"header": {"key": f"seen-{name}", "value": f"%REQ({name})%"}} for name in names]
        routes(config)[0]["response_headers_to_add"] = shown
        return config

    def shown(self, answer):
        seen = [version for version, (_, name) in self.dialects.items() if f"\r\nseen-{name}: ".encode() in answer.head]
        return seen[0] if len(seen) == 1 and b"\r\nseen-traceparent: 00-" in answer.head else None

    def requests(self):
        return [(ADMITTED, get("/admitted"))]

    def right(self):
        return {(ADMITTED, 200, True)}


class Suite(Swaps, Swapped):
    """All of them in one."""

    name, denied = "portcullis", 401
    wrong, said = ({"nonsense": 1}, {"token_bucket": {"limits": []}}), "token_bucket.limits: "

    def configuration(self, version):
        return {
            "trace_injection": {},
            "audit_log": {"sink": {"envoy_log": {}}, "otherwise": {"level": "none"}},
            "jwt_auth": tokens() | {"reply": versioned(version)},
            "token_bucket": {"limits": [{"name": "many", "rate": "1000000/1s"}]},
            "circuit_breaker": {"breakers": [{"name": "all", "key": [], "trip": {"error_ratio": 0.5}}]},
        }

    requests = Guarded.requests


class AuditLog(Swaps, Swapped):
    """Each request has a record, in Envoy's log; the version is the name of its operation."""

    name = "audit-log"
    recorded = re.compile(r"\]\[(\d+)\]\[info\]\[wasm\].* portcullis-audit \{.*\bversion\.(\d)\b")

    def configuration(self, version):
        operations = [{"when": {"path": {"prefix": "/"}}, "name": f"version.{version}"}]
        return {"sink": {"envoy_log": {}}, "schema": "ecs", "operations": operations, "delivery": {"delay": "100ms"}}

    def requests(self):
        return [(ADMITTED, get("/admitted"))]

    def right(self):
        return {(ADMITTED, 200, False)}

    def records(self):
        """The worker and the version of each record."""
        return [(worker, int(version)) for worker, version in self.recorded.findall(self.envoy.log())]

    async def settled(self, version):
        """Waits until there are records of this version from all workers."""
        before = collections.Counter(self.records())

        def have_it():
            return [worker for worker, it in collections.Counter(self.records()) - before if it == version]

        await until(lambda: len(have_it()) == WORKERS, SETTLED_SECONDS, f"version {version} on all workers")

    def assert_in_order(self, answers, versions):
        """There is a record of each, and the last ones are of the last version."""
        eventually(lambda: len(self.records()) >= len(answers), 5, "all records")
        records = self.records()
        self.assertEqual(len(records), len(answers))
        for worker in {worker for worker, _ in records}:
            seen = [version for it, version in records if it == worker]
            self.assertEqual((set(seen), seen[0], seen[-1]), (set(versions), versions[0], versions[-1]))


class Fetched(Guarded):
    """With a module that Envoy fetches; the server holds it back until it is told otherwise."""

    failure_policy = "FAIL_CLOSED"

    def setUp(self):
        super().setUp()
        self.remote = renamed(built(self.name), "another")
        self.server.modules["/another.wasm"] = self.remote
        self.server.gate.clear()

    def fetched(self, **members):
        """What a test does to the plugin: its code is at the server."""
        return lambda it: policy(at_server(it, "/another.wasm", digest(self.remote), **members), self.failure_policy)

    async def until_asked(self):
        await until(lambda: self.server.asked, 10, "the server is asked")

    def cached(self, what):
        return sum(self.envoy.stats(rf"wasm\.remote_load_{what}").values())

    async def answered(self, status):
        """Waits until every connection has got this status without a token."""
        begin, first = time.monotonic(), len(self.load.answers)

        def have_it():
            ours = (it for it in self.load.answers[first:] if it.begun > begin and it.kind == DENIED)
            return {it.connection for it in ours if it.status == status}

        await until(lambda: len(have_it()) == CONNECTIONS, SETTLED_SECONDS, f"{status} on all connections")


class OfFilters(Fetched):
    """The plugin alone comes from a file (ECDS)."""

    def test_what_is_refused_until_it_is_there(self):
        nack = self.fetched(nack_on_code_cache_miss=True)
        self.start_swapped(1)

        async def script():
            await self.settled(1)
            await self.swap(2, nack, becomes="rejected")
            await self.until_asked()
            await self.settled(1)
            self.server.gate.set()
            await until(lambda: self.cached("fetch_successes"), 10, "the module")
            # What was refused and comes again as it was counts as taken over, and is not looked at.
            await self.swap(2, nack)
            await self.settled(1)
            await self.swap(3, nack)
            await self.settled(3)

        answers = self.under_load(script)
        self.assert_answered(answers)
        self.assert_in_order(answers, [1, 3])
        self.assert_kept(answers)
        self.assertEqual(self.server.asked, ["/another.wasm"])

    def test_what_is_not_refused_is_never_there_and_everybody_passes(self):
        # Whatever the failure policy is; this one lets nobody pass.
        self.server.gate.set()
        self.start_swapped(1)

        async def script():
            await self.settled(1)
            await self.swap(2, self.fetched())
            await self.answered(200)
            # For some seconds the next one finds a module that is on its way.
            await self.swap(3, self.fetched())
            await self.answered(503)
            await self.swap(4)
            await self.settled(4)

        answers = self.under_load(script)
        self.assert_in_order(answers, [1, 4])
        self.assertEqual({it.status for it in answers if it.kind == DENIED}, {401, 200, 503})
        self.assertEqual((self.server.asked, self.updates("rejected")), ([], 0))


class OfListeners(swaps.Listeners, Fetched):
    """The listener comes from a file (LDS)."""

    options = JwtAuthOfListeners.options

    def test_the_former_one_serves_until_it_is_there(self):
        self.start_swapped(1)

        async def script():
            await self.settled(1)
            await self.swap(2, self.fetched())
            await self.until_asked()
            await self.settled(1)
            self.server.gate.set()
            await self.settled(2)

        answers = self.under_load(script)
        self.assert_answered(answers)
        self.assert_in_order(answers, [1, 2])


class ByDefault:
    """As Envoy does where nothing is said of drains."""

    @contextlib.asynccontextmanager
    async def connected(self):
        wire = await asyncio.open_connection("127.0.0.1", self.envoy.port)
        try:
            yield wire
        finally:
            wire[1].close()

    async def seen(self, wire):
        """The version that answers on a connection."""
        return int(re.search(rb"\r\nx-version: (\d+)", await ask(wire, get("/denied")))[1])

    async def seen_by_strangers(self):
        """The versions that answer on connections that are new."""
        async with contextlib.AsyncExitStack() as ending:
            wires = [await ending.enter_async_context(self.connected()) for _ in range(CONNECTIONS)]
            return {await self.seen(wire) for wire in wires}

    async def until_seen_by_strangers(self, version):
        """Waits until this version answers on all of them."""
        deadline = time.monotonic() + SETTLED_SECONDS
        while await self.seen_by_strangers() != {version}:
            self.assertLess(time.monotonic(), deadline, f"version {version}")

    async def seen_after_a_swap(self):
        """The version that answers on a connection from before, once all new ones have the new version."""
        async with self.connected() as wire:
            self.assertEqual(await self.seen(wire), 1)
            await self.swap(2)
            await self.until_seen_by_strangers(2)
            return await self.seen(wire)

    def test_a_module_that_is_overwritten_waits_for_another_change(self):
        path = self.module("module.wasm", built(self.name))
        self.start_swapped(1, lambda it: in_file(it, path))
        before = self.vms()
        self.module("module.wasm", renamed(built(self.name), "another"))
        asyncio.run(self.swap(1, lambda it: in_file(it, path)))
        self.assertEqual(self.vms(), before)
        asyncio.run(self.swap(2, lambda it: in_file(it, path)))
        self.assertGreaterEqual(self.vms() - before, 3)


class FiltersByDefault(ByDefault, Guarded):
    def test_a_connection_that_is_kept_has_the_new_plugin(self):
        self.start_swapped(1)
        self.assertEqual(asyncio.run(self.seen_after_a_swap()), 2)

    def test_counters_go_on_where_their_names_stay(self):
        self.start_swapped(1)
        asyncio.run(self.until_seen_by_strangers(1))
        for version, change in ((2, lambda it: it), (3, self.another)):
            asyncio.run(self.swap(version, change))
            asyncio.run(self.until_seen_by_strangers(version))
        asked = sum(self.envoy.stats(r"http\.ingress\.downstream_rq_4xx").values())
        denied = self.envoy.stats(r"wasmcustom\.portcullis_jwt_auth_denied_total")
        self.assertEqual(list(denied.values()), [asked])


class ListenersByDefault(ByDefault, swaps.Listeners, Guarded):
    def test_a_connection_that_is_kept_has_the_old_plugin(self):
        self.start_swapped(1)
        self.assertEqual(asyncio.run(self.seen_after_a_swap()), 1)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
