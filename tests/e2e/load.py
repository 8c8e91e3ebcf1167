"""A load of keep-alive connections, each of which asks again and again; every answer is noted."""

import asyncio
import itertools
import math
import time
from dataclasses import dataclass

CONNECTIONS = 48
"""One of four workers gets none of them once in 250 000 times."""
LOST = 0
"""The status of a request whose connection ended before its answer."""

IDLE_SECONDS = 0.15
"""Under load, whoever is not answered for so long does not run."""


@dataclass(slots=True)
class Answer:
    """What became of one request."""

    kind: str
    status: int
    begun: float
    ended: float
    head: bytes
    connection: int
    """The number of the place that asked: one connection at a time."""


class Load:
    """Sends `requests` in turn, pairs of a kind and a `get`, each connection beginning with another one, or `in_step`.

    `pace` are the seconds between an answer and the next request of a connection.
    """

    def __init__(self, port, requests, connections=CONNECTIONS, pace=0.0, *, in_step=False):
        self._port, self._requests, self._connections, self._pace = port, requests, connections, pace
        self._in_step = in_step
        self._ends = math.inf
        self.answers = []

    async def run(self, seconds=math.inf):
        """Sends requests for so long, or until `stop`, and waits for the last answer."""
        self._ends = time.monotonic() + seconds
        await asyncio.gather(*(self._connection(number) for number in range(self._connections)))
        return self.answers

    def stop(self):
        """Sends no more."""
        self._ends = 0

    def _turns(self, number):
        """What a connection sends, in turn."""
        first = 0 if self._in_step else number % len(self._requests)
        return itertools.islice(itertools.cycle(self._requests), first, None)

    async def _connection(self, number):
        wire = None
        for kind, request in self._turns(number):
            if time.monotonic() >= self._ends:
                break
            wire = wire or await asyncio.open_connection("127.0.0.1", self._port)
            begun = time.monotonic()
            head = await ask(wire, request)
            status = int(head[9:12]) if head else LOST
            self.answers.append(Answer(kind, status, begun, time.monotonic(), head, number))
            if not head or b"\r\nconnection: close\r\n" in head:
                wire[1].close()
                wire = None
            if self._pace:
                await asyncio.sleep(self._pace)
        if wire:
            wire[1].close()


class Law:
    """What `burst` and `rate` allow of the answers of a kind, and how many have passed."""

    def __init__(self, answers, kind, rate, burst):
        ours = [it for it in answers if it.kind == kind]
        self.kind, self.asked, self.passed = kind, len(ours), sum(it.status == 200 for it in ours)
        outside = max(it.ended for it in ours) - min(it.begun for it in ours)
        inside = max(it.begun for it in ours) - min(it.ended for it in ours)
        self.most = burst + rate * outside
        self.least = burst + rate * (inside - idle_seconds(answers))

    def __str__(self):
        return f"{self.kind}: {self.passed} of {self.asked} passed, {self.least:.1f} to {self.most:.1f} is the limit"


def idle_seconds(answers):
    """For how long nobody was answered, since the machine had other things to do: tokens that nobody takes are lost."""
    moments = sorted(it.ended for it in answers)
    gaps = (later - earlier for earlier, later in itertools.pairwise(moments))
    return sum(gap for gap in gaps if gap > IDLE_SECONDS)


def get(path, headers=(), method="GET"):
    """A request as it is written."""
    lines = [f"{method} {path} HTTP/1.1", "host: a.example", *(f"{name}: {value}" for name, value in headers)]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


async def ask(wire, request):
    """The head of the answer; empty where the connection ends before it."""
    reader, writer = wire
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    except (OSError, asyncio.IncompleteReadError):
        return b""
    return head
