"""An issuer that rotates its keys, and the server of its documents, which does all that such servers do to clients."""

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

ISSUER = "https://issuer.example"
HANG_SECONDS = 60


@dataclass
class Page:
    """What the server answers at one path. Who asks waits while `gate` is shut."""

    body: bytes
    status: int = 200
    headers: dict = field(default_factory=dict)
    etag: str | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    asked: list = field(default_factory=list)
    """When each request came, and the status that it was answered with."""

    def __post_init__(self):
        self.gate.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def do_GET(self):
        page = self.server.pages.get(self.path, Page(b"", 404))
        status = page.status
        if page.etag and status == 200 and self.headers.get("if-none-match") == page.etag:
            status = 304
        with self.server.lock:
            page.asked.append((time.time(), status))
        page.gate.wait(HANG_SECONDS)
        body = b"" if status == 304 else page.body
        self.send_response(status)
        for name, value in page.headers.items():
            self.send_header(name, value)
        if page.etag:
            self.send_header("etag", page.etag)
        if status != 304:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, pages):
        super().__init__(("127.0.0.1", port), _Handler)
        self.pages, self.lock, self._open = pages, threading.Lock(), set()

    def process_request(self, request, client_address):
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_):
        """Envoy hangs up when it has waited for too long."""

    def hang_up(self):
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class DocumentServer:
    """An HTTP/1.1 server of `pages` by path, which can die and come back on the same port; a context manager."""

    def __init__(self, pages):
        self.pages, self.port, self._server = pages, 0, None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        for page in self.pages.values():
            page.gate.set()
        self.stop()

    def start(self):
        """Begins to listen."""
        self._server = _Server(self.port, self.pages)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """Dies as a process does: its connections end, and new ones are refused."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server.hang_up()
            self._server = None

    def cluster(self, name="issuer"):
        """The cluster by which Envoy reaches it."""
        address = {"socket_address": {"address": "127.0.0.1", "port_value": self.port}}
        endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
        assignment = {"cluster_name": name, "endpoints": endpoints}
        return {"name": name, "type": "STATIC", "connect_timeout": "1s", "load_assignment": assignment}


class Issuer:
    """Keys by `kid`, of which some are published, and the tokens that they sign."""

    def __init__(self, *kids):
        self.keys, self.page = {}, Page(b"")
        self.tokens = []
        self.publish(*kids)

    def publish(self, *kids):
        """Publishes the keys of these names, which are made when they are new, and no others."""
        for kid in kids:
            self.keys.setdefault(kid, ec.generate_private_key(ec.SECP256R1()))
        self.page.body = json.dumps({"keys": [self._jwk(kid) for kid in kids]}).encode()

    def _jwk(self, kid):
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(self.keys[kid].public_key(), as_dict=True)
        return jwk | {"kid": kid, "alg": "ES256", "use": "sig"}

    def mint(self, kid, key=None, **changes):
        """A token that the example accepts from this issuer, unless `changes` to its claims or another `key` spoil it.

        `None` leaves a claim out.
        """
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": "orders", "sub": "alice", "iat": now, "exp": now + 3600}
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        token = jwt.encode(claims, key or self.keys[kid], "ES256", headers={"kid": kid})
        self.tokens.append(token)
        return token

    def betrayed_in(self, log):
        """The tokens of which `log` shows a part that nobody else should see: the payload or the signature."""
        parts = ((token, part) for token in self.tokens for part in token.split(".")[1:])
        return [token for token, part in parts if part[:40] in log or part[-20:] in log]
