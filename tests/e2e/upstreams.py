"""What stands behind the proxy: upstreams that answer with what they were sent."""

import base64
import contextlib
import functools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import grpc


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with self.server.lock:
            self.server.served += 1
        seen = {
            "method": self.command,
            "path": self.path,
            "headers": [(name.lower(), value) for name, value in self.headers.items()],
            "body": base64.b64encode(body).decode(),
        }
        answer = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, *_):
        pass


class _EchoServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    served = 0

    def __init__(self, handler=_Echo):
        super().__init__(("127.0.0.1", 0), handler)
        self.lock = threading.Lock()


@contextlib.contextmanager
def serving(server):
    """A server in a thread of its own. A gate at which it holds requests back is opened when it ends."""
    with server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            if hasattr(server, "gate"):
                server.gate.set()
            server.shutdown()


def http_upstream():
    """An HTTP/1.1 server; `served` counts its requests, and each answer is a JSON object that describes the request."""
    return serving(_EchoServer())


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def files(directory):
    """A server of the files of a directory."""
    handler = functools.partial(_Files, directory=directory)
    return serving(ThreadingHTTPServer(("127.0.0.1", 0), handler))


class _Told(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def do_GET(self):
        _, what, number = self.path.split("/")
        with self.server.lock:
            self.server.served += 1
        if what == "hang":
            self.server.gate.wait(int(number))
        with contextlib.suppress(ConnectionError):
            self._answer(what, number)

    def _answer(self, what, number):
        body = bytes(int(number) if what in ("bytes", "chunks") else 0)
        self.send_response(int(number) if what == "status" else 200)
        if what == "chunks":
            self.send_header("transfer-encoding", "chunked")
            body = b"".join(f"{len(it):x}\r\n".encode() + it + b"\r\n" for it in (body, b""))
        else:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def told_upstream():
    """An HTTP/1.1 server for `/bytes/N`, `/chunks/N`, `/status/N` and `/hang/SECONDS`, or until its `gate` opens."""
    with _EchoServer(_Told) as server:
        server.gate = threading.Event()
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.gate.set()
            server.shutdown()


class _EchoMetadata(grpc.GenericRpcHandler):
    def service(self, _):
        return grpc.unary_unary_rpc_method_handler(self._answer)

    @staticmethod
    def _answer(message, context):
        metadata = {name: value for name, value in context.invocation_metadata() if isinstance(value, str)}
        return json.dumps({"message": message.decode(), "metadata": metadata}).encode()


@contextlib.contextmanager
def grpc_upstream():
    """The port of a gRPC server that answers every unary call with its message and metadata, in JSON."""
    with ThreadPoolExecutor(4) as workers:
        server = grpc.server(workers, handlers=[_EchoMetadata()])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield port
        finally:
            server.stop(None).wait()
