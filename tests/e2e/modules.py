"""Plugins whose module is another one: another file, or one that a server has."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from envoy import ROOT
from limits import answers, hcm
from traces import TYPE, proxy
from upstreams import serving

CLUSTER = "modules"
HANG_SECONDS = 20
ACCESS_LOG = "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"
LINE = "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS%\n"


def built(name):
    """The bytes of a module as it is shipped."""
    return (ROOT / f"dist/{name}.wasm").read_bytes()


def policy(plugin, name):
    """The same plugin with this failure policy."""
    plugin["typed_config"]["config"]["failure_policy"] = name
    return plugin


def in_file(plugin, path):
    """The same plugin with the module that is in a file."""
    vm(plugin)["code"] = {"local": {"filename": str(path)}}
    return plugin


def at_server(plugin, path, digest, **members):
    """The same plugin with a module that Envoy fetches; `members` of its VM, such as `nack_on_code_cache_miss`."""
    uri = {"uri": f"http://modules.example{path}", "cluster": CLUSTER, "timeout": f"{HANG_SECONDS}s"}
    vm(plugin).update(code={"remote": {"http_uri": uri, "sha256": digest}}, **members)
    return plugin


def digest(module):
    return hashlib.sha256(module).hexdigest()


def vm(plugin):
    return plugin["typed_config"]["config"]["vm_config"]


def answering(*filters, **ports):
    """A configuration of these filters; what passes them gets an answer of Envoy's own. It logs each request."""
    config = proxy(1, *filters, **ports)
    answers(config)
    text = {"text_format_source": {"inline_string": LINE}}
    logger = {"@type": TYPE + ACCESS_LOG, "log_format": text}
    hcm(config)["access_log"] = [{"name": "envoy.access_loggers.stdout", "typed_config": logger}]
    return config


class _Modules(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self):
        self.server.asked.append(self.path)
        self.server.gate.wait(HANG_SECONDS)
        module = self.server.modules.get(self.path)
        self.send_response(200 if module else 404)
        self.send_header("content-length", str(len(module or b"")))
        self.end_headers()
        self.wfile.write(module or b"")

    def log_message(self, *_):
        pass


class _ModuleServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Modules)
        self.modules, self.asked, self.gate = {}, [], threading.Event()
        self.gate.set()

    def handle_error(self, *_):
        pass


def module_server():
    """A server of `modules`, by path; it answers while its `gate` is open, and notes what it is `asked` for."""
    return serving(_ModuleServer())
