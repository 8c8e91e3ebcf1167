"""token-bucket in a real Envoy with four workers: how many requests pass, and what the others are told.

    .venv/bin/python tests/e2e/token_bucket.py [-v] [CLASS[.TEST]]

PORTCULLIS_LOAD_SECONDS in the environment is another time than ten seconds for the load.
"""

import asyncio
import collections
import faulthandler
import json
import math
import os
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import grpc
import http_sfv
import httpx
from clients import TLS
from envoy import BINARY, ROOT, Envoy
from limits import EXAMPLE, GLOBAL, counted, on, proxy, shipped
from load import Law, Load, get
from upstreams import grpc_upstream, http_upstream

SECONDS = float(os.environ.get("PORTCULLIS_LOAD_SECONDS", "10"))
WORKERS = 4
PACE_SECONDS = 0.008
"""Between two requests of a connection: several times the limits, with room for others on a small machine."""
LOSS = 0.01
"""The part of a limit that may be missing at the end."""
CLIENTS = "abcd"
HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
DEADLINE_SECONDS = SECONDS + 120


class Admission(unittest.TestCase):
    """How many requests pass."""

    def start(self, *limits):
        envoy = self.enterContext(Envoy(proxy(*limits), WORKERS))
        self.addCleanup(self.assert_calm, envoy)
        return envoy

    def assert_calm(self, envoy):
        self.assertNotIn("Function: ", envoy.log(), "the log of a trap")
        workers = envoy.stats(r"listener\..*\.worker_\d+\.downstream_cx_total")
        self.assertTrue(len(workers) == WORKERS and all(workers.values()), workers)

    def test_never_more_than_burst_and_rate_and_hardly_fewer(self):
        limits = {
            "process": {"rate": "120/1s", "burst": 240},
            "leased": {"rate": "240/1s", "burst": 480},
            "worker": {"rate": "30/1s", "burst": 60},
            "client": {"rate": "40/1s", "burst": 80, "key": [{"header": "x-client"}]},
        }
        scopes = {"client": "process"}
        envoy = self.start(*(
            {"name": name, "when": on(f"/{name}"), "scope": scopes.get(name, name), **limit}
            for name, limit in limits.items()
        ))  # fmt: skip
        requests = [(name, get(f"/{name}")) for name in ("process", "leased", "worker")]
        requests += [(f"client {it}", get("/client", [("x-client", it)])) for it in CLIENTS]
        # One more turn of the largest limit, so that each is asked for several times what it gives.
        answers = asyncio.run(Load(envoy.port, [*requests, requests[1]], pace=PACE_SECONDS).run(SECONDS))
        self.assertEqual({it.status for it in answers}, {200, 429})
        for kind, _ in requests:
            name = kind.split()[0]
            times = WORKERS if name == "worker" else 1
            rate, burst = int(limits[name]["rate"].split("/")[0]) * times, limits[name]["burst"] * times
            law = Law(answers, kind, rate, burst)
            print(f"\n{law}", end="", flush=True)
            self.assertGreater(law.asked, 1.5 * law.most, f"{kind}: not enough load")
            self.assertLessEqual(law.passed, law.most, kind)
            self.assertGreaterEqual(law.passed, (1 - LOSS) * law.least, kind)
        allowed = {name: counted(envoy, name, "allowed_total") for name in limits}
        passed = collections.Counter(it.kind.split()[0] for it in answers if it.status == 200)
        self.assertEqual(allowed, dict(passed))

    def test_a_burst_is_exact_however_many_workers_take_from_it(self):
        burst = 5000
        # What a worker has on loan and does not use within a second is lost.
        scopes = {"process": (burst, {}), "leased": (0.97 * burst, {"lease": 20})}
        each = {"rate": "1/24h", "burst": burst}
        envoy = self.start(*(
            {"name": scope, "when": on(f"/{scope}"), "scope": scope, **each, **more}
            for scope, (_, more) in scopes.items()
        ))  # fmt: skip
        for scope, (least, _) in scopes.items():
            with self.subTest(scope):
                answers, left = [], True
                while left:
                    some = asyncio.run(Load(envoy.port, [(scope, get(f"/{scope}"))], pace=PACE_SECONDS / 2).run(0.5))
                    answers += some
                    left = any(it.status == 200 for it in some)
                statuses = collections.Counter(it.status for it in answers)
                conflicts = counted(envoy, scope, "cas_conflicts_total")
                print(f"\n{scope}: {dict(statuses)}, {conflicts} conflicts", end="", flush=True)
                self.assertEqual(set(statuses), {200, 429})
                self.assertTrue(least <= statuses[200] <= burst, statuses)


    def test_every_client_has_its_burst(self):
        # A loan of one token is lost with a worker that does not run for a second.
        burst, scopes, clients = 10, {"process": 10, "leased": 9}, range(150)
        each = {"rate": "1/24h", "burst": burst, "key": [{"header": "x-client"}]}
        envoy = self.start(*({"name": it, "when": on(f"/{it}"), "scope": it, **each} for it in scopes))
        for scope, least in scopes.items():
            with self.subTest(scope):
                requests = [(client, get(f"/{scope}", [("x-client", client)])) for client in clients]
                answers = []
                while {it.kind for it in answers} != set(clients):
                    answers += asyncio.run(Load(envoy.port, requests, pace=PACE_SECONDS / 4, in_step=True).run(2))
                self.assertEqual({it.status for it in answers}, {200, 429})
                passed = collections.Counter(it.kind for it in answers if it.status == 200)
                wrong = {client: count for client, count in passed.items() if not least <= count <= burst}
                self.assertEqual((wrong, len(passed)), ({}, len(clients)))


class Answers(unittest.TestCase):
    """What clients are told."""

    SLOW, QUICK = 1.5, 0.7

    @classmethod
    def setUpClass(cls):
        client = [{"header": "x-client"}]
        limits = [
            {"name": "slow", "when": on("/slow"), "rate": "1/1500ms", "key": client},
            {"name": "quick", "when": on("/quick"), "rate": "1/700ms", "key": client},
            {"name": "hour", "when": on("/shown"), "rate": "2/1h", "burst": 3, "key": client},
            {"name": "day", "when": on("/shown"), "rate": "100/24h", "key": client},
        ]
        reply = {"ratelimit": "always", "x_ratelimit": "always", "headers": {"x-denied-by": "edge"}}
        cls.envoy = cls.enterClassContext(Envoy(proxy(*limits, reply=reply), WORKERS))
        base = f"http://127.0.0.1:{cls.envoy.port}"
        cls.http = cls.enterClassContext(httpx.Client(base_url=base, verify=TLS, trust_env=False, timeout=10))
        cls.http2 = cls.enterClassContext(
            httpx.Client(base_url=base, verify=TLS, trust_env=False, timeout=10, http1=False, http2=True)
        )

    def ask(self, path, client, http=None):
        return (http or self.http).get(path, headers={"x-client": client})

    def test_who_waits_as_long_as_retry_after_says_is_admitted(self):
        waits = [("/slow", self.SLOW, 0), ("/slow", self.SLOW, 0.6), ("/quick", self.QUICK, 0)]
        clients = range(6)
        with ThreadPoolExecutor(len(waits) * len(clients)) as pool:
            jobs = [
                pool.submit(self.wait, path, f"{path} {late} {client}", seconds, late)
                for path, seconds, late in waits
                for client in clients
            ]
            for job in jobs:
                job.result()

    def wait(self, path, client, seconds, late):
        begun = time.monotonic()
        self.assertEqual(self.ask(path, client).status_code, 200)
        emptied = time.monotonic()
        time.sleep(late)
        asked = time.monotonic()
        denied = self.ask(path, client)
        told = time.monotonic()
        self.assertEqual(denied.status_code, 429)
        after = int(denied.headers["retry-after"])
        # Whole seconds, rounded up, of what was left of the time of one token.
        earliest, latest = seconds - (told - begun), seconds - (asked - emptied)
        self.assertTrue(max(1, math.ceil(earliest)) <= after <= max(1, math.ceil(latest)), (after, earliest, latest))
        time.sleep(max(0.0, begun + seconds - 0.1 - time.monotonic()))
        if self.ask(path, client).status_code == 200:
            self.assertGreater(time.monotonic(), begun + seconds, "early")
            return
        time.sleep(max(0.0, told + after - time.monotonic()))
        self.assertEqual(self.ask(path, client).status_code, 200)

    def test_ratelimit_on_all_responses(self):
        for version, http in ("HTTP/1.1", self.http), ("HTTP/2", self.http2):
            for left in (2, 1, 0):
                response = self.ask("/shown", version, http)
                self.assertEqual((response.status_code, response.http_version), (200, version))
                policies, remaining = fields(response)
                self.assertEqual(policies, {"hour": {"q": 3, "w": 5400}, "day": {"q": 100, "w": 86400}})
                self.assertEqual(list(policies), ["hour", "day"])
                self.assertEqual({name: it["r"] for name, it in remaining.items()}, {"hour": left, "day": 97 + left})
                self.assertTrue(1795 <= remaining["hour"]["t"] <= 1800, remaining)
                self.assertTrue(855 <= remaining["day"]["t"] <= 864, remaining)
                self.assertEqual(response.headers["x-ratelimit-remaining"], str(left))
            response = self.ask("/shown", version, http)
            self.assertEqual(response.status_code, 429)
            policies, remaining = fields(response)
            self.assertEqual(policies, {"hour": {"q": 3, "w": 5400}})
            self.assertEqual(remaining["hour"]["r"], 0)
            self.assertTrue(1795 <= remaining["hour"]["t"] <= 1800, remaining)
            self.assertTrue(0 <= int(response.headers["retry-after"]) - remaining["hour"]["t"] <= 1)
            limit = http_sfv.List()
            limit.parse(response.headers["x-ratelimit-limit"].encode())
            self.assertEqual([it.value for it in limit], [3, 3])
            self.assertEqual(dict(limit[1].params), {"w": 5400, "name": "hour"})

    def test_a_denial_is_a_problem(self):
        self.ask("/slow", "problem")
        response = self.ask("/slow", "problem")
        self.assertEqual(response.headers["content-type"], "application/problem+json")
        self.assertEqual(response.headers["x-denied-by"], "edge")
        problem = response.json()
        self.assertEqual(problem.pop("detail"), "the quota of this client is used up for now")
        expected = {
            "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
            "title": "Too Many Requests",
            "status": 429,
            "code": "portcullis_rate_limit_exceeded",
            "violated-policies": ["slow"],
        }
        self.assertEqual(problem, expected)

    def test_nothing_is_shown_where_no_limit_applies(self):
        response = self.ask("/other", "a")
        self.assertEqual(response.status_code, 200)
        self.assertEqual([name for name in response.headers if "ratelimit" in name], [])

    def test_a_client_keeps_its_bucket_whatever_others_do(self):
        self.assertEqual([self.ask("/quick", f"other {it}").status_code for it in range(5)], [200] * 5)
        self.assertEqual(self.ask("/quick", "other 4").status_code, 429)


def fields(response):
    """RateLimit-Policy and RateLimit: the parameters by name."""
    lists = []
    for name in ("ratelimit-policy", "ratelimit"):
        parsed = http_sfv.List()
        parsed.parse(",".join(response.headers.get_list(name)).encode())
        lists.append({item.value: dict(item.params) for item in parsed})
    return lists


class DenialsOnly(unittest.TestCase):
    """With the members of `reply` left out."""

    def test_ratelimit_on_denials(self):
        with Envoy(proxy({"name": "one", "rate": "1/1h"}, reply={})) as envoy:
            url = f"http://127.0.0.1:{envoy.port}/"
            passed, denied = (httpx.get(url, verify=TLS, trust_env=False) for _ in range(2))
        self.assertEqual((passed.status_code, denied.status_code), (200, 429))
        self.assertEqual([name for name in passed.headers if "ratelimit" in name], [])
        policies, remaining = fields(denied)
        self.assertEqual(policies, {"one": {"q": 1, "w": 3600}})
        self.assertEqual((remaining["one"]["r"], math.ceil(remaining["one"]["t"] / 10)), (0, 360))
        self.assertNotIn("x-ratelimit-limit", denied.headers)


class Grpc(unittest.TestCase):
    """With an upstream that speaks gRPC."""

    def test_a_call_beyond_the_limit(self):
        key = [{"grpc_method": True}]
        config = proxy({"name": "calls", "rate": "2/1h", "key": key}, upstream=self.enterContext(grpc_upstream()))
        protocol = {"@type": f"type.googleapis.com/{HTTP2}", "explicit_http_config": {"http2_protocol_options": {}}}
        config["static_resources"]["clusters"][0]["typed_extension_protocol_options"] = {HTTP2: protocol}
        envoy = self.enterContext(Envoy(config, WORKERS))
        address, options = f"127.0.0.1:{envoy.port}", [("grpc.enable_http_proxy", 0)]
        with grpc.insecure_channel(address, options) as channel:
            place, cancel = channel.unary_unary("/shop.Orders/Place"), channel.unary_unary("/shop.Orders/Cancel")
            for _ in range(2):
                self.assertEqual(json.loads(place(b"two apples", timeout=10))["message"], "two apples")
            with self.assertRaises(grpc.RpcError) as refused:
                place(b"two apples", timeout=10)
            self.assertEqual(refused.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
            self.assertEqual(refused.exception.details(), "the quota of this client is used up for now")
            metadata = dict([*refused.exception.initial_metadata(), *refused.exception.trailing_metadata()])
            self.assertTrue(1790 <= int(metadata["retry-after"]) <= 1800, metadata)
            self.assertTrue(metadata["ratelimit"].startswith('"calls";r=0;t='), metadata)
            self.assertEqual(json.loads(cancel(b"two apples", timeout=10))["message"], "two apples")


class Shipped(unittest.TestCase):
    """The examples as they are, but for the ports."""

    def test_envoy_finds_them_valid(self):
        commands = [[BINARY, "--mode", "validate", "-c", path] for path in (EXAMPLE, GLOBAL)]
        for command in commands:
            ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
            self.assertEqual(ran.returncode, 0, ran.stderr[-2000:])

    def test_a_client_has_twenty_requests_at_once(self):
        with (
            http_upstream() as upstream,
            Envoy(shipped(upstream=upstream.server_port), WORKERS) as envoy,
            httpx.Client(base_url=f"http://127.0.0.1:{envoy.port}", verify=TLS, trust_env=False) as http,
        ):
            begun = time.monotonic()
            # Who a client says that it is changes nothing.
            responses = [http.get("/", headers={"x-forwarded-for": f"192.0.2.{it}"}) for it in range(60)]
            most = 20 + 10 * (time.monotonic() - begun)
            passed = [it for it in responses if it.status_code == 200]
            self.assertEqual({it.status_code for it in responses}, {200, 429})
            self.assertTrue(20 <= len(passed) <= most, f"{len(passed)} of {most}")
            self.assertEqual(upstream.served, len(passed))
            self.assertEqual([it.status_code for it in responses[:20]], [200] * 20)
            policies, remaining = fields(responses[0])
            self.assertEqual(policies, {"per-client": {"q": 20, "w": 2}, "all": {"q": 1000, "w": 1}})
            self.assertEqual(remaining["per-client"], {"r": 19, "t": 1})
            self.assertGreaterEqual(remaining["all"]["r"], 990)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
