"""circuit-breaker in front of an upstream that is as the test says, and what the log and the upstream say of it."""

import asyncio
import contextlib
import datetime
import json
import re
import threading
import time
import unittest
from dataclasses import dataclass

from clients import eventually
from envoy import Envoy
from limits import hcm, routes, shipped
from load import Load, get

WORKERS = 4
CONNECTIONS = 120
"""More than hang before a breaker opens, so that the others go on."""
PACE_SECONDS = 0.5
"""Between two requests of a connection: 240 requests a second in all."""
SYNC_SECONDS = 0.1
LATENCY_SECONDS, SLOW_SECONDS = 0.2, 0.5
"""How long a call may take before it is slow, and how long it takes."""
ERRORS = {"error_ratio": 0.3}
"""Opens whatever the latency is, which is what a busy machine makes of it."""
FAILING = "/failing"
MARGIN_SECONDS = 0.25
"""By so much a program may be late on a busy machine."""
CHANGE = re.compile(r"\[([-0-9]+ [:.0-9]+)\].* wasm log.*?: circuit-breaker: (\S+): (\w+) -> (\w+): (.*)")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request at the upstream; `at` is of the monotonic clock."""

    at: float
    mode: str
    path: str
    headers: dict


class Upstream:
    """An HTTP/1.1 server that is `healthy`, `slow`, `failing`, `hanging`, `resetting` or `recovering`.

    While it recovers every other request fails; those for the path `FAILING` always do.
    """

    def __init__(self, name="upstream"):
        self.name, self.mode, self.arrivals, self.port = name, "healthy", [], 0
        self._connections = set()

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=256)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def between(self, begin, end):
        """What has arrived meanwhile."""
        return [it for it in list(self.arrivals) if begin <= it.at < end]

    async def _serve(self, reader, writer):
        self._connections.add(asyncio.current_task())
        try:
            while await self._answer(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(asyncio.current_task())
            writer.close()

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        mode, path = self.mode, first.split()[1]
        self.arrivals.append(Arrival(time.monotonic(), mode, path, headers))
        if mode == "resetting":
            return False
        if mode == "hanging":
            await reader.read()
            return False
        if mode == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        number = len(self.arrivals)
        fails = mode == "failing" or (mode == "recovering" and number % 2) or path == FAILING
        body = f"{self.name} {path} {number}".encode()
        status = "503 Service Unavailable" if fails else "200 OK"
        fields = ["content-type: text/plain", "cache-control: max-age=600", f"content-length: {len(body)}"]
        writer.write("\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode() + body)
        await writer.drain()
        return True


@contextlib.contextmanager
def running(*servers):
    """Runs servers, which end with the context; what it gives back runs what they do meanwhile: `wait(server.stop())`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def wait(task):
        return asyncio.run_coroutine_threadsafe(task, loop).result(10)

    try:
        for server in servers:
            wait(server.start())
        yield wait
        for server in servers:
            wait(server.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextlib.contextmanager
def upstreams(*names):
    """Upstreams of these names, which end with the context."""
    servers = [Upstream(name) for name in names]
    with running(*servers):
        yield servers


def breaker(name="upstreams", **members):
    """A breaker that opens by errors and by latency, for two seconds."""
    slow = {"ratio": 0.3, "max_latency": f"{round(1000 * LATENCY_SECONDS)}ms"}
    return {
        "name": name,
        "window": "1s",
        "bucket": "500ms",
        "min_requests": 20,
        "trip": ERRORS | {"slow_ratio": slow},
        "open": {"duration": "2s", "factor": 1, "jitter": 0},
    } | members


def proxy(*breakers, timeout="2s", **ports):
    """The example of token-bucket with circuit-breaker in its place; the first of `ports` is the usual cluster."""
    config = shipped()
    [it] = [it for it in hcm(config)["http_filters"] if it["name"] == "token-bucket"]
    it["name"] = "circuit-breaker"
    plugin = it["typed_config"]["config"]
    plugin["name"] = plugin["vm_config"]["vm_id"] = "circuit-breaker"
    plugin["vm_config"]["code"]["local"]["filename"] = "dist/circuit-breaker.wasm"
    configure(config, *breakers)
    [cluster] = config["static_resources"]["clusters"]
    config["static_resources"]["clusters"] = [named(cluster, name, port) for name, port in ports.items()]
    routes(config)[0]["route"] = {"cluster": next(iter(ports)), "timeout": timeout}
    hcm(config)["access_log"] = []
    return config


def named(cluster, name, port):
    """A cluster like this one."""
    endpoint = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}
    load_assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}]}
    return cluster | {"name": name, "load_assignment": load_assignment}


def configure(config, *breakers, **members):
    """Replaces the configuration of the filter."""
    value = {"breakers": breakers, "sync": f"{round(1000 * SYNC_SECONDS)}ms"} | members
    filter_of(config)["typed_config"]["config"]["configuration"]["value"] = json.dumps(value)


def filter_of(config):
    """circuit-breaker among the HTTP filters."""
    [it] = [it for it in hcm(config)["http_filters"] if it["name"] == "circuit-breaker"]
    return it


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the log about a change of state; `at` is of the monotonic clock."""

    at: float
    breaker: str
    before: str
    after: str
    why: str


def changes(envoy, before=r"\w+", after=r"\w+"):
    """What the log says of changes of state."""
    offset = time.monotonic() - time.time()
    found = (
        Change(datetime.datetime.fromisoformat(moment).timestamp() + offset, *rest)
        for moment, *rest in CHANGE.findall(envoy.log())
    )
    return [it for it in found if re.fullmatch(before, it.before) and re.fullmatch(after, it.after)]


class Spread(Load):
    """A load whose connections begin one after the other, so that requests come evenly."""

    def __init__(self, port, requests=(("any", get("/any")),), connections=CONNECTIONS, pace=PACE_SECONDS):
        super().__init__(port, requests, connections, pace)

    async def _connection(self, number):
        await asyncio.sleep(self._pace * number / self._connections)
        await super()._connection(number)


async def until(holds, seconds, what):
    """Waits until `holds()` is true, while requests go on, and returns what it is."""
    return await asyncio.to_thread(eventually, holds, seconds, what)


class Broken(unittest.TestCase):
    """With an upstream, four workers, and requests that go on while the script of a test runs."""

    def start(self, *breakers, options=(), **members):
        [self.upstream] = self.enterContext(upstreams("upstream"))
        config = proxy(*breakers, upstream=self.upstream.port, **members)
        self.envoy = self.enterContext(Envoy(self.prepared(config), WORKERS, options))
        self.addCleanup(self.assert_calm)

    def prepared(self, config):
        """What Envoy starts with."""
        return config

    def assert_calm(self):
        self.assertNotIn("Function: ", self.envoy.log(), "the log of a trap")
        workers = self.envoy.stats(r"listener\..*\.worker_\d+\.downstream_cx_total")
        self.assertTrue(len(workers) == WORKERS and all(workers.values()), workers)

    def under_load(self, script, load=None):
        """All answers to requests that are sent while `script` runs."""
        return asyncio.run(self._under_load(script, load or Spread(self.envoy.port)))

    async def _under_load(self, script, load):
        asking = asyncio.create_task(load.run())
        try:
            await script()
        finally:
            load.stop()
            answers = await asking
        return answers

    async def changed(self, before, after, count=1, seconds=5):
        """Waits until the state has changed so for the `count`th time."""
        what = f"{before} -> {after}, {count} times"
        return (await until(lambda: changes(self.envoy, before, after)[count - 1 :], seconds, what))[0]

    def per_round(self):
        """The requests at the upstream from each time that it is half open to the next: all of them are probes."""
        # The log cuts its times to milliseconds. Before a breaker is half open it was open for much longer than this.
        begins = [it.at - 0.05 for it in changes(self.envoy, after="half_open")]
        return [self.upstream.between(*it) for it in zip(begins, begins[1:], strict=False)]


def statuses(answers, begin, end):
    """Of requests that were sent and answered meanwhile."""
    return [it.status for it in answers if begin <= it.begun and it.ended < end]
