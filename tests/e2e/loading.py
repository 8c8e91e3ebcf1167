"""The shipped manifests: Envoy takes those that are its own, and serves by them; the schemas of Istio and Envoy Gateway take the others.

    .venv/bin/python tests/e2e/loading.py [-v] [CLASS[.TEST]]
"""

import copy
import hashlib
import json
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import httpx
import yaml
from envoy import ROOT, Envoy, command
from examples import on_loopback
from limits import hcm
from upstreams import files, http_upstream

FILTERS = ["trace-injection", "audit-log", "jwt-auth", "token-bucket", "circuit-breaker", "portcullis"]
MODELS = ROOT / ".venv/crds/node_modules/@kubernetes-models"
VALIDATE = """
import { readFileSync } from "node:fs";
const load = async (path, kind) => (await import(path))[kind];
const kinds = {
  WasmPlugin: await load("MODELS/istio/extensions.istio.io/v1alpha1/WasmPlugin.js", "WasmPlugin"),
  ServiceEntry: await load("MODELS/istio/networking.istio.io/v1/ServiceEntry.js", "ServiceEntry"),
  DestinationRule: await load("MODELS/istio/networking.istio.io/v1/DestinationRule.js", "DestinationRule"),
  EnvoyFilter: await load("MODELS/istio/networking.istio.io/v1alpha3/EnvoyFilter.js", "EnvoyFilter"),
  EnvoyExtensionPolicy: await load("MODELS/envoy-gateway/gateway.envoyproxy.io/v1alpha1/EnvoyExtensionPolicy.js", "EnvoyExtensionPolicy"),
  EnvoyPatchPolicy: await load("MODELS/envoy-gateway/gateway.envoyproxy.io/v1alpha1/EnvoyPatchPolicy.js", "EnvoyPatchPolicy"),
};
const problems = JSON.parse(readFileSync(0)).map((resource) => {
  try { new kinds[resource.kind](resource).validate(); return null; } catch (error) { return String(error); }
});
console.log(JSON.stringify(problems));
"""


def problems(resources):
    """What the validators that were made of the published CRDs say of each; `None` where it is valid."""
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory) / "validate.mjs"
        script.write_text(VALIDATE.replace("MODELS", MODELS.as_uri()))
        node = subprocess.run(
            ["node", script], input=json.dumps(resources), capture_output=True, text=True, timeout=120
        )
    if node.returncode:
        raise AssertionError(node.stderr)
    return json.loads(node.stdout)


def resources(folder):
    """All that is in the files of a folder, by file and number."""
    paths = sorted((ROOT / "envoy" / folder).glob("*/*.yaml"))
    return {
        f"{path.relative_to(ROOT)}#{number}": resource
        for path in paths
        for number, resource in enumerate(yaml.safe_load_all(path.read_text()))
    }


def as_wasm_plugin(extension):
    """A TrafficExtension as the WasmPlugin that Istio makes of it: no package has its CRD yet."""
    spec = dict(extension["spec"])
    wasm = spec.pop("wasm")
    return {**extension, "kind": "WasmPlugin", "spec": {**spec, **wasm}}


class Schemas(unittest.TestCase):
    """What an API server would say."""

    def check(self, folder, at_least):
        all_of_it = resources(folder)
        self.assertGreaterEqual(len(all_of_it), at_least)
        for name, resource in all_of_it.items():
            if resource["kind"] == "TrafficExtension":
                all_of_it[name] = as_wasm_plugin(resource)
        for name, problem in zip(all_of_it, problems(list(all_of_it.values())), strict=True):
            with self.subTest(name):
                self.assertIsNone(problem)

    def test_istio(self):
        self.check("istio", 6 * 4)

    def test_envoy_gateway(self):
        self.check("envoy-gateway", 6)

    def test_mistakes_are_found(self):
        plugin = resources("istio")["envoy/istio/jwt-auth/sidecar.yaml#0"]
        policy = resources("envoy-gateway")["envoy/envoy-gateway/jwt-auth/policy.yaml#0"]
        wrong = []
        for path, value in [("priority", "high"), ("phase", "FIRST"), ("failStrategy", "FAIL"), ("sha256", "0")]:
            mistaken = copy.deepcopy(plugin)
            mistaken["spec"][path] = value
            wrong.append(mistaken)
        mistaken = copy.deepcopy(policy)
        mistaken["spec"]["wasm"][0]["code"]["type"] = "Container"
        self.assertNotIn(None, problems([*wrong, mistaken]))


def plain(config, **ports):
    """A configuration whose clusters are at these ports of loopback, without TLS."""
    for cluster in config["static_resources"]["clusters"]:
        cluster.pop("transport_socket", None)
        cluster["type"] = "STATIC"
    return on_loopback(config, **ports)


def pin(plugin, filter):
    """Gives the code of a plugin the digest that the module has."""
    digest = hashlib.sha256((ROOT / f"dist/{filter}.wasm").read_bytes()).hexdigest()
    plugin["config"]["vm_config"]["code"]["remote"]["sha256"] = digest


def request(port, path="/healthz"):
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=10, trust_env=False)


class InEnvoy(unittest.TestCase):
    """Whoever copies one starts with something that runs."""

    def served(self, envoy, filter):
        self.assertEqual(request(envoy.port).status_code, 200)
        is_guarded = filter in ("jwt-auth", "portcullis")
        self.assertEqual(request(envoy.port, "/orders").status_code, 401 if is_guarded else 200)
        self.assertGreater(sum(envoy.stats(r"wasm\..*\.active").values()), 0, "no VM")

    def test_envoy_says_that_each_is_valid(self):
        paths = [*ROOT.glob("envoy/standalone/*.yaml"), *ROOT.glob("envoy/remote-code/*.yaml")]
        for path in [path for path in paths if ".config" not in path.suffixes]:
            with self.subTest(path.name):
                run = subprocess.run(command(path, "--mode", "validate"), cwd=ROOT, capture_output=True, timeout=60)
                self.assertEqual(run.returncode, 0, run.stderr[-2000:])

    def test_code_that_is_fetched(self):
        for filter in FILTERS:
            config = yaml.safe_load((ROOT / f"envoy/remote-code/{filter}.yaml").read_text())
            pin(hcm(config)["http_filters"][0]["typed_config"], filter)
            with self.subTest(filter), files(ROOT / "dist") as modules, http_upstream() as upstream:
                ports = {"modules": modules.server_port, "upstream": upstream.server_address[1]}
                with Envoy(plain(config, **ports), workers=1) as envoy:
                    self.served(envoy, filter)

    def test_plugins_that_are_discovered(self):
        for filter in FILTERS:
            folder = ROOT / f"envoy/ecds/{filter}"
            config = yaml.safe_load((folder / "envoy.yaml").read_text())
            discovered = yaml.safe_load((folder / "ecds.yaml").read_text())
            with tempfile.TemporaryDirectory() as directory, http_upstream() as upstream:
                (Path(directory) / "ecds.yaml").write_text(yaml.safe_dump(discovered))
                source = hcm(config)["http_filters"][0]["config_discovery"]["config_source"]["path_config_source"]
                source.update(path=f"{directory}/ecds.yaml", watched_directory={"path": directory})
                config = plain(config, upstream=upstream.server_address[1])
                with self.subTest(filter), Envoy(config, workers=1) as envoy:
                    self.served(envoy, filter)


if __name__ == "__main__":
    if shutil.which("node") is None:
        raise SystemExit("node is missing: install Node.js, on Debian apt install npm")
    unittest.main()
