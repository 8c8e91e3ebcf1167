"""The JSON Schemas in an editor: its language server finds them by the catalogue, and says what is wrong in a file.

    .venv/bin/python tests/e2e/editors.py [-v] [CLASS[.TEST]]

PORTCULLIS in the environment is the path of the command line, target/debug/portcullis by default.
"""

import contextlib
import faulthandler
import itertools
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from envoy import ROOT, end_with
from upstreams import files

PORTCULLIS = os.environ.get("PORTCULLIS") or ROOT / "target/debug/portcullis"
SERVER = ROOT / ".venv/editors/node_modules/yaml-language-server/bin/yaml-language-server"
SCHEMAS = ROOT / "docs/schemas"
DEADLINE_SECONDS = 120
OPENED = 1
"""The version of a document that has just been opened."""


class LanguageServer:
    """The server that VS Code and others have for YAML, over its standard streams (Language Server Protocol 3.17)."""

    def __init__(self, settings, ending):
        self._settings, self._numbers, self._found = settings, itertools.count(1), {}
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        self._process = subprocess.Popen(
            ["node", SERVER, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        ending.enter_context(self._process.stdin)
        ending.enter_context(self._process.stdout)
        end_with(ending, self._process)
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {"workspace": {"configuration": True}}})
        self._send({"method": "initialized", "params": {}})

    def ask(self, method, params):
        """The answer to a request."""
        number = next(self._numbers)
        self._send({"id": number, "method": method, "params": params})
        return self._read_until(lambda message: message.get("id") == number and "method" not in message)["result"]

    def problems(self, path, text):
        """What is wrong in a file that is opened: the line, from 1, and the message of each."""
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": OPENED, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        told = self._read_until(
            lambda message: message.get("method") == "textDocument/publishDiagnostics"
            and message["params"]["uri"] == path.as_uri()
        )
        return [(it["range"]["start"]["line"] + 1, it["message"]) for it in told["params"]["diagnostics"]]

    def completions(self, path, line, character):
        """What could be written at a place, from 0."""
        position = {"line": line, "character": character}
        found = self.ask("textDocument/completion", {"textDocument": {"uri": path.as_uri()}, "position": position})
        return {it["label"] for it in found["items"]}

    def _read_until(self, is_wanted):
        while True:
            message = self._read()
            if is_wanted(message):
                return message
            if "id" in message and "method" in message:
                self._send({"id": message["id"], "result": self._answer(message)})

    def _answer(self, message):
        """To what the server asks of an editor: its settings."""
        if message["method"] != "workspace/configuration":
            return None
        return [self._settings.get(it.get("section")) for it in message["params"]["items"]]

    def _read(self):
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b": ")
            length = int(value) if name == b"Content-Length" else length
        if not length:
            raise RuntimeError("the language server has ended")
        return json.loads(self._process.stdout.read(length))

    def _send(self, message):
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        self._process.stdin.flush()


class Editor(unittest.TestCase):
    """Whoever edits a configuration sees what is wrong before anything reads it."""

    def setUp(self):
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        ending = self.enterContext(contextlib.ExitStack())
        for schema in SCHEMAS.glob("*.schema.json"):
            (self.directory / schema.name).write_bytes(schema.read_bytes())
        url = f"http://127.0.0.1:{ending.enter_context(files(self.directory)).server_port}"
        arguments = [PORTCULLIS, "schema", "catalog", "--at", url]
        catalog = subprocess.run(arguments, check=True, capture_output=True, timeout=60).stdout
        (self.directory / "catalog.json").write_bytes(catalog)
        settings = {"yaml": {"validate": True, "completion": True, "schemaStore": {"enable": True, "url": f"{url}/catalog.json"}}}
        self.server = LanguageServer(settings, ending)

    def problems(self, name, text):
        return self.server.problems(self.directory / name, text)

    def test_a_configuration_by_the_name_of_its_file(self):
        good = (ROOT / "envoy/standalone/jwt-auth.config.yaml").read_text()
        self.assertEqual(self.problems("jwt-auth.config.yaml", good), [])
        [(line, message)] = self.problems("mine.jwt-auth.config.yaml", good + "nonsense: 1\n")
        self.assertEqual(line, len(good.splitlines()) + 1)
        self.assertIn("nonsense", message)
        self.assertNotEqual(self.problems("token-bucket.config.yaml", good), [], "that is of another filter")

    def test_a_scenario(self):
        [path] = ROOT.glob("tests/scenarios/jwt-auth/readme.yaml")
        good = path.read_text()
        self.assertEqual(self.problems("one.scenario.yaml", good), [])
        self.assertEqual(len(self.problems("two.scenario.yaml", good.replace("request:", "reqest:", 1))), 1)

    def test_a_file_that_names_its_schema(self):
        text = f"# yaml-language-server: $schema={(SCHEMAS / 'token-bucket.schema.json').as_uri()}\nlimits: []\nlimts: []\n"
        self.assertIn(3, [line for line, _ in self.problems("any.yaml", text)])

    def test_what_can_be_written_is_offered(self):
        for path in SCHEMAS.glob("*.schema.json"):
            name = path.name.removesuffix(".schema.json")
            file = "x.scenario.yaml" if name == "scenario" else f"{name}.config.yaml"
            with self.subTest(name):
                self.problems(file, "\n")
                members = json.loads(path.read_text())["properties"].keys()
                self.assertLessEqual(members, self.server.completions(self.directory / file, 0, 0))


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
