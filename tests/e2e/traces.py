"""trace-injection in a real Envoy, a collector that prints spans, and an upstream that notes what it sees."""

import contextlib
import json
import random
import re
import socket
import struct
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import rotel
from clients import eventually
from limits import hcm, shipped
from rls import Server
from upstreams import serving

AGENT = Path(rotel.__file__).parent / "rotel-agent"
TYPE = "type.googleapis.com/"
HANG_SECONDS = 5
HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
RESET, HALF, HANG, NO_HTTP, UPGRADE = "reset", "half", "hang", "no-http", "upgrade"
"""What an upstream may do in place of an answer."""


def plugin(name, configuration):
    """One of our filters."""
    code = {"local": {"filename": f"dist/{name}.wasm"}}
    vm = {"vm_id": name, "runtime": "envoy.wasm.runtime.v8", "code": code}
    text = {"@type": TYPE + "google.protobuf.StringValue", "value": json.dumps(configuration)}
    config = {"name": name, "failure_policy": "FAIL_RELOAD", "vm_config": vm, "configuration": text}
    wasm = {"@type": TYPE + "envoy.extensions.filters.http.wasm.v3.Wasm", "config": config}
    return {"name": name, "typed_config": wasm}


def tracing(**configuration):
    """trace-injection."""
    return plugin("trace-injection", configuration)


def proxy(upstream, *filters, http2=False, **ports):
    """The example of token-bucket with other filters, in front of the port `upstream`; `ports` are of more clusters.

    Clusters whose name ends with `grpc` speak HTTP/2, and so does the upstream if asked to.
    """
    config = shipped()
    config["static_resources"]["clusters"] = [
        cluster("upstream", upstream, http2),
        *(cluster(name, port, name.endswith("grpc")) for name, port in ports.items()),
    ]
    router = hcm(config)["http_filters"][-1]
    hcm(config)["http_filters"] = [*filters, router]
    hcm(config)["access_log"] = []
    return config


def cluster(name, port, http2=False):
    """A cluster with one host."""
    endpoint = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}
    load_assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}]}
    it = {"name": name, "type": "STATIC", "load_assignment": load_assignment}
    if http2:
        options = {"@type": TYPE + HTTP2, "explicit_http_config": {"http2_protocol_options": {}}}
        it["typed_extension_protocol_options"] = {HTTP2: options}
    return it


def collectors(collector):
    """The clusters for `export`."""
    return {"collector_grpc": collector.port, "collector_http": collector.http_port}


def export(protocol, **members):
    """Where spans go, soon."""
    name = "collector_grpc" if protocol == "grpc" else "collector_http"
    return {"cluster": name, "protocol": protocol, "delay": "100ms"} | members


@dataclass
class Span:
    """A span as the collector has printed it: text and numbers among its attributes are plain, others as printed."""

    resource: dict
    schema: str = ""
    scope: str = ""
    trace: str = ""
    id: str = ""
    parent: str = ""
    name: str = ""
    kind: str = ""
    state: str = ""
    begin: int = 0
    end: int = 0
    status: str = "UNSET"
    attributes: dict = field(default_factory=dict)
    events: list = field(default_factory=list)
    links: list = field(default_factory=list)


class Collector(Server):
    """rotel, which listens for gRPC on `port` and for HTTP on `http_port`; what it has printed outlives it."""

    def __init__(self, prints="traces"):
        super().__init__()
        self._prints = prints
        self.port, self.http_port = lasting_port(), lasting_port()
        self._directory = tempfile.TemporaryDirectory()
        self._printed = Path(self._directory.name, "printed")
        self._printed.touch()

    def __exit__(self, *_):
        super().__exit__()
        self._directory.cleanup()

    def command(self):
        ports = {"grpc": self.port, "http": self.http_port}
        listen = [text for kind, port in ports.items() for text in (f"--otlp-{kind}-endpoint", f"127.0.0.1:{port}")]
        show = ["--exporter", "blackhole", "--debug-log", self._prints, "--debug-log-verbosity", "detailed"]
        return ["/bin/sh", "-c", 'NO_COLOR=1 exec "$@" >>"$0"', self._printed, AGENT, "start", *show, *listen]

    def end(self):
        """Ends it in good order: it prints all that it has taken."""
        self._process.terminate()
        self._process.wait()
        self.kill()

    def start(self):
        super().start()
        eventually(self._listens, 10, "rotel listens")

    def _listens(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.http_port), 1):
            return True

    def printed(self):
        """What it has printed."""
        printed = self._printed.read_text()
        # It may be about to print more of the last one.
        while (time.sleep(0.01) or self._printed.read_text()) != printed:
            printed = self._printed.read_text()
        return printed

    def spans(self, trace=None):
        """All spans, or those of a trace."""
        return [it for it in parsed(self.printed()) if trace in (None, it.trace)]

    def trace(self, trace, count, seconds=10):
        """The spans of a trace once there are so many, from the first that began to the last."""
        eventually(lambda: len(self.spans(trace)) >= count, seconds, f"{count} spans of {trace}")
        return sorted(self.spans(trace), key=lambda it: it.begin)


def lasting_port():
    """A port on which nobody listens, and which no connection gets by chance while a collector is gone."""
    while True:
        with contextlib.suppress(OSError), socket.socket() as it:
            it.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return it.getsockname()[1]


FIELDS = {
    "Trace ID": "trace",
    "ID": "id",
    "Parent ID": "parent",
    "Name": "name",
    "Kind": "kind",
    "TraceState": "state",
    "Status code": "status",
}


def parsed(printed):
    """The spans in what rotel has printed."""
    spans, schema, scope, attributes = [], "", "", {}
    for line in printed.splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        attribute = re.fullmatch(r" +-> ([^:]+): (\w+)\((.*)\)", line)
        if line.startswith("ResourceSpans #"):
            resource = attributes = {}
        elif key == "Resource SchemaURL":
            schema = value
        elif line.startswith("InstrumentationScope "):
            scope = line.removeprefix("InstrumentationScope ")
        elif line.startswith("Span #"):
            spans.append(Span(resource, schema, scope))
        elif line == "Attributes:":
            attributes = spans[-1].attributes
        elif line.startswith("SpanEvent #"):
            spans[-1].events.append({})
        elif line.startswith("SpanLink #"):
            spans[-1].links.append({})
        elif key == "-> Attributes":
            attributes = (spans[-1].links or spans[-1].events)[-1].setdefault("attributes", {})
        elif attribute:
            name, kind, text = attribute.groups()
            attributes[name] = {"Str": text, "Int": text}.get(kind, f"{kind}({text})")
            if kind == "Int":
                attributes[name] = int(text)
        elif key.startswith("-> ") and spans and (spans[-1].links or spans[-1].events):
            (spans[-1].links or spans[-1].events)[-1][key.removeprefix("-> ")] = value
        elif key in ("Start time", "End time"):
            setattr(spans[-1], {"Start time": "begin", "End time": "end"}[key], int(value))
        elif key in FIELDS:
            setattr(spans[-1], FIELDS[key], re.sub("^(SPAN_KIND|STATUS_CODE)_", "", value))
    return spans


@dataclass(frozen=True)
class Seen:
    """A request as the upstream has seen it."""

    path: str
    headers: list
    body: bytes

    def all(self, name):
        """The values of a header."""
        return [value for it, value in self.headers if it == name]

    def get(self, name):
        """The value of a header that is there once, or not at all."""
        [value] = self.all(name) or [None]
        return value


class _Noting(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True
    raw = {
        HALF: b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{",
        NO_HTTP: b"what do you want?\r\n\r\n",
        UPGRADE: b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello",
    }

    def do_GET(self):
        headers = [(name.lower(), value) for name, value in self.headers.items()]
        seen = Seen(self.path, headers, self._body())
        with self.server.lock:
            self.server.seen.append(seen)
        answer = self.server.answer(seen)
        with contextlib.suppress(OSError):
            if isinstance(answer, str):
                self._end(answer)
            else:
                self._answer(*(answer if isinstance(answer, tuple) else (answer,)))

    do_POST = do_GET

    def _body(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        chunks = []
        while not chunks or chunks[-1]:
            chunks.append(self.rfile.read(int(self.rfile.readline(), 16)))
            self.rfile.readline()
        return b"".join(chunks)

    def _answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _end(self, how):
        self.close_connection = True
        if how == HANG:
            self.server.gate.wait(HANG_SECONDS)
        if how in self.raw:
            self.wfile.write(self.raw[how])
            time.sleep(0.1)
        if how != UPGRADE:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_):
        pass


class _NotingServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Noting)
        self.lock, self.gate = threading.Lock(), threading.Event()
        self.seen, self.answer = [], lambda _: 200

    def handle_error(self, *_):
        pass


def upstream():
    """An HTTP/1.1 server: `seen` are its requests, and `answer(seen)` says what one of them gets.

    That is a status, one with a body and maybe headers, or one of `RESET`, `HALF` and so on.
    """
    return serving(_NotingServer())
