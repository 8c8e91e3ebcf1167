"""Sessions in pages of documentation: what a reader types, and what the machine says; and how they are played.

A session is an indented block whose first line begins with `$ `. Each such line is a command; it goes on behind a
backslash at its end, and up to the end of a here-document. What follows is all that it prints, where `...` alone on a
line stands for any lines and within a line for any text. A command that prints nothing, or anything, has to succeed.
One that ends with `&` is a server: what it prints is not compared, and the next command comes when it serves.
"""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from envoy import BINARY, ROOT

PAGE_SECONDS = 300
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "target", "__pycache__", "node_modules")
# Loopback, processes and shared memory of its own: pages have fixed ports, and Envoy has a fixed name for its memory.
ALONE = [
    *("unshare", "--user", "--map-root-user", "--net", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child"),
    *("sh", "-c", 'mount -t tmpfs tmpfs /dev/shm && ip link set lo up && exec "$@"', "sh"),
]
SHELL = """
sockets() { cat /proc/net/tcp /proc/net/tcp6 | grep -c ' 0A 00000000:'; }
serves() {
    (( $(sockets) > before )) && { [[ $(< /proc/$1/comm) != envoy ]] || grep -qs wrk:worker_0 /proc/$1/task/*/comm; }
}
play() {
    before=$(sockets)
    . "$1" > "$1.out" 2>&1 < /dev/null
    echo $? > "$1.status"
}
started() {
    for _ in {1..600}; do
        kill -0 $! 2>/dev/null || { wait $!; echo $? > "$1.status"; return; }
        if serves $!; then return; fi
        sleep 0.05
    done
    echo 'neither serves nor ends' | tee -a "$1.out" > "$1.status"
}
"""
OF_THE_SHELL = re.compile(r".*: line \d+: +\d+ (Terminated|Killed) .*")


@dataclass
class Command:
    """A command, where it stands, and what it is said to print."""

    page: Path
    line: int
    text: str
    wanted: list[str] = field(default_factory=list)

    @property
    def serves(self):
        return self.text.endswith("&") and not self.text.endswith("&&")


@dataclass
class Block:
    """An indented block of a page, without its indentation."""

    line: int
    lines: list[str]

    @property
    def is_session(self):
        return self.lines[0].startswith("$ ")


def blocks(text):
    """The indented blocks of a page."""
    lines = text.splitlines()
    start = None
    for number, line in enumerate([*lines, "end"]):
        if line.startswith("    "):
            start = number if start is None and (number == 0 or not lines[number - 1].strip()) else start
        elif line.strip() and start is not None:
            yield Block(start + 1, [it.removeprefix("    ").rstrip() for it in _without_end(lines[start:number])])
            start = None


def _without_end(lines):
    while not lines[-1].strip():
        lines = lines[:-1]
    return lines


def commands(page):
    """The commands of the sessions of a page, in their order."""
    return [it for block in blocks(page.read_text()) if block.is_session for it in _commands(page, block)]


def _commands(page, block):
    found, rest = [], list(enumerate(block.lines, block.line))
    while rest:
        number, line = rest.pop(0)
        if not line.startswith("$ "):
            found[-1].wanted.append(line)
            continue
        text = [line.removeprefix("$ ")]
        while text[-1].endswith("\\") and rest:
            text.append(rest.pop(0)[1])
        if end := re.search(r"(?<!<)<<-?\s*['\"]?(\w+)", text[-1]):
            while rest and text[-1] != end[1]:
                text.append(rest.pop(0)[1])
        found.append(Command(page, number, "\n".join(text)))
    for it in found:
        it.wanted = _without_end(it.wanted) if any(it.wanted) else []
    return found


def agrees(wanted, got):
    """Whether the lines `got` are those `wanted`."""
    any_lines, any_text = r"(?:.*\n)*?", ".*?"
    parts = (any_lines if it == "..." else any_text.join(map(re.escape, it.split("..."))) + "\n" for it in wanted)
    return re.fullmatch("".join(parts), "".join(f"{it}\n" for it in got)) is not None


def play(page, portcullis):
    """Plays all sessions of a page in one shell, in a copy of the project, and tells what is not as the page says."""
    told = commands(page)
    with tempfile.TemporaryDirectory() as directory:
        folder, project = Path(directory), Path(directory) / "portcullis"
        shutil.copytree(ROOT, project, ignore=LEFT_OUT, symlinks=True)
        (project / ".venv").symlink_to(ROOT / ".venv")
        script = _script(folder, told)
        try:
            shell = subprocess.run(
                [*ALONE, "bash", script], cwd=project, env=_environment(folder, portcullis), stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=PAGE_SECONDS, check=False,
            )  # fmt: skip
            ending = shell.stdout + shell.stderr
        except subprocess.TimeoutExpired:
            ending = f"not done after {PAGE_SECONDS} seconds"
        return _problems(folder, told, ending)


def _script(folder, told):
    lines = [SHELL]
    for number, command in enumerate(told):
        file = folder / str(number)
        file.write_text(command.text + "\n")
        lines.append(f"play {file}")
        if command.serves:
            lines.append(f"started {file}")
        # It returns before the server is gone, whose port the next one wants.
        elif killed := re.fullmatch(r"kill ((?:%[%\d]+ ?)+)", command.text):
            lines.append(f"wait {killed[1]} 2> /dev/null")
    script = folder / "script"
    script.write_text("\n".join(lines) + "\n")
    return script


def _environment(folder, portcullis):
    programs = folder / "bin"
    programs.mkdir()
    (programs / "portcullis").symlink_to(Path(portcullis).resolve())
    (programs / "envoy").symlink_to(BINARY)
    # As on a terminal, where curl shows no progress beside what it prints.
    (folder / ".curlrc").write_text("no-progress-meter\n")
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    path = f"{programs}:{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    own = {"PATH": path, "CURL_HOME": str(folder), "LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_COLOR": "1"}
    return kept | own


def _problems(folder, told, ending):
    problems = []
    for number, command in enumerate(told):
        status, out = folder / f"{number}.status", folder / f"{number}.out"
        if not status.exists():
            return [*problems, _problem(command, f"did not end: {ending}", _printed(out))]
        ended = status.read_text().strip()
        if command.serves or command.wanted in ([], ["..."]):
            if ended != "0":
                problems.append(_problem(command, f"ended with {ended}", _printed(out)))
        if command.serves and command.wanted:
            problems.append(_problem(command, "what a server prints cannot be compared", []))
        elif not command.serves and not agrees(command.wanted, _printed(out)):
            problems.append(_problem(command, "wanted\n" + _indented(command.wanted), _printed(out)))
    return problems


def _printed(out):
    lines = out.read_text(errors="replace").splitlines() if out.exists() else []
    lines = [it.rstrip() for it in lines if not OF_THE_SHELL.fullmatch(it)]
    return _without_end(lines) if any(lines) else []


def _problem(command, what, printed):
    place = f"{os.path.relpath(command.page, ROOT)}:{command.line}: {command.text}"
    return f"{place}\n  {what}\n  got\n{_indented(printed[-30:])}"


def _indented(lines):
    return "\n".join(f"    {it}" for it in lines)
