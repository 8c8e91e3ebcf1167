"""trace-injection in a real Envoy whose configuration is replaced while spans wait, by files moved into place.

    .venv/bin/python tests/e2e/tracing_swap.py [-v] [CLASS[.TEST]]
"""

import asyncio
import faulthandler
import tempfile
import time
import unittest
from pathlib import Path

import swaps
from traces import collectors, export, proxy, tracing
from tracing_collector import Exporting

SWAPS, SWAP_SECONDS = 10, 0.3
DEADLINE_SECONDS = 180


class Swapping(swaps.Filters, Exporting):
    """With a configuration of the filter that is replaced."""

    def begin(self):
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.traced = self.collector()
        self.exports = export("http_protobuf", delay="2s")
        self.start_swapped(0)

    def whole(self, number, **members):
        """All of the configuration, one of many."""
        members = {"spans": {"response_headers": [f"x-version-{number}"]}} | members
        return proxy(self.upstream.server_port, tracing(export=self.exports, **members), **collectors(self.traced))

    async def swap_often(self):
        for number in range(1, SWAPS + 1):
            await asyncio.sleep(SWAP_SECONDS)
            wrong = number % 5 == 4
            await self.swap(number, **({"becomes": "rejected", "inject": []} if wrong else {}))


class Filters(Swapping):
    """None is lost, as long as they go the same way."""

    def test_what_waits_to_be_sent(self):
        self.begin()
        self.under_load(self.swap_often)
        self.assert_all_arrive("swapped", self.traced)

    def test_while_requests_are_under_way(self):
        self.begin()
        self.upstream.answer = lambda _: time.sleep(2.5 * SWAP_SECONDS) or 200
        self.under_load(self.swap_often)
        self.assert_all_arrive("swapped", self.traced)

    def test_what_is_being_sent(self):
        self.begin()

        async def script():
            await asyncio.sleep(1)
            self.traced.stop()
            await self.swap_often()
            self.traced.go_on()

        self.under_load(script)
        self.assert_all_arrive("swapped", self.traced, 30)

    def test_what_waits_to_be_sent_again(self):
        self.begin()

        async def script():
            await asyncio.sleep(1)
            await asyncio.to_thread(self.traced.end)
            await self.swap_often()
            await asyncio.to_thread(self.traced.start)

        self.under_load(script)
        self.assertEqual(self.assert_all_arrive("swapped", self.traced, 30), 0)

    def test_what_would_go_elsewhere_is_counted(self):
        self.begin()
        self.upstream.answer = lambda _: time.sleep(SWAP_SECONDS) or 200

        async def script():
            await asyncio.sleep(1)
            self.exports["timeout"] = "1s"
            await self.swap(1)
            await asyncio.sleep(1)

        self.under_load(script)
        self.accounted_for("swapped", self.traced, 10)
        sent, (printed, _) = self.sent("swapped"), self.printed("swapped", self.traced)
        print(f"\nswapped: {len(printed)} of {len(sent)} spans", end="", flush=True)
        self.assertEqual(self.dropped("swapped"), {"stopped": len(sent - printed)})


class Listeners(swaps.Listeners, Swapping):
    """With a listener that is replaced."""

    def test_none_is_lost(self):
        self.begin()
        self.upstream.answer = lambda _: time.sleep(SWAP_SECONDS) or 200
        self.under_load(self.swap_often)
        self.assert_all_arrive("swapped", self.traced)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
