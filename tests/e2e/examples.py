"""The shipped examples in a real Envoy: each is loaded, and that of trace-injection does what it says.

    .venv/bin/python tests/e2e/examples.py [-v] [CLASS[.TEST]]
"""

import contextlib
import faulthandler
import json
import unittest
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import yaml
from clients import TLS, eventually
from envoy import ROOT, Envoy
from limits import hcm
from recorded import distinct, of_requests, problems
from traces import upstream as noting_upstream
from upstreams import http_upstream

EXAMPLES = sorted(ROOT.glob("envoy/standalone/*.yaml"))
NOBODY = 1
"""A port on which nobody listens."""
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
DEADLINE_SECONDS = 120


def shipped(path, **ports):
    """An example; `ports` are those of its clusters, and its listener gets one that is free."""
    return on_loopback(yaml.safe_load(path.read_text()), **ports)


def on_loopback(config, **ports):
    """A configuration whose clusters are at these ports, and whose listener gets one that is free."""
    [listener] = config["static_resources"]["listeners"]
    listener["address"]["socket_address"]["port_value"] = 0
    for cluster in config["static_resources"]["clusters"]:
        [endpoint] = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
        address = endpoint["endpoint"]["address"]["socket_address"]
        address.update(address="127.0.0.1", port_value=ports.get(cluster["name"], NOBODY))
    return config


class Loading(unittest.TestCase):
    """Whoever copies one starts with something that runs."""

    def test_every_example_is_loaded(self):
        paths = [it for it in EXAMPLES if ".config" not in it.suffixes]
        self.assertGreater(len(paths), 5)
        for path in paths:
            with self.subTest(path.name), Envoy(shipped(path)) as envoy:
                self.assertGreater(sum(envoy.stats(r"wasm\..*\.active").values()), 0, "no VM")


class _Collector(grpc.GenericRpcHandler):
    """Notes what it is sent, and takes all of it."""

    def __init__(self):
        self.taken = []

    def service(self, call):
        self.method = call.method
        return grpc.unary_unary_rpc_method_handler(lambda message, _: self.taken.append(message) or b"")


@contextlib.contextmanager
def collector():
    """A collector, and its port."""
    with ThreadPoolExecutor(2) as workers:
        handler = _Collector()
        server = grpc.server(workers, handlers=[handler])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield handler, port
        finally:
            server.stop(None).wait()


class TraceInjection(unittest.TestCase):
    """Its clients are strangers: the tests come from 127.0.0.1, which is none of its own networks."""

    def setUp(self):
        upstream = self.enterContext(http_upstream())
        self.collector, port = self.enterContext(collector())
        config = shipped(
            ROOT / "envoy/standalone/trace-injection.yaml", upstream=upstream.server_address[1], collector=port
        )
        [it] = [it for it in hcm(config)["http_filters"] if it["name"] == "trace-injection"]
        value = it["typed_config"]["config"]["configuration"]
        configuration = json.loads(value["value"])
        configuration["export"]["delay"] = "100ms"
        value["value"] = json.dumps(configuration)
        self.envoy = self.enterContext(Envoy(config))

    def ask(self, method, path):
        """The answer to a request that brings a trace along."""
        headers = {"traceparent": PARENT, "tracestate": "a=b", "baggage": "user=alice"}
        with httpx.Client(verify=TLS, trust_env=False, timeout=30) as client:
            return client.request(method, f"http://127.0.0.1:{self.envoy.port}{path}", headers=headers)

    def test_a_stranger_gets_a_trace_of_its_own(self):
        answer = self.ask("GET", "/healthz")
        seen = dict(answer.json()["headers"])
        version, trace, span, flags = seen["traceparent"].split("-")
        self.assertEqual((version, flags), ("00", "02"), "a health check is not recorded")
        self.assertNotEqual(trace, TRACE)
        self.assertEqual({"tracestate", "baggage"} & seen.keys(), set())
        self.assertEqual(answer.headers["traceresponse"], f"00-{trace}-{span}-02")
        line = f"GET /healthz 200 trace={trace} sampled=0"
        eventually(lambda: line in self.envoy.access_log(), 5, line)

    def test_what_fails_is_sent_to_the_collector(self):
        # The upstream does not know the method, and says 501.
        answer = self.ask("PUT", "/orders/17?user=alice")
        self.assertEqual(answer.status_code, 501)
        _, trace, span, _ = answer.headers["traceresponse"].split("-")
        [message] = eventually(lambda: self.collector.taken, 10, "a span has come")
        self.assertEqual(self.collector.method, "/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        for text in (b"gateway", b"PUT /orders/{id}", b"/orders/17", b"user=REDACTED"):
            self.assertIn(text, message)
        # Its own ids, and the link to the trace that the client has brought along.
        for identifier in (trace, span, TRACE, SPAN):
            self.assertIn(bytes.fromhex(identifier), message)
        self.assertNotIn(b"alice", message)


class AuditLog(unittest.TestCase):
    """It shows little of requests, and nothing of what may be a secret."""

    def setUp(self):
        upstream, self.siem = self.enterContext(http_upstream()), self.enterContext(noting_upstream())
        ports = {"upstream": upstream.server_address[1], "siem": self.siem.server_port}
        self.envoy = self.enterContext(Envoy(shipped(ROOT / "envoy/standalone/audit-log.yaml", **ports)))

    def test_what_it_records_and_what_not(self):
        asked = {
            "/orders?page=2&key=hunter2": "POST",
            "/admin/users?page=1": "POST",
            "/reset/hunter2": "POST",
            "/healthz": "GET",
        }
        with httpx.Client(verify=TLS, trust_env=False, timeout=30) as client:
            for target, method in asked.items():
                headers = {"authorization": "Bearer hunter2", "cookie": "session=hunter2"}
                answer = client.request(method, f"http://127.0.0.1:{self.envoy.port}{target}", headers=headers)
                self.assertEqual(answer.status_code, 200)
        records = eventually(lambda: self.recorded(3), 10, "records have come")
        self.assertEqual(problems(records), {})
        urls = [it.url for it in of_requests(records)]
        self.assertEqual({it["path"] for it in urls}, {"/orders", "/admin/users", "/reset/{token}"})
        self.assertEqual({it.get("query_string") for it in urls}, {"page=2&key=[redacted]", "page=1", None})
        [admin] = [it for it in of_requests(records) if it.audit.get("rule") == "admin"]
        shown = {it["name"]: it["value"] for it in admin.all["http_request"]["http_headers"]}
        self.assertEqual(shown["authorization"], "Bearer [redacted]")
        self.assertEqual(admin.all["http_cookies"], [{"name": "session", "value": "[redacted]"}])
        self.assertNotIn(b"hunter2", b"".join(it.line for it in records))

    def recorded(self, count):
        """All records, once there are so many of requests."""
        self.assertEqual({(it.path, it.get("content-type")) for it in self.siem.seen} - {("/ingest", "application/x-ndjson")}, set())
        records = distinct(line for it in self.siem.seen for line in it.body.splitlines())
        return records if len(of_requests(records)) >= count else None


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
