"""audit-log whose configuration is replaced under load, by files moved into place: its records and its chains.

    .venv/bin/python tests/e2e/audit_swap.py [-v] [CLASS[.TEST]]

PORTCULLIS in the environment is the path of the command line, target/debug/portcullis by default.
"""

import asyncio
import faulthandler
import unittest

import swaps
from audits import Audited, audit
from clients import eventually
from recorded import chains, of_requests
from sinks import BUSY, TAKING
from swaps import NAME

PACE_SECONDS = 0.2
SWAPS, SWAP_SECONDS = 10, 0.4
DEADLINE_SECONDS = 180


class Swapped(swaps.Filters, Audited):
    """With a configuration of the filter that is replaced."""

    pace = PACE_SECONDS

    def begin(self):
        self.taking = self.sink()
        self.start_swapped()

    def whole(self, version=0, *, is_recorded=True, **members):
        """All of the configuration, one of many."""
        operation = {"when": {"path": {"prefix": "/none"}}, "name": f"version.{version}"}
        filters = [audit(operations=[operation], **members)] if is_recorded else []
        return self.proxy(*filters, sink=self.taking.port)

    async def swap_often(self):
        for version in range(1, SWAPS + 1):
            await asyncio.sleep(SWAP_SECONDS)
            wrong = version % 5 == 4
            await self.swap(version, **({"becomes": "rejected", "schema": "none"} if wrong else {}))
        await asyncio.sleep(SWAP_SECONDS)

    def settled(self, asked):
        """Waits until there are records of all requests, and all chains but those of the last configuration have ended."""

        def is_settled():
            records = self.arrived(self.taking, NAME)
            open_ones = sum(it[-1].kind != "stop" for it in chains(records).values())
            return len(of_requests(records)) >= asked and open_ones <= self.workers and self.waits(NAME) == 0

        eventually(is_settled, 15, "all chains but the last have ended")
        return self.arrived(self.taking, NAME)

    def assert_passed_on(self, records, generations, *, overlap):
        """Each chain says which one it goes on; the first ones go on none. Where they `overlap`, some begin late or never."""
        found = chains(records)
        begins = {uid: it[0].audit for uid, it in found.items()}
        reasons = {uid: it["reason"] for uid, it in begins.items()}
        previous = {uid: it["previous_chain"] for uid, it in begins.items() if "previous_chain" in it}
        firsts = {uid for uid, reason in reasons.items() if reason == "start"}
        self.assertEqual(len(firsts), self.workers)
        self.assertEqual({uid: "configuration" for uid in found.keys() - firsts}, {uid: reasons[uid] for uid in found.keys() - firsts})
        self.assertEqual(previous.keys(), found.keys() - firsts)
        self.assertTrue(overlap or len(set(previous.values())) == len(previous), "two go on the same")
        self.assertEqual({it[-1].audit.get("reason") for uid, it in found.items() if uid in previous.values()}, {"configuration"})
        self.assertIn(len({it["config"] for it in begins.values()}), range(3 if overlap else generations, generations + 1))
        self.assertTrue(all(it.kind != "stop" for them in found.values() for it in them[:-1]))


class Filters(Swapped):
    """Of the filter alone."""

    accepted = SWAPS - SWAPS // 5 + 1

    def test_no_request_is_without_a_record(self):
        self.begin()
        self.check()

    def test_of_requests_that_are_under_way(self):
        self.begin()
        self.upstream.mode = "slow"
        self.check(overlap=True)

    def test_what_waits_to_be_sent_again(self):
        self.begin()
        self.taking.mode = BUSY
        self.check()

    def check(self, *, overlap=False):
        answers = self.under_load(self.swap_often)[NAME]
        self.taking.mode = TAKING
        self.assertEqual({it.status for it in answers}, {200})
        records = self.settled(len(answers))
        print(f"\n{len(answers)} requests, {len(chains(records))} chains", end="", flush=True)
        self.assert_valid(records)
        self.assert_each_has_one(answers, records)
        self.assert_passed_on(records, self.accepted, overlap=overlap)
        self.assert_counts(NAME, recorded=len(answers), sent=len(records))
        report = self.assert_verifies(self.taking.lines())
        stopped = sum(it["end"] == {"kind": "stop", "reason": "configuration"} for it in report["chains"])
        self.assertGreaterEqual(stopped, len(report["chains"]) - self.workers)


class Listeners(swaps.Listeners, Filters):
    """Of the whole listener."""

    def test_the_end_of_all_chains(self):
        self.begin()
        self.under_load(lambda: asyncio.sleep(1))
        asyncio.run(self.swap(is_recorded=False))

        def ends():
            return [it[-1].audit.get("reason") for it in chains(self.arrived(self.taking, NAME)).values()]

        eventually(lambda: ends() == ["removed"] * self.workers, 5, "what waited is sent, and the last records")
        records = self.arrived(self.taking, NAME)
        self.assert_valid(records)
        self.assertEqual(sorted(it.path for it in of_requests(records)), sorted(it.path for it in self.upstream.arrivals))
        self.assert_verifies(self.taking.lines())


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
