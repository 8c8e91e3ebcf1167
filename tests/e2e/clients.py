"""How the tests ask: each request on a connection of its own, so that any worker may get it."""

import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
from example import bearer

TLS = ssl.create_default_context()  # Never used; made once, because httpx makes one per client otherwise.
EVERY_WORKER = 24
"""So many connections meet each of four workers, but for four times in a thousand."""


def ask(envoy, credentials=None, path="/orders", method="GET", headers=None):
    """The answer to a request with a bearer token."""
    url = f"http://127.0.0.1:{envoy.port}{path}"
    with httpx.Client(verify=TLS, trust_env=False, timeout=30) as client:
        return client.request(method, url, headers=bearer(credentials) | (headers or {}))


def outcome(response):
    """`200`, or the status and the code of a denial: `401 expired`."""
    is_denial = response.headers.get("content-type") == "application/problem+json"
    code = response.json()["code"].removeprefix("portcullis_jwt_") if is_denial else ""
    return f"{response.status_code} {code}".rstrip()


def at_once(count, call):
    """What `count` calls at the same time return."""
    with ThreadPoolExecutor(count) as clients:
        return list(clients.map(lambda _: call(), range(count)))


def outcomes(envoy, credentials, count=EVERY_WORKER, **request):
    """What becomes of a token, whichever worker gets it: every outcome that there was."""
    return set(at_once(count, lambda: outcome(ask(envoy, credentials, **request))))


def eventually(holds, seconds, what):
    """Waits until `holds()` is true and returns what it is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := holds():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")
