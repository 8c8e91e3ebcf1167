"""token-bucket in a real Envoy whose configuration is replaced while requests arrive, by files moved into place.

    .venv/bin/python tests/e2e/token_bucket_swap.py [-v] [CLASS[.TEST]]
"""

import asyncio
import collections
import copy
import faulthandler
import itertools
import json
import os
import re
import tempfile
import time
import unittest
from pathlib import Path

from clients import eventually
from envoy import Envoy
from limits import configure, filter_of, listener, on, proxy
from load import Law, Load, get

WORKERS = 4
PACE_SECONDS = 0.008
SLOWEST, BURST = 100, 200
SWAP_SECONDS = 0.25
"""Between two configurations under load."""
LAG_SECONDS = 0.1
"""After so long every worker has what Envoy has accepted."""
LOSS = 0.01
"""The part of a limit that may be missing at the end."""
WASM = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"
EXTENSION = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
DEADLINE_SECONDS = 180


class Swapping(unittest.TestCase):
    """With a configuration of the filter that comes from a file (ECDS)."""

    def start(self, *limits, workers=WORKERS):
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        config = proxy()
        config["node"] = {"id": "test", "cluster": "test"}
        self.whole = copy.deepcopy(config)
        self.move_out(config)
        self.put(*limits)
        self.swapped = []
        self.envoy = self.enterContext(Envoy(config, workers, ["--drain-time-s", "1", "--drain-strategy", "immediate"]))
        self.addCleanup(lambda: self.assertNotIn("Function: ", self.envoy.log(), "the log of a trap"))

    def move_out(self, config):
        """Takes the filter out of the configuration."""
        it = filter_of(config)
        del it["typed_config"]
        it["config_discovery"] = {"config_source": self.source(), "type_urls": [WASM]}

    def source(self):
        directory = str(self.directory)
        path = {"path": f"{directory}/resource.json", "watched_directory": {"path": directory}}
        return {"path_config_source": path, "resource_api_version": "V3"}

    def resource(self, config):
        """What the file has of a whole configuration."""
        return {"@type": EXTENSION, "name": "token-bucket", "typed_config": filter_of(config)["typed_config"]}

    def put(self, *limits):
        """Moves a configuration with these limits into place."""
        config = copy.deepcopy(self.whole)
        configure(config, *limits)
        new = self.directory / "new"
        new.write_text(json.dumps({"resources": [self.resource(config)]}))
        os.replace(new, self.directory / "resource.json")

    def updates(self, what):
        return sum(self.envoy.stats(rf"extension_config_discovery\..*\.update_{what}").values())

    def swap(self, *limits, becomes="success"):
        """Replaces the limits, and waits until they hold."""
        before = self.updates(becomes)
        self.put(*limits)
        eventually(lambda: self.updates(becomes) > before, 10, becomes)

    async def swap_while_asked(self, load, configurations):
        """Lets requests arrive and replaces the limits by each of these, which are accepted or rejected."""
        asking = asyncio.create_task(load.run())
        try:
            for limits, becomes in configurations:
                await asyncio.sleep(SWAP_SECONDS)
                put = time.monotonic()
                await asyncio.to_thread(self.swap, *limits, becomes=becomes)
                self.swapped.append((put, time.monotonic() + LAG_SECONDS))
            await asyncio.sleep(SWAP_SECONDS)
        finally:
            load.stop()
        return await asking

    def passed(self, path):
        """How many of a hundred requests or more pass."""
        statuses = collections.Counter()
        while statuses.total() < 100:
            load = Load(self.envoy.port, [(path, get(path))], 24, pace=PACE_SECONDS)
            statuses.update(it.status for it in asyncio.run(load.run(5 * PACE_SECONDS)))
        self.assertEqual(set(statuses) - {200, 429}, set())
        return statuses[200]

    def refused(self):
        return re.findall(r"\[error\]\[wasm\].* wasm log.*?: (token-bucket: configuration: .*)", self.envoy.log())


def limit(name, rate="1/1h", burst=10, **members):
    """A limit for the paths that begin with its name."""
    return {"name": name, "when": on(f"/{name}"), "rate": rate, "burst": burst, **members}


class Buckets(Swapping):
    """What becomes of buckets."""

    def test_of_all_workers(self):
        self.check(WORKERS, scope="process")

    def test_on_loan(self):
        self.check(WORKERS, scope="leased")

    def test_of_a_worker(self):
        self.check(1, scope="worker")

    def check(self, workers, **members):
        names = ("kept", "rate", "burst", "lower", "full", "part")
        self.start(*(limit(name, **members) for name in names), workers=workers)
        for name in names:
            self.assertEqual(self.passed(f"/{name}"), 10, name)
        changed = [
            limit("kept", **members),
            limit("rate", "2/1h", **members),
            limit("burst", burst=15, **members),
            limit("lower", burst=5, **members),
            limit("full-2", **members),
            limit("part-2", start=3, **members),
        ]
        self.swap(*changed)
        passed = {name: self.passed(f"/{name}") for name in ("kept", "rate", "burst", "lower", "full-2", "part-2")}
        # What was spent is spent; a limit of a new name has the bucket of a new key.
        self.assertEqual(passed, {"kept": 0, "rate": 0, "burst": 5, "lower": 0, "full-2": 10, "part-2": 3})
        self.swap(limit("kept", "0/1h", 1000, **members), becomes="rejected")
        [line] = set(self.refused())
        self.assertIn('limits[0].rate: "0/1h" is not a rate', line)
        for name in ("kept", "rate", "full-2"):
            self.assertEqual(self.passed(f"/{name}"), 0, name)
        self.swap(*changed, limit("more", **members))
        for name in ("kept", "rate", "full-2"):
            self.assertEqual(self.passed(f"/{name}"), 0, name)
        self.assertEqual(self.passed("/more"), 10)

    def test_a_rate_that_comes_back_is_a_new_one(self):
        # As many rates as a table remembers and one more, then the second of them, then one that pushes it out.
        self.start(limit("one", "100/1h"))
        self.assertEqual(self.passed("/one"), 10)
        for rate in range(99, 83, -1):
            self.swap(limit("one", f"{rate}/1h"))
        self.swap(limit("one", "99/1h", burst=11))
        self.assertEqual(self.passed("/one"), 1)
        self.swap(limit("one", burst=11))
        self.assertEqual(self.passed("/one"), 0)


class UnderLoad(Swapping):
    """Not one request is lost, and none is too many."""

    swaps, workers, scopes = 24, WORKERS, ("process", "leased")

    def test_no_request_is_lost_and_none_is_too_many(self):
        self.start(*self.limits(SLOWEST), workers=self.workers)
        # More rates than a table remembers.
        rates = [SLOWEST + turn * 7 % 20 * 5 for turn in range(self.swaps)]
        configurations = [(self.limits(rate), "success") for rate in rates]
        for place in range(3, self.swaps, 6):
            rates[place] = rates[place - 1]
            configurations[place] = ([limit("kept-process", "0/1s")], "rejected")
        requests = [(f"{what}-{it}", get(f"/{what}-{it}")) for it in self.scopes for what in ("kept", "changed")]
        load = Load(self.envoy.port, requests, pace=PACE_SECONDS)
        self.answers = asyncio.run(self.swap_while_asked(load, configurations))
        self.assertEqual({it.status for it in self.answers}, {200, 429})
        for kind, _ in requests:
            law = Law(self.answers, kind, SLOWEST, BURST)
            more, fewer = self.beyond_the_slowest(rates) if "changed" in kind else (0, 0)
            least, most = (1 - LOSS) * (law.least + fewer), law.most + more
            print(f"\n{kind}: {law.passed} of {law.asked} passed, {least:.1f} to {most:.1f}", end="", flush=True)
            self.assertGreater(law.asked, 1.5 * most, f"{kind}: not enough load")
            self.assertLessEqual(law.passed, most, kind)
            self.assertGreaterEqual(law.passed, least, kind)

    def beyond_the_slowest(self, rates):
        """How many more there are at the most and at least: two rates count until every worker has the second."""
        moments = [*itertools.chain(*self.swapped), max(it.ended for it in self.answers)]
        spans = [later - earlier for earlier, later in itertools.pairwise(moments)]
        counts = [it for pair in itertools.pairwise([SLOWEST, *rates]) for it in (pair, pair[1:])]
        both = list(zip(counts, spans, strict=True))
        return [sum((which(rates) - SLOWEST) * span for rates, span in both) for which in (max, min)]

    def limits(self, rate):
        rates = {"kept": SLOWEST, "changed": rate}
        every = [(what, it) for what in rates for it in self.scopes]
        return [limit(f"{what}-{it}", f"{rates[what]}/1s", BURST, scope=it) for what, it in every]


class OfOneWorker(UnderLoad):
    """In the memory of a worker."""

    swaps, workers, scopes = 8, 1, ("worker",)


class Listeners(UnderLoad):
    """With a listener that comes from a file (LDS), and is replaced as a whole."""

    swaps = 8

    def move_out(self, config):
        del config["static_resources"]["listeners"]
        config["dynamic_resources"] = {"lds_config": self.source()}

    def resource(self, config):
        return {"@type": LISTENER, **listener(config)}

    def updates(self, what):
        return sum(self.envoy.stats(rf"listener_manager\.lds\.update_{what}").values())

    def test_no_request_is_lost_and_none_is_too_many(self):
        super().test_no_request_is_lost_and_none_is_too_many()
        self.assertTrue(any(b"connection: close" in it.head for it in self.answers), "no listener was replaced")


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
