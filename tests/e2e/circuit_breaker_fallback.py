"""circuit-breaker in a real Envoy with four workers: what requests get that do not pass, and gRPC.

    .venv/bin/python tests/e2e/circuit_breaker_fallback.py [-v] [CLASS[.TEST]]
"""

import contextlib
import faulthandler
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import grpc
from breakers import SYNC_SECONDS, WORKERS, breaker, changes, proxy, upstreams
from clients import EVERY_WORKER, ask, at_once, eventually
from envoy import Envoy
from limits import on, routes

HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
TIMES = 2 * EVERY_WORKER
"""So many connections miss one of four workers once in a hundred thousand times."""
DEADLINE_SECONDS = 120
LONG = {"duration": "1m", "jitter": 0}


class Fallbacks(unittest.TestCase):
    """Each has paths of its own."""

    @classmethod
    def setUpClass(cls):
        cls.upstream, cls.standby = cls.enterClassContext(upstreams("upstream", "standby"))
        body = '{"error": "{{breaker}} is {{state}}", "retry_after": {{retry_after}}}'
        fallbacks = [
            {"when": on("/kept"), "snapshot": {}},
            {"when": on("/matched"), "reroute": {"header": "x-fallback", "value": "standby"}},
            {"when": on("/named"), "reroute": {"header": "x-cluster", "value": "standby"}},
            {"when": on("/nowhere"), "reroute": {"header": "x-cluster", "value": "nowhere"}},
            {"when": on("/api"), "static": {"headers": {"content-type": "application/json"}, "body": body}},
        ]
        # The shared data are those of the process: one breaker for all clusters.
        config = proxy(
            breaker("all", key=[], open=LONG, trip={"error_count": 5}, fallback=fallbacks),
            upstream=cls.upstream.port,
            standby=cls.standby.port,
        )
        fits = {"name": "x-fallback", "string_match": {"exact": "standby"}}
        routes(config)[:0] = [
            {"match": {"prefix": "/", "headers": [fits]}, "route": {"cluster": "standby"}},
            {
                "match": {"prefix": "/", "headers": [{"name": "x-cluster", "present_match": True}]},
                "route": {"cluster_header": "x-cluster"},
            },
        ]
        cls.envoy = cls.enterClassContext(Envoy(config, WORKERS))
        cls.kept = {it.text for it in cls.asked("/kept/prices")}
        chosen = [{"x-fallback": "standby"}, {"x-cluster": "standby"}]
        cls.chosen = [ask(cls.envoy, path="/chosen", headers=it).text for it in chosen]
        cls.upstream.mode = "failing"
        eventually(lambda: ask(cls.envoy, path="/") and changes(cls.envoy, "closed", "open"), 5, "open")
        time.sleep(2 * SYNC_SECONDS)
        cls.arrived = len(cls.upstream.arrivals)

    @classmethod
    def asked(cls, path, count=TIMES):
        return at_once(count, lambda: ask(cls.envoy, path=path))

    def tearDown(self):
        self.assertEqual(len(self.upstream.arrivals), self.arrived, "the upstream is not spared")
        self.assertNotIn("Function: ", self.envoy.log(), "the log of a trap")
        workers = self.envoy.stats(r"listener\..*\.worker_\d+\.downstream_cx_total")
        self.assertTrue(len(workers) == WORKERS and all(workers.values()), workers)

    def counted(self, kind):
        return sum(self.envoy.stats(rf"wasmcustom\.portcullis_circuit_breaker_all_fallback_{kind}_total").values())

    def test_a_snapshot_of_each_worker(self):
        before, bodies = self.counted("snapshot"), set()
        for response in self.asked("/kept/prices"):
            self.assertEqual((response.status_code, response.headers["content-type"]), (200, "text/plain"))
            self.assertTrue(0 <= int(response.headers["age"]) < 60, response.headers)
            self.assertEqual(response.headers["cache-control"], "max-age=600")
            self.assertIn("112", response.headers["warning"])
            self.assertIn(response.text, self.kept)
            bodies.add(response.text)
        self.assertEqual(self.counted("snapshot"), before + TIMES)
        self.assertTrue(2 <= len(bodies) <= WORKERS, bodies)

    def test_no_snapshot_of_what_nobody_has_asked_for(self):
        self.assert_plain(self.asked("/kept/unknown", 8))

    def test_another_upstream_by_a_route_that_looks_at_a_header(self):
        self.assert_rerouted("/matched/orders", "x-fallback")

    def test_another_upstream_by_a_route_whose_cluster_is_in_a_header(self):
        self.assert_rerouted("/named/orders", "x-cluster")

    def assert_rerouted(self, path, header):
        before = len(self.standby.arrivals)
        for response in self.asked(path):
            self.assertEqual(response.status_code, 200)
            self.assertTrue(response.text.startswith(f"standby {path} "), response.text)
        arrived = self.standby.arrivals[before:]
        self.assertEqual([(it.path, it.headers[header]) for it in arrived], [(path, "standby")] * TIMES)

    def test_clients_do_not_choose_their_upstream(self):
        self.assertTrue(all(it.startswith("upstream /chosen ") for it in self.chosen), self.chosen)

    def test_a_cluster_that_does_not_exist(self):
        first = ask(self.envoy, path="/nowhere")
        self.assertEqual((first.status_code, first.text), (503, ""))
        self.assertNotIn("retry-after", first.headers)
        warning = "circuit-breaker: all: fallback[3].reroute: Envoy has no such cluster"
        eventually(lambda: warning in self.envoy.log(), 2, warning)
        self.assertEqual(self.envoy.log().count(warning), 1)
        # Each worker finds out by itself, once.
        self.assertEqual({it.status_code for it in self.asked("/nowhere")}, {503})
        self.assert_plain(self.asked("/nowhere"))
        self.assertLessEqual(self.envoy.log().count(warning), WORKERS)

    def test_words_of_its_own(self):
        for response in self.asked("/api/orders"):
            self.assertEqual((response.status_code, response.headers["content-type"]), (503, "application/json"))
            answer = response.json()
            after = answer.pop("retry_after")
            self.assertEqual(answer, {"error": "all is open"})
            self.assertTrue(1 <= after <= 60, after)
            self.assertEqual(response.headers["retry-after"], str(after))

    def test_plainly(self):
        self.assert_plain(self.asked("/other"))

    def assert_plain(self, responses):
        for response in responses:
            self.assertEqual(response.status_code, 503)
            self.assertEqual(response.headers["content-type"], "application/problem+json")
            self.assertTrue(1 <= int(response.headers["retry-after"]) <= 60, response.headers)
            self.assertEqual(response.json()["code"], "portcullis_circuit_open")


class _Counting(grpc.GenericRpcHandler):
    """Streams a message and then fails, or fails at once; or all is well."""

    def __init__(self):
        self.status, self.served, self._lock = grpc.StatusCode.OK, 0, threading.Lock()

    def service(self, details):
        return grpc.unary_stream_rpc_method_handler(self._late if details.method.endswith("/List") else self._at_once)

    def _at_once(self, message, context):
        with self._lock:
            self.served += 1
        if self.status != grpc.StatusCode.OK:
            context.abort(self.status, "of the upstream")
        yield message

    def _late(self, message, context):
        yield message
        yield from self._at_once(message, context)


@contextlib.contextmanager
def grpc_upstream():
    """A gRPC server and what it does."""
    with ThreadPoolExecutor(8) as workers:
        handler = _Counting()
        server = grpc.server(workers, handlers=[handler])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield handler, port
        finally:
            server.stop(None).wait()


class Grpc(unittest.TestCase):
    """With an upstream that speaks gRPC: its status is in the trailers, or in the headers where there is no more."""

    CALLS = 10

    def setUp(self):
        self.handler, port = self.enterContext(grpc_upstream())
        protocol = {"@type": f"type.googleapis.com/{HTTP2}", "explicit_http_config": {"http2_protocol_options": {}}}
        trip = {"error_count": self.CALLS}
        config = proxy(breaker("grpc", key=[{"grpc_method": True}], open=LONG, trip=trip), upstream=port)
        config["static_resources"]["clusters"][0]["typed_extension_protocol_options"] = {HTTP2: protocol}
        self.envoy = self.enterContext(Envoy(config, WORKERS))
        # Each has a connection of its own.
        options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
        address = f"127.0.0.1:{self.envoy.port}"
        self.channels = [self.enterContext(grpc.insecure_channel(address, options)) for _ in range(EVERY_WORKER)]

    def call(self, method, number):
        """The status of a call, and what it says."""
        messages = self.channels[number % EVERY_WORKER].unary_stream(f"/shop.Orders/{method}")(b"apples", timeout=10)
        try:
            return (list(messages) and None) or grpc.StatusCode.OK, ""
        except grpc.RpcError as error:
            return error.code(), error.details()

    def check(self, method, status=grpc.StatusCode.UNAVAILABLE):
        calls = [self.call(method, it) for it in range(EVERY_WORKER)]
        self.assertEqual({it for it, _ in calls}, {grpc.StatusCode.OK})
        self.handler.status, before = status, self.handler.served
        failed = [self.call(method, it) for it in range(self.CALLS)]
        self.assertEqual(set(failed), {(status, "of the upstream")})
        [opened] = eventually(lambda: changes(self.envoy, "closed", "open"), 2, "open")
        self.assertIn(f"error_count {self.CALLS} >= {self.CALLS}", opened.why)
        time.sleep(2 * SYNC_SECONDS)
        denied = [self.call(method, it) for it in range(EVERY_WORKER)]
        plain = "the upstream fails or is slow, and is spared for a while"
        self.assertEqual(set(denied), {(grpc.StatusCode.UNAVAILABLE, plain)})
        self.assertEqual(self.handler.served, before + self.CALLS)

    def test_a_status_in_trailers(self):
        self.check("List")

    def test_a_status_in_headers(self):
        self.check("Get")

    def test_a_status_that_is_no_failure(self):
        self.handler.status = grpc.StatusCode.NOT_FOUND
        calls = [self.call(method, it) for it in range(EVERY_WORKER) for method in ("List", "Get")]
        self.assertEqual(set(calls), {(grpc.StatusCode.NOT_FOUND, "of the upstream")})
        time.sleep(2 * SYNC_SECONDS)
        self.assertEqual(changes(self.envoy), [])


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
