#!/usr/bin/env python3
"""Mints tokens with JOSE software that is not ours.

    mint.py --fixtures DIR    writes DIR/fixtures.yaml: variables for scenario files
    mint.py --fresh           prints {"jwks": ..., "tokens": [{"name", "token", "valid"}]}, valid from now on

The keys are public and for tests only. A minting is repeatable but for ECDSA and PSS, which are random.
"""

import argparse
import datetime
import json
import re
import time
from pathlib import Path

import joserfc.jwk
import joserfc.jws
import jwcrypto.jwk
import jwcrypto.jws
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from keyring import (
    P256_ORDER, PRIVATE, STRANGER, b64, compact, ecdsa, ecdsa_der, ecdsa_high_s, eddsa_plus_order, flip_bit, jwks,
    private_jwk, pss, public_jwk, rsa_encoded, rsa_plus_modulus, rsa_public_der, rsa_public_pem, sign, with_signature,
    SHA256_INFO_WITHOUT_NULL,
)  # fmt: skip


def at(year):
    return int(datetime.datetime(year, 1, 1, tzinfo=datetime.UTC).timestamp())


CLAIMS = {
    "iss": "https://issuer.example", "sub": "alice", "aud": "orders",
    "iat": at(2025), "nbf": at(2025), "exp": at(2100),
    "name": "Alice Example", "roles": ["reader", "writer"], "admin": False, "level": 7,
}  # fmt: skip
ABSENT = object()


def claims(**changes):
    return {name: value for name, value in (CLAIMS | changes).items() if value is not ABSENT}


def header(alg, /, **changes):
    members = {"alg": alg, "typ": "JWT", "kid": alg.lower()} | changes
    return {name: value for name, value in members.items() if value is not ABSENT}


def token(alg="RS256", head=None, payload=None, key=None, **changes):
    """A token that is good but for the header members in `head` and the claims in `changes`."""
    body = claims(**changes) if payload is None else payload
    return sign(head if isinstance(head, bytes) else header(alg, **(head or {})), body, alg, key)


def good(alg):
    return jwt.encode(CLAIMS, PRIVATE[alg], alg, headers={"kid": alg.lower()})


def nested(depth):
    """A payload in which `depth` arrays and objects stand in each other."""
    return compact(claims(deep="x")).replace(b'"x"', b"[" * (depth - 1) + b"]" * (depth - 1))


def of_length(size):
    """A good token of exactly so many bytes."""
    for kid_padding in range(4):
        head = {"pad": "p" * kid_padding}
        low = size * 3 // 4 - 700
        for filler in range(low, low + 700):
            candidate = token("HS256", head, filler="f" * filler)
            if len(candidate) == size:
                return candidate
    raise ValueError(size)


def stranger_jwk():
    return json.loads(jwt.algorithms.ECAlgorithm.to_jwk(STRANGER.public_key()))


def twice(member, first, second):
    """A JSON object in which one member stands twice."""
    return compact({"\0": first} | {member: second}).replace(b'"\\u0000"', json.dumps(member).encode())


RS256 = good("RS256")
ES256 = good("ES256")
HEAD, BODY, SIGNATURE = RS256.split(".")


def nothing(alg):
    """`alg` none and its spellings, without a signature (RFC 7519 section 6)."""
    return f"{b64(compact(header(alg, kid=ABSENT)))}.{BODY}."


# What a provider with the issuer `https://issuer.example` and the audience `orders` accepts.
GOOD = {f"good_{alg.lower()}": good(alg) for alg in PRIVATE} | {
    "good_no_kid": token(head={"kid": ABSENT}),
    "good_typ_missing": token(head={"typ": ABSENT}),
    "good_typ_at_jwt": token(head={"typ": "at+jwt"}),
    "good_typ_media_type": token(head={"typ": "application/JWT"}),
    "good_alg_ed25519": token("EdDSA", {"alg": "Ed25519"}),
    "good_aud_list": token(aud=["other", "orders"]),
    "good_exp_float": token(exp=at(2100) + 0.5),
    "good_exp_u64_max": token(exp=2**64 - 1),
    "good_nbf_zero": token(nbf=0, iat=0),
    "good_no_iat_nbf_sub": token(iat=ABSENT, nbf=ABSENT, sub=ABSENT),
    "good_payload_32_deep": token(payload=nested(32)),
    "good_16384_bytes": of_length(16384),
    "good_es256_high_s": with_signature(ES256, ecdsa_high_s),
    "good_unknown_header_members": token(head={"x-more": {"a": [1]}, "iat": 1}),
    "good_jku_is_ignored": token(head={"jku": "https://attacker.example/jwks"}),
    "good_name_crlf": token(name="Alice\r\nx-admin: true"),
    "good_name_nul": token(name="Alice\0"),
    "good_name_spaces": token(name=" Alice "),
    "good_name_utf8": token(name="Älice ☃"),
    "good_bob": token(sub="bob", admin=True, roles=[]),
    "good_two_hours": token(iat=at(2026), nbf=at(2026), exp=at(2026) + 7200),
}

# What it refuses; the reason of each is in filters/jwt-auth/tests/attacks.rs.
BAD = {
    # Claims.
    "expired": token(iat=at(2000), nbf=at(2000), exp=at(2001)),
    "not_yet_valid": token(nbf=at(2099)),
    "wrong_audience": token(aud="billing"),
    "wrong_audience_list": token(aud=["billing", "Orders"]),
    "aud_missing": token(aud=ABSENT),
    "aud_empty": token(aud=[]),
    "aud_object": token(aud={"orders": True}),
    "bound": token(cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
    "wrong_issuer": token(iss="https://attacker.example"),
    "issuer_with_slash": token(iss="https://issuer.example/"),
    "iss_missing": token(iss=ABSENT),
    "iss_list": token(iss=["https://issuer.example"]),
    "no_exp": token(exp=ABSENT),
    "exp_zero": token(exp=0),
    "exp_text": token(exp=str(at(2100))),
    "exp_negative": token(exp=-1),
    "exp_null": token(exp=None),
    "exp_bool": token(exp=True),
    "exp_1e300": token(exp=1e300),
    "exp_2_to_64": token(exp=2**64),
    "exp_infinite": token(payload=compact(claims(exp=0)).replace(b'"exp":0', b'"exp":1e999')),
    "nbf_text": token(nbf="0"),
    "iat_text": token(iat="0"),
    "sub_number": token(sub=1),
    "jti_number": token(jti=1),
    # Payloads.
    "payload_33_deep": token(payload=nested(33)),
    "payload_list": token(payload=b"[]"),
    "payload_text": token(payload=b'"alice"'),
    "payload_not_json": token(payload=b"alice"),
    "payload_not_utf8": token(payload=compact(CLAIMS).replace(b"alice", b"alic\xe9")),
    "payload_twice": token(payload=compact(CLAIMS) * 2),
    "payload_with_bom": token(payload=b"\xef\xbb\xbf" + compact(CLAIMS)),
    "payload_empty": token(payload=b""),
    "payload_detached": f"{HEAD}..{SIGNATURE}",
    "dup_sub": token(payload=compact(claims(sub=ABSENT)).replace(b"{", b'{"sub":"alice","sub":"root",', 1)),
    # Tampered.
    "tampered_payload": f"{HEAD}.{b64(compact(claims(admin=True)))}.{SIGNATURE}",
    "tampered_header": f"{b64(compact(header('RS256', x=1)))}.{BODY}.{SIGNATURE}",
    "tampered_signature": with_signature(RS256, flip_bit),
    "signature_of_another": f"{HEAD}.{BODY}.{GOOD['good_bob'].split('.')[2]}",
    "signature_truncated": with_signature(RS256, lambda _, s: s[:-1]),
    "signature_extended": with_signature(RS256, lambda _, s: s + b"\0"),
    "signature_with_leading_zero": with_signature(RS256, lambda _, s: b"\0" + s),
    "signature_empty": f"{HEAD}.{BODY}.",
    "hs256_truncated": with_signature(good("HS256"), lambda _, s: s[:16]),
    "hs256_extended": with_signature(good("HS256"), lambda _, s: s + b"\0"),
    "hs256_empty": with_signature(good("HS256"), lambda *_: b""),
    # Algorithms.
    "alg_none": nothing("none"),
    "alg_none_title": nothing("None"),
    "alg_none_upper": nothing("NONE"),
    "alg_none_mixed": nothing("nOnE"),
    "alg_none_with_signature": f"{b64(compact(header('none')))}.{BODY}.{SIGNATURE}",
    "alg_lower": token(head={"alg": "rs256"}),
    "alg_unknown": token(head={"alg": "ES256K"}),
    "alg_missing": token(head={"alg": ABSENT}),
    "alg_number": token(head={"alg": 256}),
    "dup_alg": token(head=twice("alg", "none", "RS256")),
    # HMAC with what everybody knows (CVE-2015-9235).
    "hs256_with_rsa_public_pem": token("HS256", {"kid": "rs256"}, key=rsa_public_pem()),
    "hs256_with_rsa_public_der": token("HS256", {"kid": "rs256"}, key=rsa_public_der()),
    "hs256_with_rsa_public_pem_no_kid": token("HS256", {"kid": ABSENT}, key=rsa_public_pem()),
    "hs256_with_empty_secret": sign(header("HS256"), CLAIMS, "HS256", key=b"\0"),
    # Keys.
    "wrong_key_alg": token(head={"kid": "es256"}),
    "wrong_key_same_type": token("RS384", {"kid": "rs256"}),
    "wrong_key": token("ES256", key=STRANGER),
    "unknown_kid": token(head={"kid": "rs256-next"}),
    "kid_path": token(head={"kid": "../../../dev/null"}),
    "kid_sql": token(head={"kid": "rs256' OR '1'='1"}),
    "kid_long": token(head={"kid": "k" * 257}),
    "kid_number": token(head={"kid": 1}),
    "jwk_in_header": token("ES256", {"jwk": stranger_jwk()}, key=STRANGER),  # CVE-2018-0114
    "jwk_in_header_no_kid": token("ES256", {"jwk": stranger_jwk(), "kid": ABSENT}, key=STRANGER),
    "jku_in_header": token("ES256", {"jku": "https://attacker.example/jwks"}, key=STRANGER),
    "x5u_in_header": token("ES256", {"x5u": "https://attacker.example/chain.pem"}, key=STRANGER),
    "x5c_in_header": token("ES256", {"x5c": [b64(b"certificate")]}, key=STRANGER),
    # Headers that must be understood.
    "crit_unknown": token(head={"crit": ["x-more"], "x-more": 1}),
    "crit_empty": token(head={"crit": []}),
    "b64_false": token(head={"b64": False, "crit": ["b64"]}),
    "b64_true": token(head={"b64": True}),
    "zip": token(head={"zip": "DEF"}),
    "enc": token(head={"enc": "A256GCM"}),
    "nested": token(head={"cty": "JWT"}, payload=RS256.encode()),
    "nested_lower": token(head={"cty": "application/jwt"}),
    "typ_dpop": token(head={"typ": "dpop+jwt"}),
    "typ_logout": token(head={"typ": "logout+jwt"}),
    "typ_number": token(head={"typ": 1}),
    # ECDSA.
    "es256_r0_s0": with_signature(ES256, ecdsa(0, 0)),  # CVE-2022-21449
    "es256_r0": with_signature(ES256, ecdsa(r=0)),
    "es256_s0": with_signature(ES256, ecdsa(s=0)),
    "es256_rn_sn": with_signature(ES256, ecdsa(P256_ORDER, P256_ORDER)),
    "es256_rn": with_signature(ES256, ecdsa(r=P256_ORDER)),
    "es256_sn": with_signature(ES256, ecdsa(s=P256_ORDER)),
    "es256_r1_s1": with_signature(ES256, ecdsa(1, 1)),
    "es256_der": with_signature(ES256, ecdsa_der),
    "es256_short": with_signature(ES256, lambda _, s: s[:63]),
    # RSA.
    "rs256_short_padding": with_signature(RS256, rsa_encoded(pad=b"\xff" * 8)),
    "rs256_no_padding": with_signature(RS256, rsa_encoded(pad=b"")),
    "rs256_garbage_after_digest": with_signature(RS256, rsa_encoded(garbage=b"\xaa" * 64)),
    "rs256_info_without_null": with_signature(RS256, rsa_encoded(info=SHA256_INFO_WITHOUT_NULL)),
    "rs256_info_missing": with_signature(RS256, rsa_encoded(info=b"")),
    "rs256_block_type_2": with_signature(RS256, rsa_encoded(block_type=2)),
    "rs256_block_type_0": with_signature(RS256, rsa_encoded(block_type=0)),
    "rs256_padding_not_ff": with_signature(RS256, rsa_encoded(pad=b"\xff" * 100 + b"\xfe" + b"\xff" * 101)),
    "rs256_signature_zero": with_signature(RS256, lambda *_: bytes(256)),
    "rs256_signature_one": with_signature(RS256, lambda *_: bytes(255) + b"\1"),
    "rs256_signature_plus_n": rsa_plus_modulus(lambda nonce: token(jti=str(nonce))),
    "ps256_salt_0": with_signature(good("PS256"), pss(0)),
    "ps256_salt_20": with_signature(good("PS256"), pss(20)),
    "ps256_salt_longest": with_signature(good("PS256"), pss(222)),
    "ps256_with_rs256_key": token("PS256", {"kid": "rs256"}),
    "ps256_is_rs256_inside": token("RS256", {"alg": "PS256", "kid": "ps256"}, key=PRIVATE["PS256"]),
    # EdDSA.
    "eddsa_s_plus_l": with_signature(good("EdDSA"), eddsa_plus_order),
    "eddsa_zero": with_signature(good("EdDSA"), lambda *_: bytes(64)),
    "eddsa_identity": with_signature(good("EdDSA"), lambda *_: b"\1" + bytes(63)),
    # Forms.
    "no_dots": "alice",
    "two_parts": f"{HEAD}.{BODY}",
    "four_parts": f"{RS256}.",
    "five_parts": "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA",
    "leading_dot": f".{RS256}",
    "only_dots": "..",
    "padded": f"{RS256}=",
    "padded_header": f"{HEAD}=.{BODY}.{SIGNATURE}",
    "plain_base64": f"{HEAD}.{BODY}.{SIGNATURE[:-2]}+/",
    "space_inside": f"{HEAD}. {BODY}.{SIGNATURE}",
    "stray_bits": f"{HEAD}.{BODY}.{SIGNATURE[:-1]}{chr(ord(SIGNATURE[-1]) + 1)}",
    "json_form": json.dumps({"protected": HEAD, "payload": BODY, "signature": SIGNATURE}),
    "header_list": token(head=b"[]"),
    "header_not_json": token(head=b"alg=RS256"),
    "header_large": token(head={"pad": "p" * 6200}),
    "16385_bytes": f"{of_length(16384)}A",
}

# Keys that a configuration must not hold, or that stand alone in a short example.
KEYS = {
    "jwks": jwks(),
    "jwks_rs256": {"keys": [public_jwk("RS256")]},
    "jwks_private": {"keys": [private_jwk("RS256")]},
    "jwks_private_ec": {"keys": [private_jwk("ES256")]},
    "jwks_1024_bits": {"keys": [
        {"kid": "weak", "alg": "RS256", "kty": "RSA", "e": "AQAB", "n": b64((2**1024 - 105).to_bytes(128))},
    ]},
}  # fmt: skip


def write(path, variables, by="mint.py"):
    lines = [f"# Written by tests/tokens/{by}. The keys are public: for tests only."]
    for name, value in variables.items():
        plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w.-]*", value)
        lines.append(f"{name}: {value if plain else json.dumps(value)}")
    path.write_text("\n".join(lines) + "\n")


def signers(alg):
    """The same token by each library."""
    key, head = PRIVATE[alg], header(alg)
    jwk = private_jwk(alg)

    def by_pyjwt(payload):
        return jwt.encode(payload, key, alg, headers=head)

    def by_jwcrypto(payload):
        jws = jwcrypto.jws.JWS(compact(payload))
        jws.add_signature(jwcrypto.jwk.JWK(**jwk), None, json.dumps(head), None)
        return jws.serialize(compact=True)

    def by_joserfc(payload):
        return joserfc.jws.serialize_compact(head, compact(payload), joserfc.jwk.import_key(jwk), algorithms=[alg])

    return {"pyjwt": by_pyjwt, "jwcrypto": by_jwcrypto, "joserfc": by_joserfc}


def fresh():
    """Tokens as of now. A clock skew of 60 s, the default, is assumed."""
    now = int(time.time())
    times = {
        "now": ({"iat": now, "nbf": now, "exp": now + 3600}, True),
        "expired_within_skew": ({"exp": now - 20}, True),
        "expired": ({"exp": now - 120}, False),
        "early_within_skew": ({"nbf": now + 40, "exp": now + 3600}, True),
        "early": ({"nbf": now + 3600, "exp": now + 7200}, False),
    }
    return [
        {"name": f"{alg.lower()}_{library}_{name}", "token": encode(claims(iat=ABSENT, nbf=ABSENT) | change), "valid": ok}
        for alg in PRIVATE
        for library, encode in signers(alg).items()
        for name, (change, ok) in times.items()
    ]


def main():
    parser = argparse.ArgumentParser(description="Mints test tokens.")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--fixtures", metavar="DIR", type=Path)
    mode.add_argument("--fresh", action="store_true")
    arguments = parser.parse_args()
    if arguments.fresh:
        print(json.dumps({"jwks": jwks(), "tokens": fresh()}))
    else:
        write(arguments.fixtures / "fixtures.yaml", KEYS | GOOD | BAD)


if __name__ == "__main__":
    main()
