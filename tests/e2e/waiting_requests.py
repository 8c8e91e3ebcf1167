"""Requests that wait for keys, and what their clients do meanwhile, in a real Envoy.

    .venv/bin/python tests/e2e/waiting_requests.py [-v] [CLASS[.TEST]]
"""

import asyncio
import base64
import contextlib
import faulthandler
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import httpx
from clients import TLS, ask, at_once, eventually, outcome
from example import bearer
from issuer import Issuer
from remote_keys import RemoteKeys

DEADLINE_SECONDS = 300
MOST = 1024
"""How many requests of one worker may wait."""


class Hanging(RemoteKeys):
    """With an issuer that answers when the test says so."""

    def setUp(self):
        super().setUp()
        self.page.gate.clear()
        self.token = self.issuer.mint("old")


class Waiting(Hanging):
    def active(self):
        return sum(self.envoy.stats(r"http\.ingress\.downstream_rq_active").values())

    def test_clients_that_leave_disturb_nobody(self):
        self.start()
        with ThreadPoolExecutor(1) as background:
            patient = background.submit(at_once, 20, lambda: outcome(ask(self.envoy, self.token)))
            at_once(40, self.give_up)
            eventually(lambda: self.waited() == 60 and self.active() == 20, 5, "40 have left")
            self.page.gate.set()
            self.assertEqual(set(patient.result()), {"200"})
        self.assert_passes(self.token)
        self.assertEqual(self.active(), 0)

    def give_up(self):
        url = f"http://127.0.0.1:{self.envoy.port}/orders"
        with (
            contextlib.suppress(httpx.ReadTimeout),
            httpx.Client(verify=TLS, trust_env=False, timeout=0.5) as client,
        ):
            client.get(url, headers=bearer(self.token))
            raise AssertionError("answered")

    def test_each_gets_what_its_own_token_is_worth(self):
        self.start()
        stranger = Issuer("old")
        good = {f"user {number}": self.issuer.mint("old", sub=f"user {number}") for number in range(40)}
        forged = {f"thief {number}": stranger.mint("old", sub=f"thief {number}") for number in range(40)}
        with ThreadPoolExecutor(80) as clients:
            answers = {sub: clients.submit(ask, self.envoy, token) for sub, token in (good | forged).items()}
            eventually(lambda: self.waited() == 80, 5, "all wait")
            self.page.gate.set()
            for sub, answer in answers.items():
                response = answer.result()
                if sub in good:
                    self.assertEqual(dict(response.json()["headers"])["x-jwt-sub"], sub)
                else:
                    self.assertEqual(outcome(response), "401 signature_invalid")

    def test_a_large_body_waits_too(self):
        self.start()
        body = bytes(range(256)) * 12_000
        url = f"http://127.0.0.1:{self.envoy.port}/orders"

        def send(is_http2):
            with httpx.Client(verify=TLS, trust_env=False, http1=not is_http2, http2=is_http2) as client:
                return client.post(url, content=body, headers=bearer(self.token), timeout=20)

        with ThreadPoolExecutor(2) as clients:
            answers = clients.map(send, [False, True])
            eventually(lambda: self.waited() == 2, 5, "both wait")
            time.sleep(0.2)
            self.page.gate.set()
            for answer in answers:
                self.assertEqual(outcome(answer), "200")
                self.assertEqual(base64.b64decode(answer.json()["body"]), body)

    def test_streams_of_one_connection_wait_together(self):
        self.start()
        bad = self.issuer.mint("old", exp=1)
        with ThreadPoolExecutor(1) as background:
            answers = background.submit(asyncio.run, self.streams([self.token] * 90 + [bad] * 10))
            eventually(lambda: self.waited() == 90, 5, "90 wait, and the others are answered")
            self.page.gate.set()
            self.assertEqual(answers.result(), ["200"] * 90 + ["401 expired"] * 10)
        self.assertEqual(len(self.page.asked), 1)

    async def streams(self, tokens):
        base = f"http://127.0.0.1:{self.envoy.port}"
        async with httpx.AsyncClient(base_url=base, verify=TLS, trust_env=False, http1=False, http2=True) as client:
            asks = (client.get("/orders", headers=bearer(token), timeout=20) for token in tokens)
            return [outcome(answer) for answer in await asyncio.gather(*asks)]


class TooMany(Hanging):
    """With one worker, so that it is known how many requests it has."""

    workers = 1

    def test_no_more_than_1024_wait(self):
        self.start(timeout="20s")
        with ThreadPoolExecutor(1) as background:
            answers = background.submit(asyncio.run, self.connections(MOST + 20))
            refused = r"wasmcustom\.portcullis_jwt_auth_denied_too_many_waiting_total"
            eventually(lambda: sum(self.envoy.stats(refused).values()) == 20, 15, "20 are too many")
            self.assertEqual(self.waited(), MOST)
            self.page.gate.set()
            statuses = answers.result()
        self.assertEqual((statuses.count(200), statuses.count(503)), (MOST, 20))
        self.assertEqual(len(self.page.asked), 1)

    async def connections(self, count):
        """The statuses of requests on a connection each."""
        begun = asyncio.Semaphore(64)

        async def one():
            async with begun:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.envoy.port)
            request = f"GET /orders HTTP/1.1\r\nhost: a.example\r\nauthorization: Bearer {self.token}\r\n\r\n"
            writer.write(request.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            return int(head.split(b" ", 2)[1])

        return await asyncio.gather(*(one() for _ in range(count)))


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
