"""trace-injection in a real Envoy whose configuration is replaced while spans wait, by files moved into place.

    .venv/bin/python tests/e2e/tracing_swap.py [-v] [CLASS[.TEST]]
"""

import asyncio
import faulthandler
import json
import os
import tempfile
import time
import unittest
from pathlib import Path

from breakers import until
from limits import hcm, listener
from traces import TYPE, collectors, export, proxy, tracing
from tracing_collector import Exporting

SWAPS, SWAP_SECONDS = 10, 0.3
DEADLINE_SECONDS = 180


class Swapping(Exporting):
    """With a configuration of the filter that comes from a file (ECDS)."""

    def begin(self):
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.traced = self.collector()
        self.exports = export("http_protobuf", delay="2s")
        self.put(0)
        config = self.whole()
        self.move_out(config)
        self.start("swapped", config, ["--drain-time-s", "1", "--drain-strategy", "immediate"])

    def whole(self, **members):
        """All of the configuration."""
        return proxy(self.upstream.server_port, tracing(export=self.exports, **members), **collectors(self.traced))

    def move_out(self, config):
        """Takes the filter out of the configuration."""
        it = hcm(config)["http_filters"][0]
        wasm = it.pop("typed_config")["@type"]
        it["config_discovery"] = {"config_source": self.source(), "type_urls": [wasm]}

    def source(self):
        path = {"path": f"{self.directory}/resource.json", "watched_directory": {"path": str(self.directory)}}
        return {"path_config_source": path, "resource_api_version": "V3"}

    def resource(self, config):
        """What the file has of a whole configuration."""
        return {"@type": TYPE + "envoy.config.core.v3.TypedExtensionConfig"} | hcm(config)["http_filters"][0]

    def put(self, number, **members):
        """Moves one of many configurations into place."""
        config = self.whole(**{"spans": {"response_headers": [f"x-version-{number}"]}} | members)
        new = self.directory / "new"
        new.write_text(json.dumps({"resources": [self.resource(config)]}))
        os.replace(new, self.directory / "resource.json")

    def updates(self, what):
        return sum(self.envoys["swapped"].stats(rf"extension_config_discovery\..*\.update_{what}").values())

    async def swap(self, number, becomes="success", **members):
        before = self.updates(becomes)
        self.put(number, **members)
        await until(lambda: self.updates(becomes) > before, 10, becomes)

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


class Listeners(Swapping):
    """With a listener that comes from a file (LDS), and is replaced as a whole; the former one drains meanwhile."""

    def move_out(self, config):
        del config["static_resources"]["listeners"]
        config["dynamic_resources"] = {"lds_config": self.source()}

    def resource(self, config):
        return {"@type": TYPE + "envoy.config.listener.v3.Listener", **listener(config)}

    def updates(self, what):
        return sum(self.envoys["swapped"].stats(rf"listener_manager\.lds\.update_{what}").values())

    def test_none_is_lost(self):
        self.begin()
        self.upstream.answer = lambda _: time.sleep(SWAP_SECONDS) or 200
        self.under_load(self.swap_often)
        self.assert_all_arrive("swapped", self.traced)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
