#!/usr/bin/env python3
"""An upstream to try the filters with, on 127.0.0.1: it answers with the request that it got.

    python3 docs/upstream.py [PORT [FILE]]

The port is 8080 if none is said. `/status/503` is answered with that status. Bodies are also added to the end of FILE.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
FILE = open(sys.argv[2], "ab", buffering=0) if len(sys.argv) > 2 else None


class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if FILE:
            FILE.write(body)
        lines = [f"{self.command} {self.path}", *(f"{name.lower()}: {value}" for name, value in self.headers.items())]
        answer = "\n".join(lines).encode() + b"\n"
        _, what, status, *_ = (self.path + "//").split("/")
        self.send_response(int(status) if what == "status" else 200)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Upstream).serve_forever()
