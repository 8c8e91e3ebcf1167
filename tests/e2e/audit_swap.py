"""audit-log whose configuration is replaced under load, whose VM traps, and that is an access logger: what becomes of its chains.

    .venv/bin/python tests/e2e/audit_swap.py [-v] [CLASS[.TEST]]

PORTCULLIS in the environment is the path of the command line, target/debug/portcullis by default.
"""

import asyncio
import faulthandler
import socket
import time
import unittest

import hpack
import swaps
from audits import BUSY, TAKING, Audited, Numbered, audit, chains, of_requests
from breakers import until
from clients import eventually
from envoy import ROOT
from hyperframe.frame import HeadersFrame, SettingsFrame
from limits import hcm
from load import ask, get
from swaps import NAME
from traces import TYPE
from trapping import trapping

PACE_SECONDS = 0.2
SWAPS, SWAP_SECONDS = 10, 0.4
ABANDONED_SECONDS = 20
"""By then somebody has noticed."""
QUIET_SECONDS = 2.5
"""After so long all writers have told the others of their last record."""
TRAPPING = "trapping"
LOGGER = TYPE + "envoy.extensions.access_loggers.wasm.v3.WasmAccessLog"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
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

    def assert_passed_on(self, records, generations):
        """Each chain says which one it goes on, as long as that one; the first ones go on none."""
        found = chains(records)
        begins = {uid: it[0].audit for uid, it in found.items()}
        reasons = {uid: it["reason"] for uid, it in begins.items()}
        previous = {uid: it["previous_chain"] for uid, it in begins.items() if "previous_chain" in it}
        firsts = {uid for uid, reason in reasons.items() if reason == "start"}
        self.assertEqual(len(firsts), self.workers)
        self.assertEqual({uid: "configuration" for uid in found.keys() - firsts}, {uid: reasons[uid] for uid in found.keys() - firsts})
        self.assertEqual(previous.keys(), found.keys() - firsts)
        self.assertEqual(len(set(previous.values())), len(previous), "two go on the same")
        self.assertEqual({it[-1].audit.get("reason") for uid, it in found.items() if uid in previous.values()}, {"configuration"})
        self.assertEqual(len({it["config"] for it in begins.values()}), generations)
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
        self.check()

    def test_what_waits_to_be_sent_again(self):
        self.begin()
        self.taking.mode = BUSY
        self.check()

    def check(self):
        answers = self.under_load(self.swap_often)[NAME]
        self.taking.mode = TAKING
        self.assertEqual({it.status for it in answers}, {200})
        records = self.settled(len(answers))
        print(f"\n{len(answers)} requests, {len(chains(records))} chains", end="", flush=True)
        self.assert_valid(records)
        self.assert_each_has_one(answers, records)
        self.assert_passed_on(records, self.accepted)
        self.assert_counts(NAME, recorded=len(answers), sent=len(records))
        report = self.assert_verifies(self.taking.lines())
        stopped = sum(it["end"] == {"kind": "stop", "reason": "configuration"} for it in report["chains"])
        self.assertGreaterEqual(stopped, len(report["chains"]) - self.workers)


class Listeners(swaps.Listeners, Filters):
    """Of the whole listener."""

    def test_the_end_of_all_chains(self):
        self.begin()
        self.under_load(lambda: asyncio.sleep(1))
        asked = len(self.upstream.arrivals)

        async def take_out():
            await self.swap(is_recorded=False)
            await until(lambda: self.counted(NAME, "dropped_stopped") > 0, 10, "the filter is gone")

        asyncio.run(take_out())
        ended = [it[-1].audit.get("reason") for it in chains(self.arrived(self.taking, NAME)).values()]
        self.assertEqual(ended, ["removed"] * self.workers)
        self.assertEqual(len(of_requests(self.arrived(self.taking, NAME))), asked)
        self.assert_verifies(self.taking.lines())


class Traps(Audited):
    """A module that is ours in all but this: a request with a body makes it trap."""

    pace = PACE_SECONDS

    def setUp(self):
        super().setUp()
        module = self.directory / "trapping.wasm"
        module.write_bytes(trapping((ROOT / "dist/audit-log.wasm").read_bytes(), "proxy_on_request_body"))
        self.taking = self.sink()
        it = audit()
        it["typed_config"]["config"]["vm_config"]["code"]["local"]["filename"] = str(module)
        self.start(TRAPPING, self.proxy(it, sink=self.taking.port))

    def trap(self):
        """Lets the VM of a worker trap: with the headers comes a body."""
        request = get("/trap", [("content-length", "2")], "POST") + b"{}"

        async def once():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.envoys[TRAPPING].port)
            head = await ask((reader, writer), request)
            writer.close()
            return head

        self.assertTrue(asyncio.run(once()).startswith(b"HTTP/1.1 503 "))

    def assert_calm(self, envoy):
        """There was one trap, and no other."""
        self.assertEqual(envoy.log().count("Function: "), 1)
        self.assertEqual(envoy.stats(r"wasm\..*\.vm_reload_success"), {"wasm.audit-log.vm_reload_success": 1})

    def asked(self, load, script):
        """Answers to requests that have passed; some may come to a worker before it has another VM."""
        [answers] = self.under_load(script, load).values()
        self.assertEqual({it.status for it in answers} - {503}, {200})
        return [it for it in answers if it.status == 200]

    def numbered(self, name):
        return Numbered(self.envoys[TRAPPING].port, name, pace=self.pace)

    async def until_abandoned(self):
        await until(self.abandoned, ABANDONED_SECONDS, "another one notices")

    def abandoned(self):
        return [it for it in self.records() if it.kind == "abandoned"]

    def records(self):
        return self.arrived(self.taking, TRAPPING)

    def recorded(self):
        return {it.path for it in of_requests(self.records())}

    def heads(self):
        """The last record of each chain."""
        return {uid: it[-1] for uid, it in chains(self.records()).items()}

    def test_the_next_one_begins_a_chain_and_another_one_tells_of_the_lost_one(self):
        asked = self.asked(self.numbered("before"), lambda: asyncio.sleep(1))
        time.sleep(QUIET_SECONDS)
        before = self.heads()
        self.trap()
        asked += self.asked(self.numbered("after"), self.until_abandoned)
        eventually(lambda: len(of_requests(self.records())) >= len(asked), 5, "all have arrived")
        self.assert_valid(self.records())
        self.assert_each_has_one(asked, self.records())
        [abandoned] = self.abandoned()
        head = before[abandoned.audit["chain"]]
        self.assertEqual((abandoned.audit["sequence"], abandoned.audit["hash"]), (head.sequence, head.hash))
        self.assertEqual(self.heads()[head.chain], head, "it has not ended")
        self.assert_restarted(before)
        report = self.assert_verifies(self.taking.lines())
        [chain] = [it for it in report["chains"] if it["chain"] == head.chain]
        self.assertEqual(chain["end"], {"kind": "abandoned", "by": abandoned.chain})

    def test_what_has_died_with_it_is_evident(self):
        asked = self.asked(self.numbered("before"), lambda: asyncio.sleep(1))
        eventually(lambda: len(of_requests(self.records())) >= len(asked), 5, "all have arrived")
        before = self.heads()
        self.taking.mode = BUSY
        asked += self.asked(self.numbered("waiting"), lambda: asyncio.sleep(QUIET_SECONDS))
        self.trap()
        self.taking.mode = TAKING
        asked += self.asked(self.numbered("after"), self.until_abandoned)
        eventually(lambda: {it.kind for it in asked if "/after/" in it.kind} <= self.recorded(), 5, "what came after it")
        recorded = self.recorded()
        lost = [it.kind for it in asked if it.kind not in recorded]
        [abandoned] = self.abandoned()
        head = before[abandoned.audit["chain"]]
        known = abandoned.audit["sequence"] - head.sequence
        print(f"\n{len(lost)} of {len(asked)} are lost, {known} of them are known", end="", flush=True)
        self.assertTrue(0 < known <= len(lost), known)
        self.assertTrue(all(it.startswith("/waiting/") for it in lost))
        self.assert_valid(self.records())
        self.assert_restarted(before)
        [finding] = self.findings(self.taking.lines())
        self.assertEqual(finding["code"], "tail_cut")
        self.assertEqual(self.taking.lines()[finding["line"] - 1], head.line)

    def assert_restarted(self, before):
        """There is one chain more, which says why."""
        [new] = self.heads().keys() - before.keys()
        self.assertEqual(chains(self.records())[new][0].audit["reason"], "restart")


class AccessLogger(Audited):
    """As an access logger it also sees what no filter does."""

    workers = 2
    refused = {
        "no colon": (b"GET /a HTTP/1.1\r\nno colon\r\n\r\n", 400, "http1.codec_error"),
        "no host": (b"GET /a HTTP/1.1\r\n\r\n", 400, "missing_host_header"),
        "too old": (b"GET /a HTTP/1.0\r\n\r\n", 426, "low_version"),
        "too long": (get("/a", [(f"x-{it}", "a" * 1000) for it in range(99)]), 431, "http1.headers_too_large"),
        "two lengths": (
            get("/a", [("content-length", "1"), ("transfer-encoding", "chunked")], "POST"),
            400,
            "http1.content_length_and_chunked_not_allowed",
        ),
    }

    def test_what_the_connection_manager_refuses(self):
        taking = self.sink()
        config = self.proxy(sink=taking.port)
        logger = {"@type": LOGGER, "config": audit()["typed_config"]["config"]}
        hcm(config)["access_log"] = [{"name": "envoy.access_loggers.wasm", "typed_config": logger}]
        envoy = self.start("logger", config)
        [answers] = self.under_load(lambda: asyncio.sleep(1)).values()
        for name, (request, status, _) in self.refused.items():
            with self.subTest(name), socket.create_connection(("127.0.0.1", envoy.port), 10) as wire:
                wire.sendall(request)
                self.assertEqual(wire.recv(65536)[9:12], b"%d" % status)
        self.send_upper_case(envoy.port)
        expected = len(answers) + len(self.refused) + 1
        eventually(lambda: len(of_requests(self.arrived(taking, "logger"))) >= expected, 5, "all have arrived")
        records = self.arrived(taking, "logger")
        self.assert_valid(records)
        self.assert_each_has_one(answers, [it for it in records if it.kind != "request" or it.status == 200])
        found = sorted((it.status, it.all["status_detail"]) for it in of_requests(records) if it.status != 200)
        self.assertEqual(found, sorted([(0, "http2.invalid.header.field"), *(it[1:] for it in self.refused.values())]))
        for it in of_requests(records):
            if it.status != 200:
                decision = {"action": "denied", "filter": "envoy", "reason": it.all["status_detail"]}
                self.assertEqual((it.all["action_id"], it.audit["decisions"]), (2, [decision]))
        self.assert_verifies(taking.lines())

    def send_upper_case(self, port):
        """What HTTP/2 does not allow: a header whose name has an upper-case letter."""
        fields = {":method": "GET", ":scheme": "http", ":path": "/a", ":authority": "a.example", "X-Upper": "a"}
        block = hpack.Encoder().encode(fields.items())
        headers = HeadersFrame(1, block, flags=["END_HEADERS", "END_STREAM"])
        with socket.create_connection(("127.0.0.1", port), 10) as wire:
            wire.sendall(PREFACE + SettingsFrame(0).serialize() + headers.serialize())
            while wire.recv(65536):
                pass


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
