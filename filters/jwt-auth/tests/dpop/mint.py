#!/usr/bin/env python3
"""Mints one DPoP proof per algorithm with joserfc, whose code is not ours, on stdout: proofs.json.

RFC 9449: the thumbprints are joserfc's too. The keys are new each time, and thrown away.
"""

import base64
import hashlib
import json

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

TOKEN = "a.b.c"
KEYS = {
    "ES256": lambda: ECKey.generate_key("P-256"),
    "ES384": lambda: ECKey.generate_key("P-384"),
    "ES512": lambda: ECKey.generate_key("P-521"),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
    **{alg: lambda: RSAKey.generate_key(2048) for alg in ("PS256", "PS384", "PS512", "RS256", "RS384", "RS512")},
}

proofs = []
for alg, generate in KEYS.items():
    key = generate()
    claims = {
        "jti": f"proof-{alg}", "htm": "POST", "htu": "https://api.example/orders", "iat": 1000,
        "ath": base64.urlsafe_b64encode(hashlib.sha256(TOKEN.encode()).digest()).rstrip(b"=").decode(),
    }  # fmt: skip
    header = {"typ": "dpop+jwt", "alg": alg, "jwk": key.as_dict(private=False)}
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    proof = jws.serialize_compact(header, json.dumps(claims), key, registry=registry)
    proofs.append({"alg": alg, "jkt": key.thumbprint(), "proof": proof})
print(json.dumps(proofs, indent=1))
