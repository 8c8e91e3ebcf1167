"""token-bucket in two Envoys that count together, by a rate limit service over Redis that dies and comes back.

    .venv/bin/python tests/e2e/token_bucket_global.py [-v] [CLASS[.TEST]]

PORTCULLIS_RLS in the environment is the path of the service, target/debug/portcullis-rls by default.
"""

import asyncio
import collections
import faulthandler
import itertools
import json
import time
import unittest

import httpx
from clients import TLS, eventually
from envoy import Envoy
from limits import GLOBAL, on, proxy, shipped
from load import Load, get
from rls import Redis, Service
from token_bucket import fields
from upstreams import http_upstream

WORKERS = 2
ENVOYS = 2
CONNECTIONS = 16
"""To each Envoy."""
PACE_SECONDS = 0.02
TIMEOUT = 0.3
"""How long the service may take."""
SLACK_SECONDS = 0.5
TOLERATED, TRIES, LAST_TRY = 5, 2, 3.0
"""So many failures in a row open a breaker. It tries a second later, and again two seconds after that."""
DOWN_SECONDS = 2.0
"""Between the two tries."""
AHEAD = 10
DEADLINE_SECONDS = 180


def window(limit, most, seconds):
    """A limit of the service, for one of the filter and each user."""
    conditions, variables = [f"descriptors[0].limit == '{limit}'"], ["descriptors[0].user"]
    return {
        "namespace": "shop",
        "name": limit,
        "max_value": most,
        "seconds": seconds,
        "conditions": conditions,
        "variables": variables,
    }


def limit(name, rate="1/1h", **members):
    """A limit of the filter by the service, for the paths that begin with its name."""
    key = [{"constant": name, "as": "limit"}, {"header": "x-user", "as": "user"}]
    return {"name": name, "when": on(f"/{name}"), "rate": rate, "key": key, "scope": "global", **members}


class Proxies(unittest.TestCase):
    """Two Envoys and one service; each test has users of its own."""

    windows, limits, timeout = [], [], 1.0

    @classmethod
    def setUpClass(cls):
        cls.redis = cls.enterClassContext(Redis())
        cls.service = cls.enterClassContext(Service(cls.redis, json.dumps(cls.windows)))
        cls.redis.start()
        cls.service.start()
        service = {"cluster": "ratelimit", "domain": "shop", "timeout": f"{cls.timeout * 1000:.0f}ms"}
        config = proxy(*cls.limits, path=GLOBAL, ratelimit=cls.service.port, rate_limit_service=service)
        cls.envoys = [cls.enterClassContext(Envoy(config, WORKERS)) for _ in range(ENVOYS)]

    def tearDown(self):
        for envoy in self.envoys:
            self.assertNotIn("Function: ", envoy.log(), "the log of a trap")

    def calls(self):
        """How many calls the Envoys have made, also those for which there was no connection."""
        which = "upstream_rq_(total|pending_failure_eject)"
        pages = (envoy.admin(f"/stats?filter=^cluster.ratelimit.{which}$").splitlines() for envoy in self.envoys)
        return sum(int(line.rpartition(": ")[2]) for line in itertools.chain(*pages))

    def load(self, *requests):
        return [Load(envoy.port, requests, CONNECTIONS, PACE_SECONDS) for envoy in self.envoys]

    def ask(self, path, user):
        url = f"http://127.0.0.1:{self.envoys[0].port}{path}"
        return httpx.get(url, headers={"x-user": user}, verify=TLS, trust_env=False, timeout=10)


async def run(loads, *seconds):
    """The answers of all."""
    return [answer for answers in await asyncio.gather(*(it.run(*seconds) for it in loads)) for answer in answers]


def of(name, user):
    """A request of a user, and what it is counted as."""
    return name, get(f"/{name}", [("x-user", user)])


class Together(Proxies):
    """While all is well."""

    windows = [window("long", 300, 60), window("short", 50, 2), window("charged", 20, 60)]
    limits = [limit("long"), limit("short"), limit("charged", after=[{"statuses": ["2xx"], "tokens": 4}])]

    def test_no_more_than_the_limit_in_a_window(self):
        answers = asyncio.run(run(self.load(of("long", "a"), of("short", "a"), of("long", "b")), 5))
        statuses = collections.Counter((it.kind, it.status) for it in answers)
        print(f"\n{dict(statuses)}", end="", flush=True)
        self.assertEqual(set(statuses), {(kind, status) for kind in ("long", "short") for status in (200, 429)})
        self.assertEqual(statuses["long", 200], 2 * 300)
        # A window begins with the first request after the end of the one before.
        self.assertEqual(statuses["short", 200], 3 * 50)

    def test_what_clients_are_told(self):
        passed = self.ask("/long", "c")
        self.assertEqual(passed.status_code, 200)
        policies, remaining = fields(passed)
        self.assertEqual(policies, {"long": {"q": 300, "w": 60}})
        self.assertEqual(remaining["long"]["r"], 299)
        self.assertTrue(55 <= remaining["long"]["t"] <= 60, remaining)
        asyncio.run(run(self.load(of("long", "c")), 1))
        denied = self.ask("/long", "c")
        self.assertEqual((denied.status_code, denied.json()["violated-policies"]), (429, ["long"]))
        self.assertEqual(fields(denied)[1]["long"]["r"], 0)
        self.assertTrue(50 <= int(denied.headers["retry-after"]) <= 60, denied.headers)

    def test_what_a_response_costs_is_told_to_the_service(self):
        left = []
        for calls in (2, 4, 6, 8):
            before = self.calls()
            left.append(fields(self.ask("/charged", "a"))[1]["charged"]["r"])
            eventually(lambda before=before: self.calls() >= before + 2, 5, calls)
        self.assertEqual(left, [19, 14, 9, 4])
        self.assertEqual(self.ask("/charged", "a").status_code, 429)


class Outage(Proxies):
    """While the service or its Redis is gone."""

    windows = [window(name, 1_000_000, 3600) for name in ("deny", "allow", "local")]
    rate = 20
    limits = [limit("deny"), limit("allow", failure_mode="allow"), limit("local", f"{rate}/1s", failure_mode="local")]
    timeout = TIMEOUT

    def test_redis_is_killed(self):
        self.fail_by(self.redis.kill, self.redis.start)

    def test_the_service_is_killed(self):
        self.fail_by(self.service.kill, self.service.start)

    def test_the_service_hangs(self):
        self.fail_by(self.service.stop, self.service.go_on)

    def fail_by(self, down, up):
        self.samples = []
        answers, (going, went, came) = asyncio.run(self.failing(down, up))
        by = {name: [it for it in answers if it.kind == name] for name in ("deny", "allow", "local")}
        self.assert_denied(by["deny"], going)
        self.assertEqual({it.status for it in by["allow"]}, {200})
        self.assert_local([it for it in by["local"] if going <= it.begun <= came], going)
        self.assert_spared(by["deny"], went, came)

    async def failing(self, down, up):
        """The answers, and when the service was going, had gone and came."""
        loads = self.load(*(of(name, self.id()) for name in ("deny", "allow", "local")))
        asking, sampling = asyncio.create_task(run(loads)), asyncio.create_task(self.sample())
        try:
            await asyncio.sleep(0.5)
            going = time.monotonic()
            await asyncio.to_thread(down)
            went, calls = time.monotonic(), await asyncio.to_thread(self.calls)
            self.samples.append((went, calls))
            await asyncio.sleep(DOWN_SECONDS)
            came = time.monotonic()
            await asyncio.to_thread(up)
            await asyncio.sleep(went + self.back_after() + 0.5 - time.monotonic())
        finally:
            sampling.cancel()
            for load in loads:
                load.stop()
        return await asking, (going, went, came)

    async def sample(self):
        """Notes how many calls there were."""
        while True:
            calls = await asyncio.to_thread(self.calls)
            self.samples.append((time.monotonic(), calls))
            await asyncio.sleep(0.01)

    def made(self, moment):
        """How many calls had been made at this time."""
        return max(it for it in self.samples if it[0] <= moment)[1]

    def back_after(self):
        """By when every breaker has found the service again, after it went."""
        return LAST_TRY + 4 * self.timeout + SLACK_SECONDS

    def assert_denied(self, answers, going):
        self.assertEqual({it.status for it in answers}, {200, 503})
        denied = [it for it in answers if it.status == 503]
        self.assertGreaterEqual(min(it.ended for it in denied), going)
        took = sorted(it.ended - it.begun for it in denied)
        print(f"\n{len(denied)} of {len(answers)} denied within {took[-1]:.3f} s, ", end="", flush=True)
        self.assertLess(took[-1], self.timeout + SLACK_SECONDS)
        self.assertLess(took[len(took) // 2], self.timeout / 4, "most are answered without a call")
        for it in denied:
            after = int(it.head.partition(b"\r\nretry-after: ")[2].partition(b"\r\n")[0])
            self.assertTrue(1 <= after <= 2, it.head)
        late = max(it.begun for it in denied) - going
        print(f"the last after {late:.2f} s, ", end="", flush=True)
        self.assertLess(late, self.back_after())
        self.assertGreater(max(it.begun for it in answers) - going, self.back_after(), "not asked for long enough")

    def assert_local(self, answers, going):
        # The service has admitted some of those that came while it went.
        workers, seconds = WORKERS * ENVOYS, max(it.ended for it in answers) - going
        most = ENVOYS * CONNECTIONS + workers * self.rate * (1 + seconds)
        passed = sum(it.status == 200 for it in answers)
        print(f"{passed} of {len(answers)} passed locally, ", end="", flush=True)
        self.assertEqual({it.status for it in answers}, {200, 429})
        self.assertTrue(workers * self.rate <= passed <= most, passed)

    def assert_spared(self, answers, went, came):
        workers = WORKERS * ENVOYS
        back = min(it.begun for it in answers if it.status == 200 and it.begun > came)
        opened = went + self.timeout + SLACK_SECONDS / 2
        while_down, while_open = self.made(came) - self.made(went), self.made(came) - self.made(opened)
        until_back = self.made(back) - self.made(came)
        calls = f"{while_down} calls while it was gone, {while_open} of them tries, {until_back} until it was back"
        print(calls, end="", flush=True)
        self.assertLessEqual(while_down, 2 * ENVOYS * CONNECTIONS + workers * (TOLERATED + TRIES))
        self.assertGreaterEqual(while_down, workers)
        self.assertLessEqual(while_open, workers * TRIES)
        self.assertLessEqual(until_back, workers * TRIES)


class InAdvance(Proxies):
    """With tokens that are taken in advance."""

    windows = [window("ahead", 500, 60), window("short", 100, 2), window("hanging", 1000, 60)]
    limits = [limit(name, ahead=AHEAD) for name in ("ahead", "short", "hanging")]

    def test_the_limit_is_exceeded_by_no_more_than_was_said(self):
        answers = asyncio.run(run(self.load(of("ahead", "a"), of("short", "a")), 5))
        statuses = collections.Counter((it.kind, it.status) for it in answers)
        calls = self.calls()
        print(f"\n{dict(statuses)}, {calls} calls", end="", flush=True)
        self.assertEqual(set(statuses), {(kind, status) for kind in ("ahead", "short") for status in (200, 429)})
        most = 2 * AHEAD * WORKERS * ENVOYS
        self.assertTrue(500 - AHEAD <= statuses["ahead", 200] <= 500 + most, statuses)
        self.assertTrue(3 * 100 - most <= statuses["short", 200] <= 3 * (100 + most), statuses)
        self.assertLess(calls, len(answers) / 2)

    def test_no_request_waits_for_the_service(self):
        self.service.stop()
        try:
            answers = asyncio.run(run(self.load(of("hanging", "a")), self.timeout / 2))
        finally:
            self.service.go_on()
        statuses = collections.Counter(it.status for it in answers)
        took = max(it.ended - it.begun for it in answers)
        print(f"\n{dict(statuses)} within {took:.3f} s", end="", flush=True)
        self.assertEqual(statuses[200], AHEAD * WORKERS * ENVOYS)
        self.assertEqual(set(statuses), {200, 429})
        self.assertLess(took, self.timeout / 2)
        eventually(lambda: self.ask("/hanging", "a").status_code == 200, 5, "service")


class Shipped(unittest.TestCase):
    """The example as it is, but for the ports."""

    def test_it_asks_the_service_and_goes_on_without(self):
        limits = {"namespace": "edge", "max_value": 3, "seconds": 3600, "conditions": []}
        limits["variables"] = ["descriptors[0].masked_remote_address"]
        with (
            http_upstream() as upstream,
            Redis() as redis,
            Service(redis, json.dumps([limits])) as service,
            Envoy(shipped(GLOBAL, upstream=upstream.server_port, ratelimit=service.port)) as envoy,
            httpx.Client(base_url=f"http://127.0.0.1:{envoy.port}", verify=TLS, trust_env=False) as http,
        ):
            # Nobody is there yet, and each worker counts for itself.
            self.assertEqual(http.get("/").status_code, 200)
            redis.start()
            service.start()
            eventually(lambda: http.get("/").status_code == 429, 10, "the limit of the service")
            denied = http.get("/")
            self.assertEqual(fields(denied)[0], {"per-client": {"q": 3, "w": 3600}})
            self.assertGreaterEqual(upstream.served, 4)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
