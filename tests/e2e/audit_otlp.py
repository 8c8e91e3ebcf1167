"""Records of audit-log that go to a collector of OpenTelemetry, by each of its protocols.

    .venv/bin/python tests/e2e/audit_otlp.py [-v] [CLASS[.TEST]]

PORTCULLIS in the environment is the path of the command line, target/debug/portcullis by default.
"""

import asyncio
import collections
import contextlib
import faulthandler
import json
import re
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import grpc
from audits import Audited, audit
from breakers import until
from clients import eventually
from limits import routes
from recorded import Record, chains, distinct, of_requests
from traces import Collector, tracing

PACE_SECONDS = 0.6
DOWN_SECONDS = 3
BACK_SECONDS = 20
PROTOCOLS = {"grpc": "collector_grpc", "http_protobuf": "collector_http", "http_json": "collector_http"}
SCHEMAS = {"grpc": "ocsf-1.5", "http_protobuf": "ocsf-1.8", "http_json": "ecs"}
DENIED = "/[a-z_]+/[0-9]*7"
"""A pattern of paths that Envoy denies."""
LINE = re.compile(rb'\{"(?:act|@time).*?"integrity":\{[^{}]*\}\}.*?\}(?=[^,}]|$)')
"""A record within a message."""
REFUSED = 3
"""So many of each batch, if there are as many."""
DEADLINE_SECONDS = 180


@dataclass
class Log:
    """A log record as the collector has printed it: text and numbers among its attributes are plain."""

    resource: dict
    fields: dict = field(default_factory=dict)
    attributes: dict = field(default_factory=dict)


def parsed(printed):
    """The log records in what rotel has printed."""
    logs, attributes = [], {}
    for line in printed.splitlines():
        attribute = re.fullmatch(r" +-> ([^:]+): (?:Str|Int)\((.*)\)", line)
        key, _, value = line.partition(":")
        if line.startswith("ResourceLog #"):
            resource = attributes = {}
        elif line.startswith("LogRecord #"):
            logs.append(Log(resource))
        elif line == "Attributes:":
            attributes = logs[-1].attributes
        elif attribute:
            attributes[attribute[1]] = attribute[2]
        elif logs:
            logs[-1].fields[key.strip()] = value.strip()
    return [it for it in logs if it.fields]


def body(log):
    """The record in a log record."""
    return log.fields["Body"].removeprefix("Str(").removesuffix(")").encode()


class Collected(Audited):
    """With rotel, which goes and comes back."""

    workers, pace = 2, PACE_SECONDS

    def setUp(self):
        super().setUp()
        self.collector = self.enterContext(Collector("logs"))
        self.collector.start()

    def begin(self, protocol):
        sink = {"otlp": {"cluster": PROTOCOLS[protocol], "protocol": protocol, "timeout": "2s"}}
        filters = [audit(sink=sink, schema=SCHEMAS[protocol]), tracing(sampling={"sampler": {"probability": 0.5}})]
        ports = {"collector_grpc": self.collector.port, "collector_http": self.collector.http_port}
        config = self.proxy(*filters, **ports)
        denial = {"match": {"safe_regex": {"regex": DENIED}}, "direct_response": {"status": 403}}
        routes(config).insert(0, denial)
        self.start(protocol, config)

    def logs(self, name):
        return [it for it in parsed(self.collector.printed()) if it.resource["service.name"] == name]

    def test_each_request_has_one_record_in_whatever_it_travels(self):
        for protocol in PROTOCOLS:
            self.begin(protocol)

        async def script():
            await asyncio.sleep(2)
            await asyncio.to_thread(self.collector.end)
            await asyncio.sleep(DOWN_SECONDS)
            await asyncio.to_thread(self.collector.start)
            await asyncio.sleep(DOWN_SECONDS)
            self.collector.stop()
            await asyncio.sleep(DOWN_SECONDS)
            self.collector.go_on()
            await asyncio.sleep(1)

        answers = self.under_load(script)
        for name, them in answers.items():
            with self.subTest(name):
                self.check(name, them)

    def check(self, name, answers):
        def are_all():
            return len(of_requests(distinct(body(it) for it in self.logs(name)))) >= len(answers)

        eventually(are_all, BACK_SECONDS, f"all of {name}")
        logs = self.logs(name)
        records = distinct(body(it) for it in logs)
        print(f"\n{name}: {len(records)} records, {len(logs) - len(records)} of them twice", end="", flush=True)
        self.assert_valid(records)
        self.assert_each_has_one(answers, records)
        self.assert_counts(name, recorded=len(answers), sent=len(records))
        report = self.assert_verifies([body(it) for it in logs])
        self.assertEqual({it["chain"] for it in report["chains"]}, set(chains(records)))
        told = {it.path: it.headers for it in self.upstream.arrivals}
        for log in logs:
            self.check_log(log, Record(body(log)), told)

    def check_log(self, log, record, told):
        """What stands beside a record."""
        self.assertEqual(log.fields["EventName"], f"portcullis.audit.{record.kind}")
        self.assertEqual(log.resource["service.name"], log.resource["service.instance.id"])
        if record.kind != "request":
            self.assertEqual((log.fields["Trace ID"], log.attributes), ("", {}))
            return
        is_denied = re.fullmatch(DENIED, record.path) is not None
        expected = {
            "client.address": "127.0.0.1",
            "http.request.method": "GET",
            "http.response.status_code": "403" if is_denied else "200",
            "portcullis.audit.decision": "denied" if is_denied else "allowed",
            "server.address": "a.example",
            "url.path": record.path,
        }
        if is_denied:
            expected |= {"portcullis.audit.filter": "envoy", "portcullis.audit.reason": "direct_response"}
        self.assertEqual(log.attributes, expected)
        self.assertEqual(log.fields["SeverityText"], "WARN" if is_denied else "INFO")
        if not is_denied:
            _, trace, span, flags = told[record.path]["traceparent"].split("-")
            found = log.fields["Trace ID"], log.fields["Span ID"], int(log.fields["Flags"])
            self.assertEqual(found, (trace, span, int(flags, 16)))
            self.assertEqual(record.trace, (trace, span))


class Picky:
    """A collector that takes only a part of each batch, over HTTP and over gRPC; `kept` and `refused` are records, in their order."""

    def __init__(self):
        self.kept, self.refused, self.answers, self._lock = [], [], 0, threading.Lock()

    def take(self, lines):
        """Takes what it wants of a batch, and says how many it has refused."""
        # What the log says of itself is never too old.
        requests = [line for line in lines if Record(line).kind == "request"]
        refused = requests[:REFUSED]
        with self._lock:
            self.refused += refused
            self.kept += [line for line in lines if line not in refused]
            self.answers += bool(refused)
        return len(refused)

    def message(self, message):
        """The answer to a message of protobuf: ExportLogsServiceResponse."""
        refused = self.take(LINE.findall(message))
        why = b"too old"
        partial = bytes([0x08, refused, 0x12, len(why)]) + why if refused else b""
        return bytes([0x0A, len(partial)]) + partial if partial else b""

    def json(self, body):
        """Likewise in JSON."""
        [resource] = json.loads(body)["resourceLogs"]
        [scope] = resource["scopeLogs"]
        refused = self.take([it["body"]["stringValue"].encode() for it in scope["logRecords"]])
        partial = {"rejectedLogRecords": str(refused), "errorMessage": "too old"}
        return json.dumps({"partialSuccess": partial} if refused else {}).encode()

    def service(self, _):
        return grpc.unary_unary_rpc_method_handler(lambda message, _: self.message(message))

    @contextlib.contextmanager
    def over_grpc(self):
        """The port on which it listens for gRPC."""
        with ThreadPoolExecutor(4) as workers:
            server = grpc.server(workers, handlers=[self])
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            try:
                yield port
            finally:
                server.stop(None).wait()


class Partial(Audited):
    """A success of which not all is true: nothing of it is sent again."""

    workers, pace = 2, PACE_SECONDS

    def test_what_was_refused_is_counted_and_told(self):
        collectors = {}
        for protocol in PROTOCOLS:
            picky = collectors[protocol] = Picky()
            if protocol == "grpc":
                port = self.enterContext(picky.over_grpc())
            else:
                sink = self.sink(protocol)
                answer = picky.json if protocol == "http_json" else picky.message
                sink.says = lambda post, answer=answer: answer(post.body)
                port = sink.port
            sink = {"otlp": {"cluster": PROTOCOLS[protocol], "protocol": protocol}}
            self.start(protocol, self.proxy(audit(sink=sink), **{PROTOCOLS[protocol]: port}))

        async def script():
            for picky in collectors.values():
                await until(lambda picky=picky: picky.answers > 8, 10, "enough batches")

        answers = self.under_load(script)
        for name, them in answers.items():
            with self.subTest(name):
                self.check(name, them, collectors[name])

    def check(self, name, answers, picky):
        def told():
            return {(it.chain, it.audit["first_sequence"]): it for it in distinct(picky.kept) if it.kind == "loss"}

        asked = collections.Counter(it.kind for it in answers)
        eventually(lambda: len(of_requests(distinct(picky.kept + picky.refused))) >= len(answers), 10, "all were sent")
        eventually(lambda: sum(it.count for it in told().values()) >= len(picky.refused), 10, "all losses are told")
        kept, refused = distinct(picky.kept), distinct(picky.refused)
        self.assertEqual((len(kept), len(refused)), (len(picky.kept), len(picky.refused)), "something was sent again")
        self.assertEqual(collections.Counter(it.path for it in of_requests(kept + refused)), asked)
        self.assert_valid(kept)
        self.assertEqual((sum(it.count for it in told().values()), len(told())), (len(refused), picky.answers))
        # A loss record in such a batch may have been refused as well: nobody says which were.
        self.assertLessEqual(sum(it.kind == "loss" for it in kept), 2 * picky.answers)
        counts = {"partially_refused": picky.answers, "sent": len(kept), "retried": 0}
        self.assert_counts(name, dropped_refused=len(refused), **counts)
        self.assertRegex(self.envoys[name].log(), r"audit-log: the sink \S+ has refused \d+ of \d+ records: too old")
        report = self.assert_verifies([it.line for it in kept])
        self.assertEqual(sum(it["declared_missing"] for it in report["chains"]), len(refused))


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
