"""Envoys with every metric that there is, and a Prometheus that scrapes them."""

import contextlib
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
import yaml
from clients import TLS, ask, at_once
from envoy import ROOT, Envoy, end_with
from example import JWKS, token
from examples import collector
from introspection import authorization_server
from issuer import DocumentServer, Issuer, Page
from rls import free_port
from swaps import Filters, Listeners
from traces import plugin, proxy
from traces import upstream as noting_upstream
from upstreams import told_upstream

SHIPPED = ROOT / "envoy/prometheus"
START_SECONDS = 30
EAGER = {"refresh": "1s", "min_refresh": "1s", "max_refresh": "1s", "timeout": "30s"}
"""Fetches again and again, none of which is given up."""
TOGETHER = 12
"""So many requests at once are more than one for some worker."""
ISTIO_TAGS = [
    ("cluster_name", r"^cluster(\.(.+);)"),
    ("cluster_name", r"^cluster\.((.+?(\..+?\.svc\.cluster\.local)?)\.)"),
    ("http_conn_manager_prefix", r"^http\.(((?:[_.[:digit:]\w]*|[_\[\]aAbBcCdDeEfF[:digit:]\w\:]*));\.)"),
    ("http_conn_manager_prefix", r"^http\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)"),
    ("thread_name", r"^server(\.(.+))\.watchdog"),
    ("tcp_prefix", r"^tcp\.((.*?)\.)\w+?$"),
    ("response_code", r"_rq(_(\d{3}))$"),
    ("response_code_class", r"_rq(_(\dxx))$"),
    (
        "http_conn_manager_listener_prefix",
        r"^listener(?=\.).*?\.http\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)",
    ),
    ("listener_address", r"^listener\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)"),
    ("mongo_prefix", r"^mongo\.(.+?)\.(collection|cmd|cx_|op_|delays_|decoding_)(.*?)$"),
    ("request_host", r"(request_host=\.=(.*?);\.;)"),
    ("cache", r"(cache\.(.+?)\.)"),
    ("component", r"(component\.(.+?)\.)"),
    ("tag", r"(tag\.(.+?);\.)"),
    ("wasm_filter", r"(wasm_filter\.(.+?)\.)"),
    ("authz_enforce_result", r"rbac(\.(allowed|denied))"),
    ("authz_dry_run_action", r"(\.istio_dry_run_(allow|deny)_)"),
    ("authz_dry_run_result", r"(\.shadow_(allowed|denied))"),
]
ISTIO_INCLUDES = [
    *({"prefix": it} for it in ("reporter=", "component", "istio", "wasm")),
    *({"prefix": it} for it in ("cluster_manager", "listener_manager", "server", "cluster.xds-grpc")),
    *({"suffix": it} for it in ("rbac.allowed", "rbac.denied", "shadow_allowed", "shadow_denied")),
    {"safe_regex": {"regex": r"vhost\..*\.route\..*"}},
]
ISTIO = {
    "use_all_default_tags": False,
    "stats_tags": [{"tag_name": name, "regex": regex} for name, regex in ISTIO_TAGS],
    "stats_matcher": {"inclusion_list": {"patterns": ISTIO_INCLUDES}},
}
"""What Istio's proxies start with, from tools/packaging/common/envoy_bootstrap.json and pkg/bootstrap/config.go of
istio/istio: those of August 2026, the other regexes of earlier ones, and one for a tag of `extraStatTags`."""


def configurations(**prefixes):
    """A configuration of each filter, by name; with `prefixes`, the `stat_prefix` of some."""
    filters = {
        "trace-injection": {"export": {"cluster": "collector_grpc", "delay": "100ms"}},
        "audit-log": {"sink": {"http": {"cluster": "siem", "path": "/ingest"}}, "delivery": {"delay": "100ms"}},
        "jwt-auth": _jwt_auth(),
        "token-bucket": {
            "limits": [
                {"name": "per-client", "rate": "1000/1s", "key": [{"client_address": {}}]},
                {"name": "narrow", "rate": "1/1h", "when": {"path": {"prefix": "/bytes/1"}}},
            ]
        },
        "circuit-breaker": {
            "breakers": [
                {
                    "name": "failing",
                    "when": {"path": {"prefix": "/status/"}},
                    "key": [],
                    "trip": {"consecutive_errors": 3},
                    "open": {"duration": "10m"},
                },
                {"name": "upstreams", "trip": {"error_ratio": 0.5}},
            ]
        },
    }
    for name, prefix in prefixes.items():
        filters[name.replace("_", "-")]["stat_prefix"] = prefix
    return filters


def _jwt_auth():
    def provider(name, **members):
        return {"name": name, "issuer": "https://issuer.example", "audiences": ["orders"], **members}

    def fetched(path):
        return {"remote": {"cluster": "issuer", "uri": f"https://issuer.example{path}", **EAGER}}

    asked = {"cluster": "as", "uri": "https://as.example/introspect", "client": {"id": "proxy", "secret": "hunter2"}}
    needed = {
        "/bytes/2": {"provider": "shop"},
        "/bytes/3": {"provider": "Fetched"},
        "/bytes/4": {"provider": "gone"},
        "/bytes/5": {"provider": "opaque"},
        "/bytes/6": "deny",
    }
    return {
        "providers": [
            provider("shop", jwks={"inline": JWKS}),
            provider("Fetched", jwks=fetched("/jwks"), revocation=fetched("/revoked")),
            provider("gone", jwks=fetched("/gone"), revocation=fetched("/gone-too")),
            provider("opaque", introspection=asked),
        ],
        "rules": [{"match": {"path": {"prefix": path}}, "require": it} for path, it in needed.items()],
        "otherwise": "none",
    }


def suite(filters):
    """The plugin that has all filters."""
    return plugin("portcullis", {name.replace("-", "_"): it for name, it in filters.items()})


class Servers(contextlib.ExitStack):
    """Everything that the filters call, and the upstream; a context manager."""

    def __enter__(self):
        super().__enter__()
        jwks, revoked = Page(json.dumps(JWKS).encode(), etag='"1"'), Page(b'{"jti": ["revoked"]}', etag='"1"')
        self._upstream = self.enter_context(told_upstream())
        self._issuer = self.enter_context(DocumentServer({"/jwks": jwks, "/revoked": revoked}))
        self._authorization = self.enter_context(authorization_server())
        self._authorization.grant("opaque")
        self._authorization.answers["broken"] = 500, {}
        self._siem = self.enter_context(noting_upstream())
        _, self._collector = self.enter_context(collector())
        return self

    def proxy(self, *plugins):
        """A configuration of Envoy with these plugins in front of the upstream."""
        ports = {"collector_grpc": self._collector, "siem": self._siem.server_port, "issuer": self._issuer.port}
        ports["away"] = free_port()  # Nobody listens there.
        config = proxy(self._upstream.server_port, *plugins, **ports, **{"as": self._authorization.server_port})
        config["node"] = {"id": "scraped", "cluster": "scraped"}
        config["stats_flush_interval"] = "1s"  # A scrape sees histograms as they were at the last flush.
        return config


class Scraped(Envoy):
    """An Envoy whose metrics can be scraped."""

    @property
    def target(self):
        """Where Prometheus finds it."""
        return self._admin.removeprefix("http://")

    def make_metrics(self):
        """Asks for all that there are metrics of."""
        unknown = Issuer("unknown").mint("unknown")
        for path, credentials in [
            ("/bytes/1", [None]),
            ("/bytes/2", [None, token(), token(aud="billing")]),
            ("/bytes/3", [token(), token(jti="revoked"), unknown]),
            ("/bytes/4", [token()]),
            ("/bytes/5", ["opaque", "broken"]),
            ("/bytes/6", [None]),
            ("/status/500", [None]),
        ]:
            for it in credentials:
                at_once(TOGETHER, lambda path=path, it=it: ask(self, it, path))


class _FromFile:
    """An Envoy that has something from a file, as `put` and `swap` replace it."""

    def __init__(self, servers, plugin, stats_config, ending):
        self._servers, self._plugin, self._ending = servers, plugin, ending
        self._stats_config = stats_config
        self.directory = Path(ending.enter_context(tempfile.TemporaryDirectory()))
        self.envoys = {}
        self.envoy = self.start_swapped()

    def whole(self, module=None, configuration=None):
        """The plugin, or one with another module or configuration."""
        it = json.loads(json.dumps(self._plugin))
        config = it["typed_config"]["config"]
        if module:
            config["vm_config"]["code"]["local"]["filename"] = str(module)
        if configuration:
            config["configuration"]["value"] = json.dumps(configuration)
        return self._servers.proxy(it) | {"stats_config": self._stats_config}

    def start(self, name, config, options):
        self.envoys[name] = self._ending.enter_context(Scraped(config, options=options))
        return self.envoys[name]


class Discovered(_FromFile, Filters):
    """The plugin comes by ECDS."""


class WithListener(_FromFile, Listeners):
    """The listener comes by LDS, and the plugin in it."""


def binary(name):
    """Prometheus and its tools: Debian's, or what `make prometheus` has unpacked."""
    unpacked = ROOT / ".venv/prometheus/usr/bin" / name
    found = shutil.which(name) or (unpacked if unpacked.exists() else None)
    if found is None:
        raise SystemExit(f"{name} is missing: run `make prometheus`, or install Prometheus")
    return found


def promtool(*arguments):
    """What it prints, and its exit code."""
    ran = subprocess.run([binary("promtool"), *arguments], cwd=SHIPPED, capture_output=True, text=True, timeout=60)
    return ran.returncode, ran.stdout + ran.stderr


class Prometheus:
    """Prometheus with the shipped rules, a context manager.

    `jobs` are pairs of an Envoy and whether its metrics get their labels here.
    """

    def __init__(self, **jobs):
        self._jobs, self._ending = jobs, contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as ending:
            self._start(Path(ending.enter_context(tempfile.TemporaryDirectory())), ending)
            self._ending = ending.pop_all()
        return self

    def __exit__(self, *_):
        self._ending.close()

    def _start(self, directory, ending):
        config = directory / "prometheus.yaml"
        config.write_text(yaml.safe_dump(self._config()))
        command = [binary("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={directory / 'data'}"]
        log = directory / "log"
        with log.open("wb") as out:
            listen = "--web.listen-address=127.0.0.1:0"
            process = subprocess.Popen([*command, listen], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        end_with(ending, process)
        self._client = ending.enter_context(httpx.Client(verify=TLS, trust_env=False, timeout=30))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if found := re.search(r'msg="Listening on".* address=(\S+)', log.read_text()):
                self._client.base_url = f"http://{found[1]}"
                if self._client.get("/-/ready").status_code == 200:
                    return
            time.sleep(0.02)
        raise RuntimeError(f"Prometheus does not serve:\n{log.read_text()[-4000:]}")

    def _config(self):
        shipped = yaml.safe_load((SHIPPED / "prometheus.yaml").read_text())
        [job] = shipped["scrape_configs"]
        shipped["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        shipped["rule_files"] = [str(SHIPPED / it) for it in shipped["rule_files"]]
        shipped["scrape_configs"] = [
            {
                **job,
                "job_name": name,
                "static_configs": [{"targets": [envoy.target]}],
                "metric_relabel_configs": job["metric_relabel_configs"] if is_relabelled else [],
            }
            for name, (envoy, is_relabelled) in self._jobs.items()
        ]
        return shipped

    def get(self, page, **parameters):
        """The data of a page of its API."""
        answer = self._client.get(f"/api/v1/{page}", params=parameters)
        if answer.status_code != 200:
            raise AssertionError(f"{page} {parameters}: {answer.text}")
        return answer.json()["data"]

    def query(self, expression):
        """What an expression is now."""
        return self.get("query", query=expression)["result"]

    def has_scraped(self):
        """Whether it has metrics of each job."""
        return len(self.query("scrape_samples_post_metric_relabeling > 0")) == len(self._jobs)

    def scrapes_anew(self):
        """What tells whether each job has been scraped again, as a whole, since now."""
        begun = time.time()
        at = "min(timestamp(scrape_samples_post_metric_relabeling))"
        return lambda: any(float(it["value"][1]) > begun for it in self.query(at))

    def series(self, selector):
        """The labels of each series."""
        return self.get("series", **{"match[]": selector})

    def kinds(self, job):
        """What each metric is that the target of a job has, by the name that it has there: `counter` and so on."""
        found = self.get("targets/metadata", match_target=f'{{job="{job}"}}')
        return {it["metric"]: it["type"] for it in found}

    def alerts(self, state):
        """The names of the alerts that are `pending` or `firing`."""
        return {it["labels"]["alertname"] for it in self.get("alerts")["alerts"] if it["state"] == state}
