"""circuit-breaker in a real Envoy with four workers: what an upstream that comes and goes leaves in the memory.

    .venv/bin/python tests/e2e/circuit_breaker_memory.py [-v] [CLASS[.TEST]]

PORTCULLIS_FLAPPING_SECONDS in the environment is another time than forty seconds; 300 show more.
"""

import asyncio
import faulthandler
import os
import re
import time
import unittest
from pathlib import Path

from breakers import Broken, Spread, breaker, changes
from limits import on
from load import get

SECONDS = float(os.environ.get("PORTCULLIS_FLAPPING_SECONDS", "40"))
FLAP_SECONDS = 1
SAMPLES = 10
MARGIN_MIB = 4
STATS = r"server\.memory_allocated|wasm\.envoy\.wasm\.runtime\.v8\.(active|created)"
PATHS = 40
DEADLINE_SECONDS = SECONDS + 60


class Flapping(Broken):
    """Memory does not grow."""

    def rss(self):
        """What Envoy has in memory, in MiB."""
        status = Path(f"/proc/{self.envoy.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s*(\d+) kB$", status, re.MULTILINE)[1]) / 1024

    def test_memory_does_not_grow(self):
        half_open = {"permits": 3}
        short = {"duration": "300ms", "factor": 1, "jitter": 0}
        fallback = [{"when": on("/kept"), "snapshot": {}}, {"static": {"body": "{{breaker}} {{state}}"}}]
        self.start(breaker(open=short, half_open=half_open, ramp_up="200ms", fallback=fallback), timeout="0.6s")
        samples, moods = [], ("failing", "slow", "hanging", "resetting")

        async def script():
            begun = time.monotonic()
            turns = int(SECONDS / FLAP_SECONDS / 2)
            for turn in range(turns):
                for mode in ("healthy", moods[turn % len(moods)]):
                    self.upstream.mode = mode
                    await asyncio.sleep(FLAP_SECONDS)
                self.upstream.arrivals.clear()
                if (turn + 1) * SAMPLES // turns > len(samples):
                    samples.append((time.monotonic() - begun, self.rss(), self.envoy.stats(STATS)))

        requests = [("any", get(f"/{what}/{it}")) for it in range(PATHS) for what in ("kept", "other")]
        load = Spread(self.envoy.port, requests)
        answers = self.under_load(script, load)
        for at, rss, stats in samples:
            allocated = stats["server.memory_allocated"] / 2**20
            print(f"\n{at:.0f} s: RSS {rss:.1f} MiB, allocated {allocated:.1f} MiB", end="", flush=True)
        opened = len(changes(self.envoy, "closed", "open"))
        print(f"\n{len(answers)} answers, {opened} times open", end="", flush=True)
        self.assertGreater(opened, SECONDS / FLAP_SECONDS / 3)
        self.assertEqual({it.status for it in answers}, {200, 503, 504})
        middle = samples[len(samples) // 2 - 1]
        self.assertLess(samples[-1][1] - middle[1], MARGIN_MIB, "RSS")
        name = "server.memory_allocated"
        self.assertLess((samples[-1][2][name] - middle[2][name]) / 2**20, MARGIN_MIB, name)
        machines = [{name: value for name, value in stats.items() if "wasm" in name} for _, _, stats in samples]
        self.assertEqual(len(machines[0]), 2, machines)
        self.assertTrue(all(it == machines[0] for it in machines), machines)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
