"""jwt-auth as an operator runs it: the shipped example and the shipped module, in a real Envoy with two workers.

    .venv/bin/python tests/e2e/jwt_auth.py [-v] [CLASS[.TEST]]

Of the example only the ports and the keys are replaced; a class that replaces more says so. PORTCULLIS in the
environment is the path of the command line, target/debug/portcullis by default.
"""

import base64
import contextlib
import faulthandler
import functools
import http.client
import json
import math
import os
import re
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from envoy import ROOT, Envoy, command
from example import KEYS, bearer, example, plugin_configuration, shipped, token
from upstreams import grpc_upstream, http_upstream

CONFIGURATION = ROOT / "envoy/standalone/jwt-auth.config.yaml"
PORTCULLIS = os.environ.get("PORTCULLIS") or ROOT / "target/debug/portcullis"
STRANGER = ec.generate_private_key(ec.SECP256R1())
TLS = ssl.create_default_context()  # Never used; made once, because httpx makes one per client otherwise.
LONG = "x" * 50_000
COUNTERS = r"wasmcustom\.portcullis_jwt_auth_.*"
DEADLINE_SECONDS = 180


def seen(response):
    """The request as the upstream got it, by the upstream's own answer."""
    if response.status_code != 200:
        raise AssertionError(f"not passed on: {response.status_code} {response.text}")
    return response.json()


def values(request, name):
    return [value for header, value in request["headers"] if header == name]


def over_both_protocols(test):
    @functools.wraps(test)
    def each(self):
        base = f"http://127.0.0.1:{self.envoy.port}"
        for version in ("HTTP/1.1", "HTTP/2"):
            protocol = {"http1": version == "HTTP/1.1", "http2": version == "HTTP/2"}
            with (
                self.subTest(version),
                httpx.Client(base_url=base, verify=TLS, trust_env=False, timeout=10, **protocol) as client,
            ):
                self.assertEqual(client.get("/healthz").http_version, version)
                test(self, client)

    return each


class Example(unittest.TestCase):
    """The example over HTTP/1.1 and over HTTP/2 with prior knowledge."""

    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(http_upstream())
        cls.envoy = cls.enterClassContext(Envoy(example(cls.upstream.server_port)))

    def assert_denied(self, response, status, code, error=None):
        self.assertEqual(response.status_code, status, response.text)
        self.assertEqual(response.headers["content-type"], "application/problem+json")
        problem = response.json()
        self.assertEqual((problem["status"], problem["code"]), (status, code))
        self.assertTrue(problem["title"] and problem["detail"])
        challenge = 'Bearer realm="portcullis"'
        if error:
            challenge += f', error="{error}", error_description="{problem["detail"]}"'
        self.assertEqual(response.headers.get_list("www-authenticate"), [challenge])

    def vms(self):
        """How many VMs there were and are, and how often one was reloaded: a trap changes it."""
        self.assertNotIn("Function: ", self.envoy.log(), "the log of a trap")
        stats = self.envoy.stats(r"wasm\..*")
        self.assertGreaterEqual(stats["wasm.envoy.wasm.runtime.v8.active"], 2, "a VM per worker")
        return stats

    @over_both_protocols
    def test_without_a_token(self, client):
        served = self.upstream.served
        self.assert_denied(client.get("/orders"), 401, "portcullis_jwt_missing")
        self.assertEqual(self.upstream.served, served)

    @over_both_protocols
    def test_with_a_token_the_upstream_sees_the_subject_and_not_the_token(self, client):
        for alg in KEYS:
            good = token(alg, sub=f"{alg} user")
            request = seen(client.get("/orders?page=2", headers=bearer(good)))
            self.assertEqual((request["method"], request["path"]), ("GET", "/orders?page=2"))
            self.assertEqual(values(request, "x-jwt-sub"), [f"{alg} user"])
            self.assertEqual(values(request, "authorization"), [])
            self.assertNotIn(good.rpartition(".")[2], json.dumps(request))

    @over_both_protocols
    def test_a_body_passes_byte_for_byte(self, client):
        body = bytes(range(256)) * 1200
        request = seen(client.post("/orders", content=body, headers=bearer(token())))
        self.assertEqual(request["method"], "POST")
        self.assertEqual(base64.b64decode(request["body"]), body)
        self.assert_denied(client.post("/orders", content=body), 401, "portcullis_jwt_missing")

    @over_both_protocols
    def test_a_spoofed_claim_header_never_arrives(self, client):
        spoofed = [("x-jwt-sub", "admin"), ("X-Jwt-Sub", "root")]
        self.assertEqual(values(seen(client.get("/healthz", headers=spoofed)), "x-jwt-sub"), [])
        good = [*bearer(token()).items(), *spoofed]
        self.assertEqual(values(seen(client.get("/orders", headers=good)), "x-jwt-sub"), ["alice"])

    @over_both_protocols
    def test_the_open_path_opens_no_other(self, client):
        denied = [b"/healthz/", b"/healthz/../orders", b"/healthz%2f..%2forders", b"/orders?/healthz", b"/Healthz"]
        seen(client.get("/healthz?probe=1"))
        for target in denied:
            response = client.get("/", extensions={"target": target})
            self.assertIn(response.status_code, (400, 401), target)

    @over_both_protocols
    def test_bad_tokens(self, client):
        now = int(time.time())
        good = token("RS256")
        refused = {
            "expired": (token(exp=now - 3600), 401),
            "not_yet_valid": (token(nbf=now + 3600), 401),
            "aud_not_allowed": (token(aud="billing"), 403),
            "iss_not_allowed": (token(iss="https://other.example"), 401),
            "signature_invalid": (token(key=STRANGER), 401),
            "malformed": (good.rpartition(".")[0], 401),
            "alg_not_allowed": (jwt.encode({"sub": "alice"}, None, "none"), 401),
        }
        for what, (bad, status) in refused.items():
            with self.subTest(what):
                response = client.get("/orders", headers=bearer(bad))
                self.assert_denied(response, status, f"portcullis_jwt_{what}", "invalid_token")
        # Envoy joins repeated authorization headers by commas before any filter sees them.
        twice = client.get("/orders", headers=[*bearer(good).items(), *bearer(good).items()])
        self.assert_denied(twice, 401, "portcullis_jwt_malformed", "invalid_token")

    @over_both_protocols
    def test_the_access_log_names_the_reason(self, client):
        path = f"/logged-{client.get('/healthz').http_version[-1]}"
        client.get(path)
        line, deadline = f"GET {path} 401 portcullis_jwt_missing", time.monotonic() + 5
        while line not in self.envoy.access_log() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertIn(line, self.envoy.access_log())

    @over_both_protocols
    def test_odd_headers_do_not_end_a_vm(self, client):
        before, good, odd = self.vms(), token(), b"\xff\xfe\x80 \xc3("
        request = seen(client.get("/orders", headers={"x-long": LONG, **bearer(good)}))
        self.assertEqual(values(request, "x-long"), [LONG])
        headers = [(b"x-odd", odd), (b"authorization", b"Bearer " + good.encode())]
        self.assertEqual(values(seen(client.get("/orders", headers=headers)), "x-odd"), [odd.decode("latin-1")])
        too_large = client.get("/orders", headers=bearer(LONG))
        self.assert_denied(too_large, 401, "portcullis_jwt_too_large", "invalid_token")
        malformed = client.get("/orders", headers=[(b"authorization", b"Bearer " + odd)])
        self.assertIn(malformed.status_code, (400, 401))
        self.assertEqual(values(seen(client.get("/orders", headers=bearer(good))), "x-jwt-sub"), ["alice"])
        self.assertEqual(self.vms(), before)

    def test_64_connections_at_once(self):
        connections, rounds = 64, 12
        before, vms, served = self.envoy.stats(COUNTERS), self.vms(), self.upstream.served
        together = threading.Barrier(connections, timeout=30)
        with ThreadPoolExecutor(connections) as clients:
            results = list(clients.map(lambda number: self.converse(number, rounds, together), range(connections)))
        for wrong in filter(None, results):
            self.fail(f"{sum(map(bool, results))} of {connections} clients were answered wrongly, one of them: {wrong}")
        half = connections * rounds // 2
        after = self.envoy.stats(COUNTERS)
        grown = {name.rpartition("auth_")[2]: after[name] - before.get(name, 0) for name in after}
        self.assertEqual((grown["allowed_total"], grown["denied_total"]), (half, half))
        self.assertEqual((grown["not_required_total"], grown["shadow_denied_total"]), (0, 0))
        self.assertEqual(self.upstream.served - served, half)
        self.assertEqual(self.vms(), vms)
        workers = self.envoy.stats(r"listener\..*\.worker_\d+\.downstream_cx_total")
        self.assertEqual(len(workers), 2)
        self.assertTrue(all(workers.values()), workers)

    def converse(self, number, rounds, together):
        """One keep-alive connection, good and bad tokens in turn, odd headers; the first wrong answer, if any."""
        expired = token(exp=int(time.time()) - 3600)
        bad = [(None, 401), (expired, 401), (token(aud="billing"), 403), (token(key=STRANGER), 401)]
        connection = http.client.HTTPConnection("127.0.0.1", self.envoy.port, timeout=30)
        with contextlib.closing(connection):
            connection.connect()
            socket = connection.sock
            together.wait()
            for turn in range(rounds):
                subject, is_good = f"client-{number}-{turn}", (number + turn) % 2 == 0
                good = token(("ES256", "RS256")[turn // 2 % 2], sub=subject), 200
                credentials, expected = good if is_good else bad[turn // 2 % len(bad)]
                odd = {"x-odd": b"\xff\xfe", "x-long": LONG if turn < 2 else ""}
                connection.request("GET", "/orders", headers=odd | bearer(credentials))
                response = connection.getresponse()
                body = response.read()
                if response.status != expected or connection.sock is not socket:
                    return f"{subject}: {response.status} for {expected}: {body}, {response.getheaders()}"
                if is_good and values(json.loads(body), "x-jwt-sub") != [subject]:
                    return f"{subject}: {body}"
        return None


class Expiry(unittest.TestCase):
    """The example with `clock_skew: 0s`."""

    def test_a_token_expires_between_two_requests(self):
        with http_upstream() as upstream:
            config = example(upstream.server_port, lambda it: it["providers"][0].update(clock_skew="0s"))
            with Envoy(config) as envoy, httpx.Client(verify=TLS, trust_env=False) as client:
                expires = math.ceil(time.time()) + 2
                url, headers = f"http://127.0.0.1:{envoy.port}/orders", bearer(token(exp=expires))
                self.assertEqual(client.get(url, headers=headers).status_code, 200)
                time.sleep(expires - time.time() + 0.05)
                refused = client.get(url, headers=headers)
                self.assertEqual((refused.status_code, refused.json()["code"]), (401, "portcullis_jwt_expired"))


class Grpc(unittest.TestCase):
    """The example with an upstream cluster that speaks HTTP/2."""

    @classmethod
    def setUpClass(cls):
        config = example(cls.enterClassContext(grpc_upstream()))
        options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        http2 = {"@type": f"type.googleapis.com/{options}", "explicit_http_config": {"http2_protocol_options": {}}}
        config["static_resources"]["clusters"][0]["typed_extension_protocol_options"] = {options: http2}
        envoy = cls.enterClassContext(Envoy(config))
        address, options = f"127.0.0.1:{envoy.port}", [("grpc.enable_http_proxy", 0)]
        channel = cls.enterClassContext(grpc.insecure_channel(address, options))
        cls.call = staticmethod(channel.unary_unary("/shop.Orders/Place"))

    def ask(self, credentials=None):
        metadata = [*bearer(credentials).items(), ("x-jwt-sub", "admin")]
        return json.loads(self.call(b"two apples", timeout=10, metadata=metadata))

    def assert_refused(self, credentials, code, message):
        with self.assertRaises(grpc.RpcError) as refused:
            self.ask(credentials)
        self.assertEqual((refused.exception.code(), refused.exception.details()), (code, message))

    def test_with_a_token_the_server_sees_the_subject(self):
        answer = self.ask(token())
        self.assertEqual(answer["message"], "two apples")
        self.assertEqual(answer["metadata"]["x-jwt-sub"], "alice")
        self.assertNotIn("authorization", answer["metadata"])

    def test_without_a_token_the_call_is_unauthenticated(self):
        self.assert_refused(None, grpc.StatusCode.UNAUTHENTICATED, "a token is needed here")

    def test_with_a_token_for_somebody_else_permission_is_denied(self):
        message = "the token is meant for another audience"
        self.assert_refused(token(aud="billing"), grpc.StatusCode.PERMISSION_DENIED, message)


class Configuration(unittest.TestCase):
    """What Envoy says of a configuration, `portcullis check` says before."""

    @classmethod
    def setUpClass(cls):
        if not Path(PORTCULLIS).is_file():
            raise FileNotFoundError(f"{PORTCULLIS} is missing: cargo build -p portcullis-cli, or set PORTCULLIS")

    def check(self, path):
        check = [PORTCULLIS, "check", "--filter", "jwt-auth", "--config", path]
        return subprocess.run(check, cwd=ROOT, capture_output=True, text=True, timeout=60)

    def test_the_shipped_configuration_is_the_one_in_the_example_and_good(self):
        inside = json.loads(plugin_configuration(shipped())["value"])
        self.assertEqual(inside, yaml.safe_load(CONFIGURATION.read_text()))
        checked = self.check(CONFIGURATION)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_envoy_does_not_start_on_what_the_check_refuses(self):
        mistakes = {
            "unknown member": lambda it: it["providers"][0].update(audience="orders"),
            "missing member": lambda it: it["providers"][0].pop("audiences"),
            "unknown provider": lambda it: it.update(otherwise={"provider": "exampel"}),
            "wrong duration": lambda it: it["providers"][0].update(clock_skew=60),
            "broken key": lambda it: it["providers"][0]["jwks"]["inline"]["keys"][0].update(x="AAAA"),
        }
        for name, make in mistakes.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as directory:
                config = example(1, make)
                plugin, bootstrap = Path(directory, "plugin.json"), Path(directory, "envoy.json")
                plugin.write_text(plugin_configuration(config)["value"])
                bootstrap.write_text(json.dumps(config))
                checked = self.check(plugin)
                self.assertEqual(checked.returncode, 1, checked.stderr)
                [line] = checked.stdout.splitlines()
                self.assertRegex(line, rf"^{re.escape(str(plugin))}: jwt-auth: configuration: \w")
                ran = subprocess.run(command(bootstrap), cwd=ROOT, capture_output=True, text=True, timeout=30)
                self.assertNotEqual(ran.returncode, 0)
                logged = set(re.findall(r"\[error\]\[wasm\] .* wasm log: (.*)", ran.stderr))
                self.assertEqual(logged, {line.removeprefix(f"{plugin}: ")})


if __name__ == "__main__":
    # Leaves a hanging test with a traceback; Envoy ends with this program.
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
