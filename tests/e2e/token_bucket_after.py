"""What requests turn out to cost, and when they get their tokens back, in a real Envoy.

    .venv/bin/python tests/e2e/token_bucket_after.py [-v] [CLASS[.TEST]]
"""

import asyncio
import faulthandler
import functools
import itertools
import time
import unittest

import httpx
from clients import TLS, eventually
from envoy import Envoy
from limits import proxy, routes
from load import ask, get
from token_bucket import fields
from upstreams import told_upstream

BURST = 1_000_000
RATE = 20_000
SETTLED_SECONDS = 0.05
"""After so long Envoy has forgotten a request that was answered."""
DEADLINE_SECONDS = 120


class Told(unittest.TestCase):
    """With limits that are chosen by the host, a bucket for each client, and paths that the upstream obeys."""

    limits = {}

    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(told_upstream())
        each = {"key": [{"header": "x-client"}]}
        limits = [{"name": name, "when": {"host": name}, **each, **limit} for name, limit in cls.limits.items()]
        config = proxy(*limits, upstream=cls.upstream.server_port)
        cls.change(config)
        cls.envoy = cls.enterClassContext(Envoy(config, 4))
        cls.clients = (f"client {number}" for number in itertools.count())
        base = f"http://127.0.0.1:{cls.envoy.port}"
        client = functools.partial(httpx.Client, base_url=base, verify=TLS, trust_env=False, timeout=10)
        cls.protocols = {
            "HTTP/1.1": cls.enterClassContext(client()),
            "HTTP/2": cls.enterClassContext(client(http1=False, http2=True)),
        }

    @classmethod
    def change(cls, config):
        """Adds to the configuration of Envoy."""

    def tearDown(self):
        self.assertNotIn("Function: ", self.envoy.log(), "the log of a trap")

    def ask(self, host, path, client, version="HTTP/1.1"):
        response = self.protocols[version].get(path, headers={"host": host, "x-client": client})
        self.assertEqual(response.http_version, version)
        return response

    def left(self, host, client):
        """How many tokens there are; to ask takes none where a request costs none."""
        return fields(self.ask(host, "/bytes/0", client))[1][host]["r"]


class Cost(Told):
    """By the bytes of a response."""

    limits = {
        "bytes": {"rate": "100/1h", "burst": BURST, "cost": 0, "after": [{"bytes": "1B", "tokens": BURST}]},
        "kib": {"rate": "1/1h", "burst": 100, "cost": 0, "after": [{"bytes": "1KiB", "tokens": 40}]},
        "sent": {"rate": "1/1h", "burst": 100_000, "cost": 0, "after": [{"bytes": "1KiB", "tokens": 100_000}]},
        "wait": {"rate": f"{RATE}/1s", "after": [{"bytes": "1B", "tokens": BURST}]},
        "leased": {"rate": f"{RATE}/1s", "after": [{"bytes": "1B", "tokens": BURST}], "scope": "leased"},
    }

    def test_is_that_of_the_body(self):
        for version, body in itertools.product(self.protocols, ("bytes", "chunks")):
            for size in (0, 1, 5000, 300_000):
                with self.subTest(version, body=body, size=size):
                    client = next(self.clients)
                    response = self.ask("bytes", f"/{body}/{size}", client, version)
                    self.assertEqual((response.status_code, len(response.content)), (200, size))
                    time.sleep(SETTLED_SECONDS)
                    self.assertEqual(BURST - self.left("bytes", client), size)

    def test_has_whole_tokens_and_a_most(self):
        for size, tokens in (0, 0), (1, 1), (1024, 1), (1025, 2), (10_000, 10), (1_000_000, 40):
            client = next(self.clients)
            self.ask("kib", f"/bytes/{size}", client)
            time.sleep(SETTLED_SECONDS)
            self.assertEqual(100 - self.left("kib", client), tokens, size)

    def test_makes_the_next_request_wait(self):
        for version, host in itertools.product(self.protocols, ("wait", "leased")):
            with self.subTest(version, host=host):
                client, size = next(self.clients), 30_000
                begun = time.monotonic()
                self.assertEqual(self.ask(host, f"/bytes/{size}", client, version).status_code, 200)
                time.sleep(SETTLED_SECONDS)
                denied = self.ask(host, "/bytes/0", client, version)
                self.assertEqual((denied.status_code, denied.headers["retry-after"]), (429, "1"))
                self.assertEqual(fields(denied)[1][host]["r"], 0)
                passes = lambda: self.ask(host, "/bytes/0", client, version).status_code == 200  # noqa: B023, E731
                eventually(passes, 5, "tokens")
                waited = time.monotonic() - begun
                # What is beyond an empty bucket: a response of one and a half of what it holds.
                self.assertGreater(waited, (size - RATE) / RATE)

    def test_of_a_client_that_leaves_is_that_of_what_was_sent(self):
        client, kib = next(self.clients), 40 << 10

        async def leave():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.envoy.port, limit=1024)
            writer.write(request("sent", f"/bytes/{kib << 10}", client))
            await reader.readexactly(2000)
            writer.transport.abort()

        asyncio.run(leave())
        time.sleep(2 * SETTLED_SECONDS)
        charged = 100_000 - self.left("sent", client)
        print(f"\n{charged} of {kib} KiB", end="", flush=True)
        self.assertTrue(2 <= charged < kib / 2, charged)


class Refund(Told):
    """By the status of the response, or because there is none."""

    small = {"rate": "1/1h", "burst": 3}
    limits = {
        "plain": small,
        "failed": small | {"refund": {"statuses": ["5xx"]}},
        "failed-leased": small | {"refund": {"statuses": ["5xx"]}, "scope": "leased"},
        "failed-worker": small | {"refund": {"statuses": ["5xx"]}, "scope": "worker"},
        "left": small | {"refund": {"unanswered": True}},
    }

    def statuses(self, host, client, path, count):
        return [self.ask(host, path, client).status_code for _ in range(count)]

    def test_of_what_has_failed(self):
        for host in ("failed", "failed-leased", "failed-worker"):
            with self.subTest(host):
                client = next(self.clients)
                self.assertEqual(self.statuses(host, client, "/status/503", 10), [503] * 10)
                self.assertEqual(self.statuses(host, client, "/status/404", 1), [404])
                self.assertEqual(self.statuses(host, client, "/bytes/0", 4), [200, 200, 429, 429])
        client = next(self.clients)
        self.assertEqual(self.statuses("plain", client, "/status/503", 5), [503, 503, 503, 429, 429])

    def test_of_what_envoy_could_not_pass_on(self):
        client = next(self.clients)
        self.assertEqual(self.statuses("failed", client, "/unreachable", 10), [503] * 10)
        self.assertEqual(self.statuses("failed", client, "/bytes/0", 4), [200, 200, 200, 429])

    @classmethod
    def change(cls, config):
        cluster = {"name": "unreachable", "type": "STATIC", "load_assignment": {"cluster_name": "unreachable"}}
        config["static_resources"]["clusters"].append(cluster)
        routes(config).insert(0, {"match": {"path": "/unreachable"}, "route": {"cluster": "unreachable"}})

    def test_of_what_was_not_answered(self):
        for host, passed in ("left", [200, 200, 200, 429]), ("plain", [429] * 4), ("failed", [429] * 4):
            with self.subTest(host):
                client = next(self.clients)
                begun = time.monotonic()
                asyncio.run(self.leave(host, client, 3))
                eventually(lambda: self.active() == 0, 5, "they have left")
                # What has come while each of them waited does not come back with it.
                time.sleep(3 * (time.monotonic() - begun))
                self.assertEqual(self.statuses(host, client, "/bytes/0", 4), passed)
        client = next(self.clients)
        self.assertEqual(self.statuses("left", client, "/status/503", 4), [503, 503, 503, 429])

    async def leave(self, host, client, count):
        wires = [await asyncio.open_connection("127.0.0.1", self.envoy.port) for _ in range(count)]
        served = self.upstream.served
        for _, writer in wires:
            writer.write(request(host, "/hang/60", client))
        await asyncio.to_thread(eventually, lambda: self.upstream.served == served + count, 5, "they are passed on")
        # Their tokens are out as long as they may be answered.
        wire = await asyncio.open_connection("127.0.0.1", self.envoy.port)
        self.assertTrue((await ask(wire, request(host, "/bytes/0", client))).startswith(b"HTTP/1.1 429"))
        for _, writer in [*wires, wire]:
            writer.transport.abort()

    def active(self):
        return sum(self.envoy.stats(r"http\.ingress\.downstream_rq_active").values())


def request(host, path, client):
    return get(path, [("x-client", client)]).replace(b"host: a.example", f"host: {host}".encode())


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
