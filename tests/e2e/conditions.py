"""Conditions on claims, requirements of several tokens, and the cache of tokens, in a real Envoy with four workers.

    .venv/bin/python tests/e2e/conditions.py [-v] [CLASS[.TEST]]
"""

import faulthandler
import json
import re
import unittest

import httpx
from clients import TLS, ask, outcome, outcomes
from cryptography.hazmat.primitives.asymmetric import ec
from envoy import Envoy
from example import bearer, example, token
from upstreams import http_upstream

WORKERS = 4
DEADLINE_SECONDS = 300
EXAMPLE = {"provider": "example"}
WRITERS = {"all": [{"scope": "orders:write"}, {"claim": {"name": "level", "at_least": 3}}]}
INVOICES = {"provider_and_audiences": {"provider": "example", "audiences": ["invoices"]}}
TENANT = {"claim": {"name": "tenant", "equals_request": {"path_segment": 2}}}
RULES = [
    {"match": {"path": {"prefix": "/admin/"}}, "require": EXAMPLE, "authorize": WRITERS},
    {"match": {"path": {"prefix": "/tenants/"}}, "require": EXAMPLE, "authorize": TENANT},
    {"match": {"path": {"prefix": "/maybe/"}}, "require": {"any": [EXAMPLE, "allow_missing"]}},
    {"match": {"path": {"prefix": "/both/"}}, "require": {"all": [EXAMPLE, {"provider": "device"}]}},
    {"match": {"path": {"prefix": "/invoices/"}}, "require": INVOICES},
]


def configure(configuration):
    """Adds the rules, and a provider whose tokens come in a header of their own."""
    [provider] = configuration["providers"]
    device = {"name": "device", "from": [{"header": {"name": "x-device-token"}}]}
    device["claims_to_headers"] = [{"claim": "sub", "header": "x-device-sub"}]
    configuration["providers"].append(provider | device | {"audiences": ["devices"]})
    configuration["rules"] += RULES


class Conditions(unittest.TestCase):
    """The example with further rules and a second provider."""

    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(http_upstream())
        cls.envoy = cls.enterClassContext(Envoy(example(cls.upstream.server_port, configure), workers=WORKERS))

    def grown(self, before):
        """By how much the counters have grown, by their names without what all have in common."""
        after = self.counters()
        return {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}

    def counters(self):
        stats = self.envoy.stats(r"wasmcustom\.portcullis_jwt_auth_\w+_total")
        return {re.search("jwt_auth_(.*)_total", name)[1]: value for name, value in stats.items()}

    def assert_insufficient(self, response, scope):
        self.assertEqual(outcome(response), "403 not_authorized")
        challenge = response.headers["www-authenticate"]
        self.assertIn('Bearer realm="portcullis", error="insufficient_scope"', challenge)
        self.assertEqual(re.findall('scope="([^"]*)"', challenge)[-1:], scope)

    def test_a_scope_that_is_missing_is_named(self):
        writer = token(scope="orders:read orders:write", level=3)
        self.assertEqual(outcomes(self.envoy, writer, path="/admin/1"), {"200"})
        self.assert_insufficient(ask(self.envoy, token(scope="orders:read", level=9), "/admin/1"), ["orders:write"])
        self.assert_insufficient(ask(self.envoy, token(level=9), "/admin/1"), ["orders:write"])
        for level in (2, "3", [3], None, True):
            low = token(scope="orders:write", level=level)
            self.assertEqual(outcome(ask(self.envoy, low, "/admin/1")), "403 not_authorized")
        self.assertEqual(outcome(ask(self.envoy, path="/admin/1")), "401 missing")
        self.assertEqual(outcomes(self.envoy, token(), path="/orders"), {"200"})

    def test_a_claim_is_compared_with_the_path(self):
        acme = token(tenant="acme")
        self.assertEqual(outcome(ask(self.envoy, acme, "/tenants/acme/orders?tenant=umbrella")), "200")
        self.assertEqual(outcome(ask(self.envoy, acme, "/tenants/umbrella/orders")), "403 not_authorized")
        self.assertEqual(outcome(ask(self.envoy, token(), "/tenants/acme/orders")), "403 not_authorized")
        self.assertEqual(outcome(ask(self.envoy, token(tenant=["acme"]), "/tenants/acme/orders")), "403 not_authorized")
        walked = self.raw(b"/tenants/acme%2f..%2fumbrella/orders", bearer(acme))
        self.assertEqual(walked.status_code, 400)

    def raw(self, target, headers):
        with httpx.Client(verify=TLS, trust_env=False) as client:
            return client.get(f"http://127.0.0.1:{self.envoy.port}/", headers=headers, extensions={"target": target})

    def test_a_token_may_be_missing_and_must_not_be_wrong(self):
        self.assertEqual(outcome(ask(self.envoy, path="/maybe/1")), "200")
        self.assertEqual(outcome(ask(self.envoy, token(), "/maybe/1")), "200")
        self.assertEqual(outcome(ask(self.envoy, token(exp=1), "/maybe/1")), "401 expired")
        forged = token(key=ec.generate_private_key(ec.SECP256R1()))
        self.assertEqual(outcomes(self.envoy, forged, path="/maybe/1"), {"401 signature_invalid"})
        spoofed = ask(self.envoy, path="/maybe/1", headers={"x-jwt-sub": "admin", "x-device-sub": "admin"})
        self.assertNotIn("admin", json.dumps(spoofed.json()))

    def test_of_two_tokens_both_are_needed(self):
        device = {"x-device-token": token(aud="devices", sub="phone")}
        both = ask(self.envoy, token(), "/both/1", headers=device)
        self.assertEqual(outcome(both), "200")
        seen = dict(both.json()["headers"])
        self.assertEqual((seen["x-jwt-sub"], seen["x-device-sub"]), ("alice", "phone"))
        self.assertNotIn("x-device-token", seen)
        self.assertEqual(outcome(ask(self.envoy, token(), "/both/1")), "401 missing")
        self.assertEqual(outcome(ask(self.envoy, None, "/both/1", headers=device)), "401 missing")
        wrong = {"x-device-token": token()}
        self.assertEqual(outcome(ask(self.envoy, token(), "/both/1", headers=wrong)), "403 aud_not_allowed")

    def test_other_audiences_for_one_rule(self):
        self.assertEqual(outcome(ask(self.envoy, token(aud="invoices"), "/invoices/1")), "200")
        self.assertEqual(outcome(ask(self.envoy, token(), "/invoices/1")), "403 aud_not_allowed")
        # Also for a token that is in the cache already, under the other audience.
        self.assertEqual(outcomes(self.envoy, token(aud="invoices"), path="/orders"), {"403 aud_not_allowed"})

    def test_who_sends_a_token_again_finds_it_in_the_cache(self):
        before, good = self.counters(), token(jti="seen often")
        for _ in range(100):
            self.assertEqual(outcome(ask(self.envoy, good)), "200")
        grown = self.grown(before)
        self.assertEqual(grown["cache_hit"] + grown["cache_miss"], 100)
        self.assertLessEqual(grown["cache_miss"], WORKERS)
        self.assertEqual((grown["allowed"], grown["provider_example_allowed"]), (100, 100))

    def test_a_bad_signature_is_remembered_too_and_stays_bad(self):
        before, forged = self.counters(), token(key=ec.generate_private_key(ec.SECP256R1()))
        for _ in range(50):
            self.assertEqual(outcome(ask(self.envoy, forged)), "401 signature_invalid")
        grown = self.grown(before)
        self.assertLessEqual(grown["cache_miss"], WORKERS)
        self.assertEqual((grown["denied"], grown["provider_example_denied_signature_invalid"]), (50, 50))


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
