"""What others get to see: upstreams, routes, access logs and clients that are denied; in a real Envoy.

    .venv/bin/python tests/e2e/outputs.py [-v] [CLASS[.TEST]]
"""

import base64
import faulthandler
import json
import unittest

from clients import ask, eventually, outcome
from envoy import Envoy
from example import example, token
from upstreams import http_upstream

DEADLINE_SECONDS = 300
LOG_FORMAT = "%REQ(X-NAME)% %FILTER_STATE(wasm.payload:PLAIN)% %FILTER_STATE(wasm.failure:PLAIN)%\n"
BEARER = {"header": {"name": "authorization", "scheme": "Bearer"}}
OUTPUTS = {
    "payload_header": {"name": "x-payload"},
    "filter_state": {"payload": "payload", "failure": "failure", "space_delimited_claims": ["scope"]},
    "from": [BEARER, {"query": "access_token"}, {"cookie": "session"}],
}
RULES = [
    {"match": {"path": {"prefix": "/open/"}}, "require": "allow_missing_or_failed"},
    {"match": {"path": {"prefix": "/unchecked/"}}, "require": {"extract_only": {"provider": "example"}}},
]


def connection_manager(config):
    """The settings of the example's HTTP connection manager."""
    [chain] = config["static_resources"]["listeners"][0]["filter_chains"]
    return chain["filters"][0]["typed_config"]


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(http_upstream())
        config = example(cls.upstream.server_port, cls.configure)
        cls.surround(config)
        cls.envoy = cls.enterClassContext(Envoy(config, options=["--component-log-level", "wasm:debug"]))

    @classmethod
    def configure(cls, configuration):
        """Changes the configuration of jwt-auth."""

    @classmethod
    def surround(cls, config):
        """Changes what is around jwt-auth."""

    def seen(self, response):
        """The request as the upstream got it."""
        self.assertEqual(outcome(response), "200", response.text)
        return response.json()


class Outputs(Case):
    """Headers and filter state."""

    @classmethod
    def configure(cls, configuration):
        configuration["providers"][0].update(OUTPUTS)
        configuration["rules"] += RULES

    @classmethod
    def surround(cls, config):
        [log] = connection_manager(config)["access_log"]
        log["typed_config"]["log_format"]["text_format_source"]["inline_string"] = LOG_FORMAT

    def logged(self, name):
        """What the access log says of the request of this name."""

        def line():
            return [line for line in self.envoy.access_log() if line.startswith(f"{name} ")]

        [found] = eventually(line, 5, f"a line for {name}")
        return found.removeprefix(f"{name} ")

    def test_filter_state_is_there_for_access_logs(self):
        good = token(scope="read write", sub="bob")
        self.seen(ask(self.envoy, good, headers={"x-name": "passes"}))
        payload, _, failure = self.logged("passes").rpartition(" ")
        self.assertEqual((json.loads(payload)["sub"], json.loads(payload)["scope"]), ("bob", ["read", "write"]))
        self.assertEqual(failure, "-")
        ask(self.envoy, token(exp=1), headers={"x-name": "fails"})
        payload, _, failure = self.logged("fails").partition(" ")
        self.assertEqual((payload, json.loads(failure)["code"]), ("-", "portcullis_jwt_expired"))
        self.seen(ask(self.envoy, token(exp=1), path="/open/1", headers={"x-name": "failed and passes"}))
        self.assertIn("portcullis_jwt_expired", self.logged("failed and passes"))

    def test_the_payload_as_a_header(self):
        good = token(sub="bob", name="Zoë")
        request = self.seen(ask(self.envoy, good, headers={"x-payload": "spoofed"}))
        payloads = [value for name, value in request["headers"] if name == "x-payload"]
        self.assertEqual(payloads, [good.split(".")[1]])
        claims = json.loads(base64.urlsafe_b64decode(payloads[0] + "=="))
        self.assertEqual((claims["sub"], claims["name"]), ("bob", "Zoë"))

    def test_a_token_is_taken_out_of_wherever_it_was(self):
        good = token()
        request = self.seen(ask(self.envoy, path=f"/orders?page=2&access_token={good}&size=3"))
        self.assertEqual(request["path"], "/orders?page=2&size=3")
        request = self.seen(ask(self.envoy, headers={"cookie": f"theme=dark; session={good}; lang=en"}))
        self.assertEqual([value for name, value in request["headers"] if name == "cookie"], ["theme=dark; lang=en"])
        twice = ask(self.envoy, good, path=f"/orders?access_token={good}")
        self.assertEqual(outcome(twice), "400 multiple")

    def test_claims_that_nobody_has_checked_are_marked(self):
        forged = token(exp=1, sub="bob")
        request = dict(self.seen(ask(self.envoy, forged, "/unchecked/1"))["headers"])
        self.assertEqual((request["x-jwt-sub"], request["x-jwt-signature-verified"]), ("bob", "false"))
        checked = dict(self.seen(ask(self.envoy, token(), headers={"x-jwt-signature-verified": "true"}))["headers"])
        self.assertNotIn("x-jwt-signature-verified", checked)


class Routes(Case):
    """A route by a claim, and a requirement by the filter state of an earlier filter."""

    @classmethod
    def configure(cls, configuration):
        requires = {"open": "none", "closed": "deny", "token": {"provider": "example"}}
        configuration.update(by_filter_state={"name": "tier", "requires": requires})

    @classmethod
    def surround(cls, config):
        manager = connection_manager(config)
        alice = {"name": "x-jwt-sub", "string_match": {"exact": "alice"}}
        answer = {"status": 200, "body": {"inline_string": '"for alice"'}}
        [host] = manager["route_config"]["virtual_hosts"]
        host["routes"].insert(0, {"match": {"prefix": "/", "headers": [alice]}, "direct_response": answer})
        tier = {"object_key": "tier", "factory_key": "envoy.string"}
        tier["format_string"] = {"text_format_source": {"inline_string": "%REQ(x-tier)%"}}
        earlier = "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config"
        earlier = {"@type": earlier, "on_request_headers": [tier]}
        manager["http_filters"].insert(0, {"name": "tier", "typed_config": earlier})

    def test_the_route_is_picked_by_what_the_token_says(self):
        self.assertEqual(self.seen(ask(self.envoy, token())), "for alice")
        self.assertEqual(self.seen(ask(self.envoy, token(sub="bob")))["path"], "/orders")
        spoofed = ask(self.envoy, path="/healthz", headers={"x-jwt-sub": "alice"})
        self.assertEqual(self.seen(spoofed)["path"], "/healthz")

    def test_an_earlier_filter_says_what_is_needed(self):
        needed = {"open": "200", "closed": "403 denied", "token": "401 missing", "Open": "401 missing"}
        for tier, expected in needed.items():
            self.assertEqual(outcome(ask(self.envoy, headers={"x-tier": tier})), expected, tier)
        self.assertEqual(outcome(ask(self.envoy)), "401 missing")
        self.assertEqual(outcome(ask(self.envoy, token(), headers={"x-tier": "token"})), "200")
        self.assertEqual(outcome(ask(self.envoy, token(), headers={"x-tier": "closed"})), "403 denied")


class Denials(Case):
    """Answers of the operator's own."""

    @classmethod
    def configure(cls, configuration):
        html = {"status": 404, "body": "<p>nothing here</p>", "content_type": "text/html"}
        configuration["bypass_cors_preflight"] = True
        configuration["reply"] = {
            "realm": "shop",
            "resource_metadata": "https://shop.example/.well-known/oauth-protected-resource",
            "headers": {"x-denied-by": "edge"},
            "overrides": {"portcullis_jwt_expired": html},
        }

    def test_a_denial_is_written_as_configured(self):
        denied = ask(self.envoy)
        challenge = 'Bearer realm="shop", resource_metadata="https://shop.example/.well-known/oauth-protected-resource"'
        self.assertEqual(denied.headers["www-authenticate"], challenge)
        self.assertEqual((outcome(denied), denied.headers["x-denied-by"]), ("401 missing", "edge"))
        expired = ask(self.envoy, token(exp=1))
        self.assertEqual((expired.status_code, expired.text), (404, "<p>nothing here</p>"))
        self.assertEqual(expired.headers["content-type"], "text/html")

    def test_a_preflight_passes(self):
        preflight = {"origin": "https://app.example", "access-control-request-method": "PUT"}
        self.assertEqual(self.seen_status("OPTIONS", preflight), "501")
        self.assertEqual(self.seen_status("OPTIONS", {"origin": "https://app.example"}), "401 missing")
        self.assertEqual(self.seen_status("GET", preflight), "401 missing")

    def seen_status(self, method, headers):
        # The upstream knows no OPTIONS and says so.
        return outcome(ask(self.envoy, method=method, headers=headers))


class Shadow(Case):
    """Denials that are counted and not carried out."""

    @classmethod
    def configure(cls, configuration):
        configuration["mode"] = "shadow"

    def test_whoever_would_be_denied_passes_without_claims(self):
        for credentials in (None, token(exp=1), "no token at all"):
            request = dict(self.seen(ask(self.envoy, credentials, headers={"x-jwt-sub": "admin"}))["headers"])
            self.assertNotIn("x-jwt-sub", request)
        self.assertEqual(dict(self.seen(ask(self.envoy, token()))["headers"])["x-jwt-sub"], "alice")
        counters = self.envoy.stats(r"wasmcustom\.portcullis_jwt_auth_(shadow_denied|denied|allowed)_total")
        self.assertEqual(sorted(counters.values()), [0, 1, 3])
        self.assertIn("would deny with portcullis_jwt_expired", self.envoy.log())


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
