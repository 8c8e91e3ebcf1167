"""Requests that wait for their tokens, and clients that do not, in a real Envoy.

    .venv/bin/python tests/e2e/token_bucket_delay.py [-v] [CLASS[.TEST]]
"""

import asyncio
import collections
import faulthandler
import itertools
import time
import unittest

from clients import eventually
from envoy import Envoy
from limits import counted, proxy
from load import ask, get

RATE, BURST, LONGEST, ASKED = 20, 5, 2, 60
LATE_SECONDS = 0.3
"""By so much a request may pass after its tokens are there: on a quiet machine it is a hundredth of a second."""
DEADLINE_SECONDS = 120


class Waiting(unittest.TestCase):
    """With one limit, under which requests wait."""

    def start(self, workers=4, delay=None, **members):
        delay = {"max": f"{LONGEST}s"} | (delay or {})
        limit = {"name": "one", "rate": f"{RATE}/1s", "burst": BURST, "delay": delay, **members}
        self.envoy = self.enterContext(Envoy(proxy(limit), workers))

    def tearDown(self):
        self.assertNotIn("Function: ", self.envoy.log(), "the log of a trap")
        active = r"http\.ingress\.downstream_rq_active"
        eventually(lambda: set(self.envoy.stats(active).values()) == {0}, 5, "nobody waits any more")

    async def several(self, count):
        """What becomes of so many at once, in the order in which they are answered."""
        wires = [await asyncio.open_connection("127.0.0.1", self.envoy.port) for _ in range(count)]
        return sorted(await asyncio.gather(*(self.one(wire) for wire in wires)), key=lambda it: it[2])

    async def one(self, wire):
        """Status, beginning, end and head of a request on a connection of its own."""
        begun = time.monotonic()
        head = await ask(wire, get("/"))
        ended = time.monotonic()
        wire[1].close()
        return int(head[9:12] or 0), begun, ended, head


class Delay(Waiting):
    """A burst above the limit."""

    def assert_spaced(self, answers, burst, rate):
        """None before its tokens, and none long after."""
        begun, all_begun = min(it[1] for it in answers), max(it[1] for it in answers)
        passed = [it[2] for it in answers if it[0] == 200]
        early = min(at - begun - max(0, (number - burst) / rate) for number, at in enumerate(passed, 1))
        late = max(at - all_begun - max(0, (number - burst) / rate) for number, at in enumerate(passed, 1))
        print(f"\n{len(passed)} passed, {early:.4f} s to {late:.4f} s after their tokens", end="", flush=True)
        self.assertGreaterEqual(early, 0)
        self.assertLess(late, LATE_SECONDS)

    def check(self, workers=4, **members):
        self.start(workers, **members)
        answers = asyncio.run(self.several(ASKED))
        statuses = collections.Counter(it[0] for it in answers)
        # As many wait as there are tokens in the longest wait.
        least = BURST + RATE * LONGEST
        asking = max(it[2] for it in answers if it[0] == 429) - min(it[1] for it in answers)
        self.assertTrue(least <= statuses[200] <= least + RATE * asking, statuses)
        self.assertEqual(statuses[200] + statuses[429], ASKED)
        self.assert_spaced(answers, BURST, RATE)
        for status, begun, ended, head in answers:
            if status == 429:
                self.assertLess(ended - begun, LATE_SECONDS)
                self.assertIn(b"\r\nretry-after: ", head)
        self.assertEqual(counted(self.envoy, "one", "delayed_total"), statuses[200] - BURST)
        self.assertEqual(counted(self.envoy, "one", "allowed_total"), statuses[200])

    def test_requests_wait_for_their_tokens(self):
        self.check()

    def test_in_one_worker(self):
        self.check(workers=1, scope="worker")

    def test_streams_that_come_while_others_wait(self):
        self.start(rate="50/1s", burst=1)

        async def steadily():
            waits = []
            for _ in range(60):
                wire = await asyncio.open_connection("127.0.0.1", self.envoy.port)
                waits.append(asyncio.create_task(self.one(wire)))
                await asyncio.sleep(0.005)
            return sorted(await asyncio.gather(*waits), key=lambda it: it[2])

        answers = asyncio.run(steadily())
        self.assertEqual({it[0] for it in answers}, {200})
        begun = min(it[1] for it in answers)
        early = min(it[2] - begun - (number - 1) / 50 for number, it in enumerate(answers, 1))
        self.assertGreaterEqual(early, 0)
        gaps = [later[2] - earlier[2] for earlier, later in itertools.pairwise(answers)]
        self.assertLess(answers[-1][2] - begun, 59 / 50 + LATE_SECONDS)
        self.assertGreater(sorted(gaps)[len(gaps) // 2], 0.01, "they come one by one")


class Leaving(Waiting):
    """Clients that leave while they wait, the last one first."""

    rate, leavers = 2, 5

    def test_free_their_places(self):
        asyncio.run(self.leave(workers=1, places=1 + self.leavers))

    def test_free_their_tokens(self):
        asyncio.run(self.leave(workers=4, places=100))

    async def leave(self, workers, places):
        self.start(workers, {"max": "10s", "max_waiting": places}, rate=f"{self.rate}/1s", burst=1)
        first = await self.several(1)
        staying = asyncio.create_task(self.one(await asyncio.open_connection("127.0.0.1", self.envoy.port)))
        await self.delayed(1)
        leaving = []
        for number in range(self.leavers):
            leaving.append(await asyncio.open_connection("127.0.0.1", self.envoy.port))
            leaving[-1][1].write(get("/"))
            await self.delayed(2 + number)
        if workers == 1:
            [(status, asked, told, _)] = await self.several(1)
            self.assertEqual(status, 429, "all places are taken")
            self.assertLess(told - asked, LATE_SECONDS)
        for _, writer in reversed(leaving):
            before = self.active()
            writer.transport.abort()
            while self.active() == before:
                await asyncio.sleep(0.005)
        left = time.monotonic()
        new = await self.several(3)
        answers = sorted([*first, await staying, *new], key=lambda it: it[2])
        self.assertEqual({it[0] for it in answers}, {200})
        begun = first[0][1]
        early = min(it[2] - begun - (number - 1) / self.rate for number, it in enumerate(answers, 1))
        self.assertGreaterEqual(early, 0)
        took = max(it[2] for it in new) - left
        print(f"\n3 passed within {took:.3f} s of {self.leavers} that left", end="", flush=True)
        # Behind the one that stays. With the tokens of those who left it would be 2.5 s longer.
        self.assertLess(took, 4 / self.rate + LATE_SECONDS)
        self.assertEqual(counted(self.envoy, "one", "allowed_total"), 5)

    async def delayed(self, count):
        while counted(self.envoy, "one", "delayed_total") < count:
            await asyncio.sleep(0.005)

    def active(self):
        return sum(self.envoy.stats(r"http\.ingress\.downstream_rq_active").values())


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
