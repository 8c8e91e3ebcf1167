#!/usr/bin/env python3
"""Mints what scenarios need beyond good and bad tokens: claims to decide by, keys that change, proofs of possession.

    scenarios.py DIR    writes DIR/scenarios.yaml: variables for scenario files

All of it is repeatable.
"""

import hashlib
import hmac
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519
from keyring import b64, compact, jwks, public_jwk, seed, sign
from mint import ABSENT, KEYS, at, token, write

# The key that comes after `rs256`, and those with which clients prove that a token is theirs.
NEXT, HOLDER, OTHER_HOLDER = (
    ed25519.Ed25519PrivateKey.from_private_bytes(seed(name, 32)) for name in ("next", "holder", "other holder")
)
NONCE_SECRET = "a secret of thirty-two bytes here"
# The digest of a client certificate that nobody has.
CERTIFICATE = b64(seed("certificate", 32))


def okp(key, **members):
    return members | {"kty": "OKP", "crv": "Ed25519", "x": b64(key.public_key().public_bytes_raw())}


def thumbprint(key):
    """RFC 7638, for a key of RFC 8037."""
    return b64(hashlib.sha256(json.dumps(okp(key), separators=(",", ":"), sort_keys=True).encode()).digest())


def nonce(time):
    """A nonce as the filter makes it, at this second."""
    time = time.to_bytes(8)
    tag = hmac.digest(NONCE_SECRET.encode(), b"portcullis dpop nonce\0" + time, "sha256")[:16]
    return b64(time + tag)


def proof(jti, access_token=None, key=HOLDER, head=None, **changes):
    """A DPoP proof (RFC 9449) made when 2026 began."""
    body = {
        "jti": jti, "htm": "GET", "htu": "http://example.com/orders", "iat": at(2026),
        "ath": b64(hashlib.sha256((access_token or BOUND_DPOP).encode()).digest()),
    } | changes  # fmt: skip
    head = {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": okp(key)} | (head or {})
    return sign(head, {name: value for name, value in body.items() if value is not ABSENT}, "EdDSA", key)


def of_payload(remainder):
    """A token and its payload in padded base64url, which needs padding of `remainder` bytes."""
    for filler in range(3):
        candidate = token(filler="f" * filler)
        payload = candidate.split(".")[1]
        if -len(payload) % 4 == remainder:
            return candidate, payload + "=" * remainder
    raise ValueError(remainder)


BOUND_DPOP = token(cnf={"jkt": thumbprint(HOLDER)})
PAYLOADS = [of_payload(remainder) for remainder in range(3)]
JWKS_NEXT = {"keys": [public_jwk("RS256"), okp(NEXT, kid="next", alg="EdDSA")]}
JWKS_ROTATED = {"keys": [okp(NEXT, kid="next", alg="EdDSA")]}

SCENARIOS = {
    "jwks_text": compact(jwks()).decode(),
    "jwks_rs256_text": compact(KEYS["jwks_rs256"]).decode(),
    "jwks_next_text": compact(JWKS_NEXT).decode(),
    "jwks_rotated_text": compact(JWKS_ROTATED).decode(),
    "next": token("EdDSA", {"kid": "next"}, key=NEXT),
    "reader": token(scope="openid orders:read", jti="token-1", client_id="app", tenant="t1",
                    realm_access={"roles": ["reader"]}, **{"a.b": "dotted"}),
    "writer": token(scope="openid orders:read orders:write", jti="token-2", client_id="other", tenant="t2", sub="bob",
                    realm_access={"roles": ["reader", "writer"]}),
    "tenant_a": token(iss="https://login.example/tenants/a"),
    "tenant_b": token(iss="https://login.example/tenants/b"),
    "audience_billing": token(aud=["billing"]),
    "certificate_hex": seed("certificate", 32).hex(),
    "bound_mtls": token(cnf={"x5t#S256": CERTIFICATE}),
    "bound_dpop": BOUND_DPOP,
    "dpop_secret": NONCE_SECRET,
    "proof": proof("1"),
    "proof_another": proof("2"),
    "proof_post": proof("3", htm="POST"),
    "proof_elsewhere": proof("4", htu="http://example.com/other"),
    "proof_old": proof("5", iat=at(2026) - 61),
    "proof_early": proof("6", iat=at(2026) + 6),
    "proof_other_key": proof("7", key=OTHER_HOLDER),
    "proof_other_token": proof("8", access_token="another"),
    "proof_without_jti": proof(ABSENT),
    "proof_typ_jwt": proof("9", head={"typ": "JWT"}),
    "proof_signed_by_another": sign({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": okp(HOLDER)}, {
        "jti": "10", "htm": "GET", "htu": "http://example.com/orders", "iat": at(2026),
        "ath": b64(hashlib.sha256(BOUND_DPOP.encode()).digest()),
    }, "EdDSA", OTHER_HOLDER),
    "proof_with_nonce": proof("11", nonce=nonce(at(2026))),
    "proof_with_old_nonce": proof("12", nonce=nonce(at(2026) - 300)),
    "nonce_of_2026": nonce(at(2026)),
} | {
    f"payload_{remainder}": candidate for remainder, (candidate, _) in enumerate(PAYLOADS)
} | {
    f"payload_{remainder}_padded": payload for remainder, (_, payload) in enumerate(PAYLOADS)
}  # fmt: skip


if __name__ == "__main__":
    write(Path(sys.argv[1]) / "scenarios.yaml", SCENARIOS, by="scenarios.py")
