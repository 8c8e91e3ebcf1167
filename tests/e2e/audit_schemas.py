"""The check of audit records can fail: what it says of records that are right, and of each with one thing wrong.

    .venv/bin/python tests/e2e/audit_schemas.py [-v] [CLASS[.TEST]]
"""

import copy
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from records import validate

CHAIN, HASH = "0" * 32, "a" * 64
UID = f"{CHAIN}-1"
FINGERPRINT = {"algorithm_id": 3, "encoding_id": 1, "serialization_id": 2, "value": HASH}
METADATA = {
    "log_provider": "web.shop",
    "product": {"name": "Portcullis", "vendor_name": "Portcullis", "version": "0.1.0"},
    "sequence": 1,
    "tenant_uid": "acme",
    "uid": UID,
}
COMMON = {"severity_id": 1, "time": 1790000000000, "unmapped": {"audit": {"level": "metadata"}, "integrity": {}}}
HTTP = COMMON | {
    "action_id": 1,
    "activity_id": 3,
    "actor": {"app_uid": "web", "idp": {"uid": "https://idp.example"}, "session": {"uid": "s-1"}, "user": {"uid": "alice"}},
    "category_uid": 4,
    "class_uid": 4002,
    "count": 1,
    "disposition_id": 1,
    "dst_endpoint": {"ip": "10.0.0.7", "port": 8080, "svc_name": "backend"},
    "duration": 12,
    "end_time": 1790000000012,
    "firewall_rule": {"name": "payments", "rate_limit": 10},
    "http_cookies": [{"name": "s", "value": "[redacted]"}],
    "http_request": {
        "body_length": 0,
        "http_headers": [{"name": "accept", "value": "*/*"}],
        "http_method": "GET",
        "uid": "a-1",
        "url": {"hostname": "shop.example", "path": "/orders/7", "query_string": "page=2", "scheme": "https"},
        "user_agent": "curl/8",
        "version": "HTTP/1.1",
        "x_forwarded_for": ["192.0.2.9", "2001:db8::1"],
    },
    "http_response": {"body_length": 512, "code": 200},
    "metadata": METADATA | {"profiles": ["host", "security_control", "trace"]},
    "src_endpoint": {"ip": "192.0.2.1", "port": 4711},
    "start_time": 1790000000000,
    "status_code": "200",
    "status_id": 1,
    "tls": {"sni": "shop.example", "version": "TLSv1.3"},
    "trace": {"span": {"end_time": 2, "start_time": 1, "uid": "00f067aa0ba902b7"}, "uid": "0af7651916cd43dd8448eb211c80319c"},
    "traffic": {"bytes_in": 1, "bytes_out": 2},
    "type_uid": 400203,
}
NOT_OF_AN_API = ("http_cookies", "tls", "traffic")
API = {key: value for key, value in HTTP.items() if key not in NOT_OF_AN_API} | {
    "activity_id": 99,
    "activity_name": "List",
    "api": {"operation": "shop.v1.Orders/List", "service": {"name": "shop.v1.Orders"}},
    "category_uid": 6,
    "class_uid": 6003,
    "type_uid": 600399,
}
GENESIS = COMMON | {
    "activity_id": 6,
    "category_uid": 1,
    "class_uid": 1008,
    "log_name": "portcullis.audit",
    "log_type_id": 2,
    "metadata": METADATA,
    "type_uid": 100806,
}
CHECKPOINT = GENESIS | {"activity_id": 99, "activity_name": "Checkpoint", "type_uid": 100899}
ATTESTED = HTTP | {
    "attestation_list": [
        {
            "authority_uid": "web",
            "chain_uid": CHAIN,
            "fingerprint": FINGERPRINT,
            "prev_event": {"fingerprint": dict(FINGERPRINT), "uid": f"{CHAIN}-0"},
        }
    ],
    "metadata": METADATA | {"profiles": ["host", "record_integrity", "security_control", "trace"]},
}
ECS = {
    "@timestamp": "2026-11-28T21:00:00.000Z",
    "ecs": {"version": "9.4.0"},
    "event": {
        "action": "http-request",
        "category": ["network", "web"],
        "duration": 12000000,
        "id": UID,
        "kind": "event",
        "outcome": "success",
        "sequence": 1,
        "type": ["access", "allowed"],
    },
    "http": {"request": {"method": "GET"}, "response": {"status_code": 200}},
    "portcullis": {"audit": {"anything": [1]}},
    "related": {"ip": ["192.0.2.1"]},
    "source": {"ip": "192.0.2.1", "port": 4711},
}
GONE = object()


def changed(record, path, value):
    """A copy of a record with another value at `a/b/0`; without what is there if the value is GONE."""
    it = copy.deepcopy(record)
    *parents, last = (int(step) if step.isdigit() else step for step in path.split("/"))
    place = it
    for step in parents:
        place = place[step]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return it


def of_version(record, version):
    """A copy that says which version it follows."""
    return changed(record, "metadata/version", version)


class Right(unittest.TestCase):
    """Nothing is said of what is right."""

    def test_each_kind_in_both_releases(self):
        for record in (HTTP, API, GENESIS, CHECKPOINT):
            for version in ("1.5.0", "1.8.0"):
                self.assertEqual(validate(of_version(record, version), version), [])

    def test_the_draft_with_attestations(self):
        first = changed(ATTESTED, "attestation_list/0/prev_event", GONE)
        for record in (ATTESTED, first):
            self.assertEqual(validate(of_version(record, "1.9.0-dev")), [])

    def test_ecs(self):
        self.assertEqual(validate(ECS), [])


class Wrong(unittest.TestCase):
    """One thing is wrong, and one thing is said."""

    def assert_problem(self, record, begin, version=None):
        problems = validate(record, version)
        self.assertTrue(problems and all(it.startswith(begin) for it in problems), f"{begin}: {problems}")

    def assert_problems(self, record, version, cases):
        for path, value, begin in cases:
            with self.subTest(path=path, version=version):
                self.assert_problem(changed(of_version(record, version), path, value), begin)

    def test_requests(self):
        cases = [
            ("activity_name", "Fetch", "activity_name: Fetch beside"),
            ("actor/user", {}, 'actor/user: "account" is'),
            ("another", 1, "record: Additional properties are not allowed ('another'"),
            ("disposition_id", 28, "disposition_id: 28 is not one of"),
            ("dst_endpoint", {"port": 1}, 'dst_endpoint: "ip" is'),
            ("duration", "12", 'duration: "12" is not'),
            ("firewall_rule/name", GONE, 'firewall_rule: "name" is'),
            ("http_cookies/0/value", GONE, 'http_cookies/0: "value" is a required'),
            ("http_request/http_cookies", [], "http_request: Additional"),
            ("http_request/http_method", "PROPFIND", "http_request/http_method:"),
            ("http_request/url/path", GONE, 'http_request/url: "url_string" is'),
            ("http_request/x_forwarded_for/0", "192.0.2.9:80", "http_request/x_forwarded_for/0:"),
            ("http_response/code", GONE, 'http_response: "code" is a required'),
            ("http_status", 200, "http_status: deprecated since 1.1.0"),
            ("metadata/product", GONE, 'metadata: "product" is a required'),
            ("metadata/profiles", ["host", "security_control"], "record: Additional properties are not allowed ('trace'"),
            ("metadata/profiles", ["security_control", "trace"], "record: Additional properties are not allowed ('actor'"),
            ("src_endpoint/port", 70000, "src_endpoint/port: 70000 is greater"),
            ("tls/version", GONE, 'tls: "version" is a required'),
            ("trace/span/end_time", GONE, 'trace/span: "end_time" is a required'),
            ("type_uid", 400206, "type_uid: not class_uid * 100"),
        ]
        for version in ("1.5.0", "1.8.0"):
            self.assert_problems(HTTP, version, cases)
            unknown = changed(of_version(HTTP, version), "metadata/profiles", ["host", "security_control", "trace", "x"])
            self.assert_problem(unknown, "metadata/profiles: x is none of http_activity")

    def test_apis_and_chains(self):
        for version in ("1.5.0", "1.8.0"):
            self.assert_problems(API, version, [
                ("tls", {"version": "TLSv1.3"}, "record: Additional properties are not allowed ('tls'"),
                ("src_endpoint", GONE, 'record: "src_endpoint" is a required'),
                ("actor", GONE, 'record: "actor" is a required'),
                ("api/operation", GONE, 'api: "operation" is a required'),
                ("api/service", {}, 'api/service: "name" is'),
                ("activity_name", "Other", "activity_name: Other beside"),
            ])
            nameless = changed(GENESIS, "log_type_id", GONE)
            self.assert_problems(nameless, version, [("log_name", GONE, 'record: "log_file" is')])

    def test_versions(self):
        patch = HTTP | {"activity_id": 9, "type_uid": 400209}
        self.assertEqual(validate(of_version(patch, "1.8.0")), [])
        self.assertEqual(len(validate(of_version(patch, "1.5.0"))), 2)
        credential = changed(HTTP, "actor/user/credential_uid", "k")
        self.assertEqual(validate(of_version(credential, "1.5.0")), [])
        self.assert_problem(of_version(credential, "1.8.0"), "actor/user/credential_uid: deprecated since 1.6.0")
        self.assert_problem(of_version(HTTP, "1.5.0"), "metadata/version: not", "1.8.0")
        self.assert_problem(of_version(HTTP, "1.5.1"), "OCSF 1.5.1 is not among")
        self.assert_problem(of_version(HTTP, "1.5.0") | {"class_uid": 4}, "class_uid: 4 is no class")

    def test_attestations(self):
        for version in ("1.5.0", "1.8.0"):
            problems = validate(of_version(ATTESTED, version))
            self.assertTrue(any("'attestation_list' was unexpected" in it for it in problems), problems)
        at = "attestation_list/0"
        self.assert_problems(ATTESTED, "1.9.0-dev", [
            ("attestation_list", GONE, "attestation_list goes with"),
            ("metadata/profiles", ["host", "security_control", "trace"], "attestation_list goes with"),
            (f"{at}/note", "", f"{at}: note is unknown"),
            (f"{at}/chain_uid", GONE, f"{at}: chain_uid is no string"),
            (f"{at}/fingerprint", GONE, f"{at}: fingerprint is no SHA-256"),
            (f"{at}/fingerprint/encoding_id", 2, f"{at}: fingerprint is no SHA-256"),
            (f"{at}/fingerprint/value", "A" * 64, f"{at}: fingerprint/value has not"),
            (f"{at}/prev_event/uid", GONE, f"{at}: prev_event/uid is required"),
            (f"{at}/prev_event/fingerprint/value", "a", f"{at}: prev_event/fingerprint/value has not"),
            ("http_status", 200, "http_status: deprecated"),
        ])

    def test_ecs(self):
        cases = [
            ("@timestamp", GONE, "@timestamp: required"),
            ("@timestamp", "2026-11-28 21:00:00", "@timestamp: '2026-11-28 21:00:00' is no date"),
            ("another", 1, "another: unknown"),
            ("ecs/version", "8.0.0", "ECS 8.0.0 is not the version"),
            ("event/category", "web", "event.category: a list is due|event.type"),
            ("event/category", ["web"], "event.type: allowed is not expected of ['web']"),
            ("event/category/0", "net", "event.category: 'net' is not allowed|event.type"),
            ("event/duration", "12", "event.duration: '12' is no long"),
            ("event/kind", ["event"], "event.kind: one value is due"),
            ("event/outcome", "maybe", "event.outcome: 'maybe' is not allowed"),
            ("event/type/0", "creation", "event.type: creation is not expected"),
            ("http/request/headers", "x", "http.request.headers: unknown"),
            ("related/ip/0", "localhost", "related.ip: 'localhost' is no ip"),
        ]
        for path, value, begins in cases:
            problems = validate(changed(ECS, path, value))
            self.assertTrue(problems, path)
            for problem in problems:
                self.assertTrue(problem.startswith(tuple(begins.split("|"))), f"{path}: {problem}")


class Files(unittest.TestCase):
    """The program for files."""

    def run_on(self, *records):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "records.jsonl")
            path.write_text("".join(json.dumps(it) + "\n" for it in records))
            program = [sys.executable, Path(__file__).with_name("records.py"), path]
            it = subprocess.run(program, capture_output=True, text=True, timeout=60)
            return it.returncode, it.stdout.replace(str(path), "FILE").strip()

    def test_right(self):
        self.assertEqual(self.run_on(of_version(HTTP, "1.8.0"), ECS), (0, ""))

    def test_wrong(self):
        status, said = self.run_on(ECS, ECS | {"another": 1})
        self.assertEqual((status, said), (1, "FILE:2: another: unknown"))

    def test_empty(self):
        self.assertEqual(self.run_on(), (1, "FILE: no record"))


if __name__ == "__main__":
    unittest.main()
