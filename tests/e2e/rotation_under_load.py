"""A minute of load on a real Envoy with four workers, while keys rotate and their server dies and comes back.

    .venv/bin/python tests/e2e/rotation_under_load.py [-v]

Every answer is judged: what a token may get depends on what its key was when the request was made.
PORTCULLIS_LOAD_SECONDS in the environment is another time than a minute, 40 at least.
"""

import asyncio
import collections
import faulthandler
import itertools
import json
import math
import os
import re
import time
import unittest
from dataclasses import dataclass, field

from envoy import Envoy
from example import example
from issuer import DocumentServer, Issuer

SECONDS = float(os.environ.get("PORTCULLIS_LOAD_SECONDS", "60"))
WORKERS = 4
CONNECTIONS = 32
PACE_SECONDS = 0.012
"""Between two requests of a connection: a load that leaves room for others on a small machine."""
REQUESTS_PER_CONNECTION = 64
"""After so many a connection is replaced, so that no worker is left alone."""

REFRESH, STALE, REFETCH, RETRY_MAX = 2.0, 4.0, 2.0, 0.5
FETCH = {
    "cluster": "issuer",
    "uri": "https://issuer.example/jwks",
    "timeout": "1s",
    "refresh": f"{REFRESH:.0f}s",
    "min_refresh": "1s",
    "max_refresh": f"{REFRESH:.0f}s",
    "refetch_interval": f"{REFETCH:.0f}s",
    "retry": {"base": "100ms", "max": "500ms"},
    "stale_for": f"{STALE:.0f}s",
}
TICK, SLACK = 1.0, 1.0
KNOWN_AFTER = REFRESH + TICK + SLACK
"""By then every worker has what was published or removed."""
BACK_AFTER = RETRY_MAX + TICK + SLACK
"""By then every worker has what a server that came back answers."""
PUBLISHED_BEFORE, PUBLISHED_AFTER = 5.0, 6.0
"""Seconds between a key's publication and its use, and between its last use and its removal."""
SHORT_OUTAGE, LONG_OUTAGE = (0.25, 1.5), (0.6, 9.0)
"""When each begins, as a part of the time, and how many seconds it lasts: less than keys may be stale, and more."""
DEADLINE_SECONDS = SECONDS + 90


@dataclass
class Life:
    """When a key was published, and when it was removed."""

    published: float
    removed: float = math.inf


@dataclass
class History:
    """What the issuer has done: the lives of its keys by `kid`, and when its server was down."""

    lives: dict = field(default_factory=dict)
    outages: list = field(default_factory=list)

    def allowed(self, kind, kid, begun, ended):
        """What a token may get whose request was sent and answered at these moments."""
        if kind == "expired":
            return {"401 expired"}
        outcomes = {"503 keys_unavailable"} if self._may_lack_keys(begun, ended) else set()
        known = {"good": "200", "forged": "401 signature_invalid"}.get(kind)
        life = self.lives.get(kid)
        if life and begun < self._settled(life.removed) and ended > life.published:
            outcomes.add(known)
        if not life or begun < self._settled(life.published) or ended > life.removed:
            outcomes.add("401 key_not_found")
        return outcomes

    def _may_lack_keys(self, begun, ended):
        """Whether the server was down for longer than keys may be used that were confirmed before."""
        starved = ((down + STALE - TICK, up) for down, up in self.outages)
        return any(empty < up and empty < ended and begun < up + BACK_AFTER for empty, up in starved)

    def _settled(self, moment):
        """When every worker knows what the issuer did at this moment."""
        known = moment + KNOWN_AFTER
        delays = (up + BACK_AFTER for down, up in self.outages if down < known and moment < up)
        return max([known, *delays])


class Rotating:
    """An issuer that rotates its keys, and whose server has its outages."""

    def __init__(self):
        self.issuer, self.history, self.tokens = Issuer("key-0"), History(), {}
        self.server = DocumentServer({"/jwks": self.issuer.page})
        self.in_use, self._published, self._number = "key-0", ["key-0"], itertools.count(1)
        self.history.lives["key-0"] = Life(0)
        self._mint("key-0")

    def _mint(self, kid):
        stranger = Issuer("stranger").keys["stranger"]
        self.tokens[kid] = {
            "good": [self.issuer.mint(kid, sub=f"{kid}-{number}") for number in range(20)],
            "expired": [self.issuer.mint(kid, exp=int(time.time()) - 3600)],
            "forged": [self.issuer.mint(kid, key=stranger, jti=str(number)) for number in range(5)],
        }

    async def run(self, ends):
        """Rotates keys until the end."""
        while time.time() + PUBLISHED_BEFORE < ends:
            old, new = self.in_use, f"key-{next(self._number)}"
            self._publish(*self._published, new)
            self.history.lives[new] = Life(time.time())
            self._mint(new)
            await asyncio.sleep(PUBLISHED_BEFORE)
            self.in_use = new
            asyncio.get_running_loop().call_later(PUBLISHED_AFTER, self._remove, old)

    def _publish(self, *kids):
        self._published = list(kids)
        self.issuer.publish(*kids)

    def _remove(self, kid):
        self._publish(*(other for other in self._published if other != kid))
        self.history.lives[kid].removed = time.time()

    async def fail(self, after, seconds):
        """Lets the server die after some time, and come back."""
        await asyncio.sleep(after)
        down = time.time()
        self.history.outages.append((down, math.inf))
        await asyncio.to_thread(self.server.stop)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.server.start)
        self.history.outages[-1] = (down, time.time())


class Load:
    """Keep-alive connections that send good and bad tokens in turn, and note every answer."""

    def __init__(self, port, rotating, ends):
        self._port, self._rotating, self._ends = port, rotating, ends
        self._unknown = [Issuer(kid).mint(kid) for kid in ("nobody-1", "nobody-2")]
        self.answers = []

    async def run(self):
        """Sends requests until the end."""
        await asyncio.gather(*(self._connections(number) for number in range(CONNECTIONS)))

    async def _connections(self, number):
        choices = self._choices(number)
        while time.time() < self._ends:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            for kind, kid, token in itertools.islice(choices, REQUESTS_PER_CONNECTION):
                begun = time.time()
                status, sub = await self._ask(reader, writer, token)
                self.answers.append((kind, kid, begun, time.time(), status))
                await asyncio.sleep(PACE_SECONDS)
                if kind == "good" and status == "200" and not sub.startswith(f"{kid}-"):
                    raise AssertionError(f"a token of {kid} became {sub!r}")
            writer.close()
            await writer.wait_closed()

    def _choices(self, number):
        """Mostly good tokens, of the key in use and of all others that ever were."""
        for turn in itertools.count(number):
            kids = list(self._rotating.tokens)
            kid = self._rotating.in_use if turn % 3 else kids[turn // 3 % len(kids)]
            kind = {4: "expired", 8: "forged", 12: "unknown"}.get(turn % 16, "good")
            if turn % 8 == 1:  # Most tokens come again and again, and some come once.
                yield kind, kid, self._rotating.issuer.mint(kid, sub=f"{kid}-once", jti=str((number, turn)))
            elif kind == "unknown":
                yield kind, None, self._unknown[turn // 16 % len(self._unknown)]
            else:
                tokens = self._rotating.tokens[kid][kind]
                yield kind, kid, tokens[turn // 16 % len(tokens)]

    @staticmethod
    async def _ask(reader, writer, token):
        """The outcome of one request, and whose token the proxy says that it was."""
        writer.write(f"GET /orders HTTP/1.1\r\nhost: a.example\r\nauthorization: Bearer {token}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        body = await reader.readexactly(int(re.search(r"content-length: (\d+)", head)[1]))
        status = head.split(" ", 2)[1]
        if status == "200":
            return status, re.search(r"x-seen-sub: (\S*)", head)[1]
        return f"{status} {json.loads(body)['code'].removeprefix('portcullis_jwt_')}", None


def answering(rotating):
    """The example, with answers of Envoy's own that say whose token it was: no upstream slows it down."""
    config = example(1, lambda it: it["providers"][0].update(jwks={"remote": FETCH}))
    config["static_resources"]["clusters"].append(rotating.server.cluster())
    [chain] = config["static_resources"]["listeners"][0]["filter_chains"]
    [host] = chain["filters"][0]["typed_config"]["route_config"]["virtual_hosts"]
    seen = {"header": {"key": "x-seen-sub", "value": "%REQ(x-jwt-sub)%"}}
    answer = {"status": 200, "body": {"inline_string": "passed"}}
    host["routes"] = [{"match": {"prefix": "/"}, "direct_response": answer, "response_headers_to_add": [seen]}]
    chain["filters"][0]["typed_config"]["access_log"] = []
    return config


class RotationUnderLoad(unittest.TestCase):
    def test_no_wrong_answer(self):
        rotating = Rotating()
        with rotating.server, Envoy(answering(rotating), workers=WORKERS) as envoy:
            begun = time.time()
            ends = begun + SECONDS
            answers = asyncio.run(self.load(envoy, rotating, ends))
            self.assert_right(answers, rotating)
            self.assert_fetched(rotating, begun, time.time())
            self.assertNotIn("Function: ", envoy.log(), "the log of a trap")
            self.assertEqual(rotating.issuer.betrayed_in(envoy.log()), [])
            self.assertEqual(len(re.findall(r"cannot be fetched", envoy.log())), 2)
            self.assertEqual(len(re.findall(r"fetched again", envoy.log())), 2)
            workers = envoy.stats(r"listener\..*\.worker_\d+\.downstream_cx_total")
            self.assertTrue(len(workers) == WORKERS and all(workers.values()), workers)

    async def load(self, envoy, rotating, ends):
        load = Load(envoy.port, rotating, ends)
        outages = (rotating.fail(part * SECONDS, seconds) for part, seconds in (SHORT_OUTAGE, LONG_OUTAGE))
        await asyncio.gather(load.run(), rotating.run(ends), *outages)
        return load.answers

    def assert_right(self, answers, rotating):
        history = rotating.history
        wrong = [it for it in answers if it[4] not in history.allowed(*it[:4])]
        total = collections.Counter((kind, outcome) for kind, _, _, _, outcome in answers)
        print(f"\n{len(answers)} answers, {len(history.lives)} keys:", dict(total))
        if wrong:
            self.fail(f"{len(wrong)} of {len(answers)} are wrong, the first of them: {wrong[:5]}; {history}")
        for kind, outcome in [
            ("good", "200"),
            ("good", "401 key_not_found"),
            ("good", "503 keys_unavailable"),
            ("expired", "401 expired"),
            ("forged", "401 signature_invalid"),
            ("unknown", "401 key_not_found"),
        ]:
            self.assertGreater(total[kind, outcome], 20, f"{kind}: {outcome}")
        self.assertGreater(len(answers), 200 * SECONDS)

    def assert_fetched(self, rotating, begun, ended):
        """A fetch whenever keys get old, or an unknown key asks for one, and no other."""
        times = [at for at, _ in rotating.issuer.page.asked]
        down = sum(up - down for down, up in rotating.history.outages)
        least, most = (ended - begun - down) / (REFRESH + TICK + SLACK), (ended - begun - down) / (0.9 * REFRESH) + 6
        self.assertTrue(least <= len(times) <= most, f"{len(times)} fetches, {least} to {most} expected")
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        self.assertGreater(min(gaps), 0.9 * REFRESH - 0.2, times)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
