"""trace-injection beside the tracers of a real Envoy, as a table: whose headers arrive, and what spans there are.

    .venv/bin/python tests/e2e/tracing_with_envoy.py [-v] [CLASS[.TEST]]
"""

import faulthandler
import json
import secrets
import unittest

import httpx
from clients import TLS, eventually
from envoy import Envoy
from limits import hcm
from traces import TYPE, Collector, collectors, export, proxy, tracing, upstream

NONE = "none"
OTEL, QUIET, ZIPKIN = "OpenTelemetry", "OpenTelemetry, `no_context_propagation: true`", "Zipkin"
W3C, B3 = "`traceparent`", "`x-b3-*`"
FILTER, ENVOY = "the filter", "Envoy"
DIALECTS = ["w3c", "b3_multi"]
"""Which the filter reads and writes in this table."""
DEADLINE_SECONDS = 180
HEAD = """
| Envoy's tracer | `with_envoy_tracing` | The client sends | The upstream gets `traceparent` | and `x-b3-*` | The filter's span | Envoy's span |
|---|---|---|---|---|---|---|
"""
TABLE = """
| none | `replace` | nothing | the filter's trace and span | the filter's trace and span | a root | – |
| none | `replace` | `traceparent` | the client's trace, the filter's span | the client's trace, the filter's span | below the client's | – |
| none | `replace` | `x-b3-*` | the client's trace, the filter's span | the client's trace, the filter's span | below the client's | – |
| none | `complement` | nothing | – | – | – | – |
| none | `complement` | `traceparent` | the client's | the client's | – | – |
| none | `complement` | `x-b3-*` | the client's | the client's | – | – |
| OpenTelemetry | `replace` | nothing | Envoy's trace and span | the filter's trace and span | a root | a root |
| OpenTelemetry | `replace` | `traceparent` | the client's trace, Envoy's span | the client's trace, the filter's span | below the client's | below the client's |
| OpenTelemetry | `replace` | `x-b3-*` | Envoy's trace and span | the client's trace, the filter's span | below the client's | a root |
| OpenTelemetry | `complement` | nothing | Envoy's trace and span | – | – | a root |
| OpenTelemetry | `complement` | `traceparent` | the client's trace, Envoy's span | the client's | – | below the client's |
| OpenTelemetry | `complement` | `x-b3-*` | Envoy's trace and span | the client's | – | a root |
| OpenTelemetry, `no_context_propagation: true` | `replace` | nothing | the filter's trace and span | the filter's trace and span | a root | a root |
| OpenTelemetry, `no_context_propagation: true` | `replace` | `traceparent` | the client's trace, the filter's span | the client's trace, the filter's span | below the client's | below the client's |
| OpenTelemetry, `no_context_propagation: true` | `replace` | `x-b3-*` | the client's trace, the filter's span | the client's trace, the filter's span | below the client's | a root |
| OpenTelemetry, `no_context_propagation: true` | `complement` | nothing | – | – | – | a root |
| OpenTelemetry, `no_context_propagation: true` | `complement` | `traceparent` | the client's | the client's | – | below the client's |
| OpenTelemetry, `no_context_propagation: true` | `complement` | `x-b3-*` | the client's | the client's | – | a root |
| Zipkin | `replace` | nothing | the filter's trace and span | Envoy's trace and span | a root | a root |
| Zipkin | `replace` | `traceparent` | the client's trace, the filter's span | Envoy's trace and span | below the client's | a root |
| Zipkin | `replace` | `x-b3-*` | the client's trace, the filter's span | the client's | below the client's | shares the client's id |
| Zipkin | `complement` | nothing | – | Envoy's trace and span | – | a root |
| Zipkin | `complement` | `traceparent` | the client's | Envoy's trace and span | – | a root |
| Zipkin | `complement` | `x-b3-*` | the client's | the client's | – | shares the client's id |
"""


def tracer(name):
    """`tracing` of the HTTP connection manager."""
    if name == NONE:
        return {}
    if name == ZIPKIN:
        kind, it = "zipkin", {"@type": TYPE + "envoy.config.trace.v3.ZipkinConfig"}
        it |= {"collector_cluster": "zipkin", "collector_endpoint": "/api/v2/spans"}
        it["collector_endpoint_version"] = "HTTP_JSON"
    else:
        kind, it = "opentelemetry", {"@type": TYPE + "envoy.config.trace.v3.OpenTelemetryConfig", "service_name": ENVOY}
        it["grpc_service"] = {"envoy_grpc": {"cluster_name": "collector_grpc"}}
    provider = {"name": f"envoy.tracers.{kind}", "typed_config": it}
    return {"tracing": {"provider": provider} | ({"no_context_propagation": True} if name == QUIET else {})}


def as_cell(place, sent, spans):
    """Whose place in a trace it is, as the table has it."""
    if place is None:
        return "–"
    if place == sent:
        return "the client's"
    owners = [owner for owner, span in spans.items() if span[:2] == place]
    [owner] = owners or ["nobody"]
    return f"the client's trace, {owner}'s span" if place[0] == sent[0] else f"{owner}'s trace and span"


def as_span(span, sent):
    """Where a span is, as the table has it."""
    if span is None:
        return "–"
    trace, number, parent = span
    if (trace, parent) == sent:
        return "below the client's"
    if (trace, number, parent) == (*sent, ""):
        return "shares the client's id"
    return "a root" if not parent else f"below {parent}"


class Table(unittest.TestCase):
    """Row by row."""

    @classmethod
    def setUpClass(cls):
        cls.collector, cls.zipkin = cls.enterClassContext(Collector()), cls.enterClassContext(upstream())
        cls.collector.start()
        cls.zipkin.answer = lambda _: 202
        cls.upstream = cls.enterClassContext(upstream())

    def start(self, name, mode):
        complement, spans = {"with_envoy_tracing": mode}, {"export": export("grpc", resource={"service_name": FILTER})}
        it = tracing(extract=DIALECTS, inject=DIALECTS, **(complement if mode == "complement" else spans))
        clusters = collectors(self.collector) | {"zipkin": self.zipkin.server_port}
        config = proxy(self.upstream.server_port, it, **clusters)
        hcm(config).update(tracer(name))
        soon = {f"tracing.{it}.min_flush_spans": 1 for it in ("opentelemetry", "zipkin")}
        config["layered_runtime"] = {"layers": [{"name": "soon", "static_layer": soon}]}
        config["node"] = {"id": "edge", "cluster": "edge"}
        return Envoy(config)

    def test_it_is_as_the_table_says(self):
        expected, found = TABLE.strip().splitlines(), []
        for name in (NONE, OTEL, QUIET, ZIPKIN):
            for mode in ("replace", "complement"):
                with self.start(name, mode) as envoy:
                    count = (name != NONE) + (mode == "replace")
                    rows = [(name, f"`{mode}`", *self.row(envoy, what, count)) for what in ("nothing", W3C, B3)]
                    found += [f"| {' | '.join(row)} |" for row in rows]
                    self.assertNotIn("Function: ", envoy.log(), "the log of a trap")
        print(HEAD + "\n".join(found), flush=True)
        self.assertEqual(found, expected)

    def row(self, envoy, what, count):
        """What is sent, and the cells of the table."""
        sent = secrets.token_hex(16), secrets.token_hex(8)
        headers = {
            "nothing": {},
            W3C: {"traceparent": f"00-{sent[0]}-{sent[1]}-01", "tracestate": "a=1"},
            B3: {"x-b3-traceid": sent[0], "x-b3-spanid": sent[1], "x-b3-sampled": "1"},
        }[what]
        before = self.spans()
        url = f"http://127.0.0.1:{envoy.port}/"
        self.assertEqual(httpx.get(url, headers=headers, verify=TLS, trust_env=False).status_code, 200)
        seen = self.upstream.seen[-1]
        eventually(lambda: len(self.spans()) >= len(before) + count, 10, f"{count} spans")
        new = [it for it in self.spans() if it not in before]
        self.assertEqual(len(new), count, new)
        spans = dict(new)
        self.assertEqual(seen.get("tracestate") or None, headers.get("tracestate"))
        parent, b3 = seen.get("traceparent"), (seen.get("x-b3-traceid"), seen.get("x-b3-spanid"))
        places = [tuple(parent.split("-")[1:3]) if parent else None, b3 if b3[0] else None]
        cells = [as_cell(place, sent, spans) for place in places]
        return what, *cells, *(as_span(spans.get(owner), sent) for owner in (FILTER, ENVOY))

    def spans(self):
        """Whose they are, and trace, id and parent."""
        otlp = [(it.resource["service.name"], (it.trace, it.id, it.parent)) for it in self.collector.spans()]
        zipkin = [it for seen in self.zipkin.seen for it in json.loads(seen.body)]
        return otlp + [(ENVOY, (it["traceId"], it["id"], it.get("parentId", ""))) for it in zipkin]


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
