"""The shipped example of token-bucket with the ports, limits and answers of a test."""

import json

import yaml
from envoy import ROOT

EXAMPLE = ROOT / "envoy/standalone/token-bucket.yaml"
GLOBAL = ROOT / "envoy/standalone/token-bucket-global.yaml"


def shipped(path=EXAMPLE, **ports):
    """An example; `ports` are those of its clusters, and its listener gets one that is free."""
    config = yaml.safe_load(path.read_text())
    listener(config)["address"]["socket_address"]["port_value"] = 0
    for cluster in config["static_resources"]["clusters"]:
        [endpoint] = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
        endpoint["endpoint"]["address"]["socket_address"]["port_value"] = ports.get(cluster["name"]) or 1
    return config


def proxy(*limits, path=EXAMPLE, upstream=None, ratelimit=1, **members):
    """The example with these limits and other `members`; Envoy answers by itself where there is no upstream."""
    config = shipped(path, upstream=upstream, ratelimit=ratelimit)
    configure(config, *limits, **members)
    if upstream is None:
        answers(config)
    hcm(config)["access_log"] = []
    return config


def configure(config, *limits, **members):
    """Replaces the limits, and other members of the configuration."""
    value = configuration(config)
    value["value"] = json.dumps(json.loads(value["value"]) | {"limits": limits} | members)


def listener(config):
    """The listener of an example."""
    [it] = config["static_resources"]["listeners"]
    return it


def hcm(config):
    """The HTTP connection manager."""
    [chain] = listener(config)["filter_chains"]
    return chain["filters"][0]["typed_config"]


def filter_of(config):
    """token-bucket among the HTTP filters."""
    [it] = [it for it in hcm(config)["http_filters"] if it["name"] == "token-bucket"]
    return it


def configuration(config):
    """The StringValue that holds the configuration of token-bucket."""
    return filter_of(config)["typed_config"]["config"]["configuration"]


def answers(config):
    """Lets Envoy answer by itself whatever passes: no upstream slows it down."""
    answer = {"status": 200, "body": {"inline_string": "passed"}}
    routes(config)[:] = [{"match": {"prefix": "/"}, "direct_response": answer}]


def routes(config):
    """The routes."""
    [host] = hcm(config)["route_config"]["virtual_hosts"]
    return host["routes"]


def on(path):
    """The `when` of a limit for paths that begin so."""
    return {"path": {"prefix": path}}


def counted(envoy, limit, what):
    """A counter of a limit, over all workers."""
    name = rf"wasmcustom\.portcullis_token_bucket_{limit.replace('-', '_')}_{what}"
    return sum(envoy.stats(name).values())
