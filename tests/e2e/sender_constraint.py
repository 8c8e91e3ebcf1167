"""Tokens that are bound to their holder, in a real Envoy with four workers: client certificates, and proofs by PyJWT.

    .venv/bin/python tests/e2e/sender_constraint.py [-v] [CLASS[.TEST]]
"""

import base64
import faulthandler
import hashlib
import ssl
import tempfile
import time
import unittest
import uuid
from pathlib import Path

import httpx
import jwt
from certificates import Authority, downstream_tls
from clients import ask, at_once, outcome
from cryptography.hazmat.primitives.asymmetric import ec
from envoy import Envoy
from example import bearer, example, token
from upstreams import http_upstream

WORKERS = 4
DEADLINE_SECONDS = 300
SECRET = "this secret is for nobody but this test"


def digest(data):
    """A SHA-256 in base64url."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def constrained(upstream, **constraint):
    """The example with a sender constraint."""
    return example(upstream.server_port, lambda it: it["providers"][0].update(sender_constraint=constraint))


class Certificates(unittest.TestCase):
    """The example behind TLS, once with client certificates that are asked for and once with ones that are required."""

    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(http_upstream())
        cls.issuing = authority = Authority(Path(cls.enterClassContext(tempfile.TemporaryDirectory())))
        cls.authority, cls.server = authority.own, authority.issue("server")
        cls.alice, cls.mallory = authority.issue("alice"), authority.issue("mallory")
        cls.asking, cls.requiring = (cls.enterClassContext(cls.envoy(is_required)) for is_required in (False, True))
        cls.bound = token(cnf={"x5t#S256": cls.alice.thumbprint})

    @classmethod
    def envoy(cls, is_required):
        config = constrained(cls.upstream, require="mtls", mtls={})
        [chain] = config["static_resources"]["listeners"][0]["filter_chains"]
        chain["transport_socket"] = downstream_tls(cls.server, cls.issuing, require_client_certificate=is_required)
        return Envoy(config, workers=WORKERS)

    def ask(self, envoy, credentials, certificate=None):
        context = ssl.create_default_context(cafile=self.authority.chain_file)
        if certificate:
            context.load_cert_chain(certificate.chain_file, certificate.key_file)
        with httpx.Client(verify=context, trust_env=False, timeout=10) as client:
            return client.get(f"https://127.0.0.1:{envoy.port}/orders", headers=bearer(credentials))

    def test_a_token_is_good_with_its_certificate_alone(self):
        for envoy in (self.asking, self.requiring):
            for _ in range(6):
                self.assertEqual(outcome(self.ask(envoy, self.bound, self.alice)), "200")
                stolen = self.ask(envoy, self.bound, self.mallory)
                self.assertEqual(outcome(stolen), "401 binding_mismatch")
                self.assertIn('error="invalid_token"', stolen.headers["www-authenticate"])

    def test_without_a_certificate(self):
        self.assertEqual(outcome(self.ask(self.asking, self.bound)), "401 binding_mismatch")
        with self.assertRaises(httpx.TransportError):
            self.ask(self.requiring, self.bound)

    def test_a_certificate_of_somebody_else_s_authority(self):
        with tempfile.TemporaryDirectory() as directory:
            forged = Authority(Path(directory)).issue("alice")
            for envoy in (self.asking, self.requiring):
                with self.assertRaises(httpx.TransportError):
                    self.ask(envoy, token(cnf={"x5t#S256": forged.thumbprint}), forged)

    def test_a_header_proves_nothing(self):
        claimed = {"x-forwarded-client-cert": f"Hash={self.alice.thumbprint}"}
        context = ssl.create_default_context(cafile=self.authority.chain_file)
        with httpx.Client(verify=context, trust_env=False) as client:
            url = f"https://127.0.0.1:{self.asking.port}/orders"
            self.assertEqual(outcome(client.get(url, headers=bearer(self.bound) | claimed)), "401 binding_mismatch")

    def test_a_token_that_is_not_bound_so(self):
        for credentials, expected in [
            (token(), "401 unbound"),
            (token(cnf={"jkt": digest(b"some key")}), "401 unbound"),
            (token(cnf={"x5t#S256": "short"}), "401 claims_invalid"),
            (token(cnf={"x5t": self.alice.thumbprint}), "401 bound"),
            (token(cnf={"x5t#S256": self.alice.thumbprint, "jkt": digest(b"some key")}), "401 bound"),
        ]:
            self.assertEqual(outcome(self.ask(self.requiring, credentials, self.alice)), expected)


class Client:
    """Who holds the key that a token is bound to."""

    def __init__(self, envoy):
        self.envoy, self.key = envoy, ec.generate_private_key(ec.SECP256R1())
        self.jwk = jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        canonical = '{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}'.format(**self.jwk)
        self.token = token(cnf={"jkt": digest(canonical.encode())})

    def proof(self, key=None, headers=None, **changes):
        """A proof for GET /orders with this client's token, unless `changes` spoil it; `None` leaves a claim out."""
        url = f"http://127.0.0.1:{self.envoy.port}/orders"
        claims = {"jti": str(uuid.uuid4()), "htm": "GET", "htu": url, "iat": int(time.time())}
        claims = claims | {"ath": digest(self.token.encode())} | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        headers = {"typ": "dpop+jwt", "jwk": self.jwk} | (headers or {})
        return jwt.encode(claims, key or self.key, "ES256", headers=headers)

    def ask(self, proof, scheme="DPoP", **request):
        """The answer to a request with this client's token and a proof."""
        headers = {"authorization": f"{scheme} {self.token}"} | ({"dpop": proof} if proof else {})
        return ask(self.envoy, headers=headers, **request)


class Proofs(unittest.TestCase):
    """The example with DPoP."""

    @classmethod
    def setUpClass(cls):
        upstream = cls.enterClassContext(http_upstream())
        cls.envoy = cls.enterClassContext(Envoy(constrained(upstream, require="dpop", dpop={}), workers=WORKERS))

    def setUp(self):
        self.client = Client(self.envoy)

    def assert_refused(self, response, code, error="invalid_dpop_proof"):
        self.assertEqual(outcome(response), f"401 {code}")
        self.assertRegex(response.headers["www-authenticate"], rf'^DPoP .*error="{error}".*algs="ES256 ')

    def test_each_proof_passes_once(self):
        for _ in range(8):
            proof = self.client.proof()
            self.assertEqual(outcome(self.client.ask(proof)), "200")
            self.assert_refused(self.client.ask(proof), "dpop_replayed")

    def test_of_20_at_once_with_one_proof_one_passes(self):
        for _ in range(5):
            proof = self.client.proof()
            answers = at_once(20, lambda proof=proof: outcome(self.client.ask(proof)))
            self.assertEqual(sorted(answers), ["200", *["401 dpop_replayed"] * 19])

    def test_200_proofs_at_once_all_pass(self):
        proofs = [self.client.proof() for _ in range(200)]
        answers = at_once(40, lambda: [outcome(self.client.ask(proofs.pop())) for _ in range(5)])
        self.assertEqual({answer for five in answers for answer in five}, {"200"})

    def test_a_proof_for_something_else(self):
        now, client = int(time.time()), self.client
        url = f"http://127.0.0.1:{self.envoy.port}/orders"
        for what, proof in {
            "another method": client.proof(htm="POST"),
            "another path": client.proof(htu=url + "/1"),
            "another scheme": client.proof(htu=url.replace("http:", "https:")),
            "another port": client.proof(htu="http://127.0.0.1/orders"),
            "another token": client.proof(ath=digest(token().encode())),
            "no token": client.proof(ath=None),
            "no time": client.proof(iat=None),
            "long ago": client.proof(iat=now - 120),
            "to come": client.proof(iat=now + 120),
            "no name": client.proof(jti=None),
            "another type": client.proof(headers={"typ": "JWT"}),
            "another's signature": client.proof(key=Client(self.envoy).key),
            "no proof": "not.a.proof",
        }.items():
            with self.subTest(what):
                self.assert_refused(client.ask(proof), "dpop_proof_invalid")
        self.assertEqual(outcome(client.ask(client.proof(htu=url + "?page=2#top"), path="/orders?page=3")), "200")
        self.assertEqual(outcome(client.ask(client.proof(htm="POST"), method="POST")), "200")

    def test_a_token_with_another_s_proof_or_none(self):
        client, thief = self.client, Client(self.envoy)
        thief.token = client.token
        self.assert_refused(thief.ask(thief.proof()), "dpop_binding_mismatch", "invalid_token")
        self.assert_refused(client.ask(None), "dpop_proof_missing")
        self.assert_refused(client.ask(client.proof(), scheme="Bearer"), "dpop_binding_mismatch", "invalid_token")
        self.assertEqual(outcome(ask(self.envoy, token())), "401 unbound")


class Nonces(unittest.TestCase):
    """The example with DPoP and nonces."""

    def test_the_nonce_of_the_refusal_makes_the_next_proof_good(self):
        with http_upstream() as upstream:
            config = constrained(upstream, require="dpop", dpop={"nonce": {"secret": SECRET}})
            with Envoy(config, workers=WORKERS) as envoy:
                client = Client(envoy)
                refused = client.ask(client.proof())
                self.assertEqual(outcome(refused), "401 dpop_nonce")
                self.assertIn('error="use_dpop_nonce"', refused.headers["www-authenticate"])
                nonce = refused.headers["dpop-nonce"]
                # Any worker knows it, as often as there are proofs for it.
                for _ in range(16):
                    self.assertEqual(outcome(client.ask(client.proof(nonce=nonce))), "200")
                made_up = client.ask(client.proof(nonce=("A" if nonce[0] != "A" else "B") + nonce[1:]))
                self.assertEqual(outcome(made_up), "401 dpop_nonce")
                self.assertNotIn(SECRET, envoy.log())


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
