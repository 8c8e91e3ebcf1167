"""A collector that answers trace-injection nonsense, in a real Envoy: what is sent again, and when, and what is not.

    .venv/bin/python tests/e2e/tracing_answers.py [-v] [CLASS[.TEST]]
"""

import collections
import contextlib
import email.utils
import faulthandler
import re
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
from clients import TLS, eventually
from envoy import Envoy
from traces import HALF, HANG, NO_HTTP, RESET, export, proxy, tracing, upstream

PAUSE = (0.5, 1.0)
"""The shortest and the longest pause before a batch is sent again, unless the collector has a wish."""
MARGIN_SECONDS = 0.5
TICK_SECONDS = 0.1
"""As often batches are sent, and counts told."""
TIMEOUT_SECONDS = 0.6
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
DEADLINE_SECONDS = 180


def answer(status=200, body=b"", **headers):
    """An HTTP response."""
    return status, body, {name.replace("_", "-"): value for name, value in headers.items()}


def in_seconds(seconds):
    """503, and when to come back: an HTTP date, which has no parts of seconds."""
    return answer(503, retry_after=email.utils.formatdate(time.time() + seconds, usegmt=True))


class Told:
    """What a collector was sent, and the answers that it has been told to give."""

    def __init__(self):
        self.lock, self.answers, self.requests = threading.Lock(), {}, collections.defaultdict(list)

    def __call__(self, body, *how):
        """The next answer to the only span of a batch; its path is its name."""
        [name] = set(re.findall(rb"/case/([-a-z0-9_]+)", body))
        with self.lock:
            self.requests[name.decode()].append((time.monotonic(), body, how))
            said = self.answers[name.decode()].popleft()
        return said() if callable(said) else said


@contextlib.contextmanager
def http_collector(told):
    """The port of a collector for OTLP over HTTP that answers as told."""
    with upstream() as server:
        server.answer = lambda seen: told(seen.body, seen.path, seen.get("content-type"))
        yield server.server_port


class _Calls(grpc.GenericRpcHandler):
    def __init__(self, told):
        self.told = told

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda body, context: self.answer(details.method, body, context))

    def answer(self, method, body, context):
        said = self.told(body, method)
        if said == HANG:
            time.sleep(2 * TIMEOUT_SECONDS)
        if isinstance(said, grpc.StatusCode):
            context.abort(said, "as told")
        return said if isinstance(said, bytes) else b""


@contextlib.contextmanager
def grpc_collector(told):
    """Likewise, over gRPC."""
    with ThreadPoolExecutor(4) as workers:
        server = grpc.server(workers, handlers=[_Calls(told)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield port
        finally:
            server.stop(None).wait()


class Answers:
    """Each span is a batch of its own, and there is one worker: batches come one after the other."""

    protocol = ""

    @classmethod
    def setUpClass(cls):
        cls.told = Told()
        cls.upstream = cls.enterClassContext(upstream())
        ports = {f"collector_{cls.kind}": cls.enterClassContext(cls.collector(cls.told))}
        exports = export(cls.protocol, batch=1, timeout=f"{round(1000 * TIMEOUT_SECONDS)}ms")
        config = proxy(cls.upstream.server_port, tracing(export=exports), **ports)
        cls.envoy = cls.enterClassContext(Envoy(config, workers=1))

    def setUp(self):
        # What was counted before is told meanwhile.
        time.sleep(3 * TICK_SECONDS)

    def tearDown(self):
        self.assertNotIn("Function: ", self.envoy.log(), "the log of a trap")

    def send(self, name, *answers):
        """Makes a span whose batch is answered so."""
        self.told.answers[name] = collections.deque(answers)
        url = f"http://127.0.0.1:{self.envoy.port}/case/{name}"
        self.assertEqual(httpx.get(url, verify=TLS, trust_env=False, timeout=10).status_code, 200)

    def counted(self, what):
        return sum(self.envoy.stats(rf"wasmcustom\.portcullis_trace_injection_{what}_total").values())

    def once(self, **cases):
        """None of these is sent again; the spans that come after are."""
        before = self.counted("export_retries")
        for name, said in cases.items():
            self.send(name, said)
        last = f"last-{next(iter(cases))}"
        self.send(last, self.good)
        eventually(lambda: self.told.requests[last], 10, last)
        time.sleep(PAUSE[1] + MARGIN_SECONDS)
        self.assertEqual({it: len(self.told.requests[it]) for it in cases}, dict.fromkeys(cases, 1))
        self.assertEqual(self.counted("export_retries"), before)

    def twice(self, name, said, shortest=PAUSE[0], longest=PAUSE[1]):
        """This is sent again after so long, as it was, and then no more."""
        self.send(name, said, self.good)
        eventually(lambda: len(self.told.requests[name]) >= 2, longest + 5, name)
        (first, *batch), (second, *again) = self.told.requests[name]
        self.assertEqual(batch, again)
        paused = second - first
        print(f"\n{self.protocol}: {name} {paused:.2f} s", end="", flush=True)
        self.assertTrue(shortest <= paused <= longest + MARGIN_SECONDS, (name, paused))


class Http(Answers):
    """What OTLP over HTTP has to say of it."""

    kind, collector, good = "http", staticmethod(http_collector), answer()
    types = {"http_json": "application/json", "http_protobuf": "application/x-protobuf"}

    def test_what_is_taken_is_not_sent_again(self):
        before = self.counted("spans_dropped_refused"), self.counted("spans_exported")
        taken = {
            "empty": answer(),
            "garbage": answer(body=b"\xff\xfe not a message {"),
            "long": answer(body=bytes(1_000_000)),
            "accepted": answer(202),
            "no-content": answer(204),
            "warned": self.partial(0),
            "other-form": answer(body=b"<html></html>", content_type="text/html"),
        }
        refused = {"one": self.partial(1), "too-many": self.partial(7)}
        self.once(**taken, **refused)
        # The last one is there too.
        expected = before[0] + len(refused), before[1] + len(taken) + 1
        names = ("spans_dropped_refused", "spans_exported")
        eventually(lambda: tuple(map(self.counted, names)) == expected, 3, f"{expected} refused and taken")

    def test_what_is_refused_is_not_sent_again(self):
        before = self.counted("spans_dropped_refused")
        statuses = (301, 302, 400, 401, 403, 404, 413, 415, 500, 501)
        self.once(**{f"status-{it}": answer(it, b"no", retry_after="1") for it in statuses})
        eventually(lambda: self.counted("spans_dropped_refused") == before + len(statuses), 3, "all are counted")

    def test_when_something_is_sent_again(self):
        self.twice("status-429", answer(429))
        self.twice("in-two-seconds", answer(503, retry_after="2"), 2, 2)
        for _, _, (path, content_type) in self.told.requests["status-429"]:
            self.assertEqual((path, content_type), ("/v1/traces", self.types[self.protocol]))

    def test_what_is_no_answer(self):
        self.twice("reset", RESET)
        self.twice("half", HALF)
        self.twice("no-http", NO_HTTP)
        self.twice("hanging", HANG, PAUSE[0] + TIMEOUT_SECONDS, PAUSE[1] + TIMEOUT_SECONDS)


class Protobuf(Http, unittest.TestCase):
    """Protobuf over HTTP."""

    protocol = "http_protobuf"

    @staticmethod
    def partial(rejected):
        """`partial_success` with so many rejected spans, and with a message."""
        message = b"\x08" + bytes([rejected]) + b"\x12\x04what"
        return answer(body=b"\x0a" + bytes([len(message)]) + message, content_type="application/x-protobuf")

    def test_when_something_is_sent_again(self):
        super().test_when_something_is_sent_again()
        self.twice("status-502", answer(502, b"nonsense"))
        self.twice("status-503", answer(503))
        self.twice("status-504", answer(504))
        self.twice("no-number", answer(429, retry_after="soon"))
        self.twice("at-once", answer(503, retry_after="0"))
        self.twice("at-a-time", lambda: in_seconds(3), 2, 3)
        self.twice("at-a-time-gone-by", lambda: in_seconds(-100))

    def test_pauses_grow(self):
        self.send("growing", *[answer(503)] * 3, self.good)
        eventually(lambda: len(self.told.requests["growing"]) == 4, 15, "growing")
        moments = [it[0] for it in self.told.requests["growing"]]
        for number, (earlier, later) in enumerate(zip(moments, moments[1:], strict=False)):
            shortest, longest = (it * 2**number for it in PAUSE)
            self.assertTrue(shortest <= later - earlier <= longest + MARGIN_SECONDS, moments)


class LeftAlone(Answers, unittest.TestCase):
    """A collector that wants to be asked no more today."""

    protocol, kind, collector, good = "http_protobuf", "http", staticmethod(http_collector), answer()

    def test_what_would_wait_for_too_long_is_given_up(self):
        self.send("tomorrow", answer(503, retry_after="86400"))
        eventually(lambda: self.counted("spans_dropped_failed") == 1, 3, "it is counted")
        self.send("later", self.good)
        time.sleep(2)
        self.assertEqual({name: len(it) for name, it in self.told.requests.items()}, {"tomorrow": 1})


class Json(Http, unittest.TestCase):
    """JSON over HTTP."""

    protocol = "http_json"

    @staticmethod
    def partial(rejected):
        text = f'{{"partialSuccess": {{"rejectedSpans": "{rejected}", "errorMessage": "what"}}}}'
        return answer(body=text.encode(), content_type="application/json")


class Calls(Answers, unittest.TestCase):
    """gRPC."""

    protocol, kind, collector, good = "grpc", "grpc", staticmethod(grpc_collector), b""
    again = ("CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS")

    def test_what_is_taken_is_not_sent_again(self):
        before = self.counted("spans_dropped_refused")
        self.once(empty=b"", garbage=b"\xff\xfe not a message", warned=b"\x0a\x02\x12\x00", refused=b"\x0a\x02\x08\x01")
        eventually(lambda: self.counted("spans_dropped_refused") == before + 1, 3, "it is counted")
        [(_, _, (method,))] = self.told.requests["empty"]
        self.assertEqual(method, EXPORT)

    def test_what_is_refused_is_not_sent_again(self):
        before = self.counted("spans_dropped_refused")
        never = [it for it in grpc.StatusCode if it.name not in (*self.again, "OK")]
        self.assertEqual(len(never), 10)
        self.once(**{it.name.lower(): it for it in never})
        eventually(lambda: self.counted("spans_dropped_refused") == before + len(never), 3, "all are counted")

    def test_when_something_is_sent_again(self):
        for name in self.again:
            self.twice(name.lower(), grpc.StatusCode[name])
        self.twice("hanging", HANG, PAUSE[0] + TIMEOUT_SECONDS, PAUSE[1] + TIMEOUT_SECONDS)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
