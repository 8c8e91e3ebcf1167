"""circuit-breaker in a real Envoy whose configuration is replaced while requests arrive, by files moved into place.

    .venv/bin/python tests/e2e/circuit_breaker_swap.py [-v] [CLASS[.TEST]]
"""

import asyncio
import copy
import faulthandler
import json
import os
import re
import tempfile
import time
import unittest
from pathlib import Path

from breakers import (
    ERRORS,
    MARGIN_SECONDS,
    SYNC_SECONDS,
    Broken,
    breaker,
    changes,
    configure,
    filter_of,
    statuses,
    until,
)

SWAP_SECONDS = 0.3
"""Between two configurations."""
LAG_SECONDS = 0.2
"""After so long every worker has what Envoy has accepted."""
SWAPS, ROUNDS = 10, 4
OPEN = {"duration": "5s", "factor": 1, "jitter": 0}
OPEN_SECONDS = 5
WASM = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"
EXTENSION = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
DEADLINE_SECONDS = 120


class Swapping(Broken):
    """With a configuration of the filter that comes from a file (ECDS)."""

    def prepared(self, config):
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        config["node"] = {"id": "test", "cluster": "test"}
        self.whole = copy.deepcopy(config)
        directory = str(self.directory)
        path = {"path": f"{directory}/resource.json", "watched_directory": {"path": directory}}
        source = {"path_config_source": path, "resource_api_version": "V3"}
        it = filter_of(config)
        del it["typed_config"]
        it["config_discovery"] = {"config_source": source, "type_urls": [WASM]}
        self.write(self.whole)
        return config

    def write(self, config):
        """Moves the filter of a whole configuration into place."""
        typed = filter_of(config)["typed_config"]
        resource = {"@type": EXTENSION, "name": "circuit-breaker", "typed_config": typed}
        new = self.directory / "new"
        new.write_text(json.dumps({"resources": [resource]}))
        os.replace(new, self.directory / "resource.json")

    def updates(self, what):
        return sum(self.envoy.stats(rf"extension_config_discovery\..*\.update_{what}").values())

    async def swap(self, *breakers, becomes="success", **members):
        """Replaces the breakers, and waits until they hold."""
        before = self.updates(becomes)
        config = copy.deepcopy(self.whole)
        configure(config, *breakers, **members)
        self.write(config)
        await until(lambda: self.updates(becomes) > before, 10, becomes)


class UnderLoad(Swapping):
    """What is open stays open, and no request is lost."""

    def variant(self, number, **members):
        """One of many configurations that leave name, key and window alone."""
        body = f"version {number}"
        return breaker(min_requests=20 + number, open=OPEN, fallback=[{"static": {"body": body}}], **members)

    def test_an_open_breaker_stays_open_and_a_closed_one_closed(self):
        self.start(self.variant(0, trip=ERRORS))
        moments = {}

        async def script():
            await asyncio.sleep(1)
            self.upstream.mode = "failing"
            opened = await self.changed("closed", "open")
            self.upstream.mode = "healthy"
            moments["open"], moments["tried"] = opened.at, opened.at + OPEN_SECONDS
            for number in range(1, SWAPS + 1):
                await asyncio.sleep(SWAP_SECONDS)
                becomes = "rejected" if number % 5 == 4 else "success"
                wrong = {"known": []} if becomes == "rejected" else {}
                await self.swap(self.variant(number, trip=ERRORS, **wrong), becomes=becomes)
            moments["last"] = time.monotonic() + LAG_SECONDS
            self.assertLess(moments["last"], moments["tried"], "too slow")
            await self.changed("half_open", "closed", seconds=8)
            moments["closed"] = time.monotonic()
            for number in range(SWAPS):
                await asyncio.sleep(SWAP_SECONDS)
                await self.swap(self.variant(number, trip=ERRORS))
            moments["end"] = time.monotonic()

        answers = self.under_load(script)
        self.assertEqual({it.status for it in answers}, {200, 503}, "lost")
        begin = moments["open"]
        arrived = [round(it.at - begin, 3) for it in self.upstream.between(begin, moments["tried"] - 0.05)]
        self.assertLess(max([0, *arrived]), SYNC_SECONDS + MARGIN_SECONDS, arrived)
        denied = statuses(answers, begin + SYNC_SECONDS + MARGIN_SECONDS, moments["tried"] - 0.05)
        self.assertGreater(len(denied), 500, "not enough load")
        self.assertEqual(set(denied), {503})
        newest = [it.head for it in answers if moments["last"] <= it.begun and it.ended < moments["tried"] - 0.05]
        lengths = {re.search(rb"content-length: (\d+)", head)[1] for head in newest}
        self.assertEqual(lengths, {str(len(f"version {SWAPS}")).encode()}, "the newest does not hold")
        passed = statuses(answers, moments["closed"] + SYNC_SECONDS + MARGIN_SECONDS, moments["end"])
        self.assertGreater(len(passed), 500, "not enough load")
        self.assertEqual(set(passed), {200})
        self.assertEqual([it.after for it in changes(self.envoy)], ["open", "half_open", "closed"])
        print(f"\n{len(answers)} answers, {len(denied)} denied while it was open", end="", flush=True)

    def test_calls_that_are_under_way_are_not_lost(self):
        # All pass, none is answered quickly, and configurations change while they are waiting.
        self.start(self.variant(0, trip=ERRORS))
        self.upstream.mode = "slow"

        async def script():
            await asyncio.sleep(1)
            for number in range(SWAPS):
                await asyncio.sleep(SWAP_SECONDS)
                await self.swap(self.variant(number, trip=ERRORS))
            await asyncio.sleep(1)

        answers = self.under_load(script)
        self.assertEqual({it.status for it in answers}, {200})
        self.assertEqual(len(self.upstream.arrivals), len(answers))
        self.assertEqual(changes(self.envoy), [])
        calls = sum(self.envoy.stats(r"wasmcustom\.portcullis_circuit_breaker_.*_calls_success_total").values())
        self.assertEqual(calls, len(answers), "counted as successes")

    def test_half_open_goes_on(self):
        # It is half open for as long as three slow probes take, and configurations change meanwhile.
        short = {"open": {"duration": "400ms", "factor": 1, "jitter": 0}, "half_open": {"permits": 3, "successes": 1}}
        self.start(self.variant(0) | short)

        async def script():
            await asyncio.sleep(0.5)
            self.upstream.mode = "slow"
            await self.changed("closed", "open")
            number = 0
            while len(changes(self.envoy, "half_open", "open")) < ROUNDS:
                await asyncio.sleep(SWAP_SECONDS)
                await self.swap(self.variant(number := number + 1) | short)
            self.upstream.mode = "healthy"
            await self.changed("half_open", "closed")

        answers = self.under_load(script)
        self.assertEqual({it.status for it in answers}, {200, 503}, "lost")
        tried = [len(it) for it in self.per_round()]
        print(f"\nprobes by round {tried}", end="", flush=True)
        self.assertGreaterEqual(len(tried), ROUNDS)
        self.assertEqual(set(tried), {3}, tried)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
