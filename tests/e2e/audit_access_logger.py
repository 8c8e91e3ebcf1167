"""audit-log as an access logger of Envoy: it also sees what no filter does.

    .venv/bin/python tests/e2e/audit_access_logger.py [-v] [CLASS[.TEST]]

PORTCULLIS in the environment is the path of the command line, target/debug/portcullis by default.
"""

import asyncio
import faulthandler
import socket
import unittest

import hpack
from audits import Audited, audit
from clients import eventually
from hyperframe.frame import HeadersFrame, SettingsFrame
from limits import hcm
from load import get
from recorded import of_requests
from traces import TYPE

LOGGER = TYPE + "envoy.extensions.access_loggers.wasm.v3.WasmAccessLog"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DEADLINE_SECONDS = 120


class AccessLogger(Audited):
    """In place of a filter: nothing waits for it, and nothing is denied."""

    workers, pace = 2, 0.2
    refused = {
        "no colon": (b"GET /a HTTP/1.1\r\nno colon\r\n\r\n", 400, "http1.codec_error"),
        "no host": (b"GET /a HTTP/1.1\r\n\r\n", 400, "missing_host_header"),
        "too old": (b"GET /a HTTP/1.0\r\n\r\n", 426, "low_version"),
        "too long": (get("/a", [(f"x-{it}", "a" * 1000) for it in range(99)]), 431, "http1.headers_too_large"),
        "two lengths": (
            get("/a", [("content-length", "1"), ("transfer-encoding", "chunked")], "POST"),
            400,
            "http1.content_length_and_chunked_not_allowed",
        ),
    }

    def test_what_the_connection_manager_refuses(self):
        taking = self.sink()
        config = self.proxy(sink=taking.port)
        logger = {"@type": LOGGER, "config": audit()["typed_config"]["config"]}
        hcm(config)["access_log"] = [{"name": "envoy.access_loggers.wasm", "typed_config": logger}]
        envoy = self.start("logger", config)
        [answers] = self.under_load(lambda: asyncio.sleep(1)).values()
        for name, (request, status, _) in self.refused.items():
            with self.subTest(name), socket.create_connection(("127.0.0.1", envoy.port), 10) as wire:
                wire.sendall(request)
                self.assertEqual(wire.recv(65536)[9:12], b"%d" % status)
        self.send_upper_case(envoy.port)
        expected = len(answers) + len(self.refused) + 1
        eventually(lambda: len(of_requests(self.arrived(taking, "logger"))) >= expected, 5, "all have arrived")
        records = self.arrived(taking, "logger")
        self.assert_valid(records)
        self.assert_each_has_one(answers, [it for it in records if it.kind != "request" or it.status == 200])
        found = sorted((it.status, it.all["status_detail"]) for it in of_requests(records) if it.status != 200)
        self.assertEqual(found, sorted([(0, "http2.invalid.header.field"), *(it[1:] for it in self.refused.values())]))
        for it in of_requests(records):
            if it.status != 200:
                decision = {"action": "denied", "filter": "envoy", "reason": it.all["status_detail"]}
                self.assertEqual((it.all["action_id"], it.audit["decisions"]), (2, [decision]))
        self.assert_verifies(taking.lines())

    def send_upper_case(self, port):
        """What HTTP/2 does not allow: a header whose name has an upper-case letter."""
        fields = {":method": "GET", ":scheme": "http", ":path": "/a", ":authority": "a.example", "X-Upper": "a"}
        block = hpack.Encoder().encode(fields.items())
        headers = HeadersFrame(1, block, flags=["END_HEADERS", "END_STREAM"])
        with socket.create_connection(("127.0.0.1", port), 10) as wire:
            wire.sendall(PREFACE + SettingsFrame(0).serialize() + headers.serialize())
            while wire.recv(65536):
                pass


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
