"""A sink for records, which does all that sinks do to clients."""

import socket
import struct
from dataclasses import dataclass

from breakers import Upstream
from traces import lasting_port

TAKING, STORING, HALF = "taking", "storing", "half"
"""A sink that stores: it says so, it hangs up, it hangs up in the middle of saying so."""
BUSY, LIMITING, HANGING, RESETTING, NO_HTTP, REFUSING = "busy", "limiting", "hanging", "resetting", "no-http", "refusing"
"""A sink that does not."""
ANSWERS = {
    TAKING: b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n",
    HALF: b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{",
    BUSY: b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
    LIMITING: b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n",
    NO_HTTP: b"what do you want?\r\n\r\n",
    REFUSING: b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
}


@dataclass(frozen=True)
class Post:
    """What a sink was sent."""

    path: str
    headers: dict
    body: bytes


class Sink(Upstream):
    """An HTTP/1.1 server that is `TAKING`, or otherwise; `stored` is what it has kept, `seen` also what it has not.

    `says` are the bodies of its answers.
    """

    def __init__(self, name="sink"):
        super().__init__(name)
        self.port, self.mode, self.stored, self.seen = lasting_port(), TAKING, [], []
        self.says = lambda post: b""

    def lines(self):
        """The records that it has kept, in their order."""
        return [line for post in list(self.stored) for line in post.body.splitlines()]

    def repeats(self):
        """How many requests it was sent again."""
        bodies = [it.body for it in self.seen]
        return len(bodies) - len(set(bodies))

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        post = Post(first.split()[1], headers, await reader.readexactly(int(headers["content-length"])))
        mode = self.mode
        self.seen.append(post)
        if mode in (TAKING, STORING, HALF):
            self.stored.append(post)
        if mode == HANGING:
            await reader.read()
        if mode == RESETTING:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        if mode == TAKING:
            body = self.says(post)
            writer.write(ANSWERS[mode] % len(body) + body)
        elif mode in ANSWERS:
            writer.write(ANSWERS[mode])
        await writer.drain()
        return mode in (TAKING, BUSY, LIMITING, REFUSING)
