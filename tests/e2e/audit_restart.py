"""audit-log whose VM traps: the next one begins a chain, and another one tells of the chain that has no end.

    .venv/bin/python tests/e2e/audit_restart.py [-v] [CLASS[.TEST]]

PORTCULLIS in the environment is the path of the command line, target/debug/portcullis by default.
"""

import asyncio
import faulthandler
import time
import unittest

from audits import Audited, Numbered, audit
from breakers import until
from clients import eventually
from envoy import ROOT
from load import ask, get
from recorded import chains, of_requests
from sinks import BUSY, TAKING
from trapping import trapping

NAME = "trapping"
PACE_SECONDS = 0.2
ABANDONED_SECONDS = 20
"""By then somebody has noticed."""
QUIET_SECONDS = 2.5
"""After so long all writers have told the others of their last record."""
DEADLINE_SECONDS = 180


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
        self.start(NAME, self.proxy(it, sink=self.taking.port))

    def trap(self):
        """Lets the VM of a worker trap: with the headers comes a body."""
        request = get("/trap", [("content-length", "2")], "POST") + b"{}"

        async def once():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.envoys[NAME].port)
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
        return Numbered(self.envoys[NAME].port, name, pace=self.pace)

    async def until_abandoned(self):
        await until(self.abandoned, ABANDONED_SECONDS, "another one notices")

    def abandoned(self):
        return [it for it in self.records() if it.kind == "abandoned"]

    def records(self):
        return self.arrived(self.taking, NAME)

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


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
