"""What clients see when a plugin fails, by its failure policy: the table in docs/failures.md, as a real Envoy shows it.

    .venv/bin/python tests/e2e/failures.py [-v] [CLASS[.TEST]]

BLESS=1 in the environment writes the table anew.
"""

import contextlib
import faulthandler
import http.client
import itertools
import json
import os
import re
import tempfile
import time
import unittest
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import swaps
from clients import eventually
from envoy import ROOT, Envoy
from example import JWKS, bearer, token
from limits import on, routes
from modules import CLUSTER, answering, at_server, built, digest, in_file, module_server, policy, vm
from traces import cluster, lasting_port, plugin
from trapping import MANY_HEADERS, configured_once, trapping, trapping_on_headers

PAGE = ROOT / "docs/failures.md"
BEGIN, END = "<!-- failures: written by tests/e2e/failures.py -->", "<!-- failures: end -->"
POLICIES = ["FAIL_RELOAD", "FAIL_CLOSED", "FAIL_OPEN"]
CHECKED, FORMER, UNCHECKED = "checked", "checked, by the former one", "**passes unchecked**"
NOT_STARTED, PASSED, DENIED = "Envoy does not start", "answered", "denied"
HEADERS, RESPONSE = "a trap in the request headers", "a trap in the response headers"
LOG, TICK = "a trap in `on_log`, of one filter of the suite", "a trap in a tick"
AGAIN = "a trap, and one in the configuration of the next VM"
CONFIGURED = "a trap in the configuration, in the workers alone", "at the start of Envoy, an update by ECDS"
REFUSED = "a configuration that is refused, a module that is missing, that is none, or that traps as it starts"
FETCHED = "a module that is fetched and cannot be had"
EVENTS = [HEADERS, RESPONSE, LOG, TICK, AGAIN, CONFIGURED[0], REFUSED, FETCHED]
DENIED_BY_SUITE = ("/denied", "/limited", "/broken")
SAT_OUT, NEVER_OVER, OVER = "2s", "300s", "0.01s"
"""Back-offs, which Envoy counts from when the VM was made. With one of a millisecond it divides by zero, and crashes."""
SAT_OUT_SECONDS = 4
"""Longer than the one of two seconds, to which chance adds up to a half."""
AT_ONCE = 4
"""So many Envoys: most of their time they wait."""
SHORT_SECONDS, STEADY_TIMES, PACE_SECONDS = 0.5, 10, 0.02
"""For how long, how often and how fast is looked whether something stays as it is."""
TAKEN_SECONDS = 20
MOVES = re.compile(
    r"wasm\.[\w-]+\.vm_reload_\w+|wasm\.remote_load_fetch_failures"
    r"|extension_config_discovery\.http_filter\.[\w-]+\.(?:update_rejected|config_fail)"
)
MANY = {f"x-{number}": "1" for number in range(2 * MANY_HEADERS)}
DEADLINE_SECONDS = 240


@dataclass(frozen=True)
class Guard:
    """A filter that denies `/denied`, and what lets a request pass it; its version shows in denials."""

    name: str
    configuration: Callable
    credentials: dict = field(default_factory=dict)

    def plain(self, version, **members):
        return plugin(self.name, self.configuration(version) | members)

    def plugin(self, failure_policy, backoff, version=1, **members):
        it = self.plain(version, **members)
        it["typed_config"]["config"]["reload_config"] = {"backoff": {"base_interval": backoff}}
        return policy(it, failure_policy)


def versioned(version):
    return {"reply": {"headers": {"x-version": str(version)}}}


def authentication(version):
    jwks = {"inline": json.loads(json.dumps(JWKS))}
    provider = {"name": "example", "issuer": "https://issuer.example", "audiences": ["orders"], "jwks": jwks}
    return {"providers": [provider], "otherwise": {"provider": "example"}} | versioned(version)


def limit(version, path="/denied"):
    none = {"name": "none", "when": on(path), "rate": "1/8784h", "start": 0}
    return {"limits": [none]} | versioned(version)


def breaker(version, path="/denied"):
    none = {"name": "none", "when": on(path), "key": [], "mode": "forced_open"}
    some = {"name": "some", "key": [], "trip": {"error_ratio": 0.5}}
    return {"breakers": [none, some]} | versioned(version)


def suite(version):
    """All five; tokens are needed but for `/limited` and `/broken`."""
    free = [{"match": {"path": {"exact": path}}, "require": "none"} for path in ("/limited", "/broken")]
    return {
        "trace_injection": {},
        "audit_log": {"sink": {"envoy_log": {}}},
        "jwt_auth": authentication(version) | {"rules": free},
        "token_bucket": limit(version, "/limited"),
        "circuit_breaker": breaker(version, "/broken"),
    }


JWT_AUTH = Guard("jwt-auth", authentication, bearer(token()))
TOKEN_BUCKET, CIRCUIT_BREAKER = Guard("token-bucket", limit), Guard("circuit-breaker", breaker)
SUITE = Guard("portcullis", suite, bearer(token()))


class Proxy:
    """An Envoy of a test, and connections to its workers."""

    def __init__(self, ending, config, workers=1, options=()):
        self._ending, self._asked = ending, itertools.count()
        self.envoy = ending.enter_context(Envoy(config, workers, ["-l", "warning", *options]))

    def connections(self):
        """A connection to each of two workers."""
        found = {}
        while len(found) < 2:
            before = self._accepted()
            it = self.connection()
            [worker] = eventually(lambda before=before: self._accepted_since(before), 5, "a worker has the connection")
            found.setdefault(worker, it)
        return found.values()

    def connection(self):
        it = http.client.HTTPConnection("127.0.0.1", self.envoy.port, timeout=10)
        self._ending.callback(it.close)
        it.connect()
        return Connection(self, it)

    def _accepted_since(self, before):
        return [worker for worker, count in self._accepted().items() if count > before[worker]]

    def _accepted(self):
        return self.envoy.stats(r"listener\..*\.worker_\d+\.downstream_cx_total")

    def unique(self, path):
        """A path that no other request has."""
        return f"{path}?{next(self._asked)}"

    def logged(self, path):
        """Why a request was answered as it was, by the access log: details, or flags where there are none."""
        found = (line.split() for line in self.envoy.access_log())
        return [parts[2] for parts in found if parts[0] == path and len(parts) > 2]

    def moving(self):
        return {name: value for name, value in self.envoy.stats(r".*").items() if MOVES.fullmatch(name)}


class Connection:
    """One that is kept, and so stays on its worker."""

    def __init__(self, proxy, connection):
        self._proxy, self._connection, self.version = proxy, connection, None

    def get(self, path, headers=()):
        """What a cell says of the answer to a request."""
        path = self._proxy.unique(path)
        self._connection.request("GET", path, headers=dict(headers))
        response = self._connection.getresponse()
        response.read()
        self.version = response.headers.get("x-version")
        if response.status == 200:
            return PASSED
        if self.version:
            return DENIED
        [why] = eventually(lambda: self._proxy.logged(path), 5, f"{path} is logged")
        return f"{response.status} `{why}`"

    def seen(self, guard):
        """What the filter makes of requests; asked again where that changes just then."""
        while True:
            admitted, denied = self.get("/admitted", guard.credentials), self.get("/denied")
            if (admitted, denied) == (PASSED, DENIED):
                return CHECKED
            if admitted == denied:
                return UNCHECKED if denied == PASSED else denied

    def unless_passed(self, path):
        """What a request has got that should have been denied."""
        return UNCHECKED if (got := self.get(path)) == PASSED else got

    def steady(self, guard, first, seconds):
        """What `first` becomes within some seconds; itself, where it stays so."""
        begun, times = time.monotonic(), 0
        while time.monotonic() < begun + seconds or times < STEADY_TIMES:
            times += 1
            time.sleep(PACE_SECONDS)
            if (now := self.seen(guard)) != first:
                return now
        return first

    def becomes(self, guard, what, version=None):
        """Waits until this is seen, of a version or any."""

        def is_seen():
            return self.seen(guard) == what and version in (None, self.version)

        eventually(is_seen, TAKEN_SECONDS, f"{what} {version}")
        return what


class Story(swaps.Filters):
    """What happens to an Envoy with one failure policy: `cells` by the name of their row, and what `moved`."""

    workers = 1
    backoff = NEVER_OVER

    def __init__(self, ending, failure_policy):
        self.ending, self.policy, self.envoys = ending, failure_policy, {}
        self.directory = Path(ending.enter_context(tempfile.TemporaryDirectory()))
        self.server = ending.enter_context(module_server())
        self.cells, self.moved = {}, {}

    def start(self, name, config, options):
        config["node"] = {"id": name, "cluster": name}
        self.proxy = Proxy(self.ending, config, self.workers, options)
        self.envoys[name] = self.proxy.envoy

    def whole(self, guard, version=1, change=lambda it: it, **members):
        config = answering(change(guard.plugin(self.policy, self.backoff, version, **members)), **{CLUSTER: self.server.server_port})
        config["static_resources"]["clusters"].append(cluster("nobody", lasting_port()))
        return config

    def put_and_wait(self, *args, becomes="success", **members):
        before = self.updates(becomes)
        self.put(*args, **members)
        eventually(lambda: self.updates(becomes) > before, TAKEN_SECONDS, becomes)

    def module(self, content):
        """What makes a plugin have this module, in a file of its own."""
        path = self.directory / f"{len(list(self.directory.iterdir()))}.wasm"
        path.write_bytes(content)
        return lambda it: in_file(it, path)

    def fetched(self, path="/nowhere.wasm", content=b"", **members):
        """What makes a plugin have a module that is fetched."""
        return lambda it: at_server(it, path, digest(content), **members)

    def refusals(self, guard):
        """What Envoy or the filter refuses: what is done to the plugin, and to its configuration."""
        return [
            (lambda it: it, {"nonsense": 1}),
            (lambda it: in_file(it, self.directory / "nowhere.wasm"), {}),
            (self.module(b"no module"), {}),
            (self.module(trapping(built(guard.name), "_initialize")), {}),
        ]

    @contextlib.contextmanager
    def noting(self, row):
        """Notes what moves meanwhile."""
        before = self.proxy.moving()
        yield
        moved = {name for name, value in self.proxy.moving().items() if value > before.get(name, 0)}
        self.moved.setdefault(row, set()).update(moved)

    def note(self, row, see):
        """Notes what is seen; the same each time, where it is noted more than once."""
        with self.noting(row):
            seen = see()
        if self.cells.setdefault(row, seen) != seen:
            raise AssertionError(f"{row}: {seen}, and {self.cells[row]}")
        return seen


class Trap(Story):
    """In the request headers."""

    workers = 2

    def tell(self):
        traps = self.module(trapping_on_headers(built(JWT_AUTH.name)))
        self.start_swapped(JWT_AUTH, 1, traps)
        here, there = self.proxy.connections()
        for it in (here, there):
            it.becomes(JWT_AUTH, CHECKED)
        self.note((HEADERS, "that request"), lambda: here.get("/denied", MANY))
        self.note((HEADERS, "the next ones on the same worker, within the back-off"), lambda: here.seen(JWT_AUTH))
        self.note((HEADERS, "those on other workers"), lambda: there.seen(JWT_AUTH))
        self.backoff = OVER
        self.put_and_wait(JWT_AUTH, 2, traps)
        later = HEADERS, "those after another configuration of the plugin"
        self.note(later, lambda: here.becomes(JWT_AUTH, CHECKED, "2"))
        here.get("/denied", MANY)
        after = HEADERS, "those after the back-off"
        self.note(after, lambda: here.steady(JWT_AUTH, here.seen(JWT_AUTH), SHORT_SECONDS))
        # Whether the first of these came too early is left to chance.
        self.moved[after] = {it for it in self.moved[after] if not it.endswith("_backoff")}


class TrapInResponse(Story):
    """In the response headers."""

    def whole(self, *args, **members):
        config = super().whole(*args, **members)
        many = [{"header": {"key": name, "value": value}} for name, value in MANY.items()]
        route = routes(config)[0]
        routes(config).insert(0, route | {"match": {"prefix": "/many"}, "response_headers_to_add": many})
        return config

    def tell(self):
        traps = self.module(trapping_on_headers(built(TOKEN_BUCKET.name), "proxy_on_response_headers"))
        self.start_swapped(TOKEN_BUCKET, 1, traps)
        here = self.proxy.connection()
        here.becomes(TOKEN_BUCKET, CHECKED)
        self.note((RESPONSE, "that request"), lambda: here.get("/many"))
        self.note((RESPONSE, "the next ones, within the back-off"), lambda: here.seen(TOKEN_BUCKET))


class TrapInLog(Story):
    """When a request is over, in the suite: each makes it trap."""

    def tell(self):
        traps = self.module(trapping(built(SUITE.name), "proxy_on_log"))
        self.start_swapped(SUITE, 1, traps)
        here = self.proxy.connection()
        self.note((LOG, "that request"), lambda: here.get("/admitted", SUITE.credentials))
        next_ones = LOG, "the next ones, within the back-off, whichever filter would deny them"
        for path in DENIED_BY_SUITE:
            self.note(next_ones, lambda path=path: here.unless_passed(path))
        if self.policy == "FAIL_RELOAD":
            # One request each, between two traps.
            self.backoff = OVER
            self.put_and_wait(SUITE, 2, traps)
            for path in DENIED_BY_SUITE:
                eventually(lambda path=path: here.get(path) == DENIED, TAKEN_SECONDS, path)


class TrapInTick(Story):
    """While there is no request."""

    def tell(self):
        self.start_swapped(CIRCUIT_BREAKER, 1, self.module(trapping(built(CIRCUIT_BREAKER.name), "proxy_on_tick")))
        here = self.proxy.connection()
        eventually(lambda: here.seen(CIRCUIT_BREAKER) != CHECKED, TAKEN_SECONDS, "a tick")
        self.note((TICK, "the next ones, within the back-off"), lambda: here.seen(CIRCUIT_BREAKER))


class TrapInWorkers(Story):
    """In the configuration, after Envoy has tried it, at the start."""

    def tell(self):
        once = self.module(configured_once(built(TOKEN_BUCKET.name)))
        self.proxy = Proxy(self.ending, self.whole(TOKEN_BUCKET, 1, once))
        self.note(CONFIGURED, lambda: self.proxy.connection().seen(TOKEN_BUCKET))


class Refused(Story):
    """At the start of Envoy."""

    def tell(self):
        for change, members in self.refusals(TOKEN_BUCKET):
            seen = self.start_or_not(change, members)
            if self.cells.setdefault((REFUSED, "at the start of Envoy"), seen) != seen:
                raise AssertionError(f"{seen}, and {self.cells}")

    def start_or_not(self, change, members):
        try:
            with contextlib.ExitStack() as ending:
                return Proxy(ending, self.whole(TOKEN_BUCKET, 1, change, **members)).connection().seen(TOKEN_BUCKET)
        except RuntimeError as error:
            if "does not serve (exit code 1)" not in str(error):
                raise
            return NOT_STARTED


class Discovered(Story):
    """In a plugin that comes by ECDS, from a file."""

    def tell(self):
        refusals = self.refusals(TOKEN_BUCKET)
        (change, members), *others = refusals
        self.start_swapped(TOKEN_BUCKET, 1, change, **members)
        here = self.proxy.connection()
        self.note((REFUSED, "the first plugin by ECDS"), lambda: here.seen(TOKEN_BUCKET))
        for change, members in others:
            self.refuse(here, (REFUSED, "the first plugin by ECDS"), change, **members)
        self.good(here, 2)
        for change, members in refusals:
            self.refuse(here, (REFUSED, "an update by ECDS"), change, **members)
        nack = self.fetched(nack_on_code_cache_miss=True)
        self.refuse(here, (FETCHED, "an update by ECDS with `nack_on_code_cache_miss`"), nack)
        never = FETCHED, "an update by ECDS without it, also where it could be had"
        self.take(here, never, self.fetched(content=b"another"))
        self.good(here, 3)
        once = self.module(configured_once(built(TOKEN_BUCKET.name)))
        self.take(here, CONFIGURED, once)
        self.good(here, 4)

    def good(self, here, version):
        """A plugin that is all right is taken over, whatever was before."""
        self.put_and_wait(TOKEN_BUCKET, version)
        here.becomes(TOKEN_BUCKET, CHECKED, str(version))

    def refuse(self, here, row, change, **members):
        """Puts what is refused."""

        def see():
            self.put_and_wait(TOKEN_BUCKET, 9, change, becomes="rejected", **members)
            seen = here.steady(TOKEN_BUCKET, here.seen(TOKEN_BUCKET), SHORT_SECONDS)
            return FORMER if (seen, here.version) == (CHECKED, "2") else seen

        self.note(row, see)

    def take(self, here, row, change):
        """Puts what Envoy takes over, though it is not all right."""

        def see():
            self.put_and_wait(TOKEN_BUCKET, 9, change)
            eventually(lambda: here.seen(TOKEN_BUCKET) != CHECKED, TAKEN_SECONDS, row)
            return here.steady(TOKEN_BUCKET, here.seen(TOKEN_BUCKET), SHORT_SECONDS)

        self.note(row, see)


class TrapAgain(Story):
    """In the request headers, and in the configuration of the VM that takes its place."""

    backoff = SAT_OUT

    def tell(self):
        self.start_swapped(TOKEN_BUCKET, 1, self.module(trapping_on_headers(built(TOKEN_BUCKET.name), and_again=True)))
        here = self.proxy.connection()
        here.becomes(TOKEN_BUCKET, CHECKED)
        here.get("/denied", MANY)

        def see():
            seen = here.seen(TOKEN_BUCKET)
            return here.steady(TOKEN_BUCKET, seen, SAT_OUT_SECONDS)

        self.note((AGAIN, "all on this worker"), see)
        self.put_and_wait(TOKEN_BUCKET, 2)
        self.note((AGAIN, "those after another module"), lambda: here.becomes(TOKEN_BUCKET, CHECKED, "2"))


class Fetched(Story):
    """Code that never arrives, at the start of Envoy."""

    def tell(self):
        self.server.modules["/another.wasm"] = b"another"
        row = (FETCHED, "at the start of Envoy, an update by LDS")
        for change in (self.fetched(), self.fetched("/another.wasm"), lambda it: elsewhere(self.fetched()(it))):
            with contextlib.ExitStack() as ending:
                self.proxy = Proxy(ending, self.whole(TOKEN_BUCKET, 1, change))
                self.note(row, lambda: self.proxy.connection().seen(TOKEN_BUCKET))
                # It counted while Envoy started.
                self.moved[row] |= {name for name, value in self.proxy.moving().items() if value}


def elsewhere(it):
    """The same plugin, with a module where nobody listens."""
    vm(it)["code"]["remote"]["http_uri"]["cluster"] = "nobody"
    return it


class FetchedByListener(swaps.Listeners, Story):
    """Code that never arrives, of a listener that comes by LDS, from a file."""

    def tell(self):
        self.start_swapped(TOKEN_BUCKET, 1)

        def see():
            self.put_and_wait(TOKEN_BUCKET, 2, self.fetched())
            eventually(lambda: self.proxy.connection().seen(TOKEN_BUCKET) != CHECKED, TAKEN_SECONDS, "the new listener")
            return self.proxy.connection().seen(TOKEN_BUCKET)

        self.note((FETCHED, "at the start of Envoy, an update by LDS"), see)
        self.put_and_wait(TOKEN_BUCKET, 3)
        eventually(lambda: self.proxy.connection().seen(TOKEN_BUCKET) == CHECKED, TAKEN_SECONDS, "what is right")


TRAPS = [Trap, TrapInResponse, TrapInLog, TrapInTick, TrapAgain, TrapInWorkers]
STORIES = [*TRAPS, Refused, Discovered, Fetched, FetchedByListener]
LONGEST = [Discovered, TrapAgain, Trap, TrapInLog]


def told(story, failure_policy):
    """What a story tells, with a failure policy."""
    with contextlib.ExitStack() as ending:
        it = story(ending, failure_policy)
        it.tell()
    return it


def all_told():
    """What all of them tell, with each policy."""
    order = sorted(STORIES, key=lambda it: LONGEST.index(it) if it in LONGEST else len(LONGEST))
    with ThreadPoolExecutor(AT_ONCE) as workers:
        telling = {(story, it): workers.submit(told, story, it) for story in order for it in POLICIES}
        return [[telling[story, it].result() for it in POLICIES] for story in STORIES]


class Table:
    """What the page has between its markers."""

    def __init__(self, stories):
        self.cells, self.moved = {}, {}
        for by_policy in stories:
            for row in by_policy[0].cells:
                self._add(row, [it.cells[row] for it in by_policy], [it.moved.get(row, set()) for it in by_policy])

    def _add(self, row, cells, moved):
        if self.cells.setdefault(row, cells) != cells:
            raise AssertionError(f"{row}: {cells}, and {self.cells[row]}")
        before = self.moved.setdefault(row, [set() for _ in POLICIES])
        self.moved[row] = [earlier | later for earlier, later in zip(before, moved, strict=True)]

    def __str__(self):
        names = " | ".join(f"`{it}`" for it in POLICIES)
        lines = [f"| what | which | {names} | what moves |", "|---|---|---|---|---|---|"]
        former = None
        for (event, which), cells in sorted(self.cells.items(), key=lambda it: EVENTS.index(it[0][0])):
            row = ["" if event == former else event, which, *cells, self.moves(event, which)]
            lines.append(f"| {' | '.join(row)} |".replace("|  |", "| |"))
            former = event
        return "\n".join(lines)

    def moves(self, *row):
        """What moves with all policies, or with some."""
        moved = self.moved[row]
        everywhere = set.intersection(*moved)
        parts = [f"`{it}`" for it in shortened(everywhere)]
        for name, it in zip(POLICIES, moved, strict=True):
            parts += [f"`{stat}` ({name})" for stat in shortened(it - everywhere)]
        return ", ".join(parts) or "nothing"


def shortened(names):
    """The ends of the names of statistics."""
    return sorted({name.rpartition(".")[2] for name in names})


class Page(unittest.TestCase):
    maxDiff = None

    def test_the_table_is_what_happens(self):
        written = f"{BEGIN}\n{Table(all_told())}\n{END}"
        page = PAGE.read_text()
        [found] = re.findall(f"{BEGIN}.*?{END}", page, re.DOTALL)
        if os.environ.get("BLESS") == "1":
            PAGE.write_text(page.replace(found, written))
        else:
            self.assertEqual(found, written, "BLESS=1 writes it anew")


class Plugins(unittest.TestCase):
    """Two of them, jwt-auth and token-bucket."""

    def start(self, failure_policy):
        ending = self.enterContext(contextlib.ExitStack())
        file = Path(ending.enter_context(tempfile.TemporaryDirectory()), "traps.wasm")
        file.write_bytes(trapping_on_headers(built(JWT_AUTH.name)))
        authentication, limit = policy(in_file(JWT_AUTH.plain(1), file), failure_policy), TOKEN_BUCKET.plain(2)
        here = Proxy(ending, answering(authentication, limit)).connection()
        self.assertEqual((here.get("/admitted"), here.version), (DENIED, "1"))
        return here

    def test_a_trap_takes_the_plugin_that_traps(self):
        here = self.start("FAIL_OPEN")
        self.assertEqual(here.get("/admitted", MANY), "503 `wasm_fail_stream`")
        self.assertEqual(here.get("/admitted"), PASSED)
        self.assertEqual((here.get("/denied"), here.version), (DENIED, "2"))

    def test_a_second_passes_between_two_vms(self):
        here = self.start("FAIL_RELOAD")
        here.get("/admitted", MANY)
        asked = eventually(lambda: self.asked_of_another(here), TAKEN_SECONDS, "another VM")
        here.get("/admitted", MANY)
        eventually(lambda: self.asked_of_another(here), TAKEN_SECONDS, "a third VM")
        self.assertGreater(time.monotonic() - asked, 1)

    def asked_of_another(self, here):
        """When the request was sent with which there is a VM again."""
        asked = time.monotonic()
        return asked if here.get("/admitted") == DENIED else None


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
