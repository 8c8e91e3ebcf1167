"""Keys that jwt-auth fetches, from a server that does to it whatever servers do, in a real Envoy with four workers.

    .venv/bin/python tests/e2e/remote_keys.py [-v] [CLASS[.TEST]]
"""

import faulthandler
import re
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import grpc
from clients import ask, at_once, eventually, outcome, outcomes
from envoy import Envoy
from example import bearer, example
from issuer import DocumentServer, Issuer, Page
from upstreams import http_upstream

TICK_SECONDS = 1.0
"""Workers look for what others have fetched this often."""
SLACK_SECONDS = 1.5
EAGER = {"refresh": "1s", "min_refresh": "1s", "max_refresh": "1s", "retry": {"base": "100ms", "max": "500ms"}}
DEADLINE_SECONDS = 300


class RemoteKeys(unittest.TestCase):
    """The example with keys behind a URI; each test has an issuer and an Envoy of its own."""

    workers = 4

    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(http_upstream())

    def setUp(self):
        self.issuer = Issuer("old")
        self.page = self.issuer.page
        self.server = self.enterContext(DocumentServer({"/jwks": self.page}))

    def start(self, **settings):
        """Starts Envoy with these settings of the fetch."""
        remote = {"cluster": "issuer", "uri": "http://issuer.example/jwks", **settings}
        config = example(self.upstream.server_port, lambda it: it["providers"][0].update(jwks={"remote": remote}))
        config["static_resources"]["clusters"].append(self.server.cluster())
        self.envoy = self.enterContext(Envoy(config, self.workers))
        self.addCleanup(self.assert_nothing_is_betrayed)

    def assert_nothing_is_betrayed(self):
        log = self.envoy.log()
        self.assertNotIn("Function: ", log, "the log of a trap")
        self.assertEqual(self.issuer.betrayed_in(log), [])

    def fetches(self, what="success"):
        name = rf"wasmcustom\.portcullis_jwt_auth_provider_example_jwks_fetch_{what}_total"
        return sum(self.envoy.stats(name).values())

    def waited(self):
        return sum(self.envoy.stats(r"wasmcustom\.portcullis_jwt_auth_waited_total").values())

    def logged(self, level):
        """What the filter has logged of its fetches."""
        return re.findall(rf"\[{level}\]\[wasm\].* wasm log.*?: (jwt-auth: jwks .*)", self.envoy.log())

    def assert_passes(self, token):
        self.assertEqual(outcomes(self.envoy, token), {"200"})

    def assert_unavailable(self, response):
        self.assertEqual(outcome(response), "503 keys_unavailable")
        self.assertGreaterEqual(int(response.headers["retry-after"]), 1)
        self.assertNotIn("www-authenticate", response.headers)


class ColdStart(RemoteKeys):
    def test_of_200_requests_at_once_all_wait_for_one_fetch(self):
        self.page.gate.clear()
        self.start()
        token = self.issuer.mint("old")
        with ThreadPoolExecutor(1) as background:
            answers = background.submit(at_once, 200, lambda: outcome(ask(self.envoy, token)))
            eventually(lambda: self.waited() >= 200, 10, "200 requests wait")
            self.page.gate.set()
            self.assertEqual(set(answers.result()), {"200"})
        self.assertEqual(len(self.page.asked), 1)
        self.assertEqual((self.fetches(), self.fetches("failed_.*")), (1, 0))

    def test_an_issuer_that_is_down_is_no_fault_of_the_token(self):
        self.server.stop()
        self.start(retry={"base": "100ms", "max": "1s"})
        token = self.issuer.mint("old")
        for response in at_once(24, lambda: ask(self.envoy, token)):
            self.assert_unavailable(response)
        self.assertEqual(outcome(ask(self.envoy)), "401 missing")
        self.assertEqual(outcome(ask(self.envoy, self.issuer.mint("old", exp=1))), "401 expired")
        with grpc.insecure_channel(f"127.0.0.1:{self.envoy.port}", [("grpc.enable_http_proxy", 0)]) as channel:
            with self.assertRaises(grpc.RpcError) as refused:
                call = channel.unary_unary("/shop.Orders/Place")
                call(b"two apples", timeout=10, metadata=list(bearer(token).items()))
            self.assertEqual(refused.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.server.start()
        eventually(lambda: outcome(ask(self.envoy, token)) == "200", 1 + SLACK_SECONDS, "recovery")
        time.sleep(TICK_SECONDS)
        self.assert_passes(token)
        [warning], [recovery] = self.logged("warning"), self.logged("info")
        self.assertIn("cannot be fetched", warning)
        self.assertIn("fetched again", recovery)

    def test_an_issuer_that_hangs_costs_one_timeout(self):
        self.page.gate.clear()
        self.start(timeout="1s", retry={"base": "1s", "max": "10s"})
        token = self.issuer.mint("old")
        begun = time.monotonic()
        for response in at_once(24, lambda: ask(self.envoy, token)):
            self.assert_unavailable(response)
        self.assertLess(time.monotonic() - begun, 1 + SLACK_SECONDS)
        self.page.gate.set()
        eventually(lambda: outcome(ask(self.envoy, token)) == "200", 10, "recovery")


class Rotation(RemoteKeys):
    def test_a_new_key_is_fetched_when_a_token_names_it(self):
        self.start(refetch_interval="2s")
        old = self.issuer.mint("old")
        self.assert_passes(old)
        self.issuer.publish("old", "new")
        time.sleep(2)
        new = self.issuer.mint("new")
        self.assertEqual(set(at_once(24, lambda: outcome(ask(self.envoy, new)))), {"200"})
        self.assertEqual(len(self.page.asked), 2)
        self.assert_passes(old)
        self.assertEqual(len(self.page.asked), 2)

    def test_a_flood_of_unknown_keys_is_throttled(self):
        self.start(refetch_interval="2s")
        good, unknown = self.issuer.mint("old"), Issuer("unknown").mint("unknown")
        self.assert_passes(good)
        seen, ends = set(), time.time() + 5
        began = len(self.page.asked)
        while time.time() < ends:
            seen |= set(at_once(8, lambda: outcome(ask(self.envoy, unknown))))
            self.assertEqual(outcome(ask(self.envoy, good)), "200")
        self.assertEqual(seen, {"401 key_not_found"})
        self.assertIn(len(self.page.asked) - began, (2, 3))
        times = [at for at, _ in self.page.asked]
        gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
        self.assertGreater(min(gaps), 1.95)
        throttled = r"wasmcustom\.portcullis_jwt_auth_provider_example_jwks_refetch_throttled_total"
        self.assertGreater(sum(self.envoy.stats(throttled).values()), 10)

    def test_who_waits_for_an_unknown_key_keeps_nobody_waiting(self):
        self.start(refetch_interval="1s", timeout="2s")
        good, unknown = self.issuer.mint("old"), Issuer("unknown").mint("unknown")
        self.assert_passes(good)
        time.sleep(1)
        self.page.gate.clear()
        begun, waited = time.monotonic(), self.waited()
        with ThreadPoolExecutor(1) as background:
            waiting = background.submit(outcomes, self.envoy, unknown)
            eventually(lambda: self.waited() >= waited + 20, 2, "unknown keys are waited for")
            self.assertEqual(set(at_once(24, lambda: outcome(ask(self.envoy, good)))), {"200"})
            self.assertLess(time.monotonic() - begun, 2)
            self.assertEqual(waiting.result(), {"401 key_not_found"})
        self.assertGreater(time.monotonic() - begun, 1.9)
        self.assertEqual(len(self.page.asked), 2)

    def test_a_removed_key_is_refused_after_the_refresh_also_for_a_token_in_the_cache(self):
        self.issuer.publish("old", "other")
        self.start(**EAGER)
        old, other = self.issuer.mint("old"), self.issuer.mint("other")
        for _ in range(2):
            self.assert_passes(old)
            self.assert_passes(other)
        self.issuer.publish("other")
        time.sleep(1 + TICK_SECONDS + SLACK_SECONDS)
        self.assertEqual(outcomes(self.envoy, old), {"401 key_not_found"})
        self.assert_passes(other)

    def test_a_key_that_is_replaced_under_its_name(self):
        self.start(**EAGER)
        before = self.issuer.mint("old")
        self.assert_passes(before)
        del self.issuer.keys["old"]
        self.issuer.publish("old")
        time.sleep(1 + TICK_SECONDS + SLACK_SECONDS)
        self.assertEqual(outcomes(self.envoy, before), {"401 signature_invalid"})
        self.assert_passes(self.issuer.mint("old"))


class Outage(RemoteKeys):
    def test_keys_are_used_for_as_long_as_they_may_be_stale(self):
        self.start(stale_for="4s", **EAGER)
        token = self.issuer.mint("old")
        self.assert_passes(token)
        self.server.stop()
        last = self.page.asked[-1][0]
        passed, refused = [], []
        while time.time() < last + 1 + 4 + TICK_SECONDS + SLACK_SECONDS:
            at, response = time.time(), ask(self.envoy, token)
            (passed if response.status_code == 200 else refused).append((at, response))
        self.assertGreater(passed[-1][0], last + 1 + 4 - 0.5)
        self.assertGreater(refused[0][0], last + 1 + 4 - 0.1)
        self.assertLess(passed[-1][0], last + 1 + 4 + 0.5)
        for _, response in refused:
            self.assert_unavailable(response)
        self.assertEqual(set(self.half_stale().values()), {1})
        self.server.start()
        eventually(lambda: outcome(ask(self.envoy, token)) == "200", 0.5 + SLACK_SECONDS, "recovery")
        time.sleep(TICK_SECONDS)
        self.assert_passes(token)
        eventually(lambda: set(self.half_stale().values()) == {0}, TICK_SECONDS + SLACK_SECONDS, "calm")
        self.assertEqual((len(self.logged("warning")), len(self.logged("info"))), (1, 1), self.envoy.log()[-3000:])
        self.assertGreaterEqual(self.fetches("failed_.*"), 5)

    def half_stale(self):
        return self.envoy.stats(r"wasmcustom\.portcullis_jwt_auth_provider_example_jwks_past_half_stale")


class Answers(RemoteKeys):
    """Whatever the server answers, the last good keys stay."""

    def test_bad_answers(self):
        self.start(timeout="500ms", stale_for="5m", max_bytes="4KiB", **EAGER)
        token, good = self.issuer.mint("old"), self.page.body
        self.assert_passes(token)
        bad = {
            "an error": ("failed_status", Page(b"marked-body", 500)),
            "a missing page": ("failed_status", Page(b"marked-body", 404)),
            "a redirection": ("failed_status", Page(b"marked-body", 302, {"location": "http://other.example/"})),
            "a 304 that nobody asked for": ("failed_status", Page(b"", 304)),
            "nothing": ("failed_rejected", Page(b"")),
            "a page for people": ("failed_rejected", Page(b"<html>marked-body</html>")),
            "half of the keys": ("failed_rejected", Page(good[:-20])),
            "no list": ("failed_rejected", Page(b'{"keys": {"marked-body": 1}}')),
            "no keys": ("failed_rejected", Page(b'{"keys": []}')),
            "too much": ("failed_too_large", Page(good + b" " * 4096)),
            "far too much": ("failed_too_large", Page(b"marked-body" * 300_000)),
        }
        for what, (counter, page) in bad.items():
            with self.subTest(what):
                before = self.fetches(counter)
                self.server.pages["/jwks"] = page
                eventually(lambda before=before, name=counter: self.fetches(name) > before, 5, counter)
                self.assert_passes(token)
                fetched = self.fetches()
                self.server.pages["/jwks"] = self.page
                eventually(lambda before=fetched: self.fetches() > before, 5, "a good fetch")
        with self.subTest("no answer"):
            before = self.fetches("failed_status")
            self.page.gate.clear()
            eventually(lambda: self.fetches("failed_status") > before, 5, "a timeout")
            self.assert_passes(token)
            self.page.gate.set()
        self.assertNotIn("marked", self.envoy.log())

    def test_304_keeps_keys_fresh(self):
        self.page.etag = '"1"'
        self.start(stale_for="0s", **EAGER)
        token = self.issuer.mint("old")
        self.assert_passes(token)
        ends = time.time() + 4
        while time.time() < ends:
            self.assertEqual(outcome(ask(self.envoy, token)), "200")
        statuses = [status for _, status in self.page.asked]
        self.assertEqual((statuses[0], set(statuses[1:])), (200, {304}))
        self.assertGreaterEqual(self.fetches("not_modified"), 2)
        self.issuer.publish("other")
        self.page.etag = '"2"'
        time.sleep(1 + TICK_SECONDS + SLACK_SECONDS)
        self.assertEqual(outcomes(self.envoy, token), {"401 key_not_found"})
        self.assert_passes(self.issuer.mint("other"))

    def test_cache_control_says_when_to_fetch_again(self):
        self.page.headers["cache-control"] = "public, max-age=2"
        self.start(min_refresh="1s", refresh="10m")
        self.assert_passes(self.issuer.mint("old"))
        time.sleep(6)
        self.assertIn(len(self.page.asked), (3, 4))
        self.page.headers["cache-control"] = "max-age=600"
        time.sleep(3 + TICK_SECONDS)
        asked = len(self.page.asked)
        time.sleep(4)
        self.assertEqual(len(self.page.asked), asked)


if __name__ == "__main__":
    # Leaves a hanging test with a traceback; Envoy ends with this program.
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
