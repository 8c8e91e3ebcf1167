"""circuit-breaker in a real Envoy with four workers: when it opens, how it is tried, and how it closes.

    .venv/bin/python tests/e2e/circuit_breaker.py [-v] [CLASS[.TEST]]
"""

import asyncio
import faulthandler
import time
import unittest

from breakers import (
    ERRORS,
    FAILING,
    LATENCY_SECONDS,
    MARGIN_SECONDS,
    SYNC_SECONDS,
    Broken,
    breaker,
    changes,
    statuses,
)
from load import Load, get

BUCKET_SECONDS, OPEN_SECONDS = 0.5, 2
HEALTHY_SECONDS = 1.3
PERMITS, LEASE_SECONDS = 3, 0.5
ROUNDS = 4
RAMP_SECONDS = 4
DEADLINE_SECONDS = 150


class Opening(Broken):
    """Once it is open, no worker lets a request through."""

    def check(self, mode, longest, **members):
        self.start(breaker(), **members)
        moments = {}

        async def script():
            await asyncio.sleep(HEALTHY_SECONDS)
            moments["broken"] = time.monotonic()
            self.upstream.mode = mode
            opened = await self.changed("closed", "open")
            await asyncio.sleep(max(0.0, opened.at + OPEN_SECONDS - 0.1 - time.monotonic()))
            moments["end"] = opened.at + OPEN_SECONDS

        answers = self.under_load(script)
        opened = changes(self.envoy, "closed", "open")
        self.assertEqual(len(opened), 1, opened)
        begin, end = opened[0].at, moments["end"] - 0.05
        late = [round(it.at - begin, 3) for it in self.upstream.between(begin, end)]
        taken = begin - moments["broken"]
        last = max([0, *late])
        print(f"\n{mode}: open after {taken:.3f} s, last arrival {last:.3f} s later", end="", flush=True)
        self.assertGreater(len(self.upstream.between(moments["broken"], begin)), 0)
        self.assertLess(taken, longest + SYNC_SECONDS + MARGIN_SECONDS)
        self.assertLess(last, SYNC_SECONDS + MARGIN_SECONDS, late)
        denied = statuses(answers, begin + SYNC_SECONDS + MARGIN_SECONDS, end)
        self.assertGreater(len(denied), 100, "not enough load")
        self.assertEqual(set(denied), {503})
        self.assertEqual(set(statuses(answers, 0, moments["broken"])), {200})
        heads = [it.head for it in answers if begin + SYNC_SECONDS + MARGIN_SECONDS <= it.begun and it.ended < end]
        self.assertTrue(all(b"\r\nretry-after: " in head for head in heads))

    def test_failing(self):
        self.check("failing", BUCKET_SECONDS)

    def test_resetting(self):
        self.check("resetting", BUCKET_SECONDS)

    def test_slow(self):
        self.check("slow", BUCKET_SECONDS + LATENCY_SECONDS)

    def test_hanging(self):
        # Envoy gives up what hangs, long after the breaker has opened, and its clients ask again.
        self.check("hanging", BUCKET_SECONDS + LATENCY_SECONDS, timeout="0.8s")


    def test_others_learn_of_what_one_worker_has_seen(self):
        self.start(breaker("all", key=[], trip={"error_count": 5}))

        async def script():
            await asyncio.sleep(HEALTHY_SECONDS)
            # One connection, and so one worker; to all others the upstream is healthy.
            await Load(self.envoy.port, [("failing", get(FAILING))], 1, 0.02).run(0.3)
            opened = await self.changed("closed", "open")
            await asyncio.sleep(max(0.0, opened.at + 1 - time.monotonic()))

        answers = self.under_load(script)
        [opened] = changes(self.envoy)
        late = [round(it.at - opened.at, 3) for it in self.upstream.between(opened.at, opened.at + 1)]
        print(f"\nlast arrival {max([0, *late]):.3f} s after one worker has opened it", end="", flush=True)
        self.assertEqual(len([it for it in self.upstream.arrivals if it.path == FAILING]), 5)
        self.assertLess(max([0, *late]), SYNC_SECONDS + MARGIN_SECONDS, late)
        denied = statuses(answers, opened.at + SYNC_SECONDS + MARGIN_SECONDS, opened.at + 1)
        self.assertGreater(len(denied), 50, "not enough load")
        self.assertEqual(set(denied), {503})


class HalfOpen(Broken):
    """Never more requests try the upstream than there are permits."""

    def rounds(self, mode, **half_open):
        half_open = {"permits": PERMITS} | half_open
        short = {"duration": "400ms", "factor": 1, "jitter": 0}
        self.start(breaker(open=short, half_open=half_open), timeout="0.8s")

        async def script():
            await asyncio.sleep(0.5)
            self.upstream.mode = mode
            await self.changed("half_open", "open", ROUNDS, 12)
            self.upstream.mode = "healthy"
            await self.changed("half_open", "closed")
            await asyncio.sleep(1)

        answers = self.under_load(script)
        tried = [len(it) for it in self.per_round()]
        probes = sum(self.envoy.stats(r"wasmcustom\.portcullis_circuit_breaker_upstreams.*_probes_total").values())
        print(f"\n{mode} {half_open}: probes by round {tried}, {probes} by the metric", end="", flush=True)
        self.assertGreaterEqual(len(tried), ROUNDS)
        closed = changes(self.envoy, "half_open", "closed")[0].at
        after = statuses(answers, closed + SYNC_SECONDS + MARGIN_SECONDS, time.monotonic())
        self.assertGreater(len(after), 50)
        self.assertEqual(set(after), {200})
        return tried

    def test_failing(self):
        self.assertEqual(set(self.rounds("failing", successes=1)), {PERMITS})

    def test_slow(self):
        # All workers ask for permits while the first probes are out, and the last one decides.
        self.assertEqual(set(self.rounds("slow", successes=1)), {PERMITS})

    def test_hanging(self):
        # The first lease that ends decides; until then others may try, if somebody asks whom nothing keeps waiting.
        tried = self.rounds("hanging", lease=f"{round(LEASE_SECONDS * 1000)}ms")
        self.assertTrue(min(tried) >= 1 and max(tried) == PERMITS, tried)
        begun, ended = changes(self.envoy, "open", "half_open"), changes(self.envoy, "half_open", "open")
        waits = [later.at - earlier.at for earlier, later in zip(begun, ended, strict=False)]
        print(f", open again after {[round(it, 3) for it in waits]}", end="", flush=True)
        for wait in waits:
            self.assertTrue(LEASE_SECONDS - 0.01 <= wait <= LEASE_SECONDS + SYNC_SECONDS + MARGIN_SECONDS, waits)


class Recovery(Broken):
    """The upstream is healthy again."""

    def test_it_closes_when_the_upstream_is_healthy_and_not_before(self):
        short = {"duration": "300ms", "factor": 1, "jitter": 0}
        self.start(breaker(trip=ERRORS, open=short, half_open={"permits": 4}))
        moments = {}

        async def script():
            await asyncio.sleep(0.5)
            self.upstream.mode = "failing"
            await self.changed("closed", "open")
            # Of four in turn two fail.
            self.upstream.mode = "recovering"
            await self.changed("half_open", "open", 5)
            self.assertEqual(changes(self.envoy, after="closed"), [])
            self.upstream.mode = "healthy"
            moments["healthy"] = time.monotonic()
            await self.changed("half_open", "closed")
            await asyncio.sleep(2)

        answers = self.under_load(script)
        [closed] = changes(self.envoy, after="closed")
        print(f"\nclosed {closed.at - moments['healthy']:.3f} s after", end="", flush=True)
        self.assertLess(closed.at - moments["healthy"], 0.6 + SYNC_SECONDS + MARGIN_SECONDS)
        after = statuses(answers, closed.at + SYNC_SECONDS + MARGIN_SECONDS, time.monotonic())
        self.assertGreater(len(after), 200)
        self.assertEqual(set(after), {200})
        self.assertEqual(len(changes(self.envoy, "closed")), 1)

    def test_the_share_grows_while_it_ramps_up(self):
        short = {"duration": "300ms", "factor": 1, "jitter": 0}
        self.start(breaker(trip=ERRORS, open=short, ramp_up=f"{RAMP_SECONDS}s"))

        async def script():
            await asyncio.sleep(0.5)
            self.upstream.mode = "failing"
            await self.changed("closed", "open")
            self.upstream.mode = "healthy"
            await self.changed("half_open", "closed")
            await asyncio.sleep(RAMP_SECONDS + 1.2)

        answers = self.under_load(script)
        closed = changes(self.envoy, after="closed")[0].at
        part = RAMP_SECONDS / 4
        shares = []
        for number in range(4):
            some = statuses(answers, closed + number * part, closed + (number + 1) * part)
            shares.append(some.count(200) / len(some))
        print(f"\nshares by quarter {[round(it, 2) for it in shares]}", end="", flush=True)
        for share, middle in zip(shares, (0.125, 0.375, 0.625, 0.875), strict=True):
            # 240 requests in each; five standard deviations are less.
            self.assertTrue(middle - 0.17 < share < middle + 0.17, shares)
        self.assertEqual(set(statuses(answers, closed + RAMP_SECONDS + MARGIN_SECONDS, time.monotonic())), {200})
        self.assertEqual(len(changes(self.envoy, "closed")), 1)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
