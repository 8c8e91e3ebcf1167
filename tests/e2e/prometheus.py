"""What a real Prometheus scrapes from real Envoys, and the shipped rules and the dashboard on it.

    .venv/bin/python tests/e2e/prometheus.py [-v] [CLASS[.TEST]]
"""

import asyncio
import contextlib
import copy
import faulthandler
import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import promql_parser
import yaml
from clients import ask, at_once, eventually
from envoy import ROOT, command
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from modules import policy
from scraping import (
    ISTIO,
    SHIPPED,
    TOGETHER,
    Discovered,
    Prometheus,
    Scraped,
    Servers,
    WithListener,
    configurations,
    promtool,
    suite,
)
from traces import plugin
from trapping import MANY_HEADERS, renamed, trapping, trapping_on_headers

PAGE = ROOT / "docs/metrics.md"
DEADLINE_SECONDS = 180
SCRAPED_SECONDS = 20
WATCHED_ISTIO = copy.deepcopy(ISTIO)
WATCHED_ISTIO["stats_matcher"]["inclusion_list"]["patterns"].append({"prefix": "extension_config_discovery"})
"""With the annotation that docs/metrics.md has."""
FILTERS = ["trace-injection", "audit-log", "jwt-auth", "token-bucket", "circuit-breaker"]
PREFIXED = {"trace_injection": "edge", "audit_log": "edge", "jwt_auth": "edge"}
NAMES = {
    "token-bucket": "(?:per_client|narrow)_",
    "circuit-breaker": "(?:failing|upstreams_upstream)_",
}
"""What stands in front of the documented names."""
PLACES = {"P_": "(?:shop|fetched|gone|opaque)_", "REASON": "[a-z_]+", "revocation_*": "revocation_[a-z_]+"}
"""What stands for something else in them."""
LAST = [
    "portcullis_jwt_auth_provider_jwks_fetch_not_modified_total",
    "portcullis_jwt_auth_provider_revocation_fetch_not_modified_total",
    "portcullis_jwt_auth_provider_introspection_known_total",
    "portcullis_circuit_breaker_opened_total{portcullis_breaker='failing'} > 0",
    "portcullis_trace_injection_spans_exported_total > 0",
    "portcullis_audit_log_sent_total > 0",
]
"""What takes a while, and is there in each of the Envoys."""
LABELS = {f"portcullis_{it}" for it in ("prefix", "limit", "breaker", "provider", "reason")}
AWAY = {"sink": {"http": {"cluster": "away", "path": "/ingest"}}, "delivery": {"delay": "100ms"}}
"""audit-log with a sink where nobody listens."""
PER_WORKER = {"name": "each", "rate": "1000/1s", "scope": "worker", "key": [{"client_address": {}}]}
HISTOGRAM = 22
"""The series of one."""
OURS = '__name__=~"portcullis_.+"'
ROW = re.compile(r"^\| (`[^|]+`) \| (counter|gauge|histogram) \|", re.MULTILINE)


def documented(filter, prefix=""):
    """The metrics in the README of a filter: patterns of their names, and what each is."""
    _, _, section = (ROOT / f"filters/{filter}/README.md").read_text().partition("\n## Metrics\n")
    beginning = f"portcullis_{filter.replace('-', '_')}_{prefix}{NAMES.get(filter, '')}"
    return {
        re.compile(beginning + in_place(name)): kind
        for names, kind in ROW.findall(section.partition("\n## ")[0])
        for name in re.findall("`([^`]+)`", names)
    }


def in_place(name):
    for place, pattern in PLACES.items():
        name = name.replace(place, pattern)
    return name


def dashboard():
    return json.loads((SHIPPED / "dashboard.json").read_text())


def panel_queries():
    """The queries of the dashboard, by panel, as they are for everything."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$__rate_interval", "10s")
            yield panel["title"], re.sub(r"\$(job|instance|plugin|provider|limit|breaker)\b", ".*", expression)


def page_queries():
    """Those in docs/metrics.md."""
    return re.findall(r"^    (sum .*(?:\n     +.*)*)", PAGE.read_text(), re.MULTILINE)


def rules(kind):
    """The shipped rules that are a `record`, or an `alert`."""
    groups = yaml.safe_load((SHIPPED / "rules.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def selectors(expression):
    """The selectors in an expression, as they are for now."""
    found = []

    def visit(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append(str(node).partition(" offset ")[0])
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


class Shipped(unittest.TestCase):
    """The files by themselves."""

    def check(self, *arguments):
        code, printed = promtool(*arguments)
        self.assertEqual(code, 0, printed)

    def test_promtool_accepts_the_rules_and_the_configuration(self):
        self.check("check", "rules", "rules.yaml")
        self.check("check", "config", "prometheus.yaml")

    def test_envoy_accepts_the_tags(self):
        options = ["--mode", "validate", "--config-yaml", (SHIPPED / "stats-tags.yaml").read_text()]
        example = command("envoy/standalone/portcullis.yaml", *options)
        run = subprocess.run(example, cwd=ROOT, capture_output=True, timeout=60)
        self.assertEqual(run.returncode, 0, run.stderr[-2000:])

    def test_what_prometheus_operator_gets(self):
        """The same labels, and by the command in docs/metrics.md the same rules."""
        [job] = yaml.safe_load((SHIPPED / "prometheus.yaml").read_text())["scrape_configs"]
        [endpoint] = yaml.safe_load((SHIPPED / "pod-monitor.yaml").read_text())["spec"]["podMetricsEndpoints"]
        theirs = {"source_labels": "sourceLabels", "target_label": "targetLabel"}
        ours = [{theirs.get(name, name): it[name] for name in it} for it in job["metric_relabel_configs"]]
        self.assertEqual(endpoint["metricRelabelings"], ours)
        [wrapped] = re.findall(r"^    (\{ printf .*) \| kubectl apply -f -$", PAGE.read_text(), re.MULTILINE)
        rule = yaml.safe_load(subprocess.check_output(["sh", "-c", wrapped], cwd=ROOT, text=True, timeout=60))
        self.assertEqual((rule["apiVersion"], rule["kind"]), ("monitoring.coreos.com/v1", "PrometheusRule"))
        self.assertEqual(rule["spec"], yaml.safe_load((SHIPPED / "rules.yaml").read_text()))

    def test_the_rules_do_what_they_should(self):
        self.check("test", "rules", "rules.test.yaml")

    def test_each_alert_is_tested_and_documented(self):
        tests, page = (SHIPPED / "rules.test.yaml").read_text(), PAGE.read_text()
        for rule in rules("alert"):
            name = rule["alert"]
            severity = rule["labels"]["severity"]
            self.assertIn(f'ALERTS{{alertname="{name}", alertstate="firing", severity="{severity}"', tests)
            self.assertEqual(page.count(f"\n| `{name}` | {severity} |"), 1, name)
            self.assertEqual(set(rule["annotations"]), {"summary", "description"}, name)
        on_page = set(re.findall(r"`(Portcullis\w+)`", page))
        self.assertEqual(on_page, {rule["alert"] for rule in rules("alert")})

    def test_the_dashboard_is_what_grafana_takes(self):
        ours = dashboard()
        self.assertEqual(missing(ours, json.loads(JSONEncoder().encode(Dashboard.from_json(ours)))), [])
        self.assertEqual(len({panel["id"] for panel in ours["panels"]}), len(ours["panels"]))
        for panel in ours["panels"]:
            for target in panel.get("targets", []):
                self.assertEqual(target["datasource"], {"type": "prometheus", "uid": "${datasource}"})


def missing(ours, theirs, path=""):
    """What of ours is something else, or not there, in theirs."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [it for name in ours for it in missing(ours[name], theirs.get(name), f"{path}/{name}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [it for at, pair in enumerate(zip(ours, theirs, strict=True)) for it in missing(*pair, f"{path}/{at}")]
    return [] if ours == theirs else [path]


class InPrometheus(unittest.TestCase):
    """Three Envoys: `plain` has the suite by ECDS, and its metrics get their labels in Prometheus; `istio` has it in a
    listener by LDS, and the regexes and the list of Istio; `tagged` has five modules, and makes the labels itself."""

    @classmethod
    def setUpClass(cls):
        ending = cls.enterClassContext(contextlib.ExitStack())
        servers = ending.enter_context(Servers())
        plain = Discovered(servers, suite(configurations()), {}, ending).envoy
        istio = WithListener(servers, suite(configurations(**PREFIXED)), ISTIO, ending).envoy
        modules = servers.proxy(*(plugin(*it) for it in configurations(**PREFIXED).items()))
        tags = yaml.safe_load((SHIPPED / "stats-tags.yaml").read_text())
        tagged = ending.enter_context(Scraped(modules | tags))
        jobs = {"plain": (plain, True), "istio": (istio, True), "tagged": (tagged, False)}
        cls.prometheus = ending.enter_context(Prometheus(**jobs))
        # A counter that is made when it is first needed has no rate before it counts again.
        for _ in range(2):
            for envoy, _ in jobs.values():
                envoy.make_metrics()
            eventually(cls.prometheus.has_scraped, SCRAPED_SECONDS, "a scrape of each")
        for last in LAST:
            eventually(lambda it=last: len(cls.prometheus.query(it)) == len(jobs), SCRAPED_SECONDS, last)
        for rule in rules("record"):
            eventually(lambda it=rule: cls.prometheus.query(it["record"]), SCRAPED_SECONDS, rule["record"])

    def labels(self, job, selector=OURS):
        """The series of a job, without what says whose they are."""
        found = self.prometheus.series(f'{{job="{job}", {selector}}}')
        return {frozenset((name, it[name]) for name in it if name not in ("job", "instance")) for it in found}

    def test_each_documented_metric_is_there_and_is_what_it_should_be(self):
        for job, prefix in [("plain", ""), ("istio", "edge_")]:
            kinds = {name: it for name, it in self.prometheus.kinds(job).items() if name.startswith("portcullis_")}
            expected = {}
            for filter in FILTERS:
                expected |= documented(filter, prefix if filter.replace("-", "_") in PREFIXED else "")
            self.assertGreater(len(expected), 70)
            for pattern, kind in expected.items():
                found = {name: it for name, it in kinds.items() if pattern.fullmatch(name)}
                with self.subTest(job=job, pattern=pattern.pattern):
                    self.assertEqual(set(found.values()), {kind}, found)
            known = [name for name in kinds if any(it.fullmatch(name) for it in expected)]
            self.assertEqual(set(kinds) - set(known), set(), "not documented")

    def test_names_in_names_become_labels(self):
        denied = "portcullis_jwt_auth_provider_denied_total"
        for labels in [
            {"__name__": "portcullis_token_bucket_shadow_denied_total", "portcullis_limit": "per_client"},
            {"__name__": "portcullis_circuit_breaker_half_opened_total", "portcullis_breaker": "failing"},
            {"__name__": "portcullis_circuit_breaker_latency_ms_count", "portcullis_breaker": "upstreams_upstream"},
            {"__name__": "portcullis_jwt_auth_shadow_denied_total"},
            {"__name__": denied, "portcullis_provider": "fetched", "portcullis_reason": "revoked"},
            {"__name__": "portcullis_jwt_auth_denied_denied_total", "portcullis_reason": "denied"},
            {"__name__": "portcullis_audit_log_dropped_total", "portcullis_reason": "queue_full"},
        ]:
            self.assertIn(frozenset(labels.items()), self.labels("plain"))
        allowed = {"__name__": "portcullis_jwt_auth_allowed_total", "portcullis_prefix": "edge"}
        self.assertIn(frozenset(allowed.items()), self.labels("istio"))
        for job in ("plain", "istio", "tagged"):
            named = [dict(it)["__name__"] for it in self.labels(job)]
            self.assertFalse([it for it in named if re.search("narrow|per_client|failing|shop|fetched|edge", it)])

    def test_envoy_makes_the_same_labels(self):
        eventually(lambda: self.labels("tagged") == self.labels("istio"), SCRAPED_SECONDS, "the same series")

    def test_the_labels_are_the_same_with_a_prefix(self):
        def bare(series):
            return {frozenset(pair for pair in it if pair[0] != "portcullis_prefix") for it in series}

        eventually(lambda: bare(self.labels("istio")) == self.labels("plain"), SCRAPED_SECONDS, "the same series")

    def test_what_istio_leaves_of_them(self):
        [watched, *_] = self.labels("istio", '__name__="envoy_server_watchdog_miss"')
        self.assertIn("thread_name", dict(watched), "the regexes of Istio are at work")
        self.assertEqual(self.labels("istio", '__name__="envoy_cluster_upstream_rq_total"'), set(), "so is its list")
        self.assertIn("envoy_wasm_portcullis_vm_reload_success", self.prometheus.kinds("istio"))
        added = {name for it in self.labels("istio") for name, _ in it}
        self.assertEqual(added, LABELS | {"__name__", "le"})

    def test_there_are_as_many_series_as_documented(self):
        def counted(name, *by):
            selector = f'{{job="plain", __name__=~"portcullis_{name}.+"}}'
            found = self.prometheus.query(f"count by ({','.join(by)}) ({selector})")
            return {tuple(it["metric"].get(label) for label in by): int(it["value"][1]) for it in found}

        self.assertEqual(counted("trace_injection"), {(): 11})
        self.assertEqual(counted("audit_log"), {(): 18})
        self.assertEqual(counted("token_bucket", "portcullis_limit"), {("per_client",): 8, ("narrow",): 8})
        breakers = {("failing",): 14 + HISTOGRAM, ("upstreams_upstream",): 14 + HISTOGRAM}
        self.assertEqual(counted("circuit_breaker", "portcullis_breaker"), breakers)
        jwt_auth = counted("jwt_auth", "portcullis_provider", "portcullis_reason")
        self.assertEqual(jwt_auth[None, None], 9 + HISTOGRAM)
        self.assertEqual(jwt_auth["shop", None], 1)
        self.assertEqual(jwt_auth["opaque", None], 1 + 3)
        self.assertEqual(jwt_auth["fetched", None], 1 + 3 + 2 + HISTOGRAM + 1)

    def test_each_rule_is_evaluated(self):
        for group in self.prometheus.get("rules")["groups"]:
            for rule in group["rules"]:
                with self.subTest(rule["name"]):
                    self.assertEqual((rule["health"], rule.get("lastError")), ("ok", None))

    def test_rules_and_panels_ask_for_what_there_is(self):
        expressions = [rule["expr"] for rule in rules("record") + rules("alert")]
        expressions += [expression for _, expression in panel_queries()]
        asked = {it for expression in expressions for it in selectors(expression)}
        self.assertGreater(len(asked), 80)
        for selector in asked:
            with self.subTest(selector):
                self.assertTrue(self.prometheus.series(selector))

    def test_the_queries_in_the_page_are_answered(self):
        self.assertTrue(page_queries())
        for query in page_queries():
            self.assertTrue(self.prometheus.query(query), query)

    def test_what_was_not_modified_is_a_success_too(self):
        """PortcullisFetchesFailing looks at successes alone."""
        for document in ("jwks", "revocation"):
            fetch = f"portcullis_jwt_auth_provider_{document}_fetch"
            both = f"{fetch}_success_total > {fetch}_not_modified_total > 0"
            self.assertEqual({it["metric"]["job"] for it in self.prometheus.query(both)}, {"plain", "istio", "tagged"})

    def test_each_panel_shows_something(self):
        for title, expression in panel_queries():
            with self.subTest(title, expression=expression):
                self.assertTrue(self.prometheus.query(expression))

    def test_each_variable_has_values(self):
        for variable in dashboard()["templating"]["list"]:
            if variable["type"] != "query":
                continue
            query = re.sub(r"\$(job|instance)\b", ".*", variable["query"]["query"])
            selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", query).groups()
            with self.subTest(variable["name"]):
                self.assertTrue(self.prometheus.get(f"label/{label}/values", **{"match[]": selector}))


class Alerts(unittest.TestCase):
    """Those that real trouble brings about."""

    def setUp(self):
        servers = self.enterContext(Servers())
        ending = self.enterContext(contextlib.ExitStack())
        bucket = plugin("token-bucket", configurations()["token-bucket"])
        self.discovered = Discovered(servers, bucket, WATCHED_ISTIO, ending)
        self.listening = WithListener(servers, bucket, ISTIO, ending)
        jobs = {"discovered": (self.discovered.envoy, True), "listening": (self.listening.envoy, True)}
        self.prometheus = ending.enter_context(Prometheus(**jobs))
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def fires(self, alert):
        eventually(lambda: alert in self.prometheus.alerts("firing"), SCRAPED_SECONDS, alert)

    def test_mistakes_and_a_trap(self):
        eventually(self.prometheus.has_scraped, SCRAPED_SECONDS, "a scrape of each")
        self.assertEqual(self.prometheus.alerts("firing"), set())
        for proxy in (self.discovered, self.listening):
            asyncio.run(proxy.swap(configuration={"limits": []}, becomes="rejected"))
        self.fires("PortcullisConfigurationRejected")
        self.fires("PortcullisListenerRejected")
        module = self.directory / "trapping.wasm"
        module.write_bytes(trapping((ROOT / "dist/token-bucket.wasm").read_bytes(), "proxy_on_request_headers"))
        asyncio.run(self.discovered.swap(module=module))
        eventually(self.is_rebuilt, SCRAPED_SECONDS, "a VM that is built anew")
        self.fires("PortcullisVmCrashed")

    def is_rebuilt(self):
        self.assertEqual(ask(self.discovered.envoy).status_code, 503)
        return sum(self.discovered.envoy.stats(r"wasm\.token-bucket\.vm_reload_success").values())


class Remains(unittest.TestCase):
    """What there is of a part of a configuration, or of a VM, that is gone."""

    def setUp(self):
        self.servers = self.enterContext(Servers())
        self.ending = self.enterContext(contextlib.ExitStack())
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def discovered(self, plugin):
        it = Discovered(self.servers, plugin, {}, self.ending)
        return it, self.ending.enter_context(Prometheus(discovered=(it.envoy, True)))

    def module(self, name, make):
        path = self.directory / f"{name}.wasm"
        path.write_bytes(make((ROOT / f"dist/{name}.wasm").read_bytes()))
        return path

    def test_the_state_of_a_breaker_that_was_taken_out_stays_until_another_module(self):
        proxy, prometheus = self.discovered(plugin("circuit-breaker", breakers("other", "tripped")))
        asked = [ask(proxy.envoy, path=f"/status/50{it % 2}").status_code for it in range(8)]
        self.assertEqual(asked[:2], [500, 501])

        def states():
            found = prometheus.query("portcullis_circuit_breaker_state")
            return {it["metric"]["portcullis_breaker"]: int(it["value"][1]) for it in found}

        eventually(lambda: states() == {"other": 2, "tripped": 2}, SCRAPED_SECONDS, "both are open")
        left = breakers("other")
        asyncio.run(proxy.swap(configuration=left))
        eventually(prometheus.scrapes_anew(), SCRAPED_SECONDS, "a scrape after the change")
        self.assertEqual(states(), {"other": 2, "tripped": 2})
        another = self.module("circuit-breaker", lambda it: renamed(it, "another"))
        asyncio.run(proxy.swap(module=another, configuration=left))
        self.assertEqual(ask(proxy.envoy, path="/status/500").status_code, 503)
        eventually(lambda: "tripped" not in states(), SCRAPED_SECONDS, "the series has ended")

    def test_what_a_trap_leaves(self):
        it = suite({"audit-log": AWAY, "token-bucket": {"limits": [PER_WORKER]}})
        code = {"local": {"filename": str(self.module("portcullis", trapping_on_headers))}}
        it["typed_config"]["config"]["vm_config"]["code"] = code
        proxy, prometheus = self.discovered(it)
        eventually(lambda: self.slots_used(proxy) == 2, SCRAPED_SECONDS, "a slot of each worker")
        eventually(lambda: self.gauge(proxy, "queue_bytes") > 0, SCRAPED_SECONDS, "records that wait")
        eventually(prometheus.has_scraped, SCRAPED_SECONDS, "a scrape")
        many = {f"x-{it}": "1" for it in range(MANY_HEADERS + 1)}
        self.assertEqual(ask(proxy.envoy, path="/bytes/1", headers=many).status_code, 503)
        eventually(lambda: self.slots_used(proxy) == 3, SCRAPED_SECONDS, "one more of the new VM")
        alert = "PortcullisAuditChainAbandoned"
        eventually(lambda: alert in prometheus.alerts("firing"), SCRAPED_SECONDS, alert)
        self.assertNotIn("PortcullisAuditRecordsLost", prometheus.alerts("firing"))
        asyncio.run(proxy.swap(configuration={"token_bucket": {"limits": [PER_WORKER]}}))
        eventually(lambda: self.gauge(proxy, "dropped_stopped_total") > 0, SCRAPED_SECONDS, "queues end")
        self.assertGreater(self.gauge(proxy, "queue_bytes"), 0)
        self.assertEqual(self.gauge(proxy, "dropped_queue_full_total"), 0)

    def slots_used(self, proxy):
        at_once(TOGETHER, lambda: ask(proxy.envoy, path="/bytes/1"))
        return self.gauge(proxy, "slots_used")

    def gauge(self, proxy, name):
        [value] = proxy.envoy.stats(rf"wasmcustom\.portcullis_(audit_log|token_bucket_each)_{name}").values()
        return value

    def test_the_query_of_crashes_where_no_upstream_has_failed(self):
        """Envoy makes the counter of a cluster's 5xx with the first of them."""
        bucket = policy(plugin("token-bucket", configurations()["token-bucket"]), "FAIL_CLOSED")
        proxy, prometheus = self.discovered(bucket)
        [query] = page_queries()
        self.assertEqual(ask(proxy.envoy, path="/bytes/1").status_code, 200)
        eventually(lambda: prometheus.query(query), SCRAPED_SECONDS, "an answer")
        self.assertEqual([float(it["value"][1]) for it in prometheus.query(query)], [0.0])
        module = self.module("token-bucket", lambda it: trapping(it, "proxy_on_request_headers"))
        asyncio.run(proxy.swap(module=module))
        eventually(lambda: crashed(proxy, prometheus, query), SCRAPED_SECONDS, "more 5xx than upstreams have given")
        self.assertEqual(proxy.envoy.stats(r"cluster\.upstream\.upstream_rq_5xx"), {})


def crashed(proxy, prometheus, query):
    ask(proxy.envoy, path="/bytes/1")
    return any(float(it["value"][1]) > 0 for it in prometheus.query(query))


def breakers(*names):
    """Each for a path of its own, and the first failure opens them for long."""
    paths = {"other": "/status/500", "tripped": "/status/501"}
    members = {"key": [], "trip": {"consecutive_errors": 1}, "open": {"duration": "10m"}}
    return {"breakers": [{"name": it, "when": {"path": {"exact": paths[it]}}, **members} for it in names]}


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
