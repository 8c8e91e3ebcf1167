"""Metadata of an issuer and lists of revoked tokens, fetched by jwt-auth in a real Envoy with four workers.

    .venv/bin/python tests/e2e/remote_documents.py [-v] [CLASS[.TEST]]
"""

import faulthandler
import json
import time
import unittest

from clients import ask, eventually, outcome, outcomes
from envoy import Envoy
from example import example, token
from issuer import ISSUER, DocumentServer, Issuer, Page
from upstreams import http_upstream

WORKERS = 4
TICK_SECONDS = 1.0
SLACK_SECONDS = 1.5
EAGER = {"refresh": "1s", "min_refresh": "1s", "max_refresh": "1s", "retry": {"base": "100ms", "max": "500ms"}}
METADATA = "/.well-known/openid-configuration"
DEADLINE_SECONDS = 300


class Documents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(http_upstream())

    def setUp(self):
        self.server = self.enterContext(DocumentServer({}))

    def start(self, **members):
        """Starts Envoy on the example with these members of its provider."""
        config = example(self.upstream.server_port, lambda it: it["providers"][0].update(members))
        config["static_resources"]["clusters"].append(self.server.cluster())
        self.envoy = self.enterContext(Envoy(config, workers=WORKERS))

    def logged(self, text):
        return sum(text in line for line in self.envoy.log().splitlines() if "[wasm]" in line)


class Discovery(Documents):
    def setUp(self):
        super().setUp()
        self.issuer = Issuer("key")
        self.server.pages |= {"/keys": self.issuer.page, METADATA: self.metadata()}

    def metadata(self, **changes):
        return Page(json.dumps({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"} | changes).encode())

    def test_the_metadata_lead_to_the_keys(self):
        self.start(jwks={"discovery": {"cluster": "issuer"}})
        self.assertEqual(outcomes(self.envoy, self.issuer.mint("key")), {"200"})
        self.assertEqual(outcomes(self.envoy, Issuer("key").mint("key")), {"401 signature_invalid"})
        self.assertEqual((len(self.server.pages[METADATA].asked), len(self.issuer.page.asked)), (1, 1))

    def test_metadata_that_lead_astray_are_refused_until_they_are_right(self):
        wrong = {
            "another issuer": (self.metadata(issuer="https://other.example"), "the metadata of"),
            "another host": (self.metadata(jwks_uri="https://keys.example/keys"), "name the cluster that serves it"),
            "in the clear": (self.metadata(jwks_uri="http://issuer.example/keys"), "jwks_uri is not https"),
            "nowhere": (self.metadata(jwks_uri=None), "no jwks_uri"),
        }
        good = self.server.pages[METADATA]
        for what, (page, why) in wrong.items():
            with self.subTest(what):
                self.server.pages[METADATA] = page
                self.start(jwks={"discovery": {"cluster": "issuer", **EAGER}})
                token = self.issuer.mint("key")
                self.assertEqual(outcomes(self.envoy, token), {"503 keys_unavailable"})
                self.assertEqual(len(self.issuer.page.asked), 0)
                self.assertEqual(self.logged(why), 1, self.envoy.log()[-2000:])
        self.server.pages[METADATA] = good
        eventually(lambda: outcome(ask(self.envoy, token)) == "200", 1 + SLACK_SECONDS, "recovery")
        time.sleep(TICK_SECONDS)
        self.assertEqual(outcomes(self.envoy, token), {"200"})

    def test_the_keys_move(self):
        self.start(jwks={"discovery": {"cluster": "issuer", **EAGER}})
        before = self.issuer.mint("key")
        self.assertEqual(outcomes(self.envoy, before), {"200"})
        moved = Issuer("key")
        self.server.pages["/moved"] = moved.page
        self.server.pages[METADATA] = self.metadata(jwks_uri=f"{ISSUER}/moved")
        time.sleep(2 * (1 + TICK_SECONDS) + SLACK_SECONDS)
        self.assertEqual(outcomes(self.envoy, moved.mint("key")), {"200"})
        self.assertEqual(outcomes(self.envoy, before), {"401 signature_invalid"})


class Revocation(Documents):
    def revoke(self, **lists):
        self.page.body = json.dumps(lists).encode()

    def setUp(self):
        super().setUp()
        self.page = Page(b'{"jti": []}')
        self.server.pages["/revoked"] = self.page
        self.remote = {"cluster": "issuer", "uri": "https://issuer.example/revoked", **EAGER}

    def test_a_token_on_the_list_is_refused_also_one_in_the_cache(self):
        self.start(revocation={"remote": self.remote})
        revoked, other, nameless = token(jti="a"), token(jti="b"), token()
        for _ in range(2):
            self.assertEqual(outcomes(self.envoy, revoked), {"200"})
        self.revoke(jti=["a"], sub=["mallory"])
        time.sleep(1 + TICK_SECONDS + SLACK_SECONDS)
        self.assertEqual(outcomes(self.envoy, revoked), {"401 revoked"})
        self.assertEqual(outcomes(self.envoy, token(sub="mallory")), {"401 revoked"})
        for good in (other, nameless):
            self.assertEqual(outcomes(self.envoy, good), {"200"})
        self.revoke()
        time.sleep(1 + TICK_SECONDS + SLACK_SECONDS)
        self.assertEqual(outcomes(self.envoy, revoked), {"200"})

    def test_a_list_that_cannot_be_read_leaves_the_last_one(self):
        self.revoke(jti=["a"])
        self.start(revocation={"remote": self.remote})
        self.assertEqual(outcomes(self.envoy, token(jti="a")), {"401 revoked"})
        self.page.body = b'{"jti": ["a", '
        time.sleep(1 + TICK_SECONDS + SLACK_SECONDS)
        self.assertEqual(outcomes(self.envoy, token(jti="a")), {"401 revoked"})
        self.assertEqual(outcomes(self.envoy, token(jti="b")), {"200"})
        name = r"wasmcustom\.portcullis_jwt_auth_provider_example_revocation_fetch_failed_rejected_total"
        self.assertGreater(sum(self.envoy.stats(name).values()), 0)
        self.assertEqual(self.logged("cannot be fetched"), 1)

    def test_without_a_list_nobody_passes(self):
        self.server.stop()
        self.start(revocation={"remote": self.remote})
        self.assertEqual(outcomes(self.envoy, token()), {"503 revocation_unavailable"})

    def test_without_a_list_everybody_passes_where_that_is_wanted(self):
        self.server.stop()
        self.start(revocation={"remote": self.remote, "failure_mode": "allow"})
        self.assertEqual(outcomes(self.envoy, token(jti="a")), {"200"})
        self.revoke(jti=["a"])
        self.server.start()
        eventually(lambda: outcome(ask(self.envoy, token(jti="a"))) == "401 revoked", 0.5 + SLACK_SECONDS, "a list")


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
