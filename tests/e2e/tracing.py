"""trace-injection in two real Envoys with an app between them: each request is one trace, by headers and by spans.

    .venv/bin/python tests/e2e/tracing.py [-v] [CLASS[.TEST]]
"""

import contextlib
import faulthandler
import http.client
import json
import socket
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import httpx
from clients import TLS, eventually
from envoy import Envoy
from example import bearer, example, token
from example import plugin_configuration as jwt_configuration
from limits import hcm, on, routes
from load import get
from traces import (
    HALF,
    HANG,
    NO_HTTP,
    RESET,
    UPGRADE,
    Collector,
    collectors,
    export,
    plugin,
    proxy,
    tracing,
    upstream,
)

SLACK_NANOSECONDS = 50_000_000
"""By so much one process may learn later than another what both were told."""
STATES = [f"%FILTER_STATE(wasm.portcullis.{it}:PLAIN)%" for it in ("trace_id", "span_id", "sampled")]
ACCESS_LOG = " ".join([*STATES, "%REQ(X-REQUEST-ID)%"])
EDGE = {
    "id": "router~10.0.0.7~edge-5c6d-x.shop~shop.svc.cluster.local",
    "cluster": "edge.shop",
    "metadata": {
        "NAME": "edge-5c6d-x",
        "NAMESPACE": "shop",
        "OWNER": "kubernetes://apis/apps/v1/namespaces/shop/deployments/edge",
        "CLUSTER_ID": "Kubernetes",
    },
}
SIDECAR = {
    "id": "sidecar~10.0.0.8~orders-0.shop~shop.svc.cluster.local",
    "cluster": "orders.shop",
    "metadata": {
        "NAME": "orders-0",
        "NAMESPACE": "shop",
        "OWNER": "kubernetes://apis/apps/v1/namespaces/shop/statefulsets/orders",
        "LABELS": {"app": "orders"},
    },
}
SDK = {"telemetry.sdk.name": "portcullis", "telemetry.sdk.language": "rust"}
EDGE_RESOURCE = SDK | {
    "service.name": "edge.shop",
    "service.instance.id": EDGE["id"],
    "k8s.pod.name": "edge-5c6d-x",
    "k8s.namespace.name": "shop",
    "k8s.deployment.name": "edge",
    "k8s.cluster.name": "Kubernetes",
}
SIDECAR_RESOURCE = SDK | {
    "service.name": "orders",
    "service.instance.id": SIDECAR["id"],
    "k8s.pod.name": "orders-0",
    "k8s.namespace.name": "shop",
    "k8s.statefulset.name": "orders",
    "deployment.environment.name": "test",
}
DEADLINE_SECONDS = 180


@dataclass(frozen=True)
class Place:
    """A place in a trace."""

    trace: str
    span: str
    sampled: bool = True


REMOTE = Place("5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8")
SHORT = Place("0" * 16 + "e1be46a994272793", "53995c3f42cd8ad8")
UNRECORDED = Place(REMOTE.trace, REMOTE.span, sampled=False)


def read_w3c(header):
    version, trace, span, flags = header("traceparent").split("-")
    assert version == "00" and int(flags, 16) < 4, flags
    return Place(trace, span, bool(int(flags, 16) & 1))


def read_b3(header):
    trace, span, sampled = header("b3").split("-")
    return Place(trace, span, sampled == "1")


def read_jaeger(header):
    trace, span, parent, flags = header("uber-trace-id").split(":")
    assert parent == "0", parent
    return Place(trace, span, flags == "1")


def read_datadog(header):
    tags = dict(tag.split("=") for tag in (header("x-datadog-tags") or "_dd.p.tid=0").split(","))
    low, span = (int(header(f"x-datadog-{name}-id")) for name in ("trace", "parent"))
    high = int(tags["_dd.p.tid"], 16)
    return Place(f"{high:016x}{low:016x}", f"{span:016x}", header("x-datadog-sampling-priority") == "1")


def written(dialect, place):
    """The headers of a request that is there in a trace."""
    trace, span, bit = place.trace, place.span, int(place.sampled)
    if dialect == "w3c":
        return {"traceparent": f"00-{trace}-{span}-0{bit}", "tracestate": "vendor=1"}
    if dialect == "b3":
        return {"b3": f"{trace.removeprefix('0' * 16)}-{span}-{bit}"}
    if dialect == "jaeger":
        return {"uber-trace-id": f"{trace.lstrip('0')}:{span}:0:{bit}"}
    high, low = int(trace[:16], 16), int(trace[16:], 16)
    return {
        "x-datadog-trace-id": str(low),
        "x-datadog-parent-id": str(int(span, 16)),
        "x-datadog-sampling-priority": str(bit),
    } | ({"x-datadog-tags": f"_dd.p.tid={high:016x}"} if high else {})


READ = {"w3c": read_w3c, "b3": read_b3, "jaeger": read_jaeger, "datadog": read_datadog}
HEADERS = {
    "w3c": {"traceparent", "tracestate"},
    "b3": {"b3"},
    "jaeger": {"uber-trace-id"},
    "datadog": {"x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-sampling-priority", "x-datadog-tags"},
}
ALL = set().union(*HEADERS.values())


class _App(BaseHTTPRequestHandler):
    """A service that does nothing but ask another one, and knows no more of tracing than which headers to hand on."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def do_GET(self):
        handed_on = {name: value for name, value in self.headers.items() if name.lower() in self.server.handed_on}
        sidecar = http.client.HTTPConnection("127.0.0.1", self.server.sidecar, timeout=10)
        with contextlib.closing(sidecar):
            sidecar.request("GET", self.path.replace("/orders/", "/items/"), headers={"host": "stock:8000"} | handed_on)
            response = sidecar.getresponse()
            body = response.read()
        self.send_response(response.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def app(sidecar, handed_on):
    """The port of a service that asks others by the Envoy on the port `sidecar`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _App) as server:
        server.daemon_threads, server.sidecar, server.handed_on = True, sidecar, handed_on
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


class Traced(unittest.TestCase):
    """Spans go to a collector, and come from an edge and from a sidecar behind it."""

    @classmethod
    def setUpClass(cls):
        cls.collector = cls.enterClassContext(Collector())
        cls.collector.start()
        cls.envoys = []

    @classmethod
    def start(cls, node, *filters, access_log=None, change=lambda config: None, **members):
        config = proxy(members.pop("upstream"), *filters, **members, **collectors(cls.collector))
        config["node"] = node
        change(config)
        if access_log:
            text = {"text_format_source": {"inline_string": access_log + "\n"}}
            name = "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"
            log = {"name": "stdout", "typed_config": {"@type": name, "log_format": text}}
            hcm(config)["access_log"] = [log]
        cls.envoys.append(cls.enterClassContext(Envoy(config)))
        return cls.envoys[-1]

    def tearDown(self):
        for envoy in self.envoys:
            self.assertNotIn("Function: ", envoy.log(), "the log of a trap")

    def assert_resource(self, span, resource):
        version = span.resource.pop("telemetry.sdk.version", "")
        self.assertRegex(version, r"^\d+\.\d+\.\d+$")
        self.assertEqual(span.resource, resource)
        self.assertEqual(span.scope, f"portcullis {version}")
        self.assertEqual(span.schema, "https://opentelemetry.io/schemas/1.44.0")


class Journey:
    """client -> edge -> app -> sidecar -> upstream, in one of the dialects."""

    dialect, protocols = "", ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.enterClassContext(upstream())
        cls.upstream.answer = lambda seen: int(seen.path.partition("status=")[2] or 200)
        at_the_edge, beside = cls.protocols
        resource = {"service_name": "orders", "attributes": {"deployment.environment.name": "test"}}
        out = tracing(
            side="client",
            extract=[cls.dialect],
            inject=[cls.dialect],
            spans={"routes": ["/items/{id}"], "query_values": ["status"]},
            export=export(beside, resource=resource),
        )
        sidecar = cls.start(SIDECAR, out, upstream=cls.upstream.server_port)
        port = cls.enterClassContext(app(sidecar.port, HEADERS[cls.dialect]))
        partner = {"when": {"headers": [{"name": "x-partner"}]}, "parent": "continue"}
        come_in = tracing(
            extract=list(READ),
            inject=[cls.dialect],
            trust={"rules": [partner], "otherwise": "link"},
            traceresponse="always",
            filter_state=True,
            spans={"routes": ["/orders/{id}"], "extra": [{"name": "route", "from": {"property": "xds.route_name"}}]},
            export=export(at_the_edge),
        )
        cls.edge = cls.start(EDGE, come_in, upstream=port, access_log=ACCESS_LOG)

    def ask(self, path="/orders/7?page=2", headers=()):
        """The answer, and what the upstream has seen."""
        headers = {"host": "shop.example", "user-agent": "test/1"} | dict(headers)
        before = len(self.upstream.seen)
        url = f"http://127.0.0.1:{self.edge.port}{path}"
        response = httpx.get(url, headers=headers, verify=TLS, trust_env=False, timeout=10)
        [seen] = self.upstream.seen[before:]
        self.assertLessEqual({name for name, _ in seen.headers} & ALL, HEADERS[self.dialect])
        return response, seen

    def spans(self, seen):
        """The span of the edge and that of the sidecar, of which the upstream was told."""
        place = READ[self.dialect](seen.get)
        edge, sidecar = self.collector.trace(place.trace, 2)
        self.assertEqual(place, Place(sidecar.trace, sidecar.id))
        self.assertEqual((edge.trace, edge.id), (sidecar.trace, sidecar.parent))
        self.assertEqual((edge.kind, sidecar.kind), ("SERVER", "CLIENT"))
        self.assertEqual((edge.name, sidecar.name), ("GET /orders/{id}", "GET /items/{id}"))
        self.assertEqual(edge.events + sidecar.events + sidecar.links, [])
        for earlier, later in (
            (self.asked, edge.begin),
            (edge.begin, sidecar.begin),
            (sidecar.begin, sidecar.end),
            (sidecar.end, edge.end),
            (edge.end, time.time_ns()),
        ):
            self.assertLess(earlier, later + SLACK_NANOSECONDS)
        return edge, sidecar

    def setUp(self):
        self.asked = time.time_ns()

    def test_a_trace_begins_at_the_edge(self):
        response, seen = self.ask()
        edge, sidecar = self.spans(seen)
        self.assertEqual((response.status_code, seen.path), (200, "/items/7?page=2"))
        self.assertEqual((edge.parent, edge.links, edge.status, sidecar.status), ("", [], "UNSET", "UNSET"))
        told = f"{edge.trace} {edge.id} 1 "
        [log] = eventually(lambda: [it for it in self.edge.access_log() if it.startswith(told)], 5, "the access log")
        request_id = log.removeprefix(told)
        self.assertEqual(
            edge.attributes,
            {
                "http.request.method": "GET",
                "http.route": "/orders/{id}",
                "url.path": "/orders/7",
                "url.query": "page=REDACTED",
                "url.scheme": "http",
                "server.address": "shop.example",
                "user_agent.original": "test/1",
                "http.request.header.x-request-id": f"Slice(Str({request_id}))",
                "http.response.status_code": 200,
                "route": "main",
            },
        )
        self.assertEqual(
            sidecar.attributes,
            {
                "http.request.method": "GET",
                "http.route": "/items/{id}",
                "url.full": "http://stock:8000/items/7?page=REDACTED",
                "server.address": "stock",
                "server.port": 8000,
                "http.request.header.x-request-id": f"Slice(Str({seen.get('x-request-id')}))",
                "http.response.status_code": 200,
            },
        )
        self.assert_resource(edge, EDGE_RESOURCE)
        self.assert_resource(sidecar, SIDECAR_RESOURCE)
        self.assertEqual(response.headers["traceresponse"], f"00-{edge.trace}-{edge.id}-03")

    def test_the_trace_of_a_stranger_is_linked(self):
        for remote in (REMOTE, SHORT):
            _, seen = self.ask(headers=written(self.dialect, remote) | {"tracestate": "vendor=1"})
            edge, _ = self.spans(seen)
            self.assertEqual(edge.parent, "")
            self.assertNotEqual(edge.trace, remote.trace)
            [link] = edge.links
            self.assertEqual((link["Trace ID"], link["ID"]), (remote.trace, remote.span))
            self.assertEqual(link["TraceState"], "vendor=1" if self.dialect == "w3c" else "")
            self.assertEqual(seen.all("tracestate"), [])

    def test_the_trace_of_a_partner_goes_on(self):
        for dialect in READ:
            remote = Place(f"{time.time_ns():016x}{REMOTE.trace[16:]}", REMOTE.span)
            _, seen = self.ask(headers=written(dialect, remote) | {"x-partner": "1"})
            edge, sidecar = self.spans(seen)
            self.assertEqual((edge.trace, edge.parent, edge.links), (remote.trace, remote.span, []), dialect)
            state = "vendor=1" if dialect == "w3c" else ""
            # Only its own dialect has a place for it.
            handed_on = state if self.dialect == "w3c" else ""
            self.assertEqual((edge.state, sidecar.state), (state, handed_on))
            self.assertEqual(seen.all("tracestate"), [handed_on] if handed_on else [])

    def test_the_first_dialect_with_a_trace_counts(self):
        other = Place(REMOTE.trace[::-1], REMOTE.span[::-1])
        headers = {name: value for dialect in READ for name, value in written(dialect, other).items()}
        remote = Place(REMOTE.trace[::-1].replace("5", "6"), REMOTE.span)
        bad = {"traceparent": "00-0-0-01"}
        _, seen = self.ask(headers=headers | bad | written("b3", remote) | {"x-partner": "1"})
        edge, _ = self.spans(seen)
        self.assertEqual((edge.trace, edge.parent), (remote.trace, remote.span))

    def test_what_is_not_recorded_passes(self):
        headers = written(self.dialect, UNRECORDED)
        response, seen = self.ask(headers=headers | {"x-partner": "1"})
        self.assertEqual({name: value for name, value in seen.headers if name in ALL}, headers)
        self.assertEqual(response.headers["traceresponse"], f"00-{UNRECORDED.trace}-{UNRECORDED.span}-00")
        # Later ones are there, and this one is not.
        self.spans(self.ask()[1])
        self.assertEqual(self.collector.spans(UNRECORDED.trace), [])

    def test_errors(self):
        for status, edge_status, sidecar_status in (
            (404, "UNSET", "ERROR"),
            (503, "ERROR", "ERROR"),
            (304, "UNSET", "UNSET"),
        ):
            response, seen = self.ask(f"/orders/7?status={status}")
            self.assertEqual(response.status_code, status)
            for span, expected in zip(self.spans(seen), (edge_status, sidecar_status), strict=True):
                self.assertEqual((span.status, span.attributes["http.response.status_code"]), (expected, status))
                error = str(status) if expected == "ERROR" else None
                self.assertEqual(span.attributes.get("error.type"), error)
            self.assertIn(f"?status={status}", self.spans(seen)[1].attributes["url.full"])


class W3c(Journey, Traced):
    """traceparent; OTLP over gRPC and as protobuf over HTTP."""

    dialect, protocols = "w3c", ("grpc", "http_protobuf")


class B3(Journey, Traced):
    """b3; OTLP as JSON over HTTP and over gRPC."""

    dialect, protocols = "b3", ("http_json", "grpc")


class Jaeger(Journey, Traced):
    """uber-trace-id; OTLP as protobuf and as JSON over HTTP."""

    dialect, protocols = "jaeger", ("http_protobuf", "http_json")


class Datadog(Journey, Traced):
    """x-datadog-trace-id and what belongs to it; OTLP over gRPC and as JSON over HTTP."""

    dialect, protocols = "datadog", ("grpc", "http_json")


class _Service(grpc.GenericRpcHandler):
    def service(self, details):
        self.metadata = dict(details.invocation_metadata)
        return grpc.unary_unary_rpc_method_handler(self._answer)

    @staticmethod
    def _answer(message, context):
        if message != b"OK":
            context.abort(grpc.StatusCode[message.decode()], "as asked")
        return message


class Calls(Traced):
    """gRPC through both Envoys."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = _Service()
        server = grpc.server(cls.enterClassContext(ThreadPoolExecutor(2)), handlers=[cls.service])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        cls.addClassCleanup(lambda: server.stop(None).wait())
        denied = {"name": "one", "when": on("/shop.Orders/Denied"), "rate": "1/1h", "burst": 1}
        limit = plugin("token-bucket", {"limits": [denied]})
        out = tracing(side="client", export=export("http_protobuf"))
        sidecar = cls.start(SIDECAR, out, limit, upstream=port, http2=True)
        edge = cls.start(EDGE, tracing(export=export("grpc")), upstream=sidecar.port, http2=True)
        channel = grpc.insecure_channel(f"127.0.0.1:{edge.port}", [("grpc.enable_http_proxy", 0)])
        cls.channel = cls.enterClassContext(channel)

    def call(self, message, method="/shop.Orders/Get"):
        """The status, and the spans."""
        call = self.channel.unary_unary(method)
        with_trace = [("traceparent", f"00-{self.id_of_trace}-{REMOTE.span}-01")]
        try:
            call(message.encode(), timeout=10, metadata=with_trace)
            status = grpc.StatusCode.OK
        except grpc.RpcError as error:
            status = error.code()
        return status, self.collector.trace(self.id_of_trace, 2)

    def setUp(self):
        self.id_of_trace = f"{time.time_ns():032x}"

    def assert_spans(self, spans, name, attributes, errors):
        edge, sidecar = spans
        self.assertEqual((edge.parent, sidecar.parent), (REMOTE.span, edge.id))
        self.assertEqual([(it.kind, it.name) for it in spans], [("SERVER", name), ("CLIENT", name)])
        for span, error in zip(spans, errors, strict=True):
            expected = {"rpc.system.name": "grpc"} | attributes | ({"error.type": error} if error else {})
            found = {key: value for key, value in span.attributes.items() if key.startswith(("rpc", "error", "http"))}
            found.pop("http.request.header.x-request-id")
            self.assertEqual(found, expected)
            self.assertEqual(span.status, "ERROR" if error else "UNSET")
        self.assertEqual(sidecar.attributes["server.address"], "127.0.0.1")

    def test_statuses(self):
        for status, errors in (
            ("OK", (None, None)),
            ("NOT_FOUND", (None, "NOT_FOUND")),
            ("UNAVAILABLE", ("UNAVAILABLE", "UNAVAILABLE")),
            ("DATA_LOSS", ("DATA_LOSS", "DATA_LOSS")),
        ):
            self.setUp()
            code, spans = self.call(status)
            self.assertEqual(code.name, status)
            attributes = {"rpc.method": "shop.Orders/Get", "rpc.response.status_code": status}
            self.assert_spans(spans, "shop.Orders/Get", attributes, errors)
            self.assertEqual(self.service.metadata["traceparent"], f"00-{self.id_of_trace}-{spans[1].id}-01")

    def test_what_is_no_name_of_a_method(self):
        _, spans = self.call("OK", "/shop/Orders/Get")
        attributes = {"rpc.method": "_OTHER", "rpc.method_original": "shop/Orders/Get"}
        attributes["rpc.response.status_code"] = "OK"
        self.assert_spans(spans, "grpc", attributes, (None, None))

    def test_a_denial(self):
        self.call("OK", "/shop.Orders/Denied")
        self.setUp()
        code, spans = self.call("OK", "/shop.Orders/Denied")
        self.assertEqual(code, grpc.StatusCode.RESOURCE_EXHAUSTED)
        attributes = {"rpc.method": "shop.Orders/Denied", "rpc.response.status_code": "RESOURCE_EXHAUSTED"}
        self.assert_spans(spans, "shop.Orders/Denied", attributes, (None, "RESOURCE_EXHAUSTED"))
        # To the edge it is an answer like others.
        self.assertEqual([len(it.events) for it in spans], [0, 1])
        [event] = spans[1].events
        self.assertEqual((event["Name"], list(event["attributes"])), ("portcullis.denied", ["portcullis.code"]))


def waiting(seconds):
    """Changes a configuration: connections can be upgraded, and nobody waits for longer than this."""
    more = {"timeout": f"{seconds}s", "upgrade_configs": [{"upgrade_type": "websocket"}]}
    return lambda config: routes(config)[0]["route"].update(more)


class Endings(Traced):
    """What there is to say of requests that are not answered as they should be."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.enterClassContext(upstream())
        cls.upstream.answer = lambda seen: seen.path.removeprefix("/")
        out = tracing(side="client", export=export("http_json"))
        sidecar = cls.start(SIDECAR, out, change=waiting(1), upstream=cls.upstream.server_port)
        come_in = tracing(export=export("http_protobuf"))
        cls.edge = cls.start(EDGE, come_in, change=waiting(4), upstream=sidecar.port)

    def ask(self, how, *, is_patient=True, headers=(("connection", "close"),)):
        """The spans of a request for whose client everything is an answer."""
        trace = f"{time.time_ns():032x}"
        headers = [("traceparent", f"00-{trace}-{REMOTE.span}-01"), *headers]
        with socket.create_connection(("127.0.0.1", self.edge.port), 10) as client:
            client.sendall(get(f"/{how}", headers))
            if is_patient:
                client.settimeout(4)
                with contextlib.suppress(OSError):
                    while client.recv(1000):
                        pass
            else:
                eventually(lambda: any(trace in (it.get("traceparent") or "") for it in self.upstream.seen), 5, how)
        return self.collector.trace(trace, 2)

    def assert_ends(self, spans, *expected):
        names = ("http.response.status_code", "error.type")
        found = [(it.status, *(it.attributes.get(name) for name in names)) for it in spans]
        self.assertEqual(found, list(expected))

    def test_no_answer(self):
        self.assert_ends(self.ask(RESET), *[("ERROR", 503, "503")] * 2)
        self.assert_ends(self.ask(NO_HTTP), *[("ERROR", 502, "502")] * 2)
        self.assert_ends(self.ask(HANG), *[("ERROR", 504, "504")] * 2)

    def test_half_an_answer(self):
        self.assert_ends(self.ask(HALF), *[("ERROR", 200, "upstream_reset_after_response_started")] * 2)

    def test_a_client_that_does_not_wait(self):
        # It is no failure of whoever serves.
        gone = ("ERROR", None, "downstream_remote_disconnect")
        self.assert_ends(self.ask(HANG, is_patient=False), ("UNSET", None, None), gone)

    def test_an_upgraded_connection(self):
        upgrade = [("connection", "upgrade"), ("upgrade", "websocket")]
        self.assert_ends(self.ask(UPGRADE, headers=upgrade), *[("UNSET", 101, None)] * 2)


class Denials(Traced):
    """Other filters deny requests behind trace-injection."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.enterClassContext(upstream())
        cls.upstream.answer = lambda seen: 403 if seen.path == "/forbidden" else 200
        jwt = json.loads(jwt_configuration(example(1))["value"])
        limit = {"limits": [{"name": "few", "when": on("/few"), "rate": "1/1h", "burst": 1}]}
        filters = [tracing(export=export("http_json")), plugin("jwt-auth", jwt), plugin("token-bucket", limit)]
        cls.envoy = cls.start(EDGE, *filters, upstream=cls.upstream.server_port)

    def ask(self, path, credentials):
        """The answer, and the span."""
        trace = f"{time.time_ns():032x}"
        headers = bearer(credentials) | {"traceparent": f"00-{trace}-{REMOTE.span}-01"}
        url = f"http://127.0.0.1:{self.envoy.port}{path}"
        response = httpx.get(url, headers=headers, verify=TLS, trust_env=False, timeout=10)
        [span] = self.collector.trace(trace, 1)
        self.assertEqual((span.parent, span.status, span.kind), (REMOTE.span, "UNSET", "SERVER"))
        self.assertEqual(span.attributes["http.response.status_code"], response.status_code)
        return response, span

    def assert_denied(self, response, span):
        [event] = span.events
        code = response.json()["code"]
        self.assertEqual((event["Name"], event["attributes"]), ("portcullis.denied", {"portcullis.code": code}))
        self.assertTrue(span.begin <= int(event["Timestamp"]) <= span.end, span)
        return code

    def test_who_passes_leaves_no_event(self):
        response, span = self.ask("/orders", token())
        self.assertEqual((response.status_code, span.events), (200, []))

    def test_no_token(self):
        response, span = self.ask("/orders", None)
        self.assertEqual(response.status_code, 401)
        self.assertRegex(self.assert_denied(response, span), "^portcullis_jwt_")

    def test_too_many(self):
        self.assertEqual(self.ask("/few", token())[0].status_code, 200)
        response, span = self.ask("/few", token())
        self.assertEqual(response.status_code, 429)
        self.assertRegex(self.assert_denied(response, span), "^portcullis_")

    def test_the_upstream_is_not_one_of_us(self):
        response, span = self.ask("/forbidden", token())
        self.assertEqual((response.status_code, span.events), (403, []))


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
