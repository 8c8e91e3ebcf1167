"""What a release consists of: OCI images, in a real registry, pushed and pulled by skopeo; bills of materials; checksums.

    .venv/bin/python tests/e2e/images.py [-v] [CLASS[.TEST]]
"""

import contextlib
import gzip
import hashlib
import io
import json
import os
import socket
import subprocess
import tarfile
import tempfile
import time
import tomllib
import unittest
from pathlib import Path

import cyclonedx.schema
import httpx
import jsonschema_rs
from envoy import ROOT, end_with

PORTCULLIS = os.environ.get("PORTCULLIS") or ROOT / "target/debug/portcullis"
START_SECONDS = 30
OF_THE_COMPILER = {"rust-std", "wasi-libc"}
CONFIG = """
version: 0.1
log: {{ level: error }}
storage: {{ filesystem: {{ rootdirectory: {root} }} }}
http: {{ addr: "127.0.0.1:{port}" }}
"""


@contextlib.contextmanager
def registry():
    """A registry on loopback; its address."""
    with contextlib.ExitStack() as ending:
        root = Path(ending.enter_context(tempfile.TemporaryDirectory()))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (root / "config.yml").write_text(CONFIG.format(root=root / "data", port=port))
        process = subprocess.Popen(
            ["docker-registry", "serve", root / "config.yml"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end_with(ending, process)
        address, deadline = f"127.0.0.1:{port}", time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://{address}/v2/", trust_env=False).status_code == 200:
                    break
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError("the registry does not serve")
            time.sleep(0.05)
        yield address


def skopeo(*arguments):
    run = subprocess.run(["skopeo", "--insecure-policy", *arguments], capture_output=True, text=True, timeout=120)
    if run.returncode:
        raise AssertionError(run.stderr)
    return run.stdout


def images(directory, form):
    """Images of all modules; what `portcullis oci` writes of their digests."""
    modules = sorted(it for it in ROOT.glob("dist/*.wasm") if ".debug" not in it.suffixes and it.stem != "probe")
    arguments = [PORTCULLIS, "oci", *modules, "--out", directory, "--form", form, "--tag", "1.2.3"]
    subprocess.run(arguments, check=True, capture_output=True, timeout=120)
    return json.loads((Path(directory) / "digests.json").read_text())


class Registry(unittest.TestCase):
    """What goes in comes out, byte for byte, under the digests that were told."""

    def pushed_and_pulled(self, form, module_of):
        with tempfile.TemporaryDirectory() as directory, registry() as address:
            digests = images(directory, form)
            self.assertEqual(len(digests), 6)
            for name, digest in digests.items():
                with self.subTest(name):
                    reference = f"docker://{address}/portcullis/{name}:1.2.3"
                    skopeo("copy", "--dest-tls-verify=false", f"oci:{directory}/{name}:1.2.3", reference)
                    manifest = skopeo("inspect", "--raw", "--tls-verify=false", reference)
                    self.assertEqual(hashlib.sha256(manifest.encode()).hexdigest(), digest["manifest"])
                    pinned = f"docker://{address}/portcullis/{name}@sha256:{digest['manifest']}"
                    back = Path(directory) / f"{name}.back"
                    skopeo("copy", "--src-tls-verify=false", pinned, f"dir:{back}")
                    module = module_of(json.loads(manifest), back)
                    self.assertEqual(hashlib.sha256(module).hexdigest(), digest["module"])
                    self.assertEqual(module, (ROOT / f"dist/{name}.wasm").read_bytes())

    def test_an_image_of_containers(self):
        def module_of(manifest, directory):
            layer = manifest["layers"][-1]
            self.assertEqual(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip")
            packed = (directory / layer["digest"].removeprefix("sha256:")).read_bytes()
            with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as archive:
                return archive.extractfile("plugin.wasm").read()

        self.pushed_and_pulled("image", module_of)

    def test_an_artifact(self):
        def module_of(manifest, directory):
            self.assertEqual(len(manifest["layers"]), 2)
            kind = "application/vnd.module.wasm.content.layer.v1+wasm"
            [layer] = [layer for layer in manifest["layers"] if layer["mediaType"] == kind]
            return (directory / layer["digest"].removeprefix("sha256:")).read_bytes()

        self.pushed_and_pulled("artifact", module_of)

    def test_the_same_bytes_again(self):
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            self.assertEqual(images(first, "image"), images(second, "image"))


def schema(name):
    """A schema of CycloneDX, of those that its library for Python comes with."""
    folder = Path(cyclonedx.schema.__file__).parent / "_res"
    return json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text())


class Release(unittest.TestCase):
    """What `make oci` leaves in dist."""

    @classmethod
    def setUpClass(cls):
        subprocess.run(["make", "-s", "oci"], cwd=ROOT, check=True, capture_output=True, timeout=600)
        cls.bills = {it.name.removesuffix(".cdx.json"): it.read_text() for it in ROOT.glob("dist/*.cdx.json")}

    def test_checksums_are_of_all_that_there_is(self):
        subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=ROOT / "dist", check=True)
        named = {line.split()[1] for line in (ROOT / "dist/SHA256SUMS").read_text().splitlines()}
        kinds = [".wasm", ".debug.wasm", ".cdx.json"]
        digests = {"oci/digests.json", "oci-artifact/digests.json"}
        self.assertEqual(named, {name + kind for name in self.bills for kind in kinds} | digests)

    def test_bills_are_valid(self):
        self.assertEqual(len(self.bills), 6)
        others = lambda uri: schema(uri.rpartition("/")[2].partition(".SNAPSHOT")[0])
        validator = jsonschema_rs.Draft7Validator(schema("bom-1.5"), retriever=others)
        for name, bill in self.bills.items():
            with self.subTest(name):
                validator.validate(json.loads(bill))
                module = hashlib.sha256((ROOT / f"dist/{name}.wasm").read_bytes()).hexdigest()
                self.assertEqual(json.loads(bill)["metadata"]["component"]["hashes"][0]["content"], module)

    def test_bills_have_what_is_in_the_module_and_no_more(self):
        with (ROOT / "Cargo.lock").open("rb") as file:
            locked = {(it["name"], it["version"]) for it in tomllib.load(file)["package"]}
        for name, text in self.bills.items():
            bill = json.loads(text)
            parts = {(it["name"], it["version"]) for it in bill["components"] if it["name"] not in OF_THE_COMPILER}
            names = {name for name, _ in parts}
            with self.subTest(name):
                self.assertLessEqual(parts, locked)
                self.assertLessEqual({"portcullis-kit", "proxy-wasm", "serde_json"}, names)
                self.assertEqual(names & {"wasmtime", "clap", "serde_derive", "portcullis-sim"}, set())
                self.assertEqual("p256" in names, name in ("jwt-auth", "portcullis"))
                self.assertTrue(all(it.get("licenses") for it in bill["components"]))
                known = {it["bom-ref"] for it in bill["components"]}
                needed = {it for of in bill["dependencies"] for it in of.get("dependsOn", [])}
                self.assertEqual(needed, known, "each part is there because something needs it")

    def test_the_same_again(self):
        before = (ROOT / "dist/SHA256SUMS").read_text()
        subprocess.run(["make", "-s", "oci"], cwd=ROOT, check=True, capture_output=True, timeout=600)
        self.assertEqual((ROOT / "dist/SHA256SUMS").read_text(), before)


if __name__ == "__main__":
    unittest.main()
