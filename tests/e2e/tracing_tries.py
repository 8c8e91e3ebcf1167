"""trace-injection in a cluster of a real Envoy, where it runs once for each try of a request.

    .venv/bin/python tests/e2e/tracing_tries.py [-v] [CLASS[.TEST]]
"""

import collections
import faulthandler
import itertools
import json
import time
import unittest

import httpx
from clients import TLS, at_once
from envoy import Envoy
from example import JWKS, bearer, example, plugin_configuration, token
from limits import hcm, routes
from traces import HANG, HTTP2, RESET, TYPE, Collector, collectors, export, plugin, proxy, tracing, upstream

CLIENT = "b7ad6b7169203331"
PER_TRY_SECONDS = 1.0
MOST = 4
"""Tries of one request."""
DEADLINE_SECONDS = 180


def each_try(config, *filters, **members):
    """Loads filters in the cluster of the upstream, and lets Envoy try again."""
    codec = TYPE + "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"
    options = {
        "@type": TYPE + HTTP2,
        "explicit_http_config": {"http_protocol_options": {}},
        "http_filters": [*filters, {"name": "envoy.filters.http.upstream_codec", "typed_config": {"@type": codec}}],
    }
    [cluster, *_] = config["static_resources"]["clusters"]
    cluster["typed_extension_protocol_options"] = {HTTP2: options}
    cluster["circuit_breakers"] = {"thresholds": [{"max_retries": 100}]}
    routes(config)[0]["route"] |= members | {
        "timeout": "5s",
        "retry_policy": {
            "retry_on": "5xx,reset",
            "num_retries": MOST - 1,
            "per_try_timeout": f"{PER_TRY_SECONDS}s",
            "retry_back_off": {"base_interval": "0.01s", "max_interval": "0.02s"},
        },
    }
    [host] = hcm(config)["route_config"]["virtual_hosts"]
    host["include_request_attempt_count"] = True
    return config


def told(seen):
    """The trace, the span and the flags that the upstream was told of."""
    version, *place = seen.get("traceparent").split("-")
    assert version == "00", version
    return place


class Tries(unittest.TestCase):
    """With an upstream that answers each request as the test says, one try after the other."""

    members, route = {}, {}

    @classmethod
    def setUpClass(cls):
        cls.collector, cls.upstream = cls.enterClassContext(Collector()), cls.enterClassContext(upstream())
        cls.collector.start()
        cls.scripts, cls.upstream.answer = {}, cls.answer
        config = proxy(cls.upstream.server_port, *cls.downstream(), **collectors(cls.collector))
        stranger = {"when": {"headers": [{"name": "x-stranger"}]}, "parent": "link"}
        configuration = {
            "side": "client",
            "each_try": True,
            "trust": {"rules": [stranger], "otherwise": "continue"},
            "traceresponse": "started",
            "export": export("grpc"),
        }
        each_try(config, tracing(**(configuration | cls.members)), **cls.route)
        cls.envoy = cls.enterClassContext(Envoy(config))

    @classmethod
    def downstream(cls):
        """Filters before the router."""
        return []

    @classmethod
    def answer(cls, seen):
        """What the upstream answers."""
        return cls.scripts[seen.path].popleft()

    def setUp(self):
        self.ids = (f"{time.time_ns() + it:032x}" for it in itertools.count())

    def tearDown(self):
        self.assertNotIn("Function: ", self.envoy.log(), "the log of a trap")

    def ask(self, *answers, headers=()):
        """The answer in the end, and what the upstream has seen of a request that is answered so."""
        path = f"/{next(self.ids)}"
        self.scripts[path] = collections.deque(answers)
        url = f"http://127.0.0.1:{self.envoy.port}{path}"
        response = httpx.get(url, headers=dict(headers), verify=TLS, trust_env=False, timeout=10)
        seen = [it for it in self.upstream.seen if it.path == path]
        self.assertEqual([it.get("x-envoy-attempt-count") for it in seen], [str(it + 1) for it in range(len(answers))])
        return response, seen

    def traced(self, *answers, flags="01"):
        """The status in the end, and the spans, of a request with a trace of the client."""
        trace = next(self.ids)
        response, seen = self.ask(*answers, headers={"traceparent": f"00-{trace}-{CLIENT}-{flags}"})
        return response.status_code, self.assert_siblings(seen, trace, CLIENT)

    def assert_siblings(self, seen, trace, parent):
        """Each try has told of a span of its own, all of one trace and below one parent."""
        places = [told(it) for it in seen]
        tries = [it for it in self.collector.trace(trace, len(seen)) if it.kind == "CLIENT"]
        self.assertEqual([(it.trace, it.id) for it in tries], [(trace, span) for trace, span, _ in places])
        self.assertEqual(len({it.id for it in tries}), len(seen))
        self.assertEqual([it.parent for it in tries], [parent] * len(seen))
        self.assertEqual({flags for *_, flags in places}, {places[0][2]})
        return tries


class OnItsOwn(Tries):
    """Nothing else in Envoy traces."""

    def test_one_try(self):
        status, [span] = self.traced(200)
        self.assertEqual((status, span.status, span.attributes["http.response.status_code"]), (200, "UNSET", 200))

    def test_three_tries(self):
        status, spans = self.traced(503, 500, 200)
        self.assertEqual(status, 200)
        self.assertEqual([it.attributes["http.response.status_code"] for it in spans], [503, 500, 200])
        self.assertEqual([it.attributes.get("error.type") for it in spans], ["503", "500", None])
        self.assertEqual([it.status for it in spans], ["ERROR", "ERROR", "UNSET"])
        self.assertEqual([it.attributes.get("http.request.resend_count") for it in spans], [None, 1, 2])
        for earlier, later in itertools.pairwise(spans):
            self.assertLessEqual(earlier.end, later.begin)

    def test_all_tries_fail(self):
        status, spans = self.traced(*[503] * MOST)
        self.assertEqual(status, 503)
        self.assertEqual([it.status for it in spans], ["ERROR"] * MOST)

    def test_without_an_answer(self):
        status, spans = self.traced(RESET, HANG, 200)
        self.assertEqual(status, 200)
        self.assertEqual([it.attributes.get("http.response.status_code") for it in spans], [None, None, 200])
        self.assertEqual([it.attributes.get("error.type") for it in spans], ["no_response", "no_response", None])
        self.assertEqual([it.status for it in spans], ["ERROR", "ERROR", "UNSET"])
        self.assertGreaterEqual(spans[1].end - spans[1].begin, PER_TRY_SECONDS * 9e8)

    def test_a_trace_that_begins_with_the_first_try(self):
        response, seen = self.ask(503, 503, 200)
        trace, _, flags = told(seen[0])
        self.assertEqual((response.status_code, flags), (200, "03"))
        [*_, last] = self.assert_siblings(seen, trace, "")
        self.assertEqual(response.headers["traceresponse"], f"00-{trace}-{last.id}-03")

    def test_a_trace_that_is_linked(self):
        stranger = next(self.ids)
        _, seen = self.ask(503, 200, headers={"traceparent": f"00-{stranger}-{CLIENT}-01", "x-stranger": "1"})
        trace, *_ = told(seen[0])
        self.assertNotEqual(trace, stranger)
        for span in self.assert_siblings(seen, trace, ""):
            self.assertEqual([(it["Trace ID"], it["ID"]) for it in span.links], [(stranger, CLIENT)])

    def test_what_is_not_recorded(self):
        trace = next(self.ids)
        _, seen = self.ask(503, 200, headers={"traceparent": f"00-{trace}-{CLIENT}-00", "tracestate": "a=1"})
        places = [told(it) for it in seen]
        self.assertEqual([it.get("tracestate") for it in seen], ["a=1", "a=1"])
        self.assertEqual([(place[0], place[2]) for place in places], [(trace, "00")] * 2)
        self.assertEqual(len({CLIENT} | {span for _, span, _ in places}), 3)
        self.traced(200)
        self.assertEqual(self.collector.spans(trace), [])

    def test_many_at_once(self):
        for status, spans in at_once(16, lambda: self.traced(503, 200)):
            self.assertEqual((status, len(spans)), (200, 2))


class BehindAServer(Tries):
    """The filter runs before the router too."""

    @classmethod
    def downstream(cls):
        return [tracing(export=export("http_protobuf"))]

    def assert_siblings(self, seen, trace, parent):
        [server] = (it for it in self.collector.trace(trace, len(seen) + 1) if it.kind == "SERVER")
        self.assertEqual((server.parent, server.status), (parent, "UNSET"))
        tries = super().assert_siblings(seen, trace, server.id)
        self.assertLessEqual(server.begin, tries[0].begin)
        return tries

    def test_three_tries(self):
        status, spans = self.traced(503, RESET, 200)
        self.assertEqual((status, len(spans)), (200, 3))


class Hedged(Tries):
    """A try that takes long is not given up when the next one begins."""

    route = {"hedge_policy": {"hedge_on_per_try_timeout": True}}

    def test_two_tries_at_once(self):
        status, [first, second] = self.traced(HANG, 200)
        self.assertEqual((status, second.attributes["http.response.status_code"]), (200, 200))
        self.assertEqual((first.attributes["error.type"], second.status), ("no_response", "UNSET"))
        self.assertGreaterEqual(first.end, second.begin)


class Decided(Tries):
    """By a sampler that decides anew whatever the client says."""

    members = {"sampling": {"sampler": {"rate": {"rate": "1/1h", "burst": 2}}, "parent": "ignore"}}

    def test_one_decision_for_all_tries(self):
        status, spans = self.traced(503, 503, 503, 200, flags="00")
        self.assertEqual((status, len(spans)), (200, 4))


class CallsOfFilters(Tries):
    """jwt-auth fetches its keys from the cluster: by calls that have no client."""

    @classmethod
    def downstream(cls):
        configuration = json.loads(plugin_configuration(example(1))["value"])
        remote = {"cluster": "upstream", "uri": "http://issuer.example/jwks"}
        configuration["providers"][0]["jwks"] = {"remote": remote}
        return [plugin("jwt-auth", configuration)]

    @classmethod
    def answer(cls, seen):
        return (200, json.dumps(JWKS).encode()) if seen.path == "/jwks" else super().answer(seen)

    def test_they_are_traced_too(self):
        response, seen = self.ask(200, headers=bearer(token()))
        self.assertEqual(response.status_code, 200)
        self.assert_siblings(seen, told(seen[0])[0], "")
        fetches = [it for it in self.upstream.seen if it.path == "/jwks"]
        self.assertGreater(len(fetches), 0)
        for fetch in fetches:
            trace, *_ = told(fetch)
            [span] = self.assert_siblings([fetch], trace, "")
            self.assertEqual(span.attributes["url.full"], "http://issuer.example/jwks")


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
