"""Opaque tokens, about which an authorization server is asked (RFC 7662), in a real Envoy with four workers.

    .venv/bin/python tests/e2e/introspection.py [-v] [CLASS[.TEST]]
"""

import base64
import faulthandler
import json
import threading
import time
import unittest
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from clients import ask, at_once, eventually, outcome, outcomes
from envoy import Envoy
from example import example, token
from upstreams import http_upstream, serving

WORKERS = 4
SECRET = "the secret of the proxy: 100%"
DEADLINE_SECONDS = 300


class _Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def do_POST(self):
        form = self.rfile.read(int(self.headers["content-length"])).decode()
        [opaque] = urllib.parse.parse_qs(form)["token"]
        with self.server.lock:
            self.server.asked.append((opaque, self.path, self.headers["authorization"], form))
        self.server.gate.wait(30)
        status, answer = self.server.answers.get(opaque, (200, {"active": False}))
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(self.server.status or status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class AuthorizationServer(ThreadingHTTPServer):
    """Answers by token, or all with `status`, if there is one. Who asks waits while `gate` is shut."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Endpoint)
        self.lock, self.gate = threading.Lock(), threading.Event()
        self.answers, self.asked, self.status = {}, [], None
        self.gate.set()

    def handle_error(self, *_):
        """Envoy hangs up when it has waited for too long."""

    def grant(self, opaque, **claims):
        """Makes a token an active one."""
        good = {"active": True, "iss": "https://issuer.example", "aud": "orders", "sub": "alice"}
        self.answers[opaque] = 200, good | {"exp": int(time.time()) + 600} | claims

    def cluster(self):
        """The cluster by which Envoy reaches it."""
        address = {"socket_address": {"address": "127.0.0.1", "port_value": self.server_port}}
        endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
        assignment = {"cluster_name": "as", "endpoints": endpoints}
        return {"name": "as", "type": "STATIC", "connect_timeout": "1s", "load_assignment": assignment}


def authorization_server():
    return serving(AuthorizationServer())


class Introspection(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(http_upstream())

    def start(self, **settings):
        self.server = self.enterContext(authorization_server())
        introspection = {"cluster": "as", "uri": "https://as.example/introspect", "timeout": "1s", **settings}
        introspection["client"] = {"id": "proxy", "secret": SECRET}

        def change(configuration):
            [provider] = configuration["providers"]
            del provider["jwks"]
            provider["introspection"] = introspection

        config = example(self.upstream.server_port, change)
        config["static_resources"]["clusters"].append(self.server.cluster())
        self.envoy = self.enterContext(Envoy(config, WORKERS))
        self.addCleanup(self.assert_nothing_is_betrayed)

    def assert_nothing_is_betrayed(self):
        log = self.envoy.log()
        for secret in ("opaque-", SECRET, base64.b64encode(SECRET.encode()).decode()[4:20], "Function: "):
            self.assertNotIn(secret, log)

    def test_the_server_says_what_a_token_is_worth(self):
        self.start()
        now = int(time.time())
        worth = {"opaque-good": "200", "opaque-old": "401 expired", "opaque-other": "403 aud_not_allowed"}
        self.server.grant("opaque-good")
        self.server.grant("opaque-old", exp=now - 3600)
        self.server.grant("opaque-other", aud="billing")
        for opaque, expected in worth.items():
            self.assertEqual(outcomes(self.envoy, opaque), {expected})
        self.assertEqual(outcomes(self.envoy, "opaque-unknown"), {"401 inactive"})
        signed = token()
        self.assertEqual(outcome(ask(self.envoy, signed)), "401 inactive")
        request = ask(self.envoy, "opaque-good").json()
        self.assertEqual(dict(request["headers"])["x-jwt-sub"], "alice")
        self.assertNotIn("opaque-good", json.dumps(request))
        credentials = "proxy:" + urllib.parse.quote_plus(SECRET)
        basic = f"Basic {base64.b64encode(credentials.encode()).decode()}"
        self.assertEqual({(path, by) for _, path, by, _ in self.server.asked}, {("/introspect", basic)})

    def test_each_worker_asks_once_however_many_wait(self):
        self.start(timeout="10s")
        self.server.grant("opaque-good")
        self.server.gate.clear()
        with ThreadPoolExecutor(1) as background:
            answers = background.submit(at_once, 100, lambda: outcome(ask(self.envoy, "opaque-good")))
            waited = r"wasmcustom\.portcullis_jwt_auth_waited_total"
            try:
                eventually(lambda: sum(self.envoy.stats(waited).values()) >= 100, 8, "100 wait")
            finally:
                self.server.gate.set()
            self.assertEqual(set(answers.result()), {"200"})
        self.assertLessEqual(len(self.server.asked), WORKERS)
        self.assertEqual(outcomes(self.envoy, "opaque-good"), {"200"})
        self.assertLessEqual(len(self.server.asked), WORKERS)

    def test_a_revoked_token_passes_no_longer_than_the_cache_remembers(self):
        self.start(cache={"ttl": "2s", "inactive_ttl": "2s"})
        self.server.grant("opaque-good")
        self.assertEqual(outcomes(self.envoy, "opaque-good"), {"200"})
        del self.server.answers["opaque-good"]
        time.sleep(2.1)
        self.assertEqual(outcomes(self.envoy, "opaque-good"), {"401 inactive"})
        self.server.grant("opaque-good")
        time.sleep(2.1)
        self.assertEqual(outcomes(self.envoy, "opaque-good"), {"200"})

    def test_a_server_that_fails_is_no_fault_of_the_token(self):
        self.start(cache={"ttl": "0s", "inactive_ttl": "0s"})
        self.server.grant("opaque-good")
        for status in (500, 401, 302):
            self.server.status = status
            answers = at_once(16, lambda: ask(self.envoy, "opaque-good"))
            self.assertEqual({outcome(answer) for answer in answers}, {"503 introspection_unavailable"})
            self.assertTrue(all(int(answer.headers["retry-after"]) >= 1 for answer in answers))
        for broken in (b"", b"opaque-good", b"[]", b'{"active": "true"}', b'{"active": 1}', b'{"act'):
            self.server.status = None
            self.server.answers["opaque-broken"] = 200, broken
            self.assertEqual(outcomes(self.envoy, "opaque-broken", 8), {"503 introspection_unavailable"})
        self.server.status = None
        eventually(lambda: outcomes(self.envoy, "opaque-good") == {"200"}, 25, "recovery")

    def test_a_server_that_hangs_costs_one_timeout(self):
        self.start(failure_mode="deny")
        self.server.gate.clear()
        begun = time.monotonic()
        self.assertEqual(outcomes(self.envoy, "opaque-good"), {"503 introspection_unavailable"})
        self.assertLess(time.monotonic() - begun, 3)

    def test_where_failures_pass_nobody_brings_claims(self):
        self.start(failure_mode="allow")
        self.server.grant("opaque-good")
        self.server.status = 503
        passed = ask(self.envoy, "opaque-good", headers={"x-jwt-sub": "admin"})
        self.assertEqual(outcome(passed), "200")
        self.assertNotIn("x-jwt-sub", dict(passed.json()["headers"]))
        self.server.status = 401
        self.assertEqual(outcomes(self.envoy, "opaque-other", 8), {"503 introspection_unavailable"})


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
