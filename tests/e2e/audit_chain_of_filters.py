"""audit-log in front of all other filters: whatever decides about a request, the record names it, and who has asked.

    .venv/bin/python tests/e2e/audit_chain_of_filters.py [-v] [CLASS[.TEST]]

There is one audit-log for each schema, each with records of its own. PORTCULLIS in the environment is the path of the
command line, target/debug/portcullis by default.
"""

import contextlib
import faulthandler
import json
import ssl
import time
import unittest

import httpx
from audits import Audited, audit
from breakers import breaker
from certificates import Authority, downstream_tls
from clients import eventually
from cryptography.hazmat.primitives import hashes
from example import JWKS, bearer, token
from limits import hcm, listener, on, routes
from recorded import distinct, of_requests
from traces import TYPE, cluster, lasting_port, plugin, tracing

SCHEMAS = {"one": "ocsf-1.5", "two": "ocsf-1.8", "three": "ecs"}
SPIFFE = "spiffe://td.example/ns/shop/sa/web"
SECRET = "the secret of nobody but this test"
CLAIMS = {"azp": "web", "sid": "s-1", "tenant": "acme", "realm": {"plan": "gold"}, "email": "alice@shop.example"}
WHO = {"subject": "alice", "issuer": "https://issuer.example", "client": "web", "session": "s-1", "tenant": "acme"}
RBAC = "envoy.filters.http.rbac"
DEADLINE_SECONDS = 120


def recorder(name, schema):
    """audit-log with records of its own."""
    operations = [{"when": {"path": {"exact": "/orders"}}, "name": "orders.list"}]
    identity = {"tokens": ["user"], "failures": ["failure"], "tenant": ["tenant"], "claims": [["realm", "plan"]]}
    members = {"operations": operations, "identity": identity, "show": {"query": ["case"]}}
    it = audit(name, schema=schema, stat_prefix=name, otherwise={"level": "headers"}, **members)
    it["name"] = it["typed_config"]["config"]["name"] = f"audit-log-{name}"
    return it


def authentication():
    """jwt-auth."""
    states = {"payload": "user", "failure": "failure"}
    provider = {"name": "example", "issuer": "https://issuer.example", "audiences": ["orders"], "filter_state": states}
    rules = [
        {"match": {"path": {"prefix": "/open"}}, "require": "none"},
        {"match": {"path": {"prefix": "/lenient"}}, "require": {"any": [{"provider": "example"}, "allow_missing_or_failed"]}},
    ]
    jwks = {"inline": json.loads(json.dumps(JWKS))}
    return plugin("jwt-auth", {"providers": [provider | {"jwks": jwks}], "rules": rules, "otherwise": {"provider": "example"}})


def limiting():
    """token-bucket."""
    limit = {"name": "few", "when": on("/limited"), "rate": "1/1h", "burst": 1, "scope": "process"}
    return plugin("token-bucket", {"limits": [limit]})


def authorization():
    """Envoy's rbac: nobody may go to /forbidden."""
    policy = {"permissions": [{"url_path": {"path": {"exact": "/forbidden"}}}], "principals": [{"any": True}]}
    rules = {"action": "DENY", "policies": {"forbidden": policy}}
    return {"name": RBAC, "typed_config": {"@type": TYPE + "envoy.extensions.filters.http.rbac.v3.RBAC", "rules": rules}}


def breaking():
    """circuit-breaker: opens after one error of the cluster that nobody listens for."""
    it = breaker("gone", when=on("/gone"), trip={"consecutive_errors": 1}) | {"open": {"duration": "1h"}}
    return plugin("circuit-breaker", {"breakers": [it], "sync": "100ms"})


class Recorded(Audited):
    """Over TLS with client certificates, all filters, and three of audit-log in front of them."""

    workers = 2

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.directory)
        self.client = self.authority.issue("alice", SPIFFE)
        self.sinks = {name: self.sink(name) for name in SCHEMAS}
        recorders = [recorder(name, schema) for name, schema in SCHEMAS.items()]
        filters = [tracing(), authentication(), limiting(), authorization(), breaking()]
        config = self.proxy(*recorders, *filters, **{name: sink.port for name, sink in self.sinks.items()})
        config["static_resources"]["clusters"].append(cluster("gone", lasting_port()))
        known = ("orders", "open", "lenient", "limited", "forbidden", "slow")
        routes(config)[:] = [
            *({"name": it, "match": {"path": f"/{it}"}, "route": {"cluster": "upstream"}} for it in known),
            {"name": "gone", "match": {"path": "/gone"}, "route": {"cluster": "gone"}},
        ]
        [chain] = listener(config)["filter_chains"]
        chain["transport_socket"] = downstream_tls(self.authority.issue("server"), self.authority)
        inspector = {"@type": TYPE + "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"}
        listener(config)["listener_filters"] = [{"name": "envoy.filters.listener.tls_inspector", "typed_config": inspector}]
        hcm(config)["use_remote_address"] = True
        self.envoy = self.start("edge", config)

    def ask(self, path, credentials=None, certificate=None, **more):
        """The status of the answer."""
        context = ssl.create_default_context(cafile=self.authority.own.chain_file)
        if certificate:
            context.load_cert_chain(certificate.chain_file, certificate.key_file)
        with httpx.Client(verify=context, trust_env=False, http2=True, timeout=10) as client:
            extensions = {"sni_hostname": "server.example"}
            url = f"https://127.0.0.1:{self.envoy.port}{path}"
            headers = bearer(credentials) | {"host": "shop.example"}
            return client.get(url, headers=headers, extensions=extensions, **more).status_code

    def leave(self, path, credentials):
        """Asks, and does not wait for the answer."""
        with contextlib.suppress(httpx.ReadTimeout):
            self.ask(path, credentials, timeout=httpx.Timeout(10, read=0.3))

    def records(self, count):
        """The records of requests once there are so many, in the order of the cases, by the name of the recorder."""
        found = {}
        for name, sink in self.sinks.items():
            eventually(lambda sink=sink: len(of_requests(distinct(sink.lines()))) >= count, 10, f"{count} records: {name}")
            records = distinct(sink.lines())
            self.assert_valid(records)
            self.assert_verifies(sink.lines())
            found[name] = of_requests(records)
            by_case = {it.query.partition("&case=")[2]: it for it in of_requests(records)}
            self.assertEqual((len(by_case), len(of_requests(records))), (count, count), name)
            found[name] = [by_case[f"{case}"] for case in range(count)]
        return found

    def test_each_decision_has_a_record_that_names_who_made_it(self):
        good, expired = token(**CLAIMS), token(exp=int(time.time()) - 3600, **CLAIMS)
        cases = [
            # The request, the status, what became of it, by whom and why, and whether a token says who it is from.
            ("/orders", good, 200, None, WHO),
            ("/open", None, 200, None, {}),
            ("/lenient", expired, 200, ("tolerated", "jwt-auth", "jwt_expired"), {}),
            ("/orders", None, 401, ("denied", "jwt-auth", "jwt_missing"), {}),
            ("/orders", expired, 401, ("denied", "jwt-auth", "jwt_expired"), {}),
            ("/orders", token(aud="billing", **CLAIMS), 403, ("denied", "jwt-auth", "jwt_aud_not_allowed"), {}),
            ("/limited", good, 200, None, WHO),
            ("/limited", good, 429, ("denied", "token-bucket", "rate_limit_exceeded"), WHO),
            ("/forbidden", good, 403, ("denied", "rbac", "rbac_access_denied_matched_policy[forbidden]"), WHO),
            ("/gone", good, 503, None, WHO),
            ("/gone", good, 503, ("denied", "circuit-breaker", "circuit_open"), WHO),
            ("/nowhere", good, 404, None, WHO),
        ]
        query = [f"?secret={SECRET}&case={number}" for number in range(len(cases))]
        for (path, credentials, status, decision, _), query in zip(cases, query, strict=True):
            # Until both workers know that the breaker is open.
            time.sleep(0.5 if decision and decision[1] == "circuit-breaker" else 0)
            self.assertEqual(self.ask(path + query, credentials, self.client), status, path)
        for name, records in self.records(len(cases)).items():
            for record, (path, _, status, decision, who) in zip(records, cases, strict=True):
                with self.subTest(name, path=path, status=status):
                    self.check(record, path, status, decision, who)
            self.check_operations(records)
            self.check_upstream(records[0], records[9], records[11])

    def check_operations(self, records):
        """Who has done what, where both are known."""
        for record in records:
            operation = "orders.list" if record.path == "/orders" else None
            if record.is_ecs:
                self.assertEqual(record.all["event"]["action"], operation or "get")
            else:
                found = record.all.get("api", {}).get("operation"), record.all["class_uid"]
                self.assertEqual(found, ("orders.list", 6003) if operation and record.who else (None, 4002))

    def check_upstream(self, passed, gone, nowhere):
        """Where a request went, or was to go."""
        self.assertEqual([it.audit.get("route") for it in (passed, gone, nowhere)], ["orders", "gone", None])
        self.assertEqual([it.audit.get("flags") for it in (passed, gone, nowhere)], [None, "UF", "NR"])
        where = passed.all["destination" if passed.is_ecs else "dst_endpoint"]
        self.assertEqual((where["ip"], where["port"]), ("127.0.0.1", self.upstream.port))

    def test_a_client_that_leaves_and_one_without_a_certificate(self):
        self.upstream.mode = "hanging"
        self.leave("/slow?secret=0&case=0", token(**CLAIMS))
        self.assertEqual(self.ask("/slow?secret=0&case=1"), 401)
        for left, stranger in self.records(2).values():
            self.assertEqual((left.status, left.audit["flags"], left.is_denied), (0, "DC", False))
            self.assertEqual(left.who["subject"], "alice")
            self.assertEqual((stranger.status, stranger.who, stranger.is_denied), (401, {}, True))
            self.assertEqual([it.audit.get("peer") for it in (left, stranger)], [None, None])
            self.assertEqual([it.tls[0] for it in (left, stranger)], ["TLSv1.3"] * 2)

    def check(self, record, path, status, decision, who):
        """One record."""
        self.assertEqual((record.path, record.status), (path, status))
        decisions = [dict(zip(("action", "filter", "reason"), decision, strict=True))] if decision else []
        self.assertEqual(record.audit.get("decisions", []), decisions)
        self.assertEqual(record.is_denied, bool(decision) and decision[0] == "denied")
        self.assertEqual(record.who, who)
        self.assertEqual(record.audit.get("claims"), {"realm.plan": "gold"} if who else None)
        digest = self.client.certificate.fingerprint(hashes.SHA256()).hex()
        peer = {"digest": digest, "dns": "alice.example", "subject": "CN=alice", "uri": SPIFFE}
        self.assertEqual(record.audit["peer"], peer)
        self.assertEqual(record.tls, ("TLSv1.3", "server.example"))
        self.assertRegex("-".join(record.trace), "[0-9a-f]{32}-[0-9a-f]{16}")
        for secret in (SECRET, "alice@shop.example", "eyJ"):
            self.assertNotIn(secret.encode(), record.line)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
