"""The pages of documentation: each session is played, each command that they name is there, the book has all pages.

    .venv/bin/python tests/e2e/pages.py [-v] [CLASS[.TEST]]
    .venv/bin/python tests/e2e/pages.py PAGE...    plays the sessions of these pages alone

`PORTCULLIS` in the environment is the command, target/debug/portcullis if it is not said.
"""

import os
import re
import shlex
import subprocess
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from envoy import BINARY, ROOT
from sessions import ALONE, agrees, blocks, commands, play

PORTCULLIS = os.environ.get("PORTCULLIS") or ROOT / "target/debug/portcullis"
FOLDERS = {"docs", "envoy", "filters", "harness", "proto", "tests"}
PAGES = sorted([*ROOT.glob("*.md"), *(it for folder in FOLDERS for it in (ROOT / folder).rglob("*.md") if "node_modules" not in it.parts)])


def played(page):
    """What is wrong with a page, and how long it has taken to find out."""
    begun = time.monotonic()
    problems = play(page, PORTCULLIS)
    return problems, time.monotonic() - begun


class Sessions(unittest.TestCase):
    """What a reader types does what the page says."""

    def test_every_session(self):
        alone = subprocess.run([*ALONE, "true"], capture_output=True, text=True, check=False)
        needed = "namespaces are needed: unshare of util-linux, ip of iproute2, and a kernel that lets users have them"
        self.assertEqual(alone.returncode, 0, f"{needed}: {alone.stderr}")
        pages = [it for it in PAGES if commands(it)]
        with ThreadPoolExecutor(2) as shells:
            for page, (problems, seconds) in zip(pages, shells.map(played, pages), strict=True):
                print(f"{page.relative_to(ROOT)}: {len(commands(page))} commands, {seconds:.1f} s", file=sys.stderr)
                with self.subTest(page.relative_to(ROOT)):
                    self.assertFalse(problems, "\n\n" + "\n\n".join(problems))

    def test_no_prompt_is_left_out(self):
        for page in PAGES:
            prompts = re.findall(r"(?m)^[\s>]*\$ .*", page.read_text())
            with self.subTest(page.relative_to(ROOT)):
                self.assertEqual(len(prompts), len(commands(page)), "a line with a prompt that is in no session")

    def test_agreement(self):
        self.assertTrue(agrees(["a", "...", "d ... f"], ["a", "b", "c", "d e f"]))
        self.assertTrue(agrees(["...", "d"], ["d"]))
        self.assertFalse(agrees(["a"], ["a", "b"]))
        self.assertFalse(agrees(["a ..."], ["b"]))
        self.assertFalse(agrees([], ["a"]))
        self.assertFalse(agrees(["a"], []))


@cache
def helped(*words):
    """The help of a program and its commands."""
    return subprocess.run([*words, "--help"], capture_output=True, text=True, check=True).stdout


def subcommands(text):
    """The names in a help's list of commands."""
    listed = re.search(r"(?ms)^Commands:\n(.*?)\n\n", text)
    return set(re.findall(r"(?m)^  (\S+)", listed[1])) if listed else set()


def flags(text):
    return set(re.findall(r"(?<![\w-])(--?[A-Za-z][\w-]*)", text))


def of_portcullis(words):
    """What is wrong with a call of `portcullis`."""
    path = [PORTCULLIS]
    while subcommands(helped(*path)):
        if not words or not re.fullmatch(r"[a-z-]+", words[0]):
            return [] if not words or words[0].isupper() else [f"{words[0]} is no command"]
        if words[0] not in subcommands(helped(*path)):
            return [f"{words[0]} is no command"]
        path.append(words.pop(0))
    return unknown_flags(words, helped(*path))


def unknown_flags(words, text):
    named = (it.partition("=")[0] for it in words if re.match("--?[A-Za-z]", it))
    return [f"{it} is no flag" for it in named if it not in flags(text)]


@cache
def unmade(target):
    made = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    return made.stderr.splitlines() if made.returncode else []


def of_make(words):
    return unmade(words[0])


def of_envoy(words):
    return unknown_flags(words, helped(BINARY))


def of_cargo(words):
    packages = {name for it in manifests() for name in re.findall(r'(?m)^name = "([\w-]+)"', it.read_text())}
    named = [after for before, after in zip(words, words[1:]) if before in ("-p", "--test") and not after.isupper()]
    tests = {it.stem for it in ROOT.glob("*/*/tests/*.rs")}
    tests |= {it.parent.name for it in ROOT.glob("*/*/tests/*/main.rs")}
    return [f"{it} is no package and no test" for it in named if it not in packages | tests]


def manifests():
    return [it for folder in FOLDERS for it in (ROOT / folder).rglob("Cargo.toml")]


CALLS = {"portcullis": of_portcullis, "make": of_make, "envoy": of_envoy, "cargo": of_cargo}


def calls(page):
    """The commands that a page names outside its sessions, each with its line: in blocks and in sentences."""
    text = page.read_text()
    for block in blocks(text):
        if not block.is_session:
            for number, line in enumerate(block.lines, block.line):
                # What it does is said behind it, a few blanks away.
                for part in re.split(r"\s{2,}", line)[0].split(" | "):
                    yield number, part
    for span in re.finditer(r"(?<!`)`([^`]+)`(?!`)", text):
        yield text.count("\n", 0, span.start()) + 1, " ".join(span[1].split())


class Calls(unittest.TestCase):
    """What is not played, because it would take too long or a cluster, names what there is."""

    def test_every_call(self):
        found = 0
        for page in PAGES:
            for number, line in calls(page):
                program, _, rest = line.partition(" ")
                if program in CALLS and rest:
                    with self.subTest(f"{page.relative_to(ROOT)}:{number}: {line}"):
                        self.assertEqual(CALLS[program](shlex.split(rest, comments=True)), [])
                    found += 1
        self.assertGreater(found, 50)

    def test_every_file(self):
        """Files and folders of the project, in blocks and in sentences."""
        named = re.compile(rf"(?<![\w./-])(?:{'|'.join(sorted(FOLDERS))})/[\w./*-]*\w/?")
        for page in PAGES:
            if page.name != "CHANGELOG.md":
                for number, line in calls(page):
                    for file in named.findall(line):
                        with self.subTest(f"{page.relative_to(ROOT)}:{number}: {file}"):
                            self.assertTrue(list(ROOT.glob(file.rstrip("/"))) or made(file), "is not there")


def made(file):
    """Whether a name has a part to be filled in, or is of what someone is to make."""
    return re.search("[A-Z]{3}", file) is not None


class Book(unittest.TestCase):
    """The book has every page once."""

    def test_every_page_is_in_the_summary(self):
        summary = ROOT / "docs/SUMMARY.md"
        listed = re.findall(r"\]\(([^)]+)\)", summary.read_text())
        listed = [os.path.relpath(summary.parent / it, ROOT) for it in listed]
        self.maxDiff = None
        self.assertEqual(sorted(listed), [str(it.relative_to(ROOT)) for it in PAGES if it != summary])


if __name__ == "__main__":
    if any(it.endswith(".md") for it in sys.argv[1:]):
        wrong = [problem for it in sys.argv[1:] for problem in played(Path(it).resolve())[0]]
        sys.exit("\n\n".join(wrong) or 0)
    unittest.main()
