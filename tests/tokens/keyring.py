"""The test keys, and signatures by PyJWT and cryptography: good ones, and forged ones."""

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from jwt.algorithms import get_default_algorithms

KEYS = Path(__file__).parent / "keys"
ALGORITHMS = get_default_algorithms()
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
SHA256_INFO_WITHOUT_NULL = bytes.fromhex("302f300b06096086480165030402010420")


def seed(name, size):
    """The bytes of a key that anybody can compute: for tests only."""
    return hashlib.shake_256(f"portcullis test key {name}".encode()).digest(size)


def _ec(name, curve, size):
    return ec.derive_private_key(int.from_bytes(seed(name, size)), curve)


RSA = load_pem_private_key((KEYS / "rs.pem").read_bytes(), None)
PSS = load_pem_private_key((KEYS / "ps.pem").read_bytes(), None)
# One key pair serves several JWKs here; each JWK is for one algorithm all the same.
PRIVATE = {
    "RS256": RSA, "RS384": RSA, "RS512": RSA,
    "PS256": PSS, "PS384": PSS, "PS512": PSS,
    "ES256": _ec("es256", ec.SECP256R1(), 31),
    "ES384": _ec("es384", ec.SECP384R1(), 47),
    "ES512": _ec("es512", ec.SECP521R1(), 65),
    "EdDSA": ed25519.Ed25519PrivateKey.from_private_bytes(seed("eddsa", 32)),
    "HS256": seed("hs256", 32), "HS384": seed("hs384", 48), "HS512": seed("hs512", 64),
}  # fmt: skip
STRANGER = ec.derive_private_key(int.from_bytes(seed("stranger", 31)), ec.SECP256R1())


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def public_jwk(alg):
    """The JWK that verifies `alg`, as PyJWT writes it. For HS* that is the secret itself."""
    key = PRIVATE[alg]
    public = key if isinstance(key, bytes) else key.public_key()
    jwk = ALGORITHMS[alg].to_jwk(public, as_dict=True)
    return {"kid": alg.lower(), "alg": alg} | {k: v for k, v in jwk.items() if k not in ("key_ops", "alg")}


def private_jwk(alg):
    return {"kid": alg.lower(), "alg": alg} | {
        k: v for k, v in ALGORITHMS[alg].to_jwk(PRIVATE[alg], as_dict=True).items() if k not in ("key_ops", "alg")
    }


def jwks():
    return {"keys": [public_jwk(alg) for alg in PRIVATE]}


def sign(header, payload, alg, key=None):
    """A token of any header and payload, as bytes or to be written as JSON, signed by PyJWT."""
    header, payload = (part if isinstance(part, bytes) else compact(part) for part in (header, payload))
    message = f"{b64(header)}.{b64(payload)}"
    return f"{message}.{b64(ALGORITHMS[alg].sign(message.encode(), key or PRIVATE[alg]))}"


def with_signature(token, change):
    """The token with another signature: `change` gets the signed bytes and the good signature."""
    message, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    return f"{message}.{b64(change(message.encode(), raw))}"


def flip_bit(_, signature):
    return signature[:-1] + bytes([signature[-1] ^ 1])


def ecdsa(r=None, s=None):
    """An ES256 signature with one of its halves, or both, set to a number."""

    def change(_, signature):
        half = (signature[:32], signature[32:])
        return b"".join(old if new is None else new.to_bytes(32) for old, new in zip(half, (r, s), strict=True))

    return change


def ecdsa_high_s(_, signature):
    s = int.from_bytes(signature[32:])
    return signature[:32] + max(s, P256_ORDER - s).to_bytes(32)


def ecdsa_der(_, signature):
    return utils.encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))


def eddsa_plus_order(_, signature):
    """S + L: the same point, in a form that RFC 8032 section 5.1.7 forbids."""
    return signature[:32] + (int.from_bytes(signature[32:], "little") + ED25519_ORDER).to_bytes(32, "little")


def pss(salt, mgf=hashes.SHA256):
    return lambda message, _: PSS.sign(message, padding.PSS(padding.MGF1(mgf()), salt), hashes.SHA256())


def rsa_encoded(*, block_type=1, pad=None, info=SHA256_INFO, garbage=b""):
    """A signature over a wrong EMSA-PKCS1-v1_5 encoding, by raw modular exponentiation with the private key."""

    def change(message, _):
        tail = b"\0" + info + hashlib.sha256(message).digest() + garbage
        padding_bytes = b"\xff" * (256 - 2 - len(tail)) if pad is None else pad
        encoded = (bytes([0, block_type]) + padding_bytes + tail).ljust(256, b"\xaa")
        numbers = RSA.private_numbers()
        return pow(int.from_bytes(encoded), numbers.d, numbers.public_numbers.n).to_bytes(256)

    return change


def rsa_plus_modulus(sign_with_nonce):
    """signature + n: the same number modulo n, where it still fits into 256 bytes."""
    n = RSA.public_key().public_numbers().n
    for nonce in range(1000):
        token = sign_with_nonce(nonce)
        message, _, signature = token.rpartition(".")
        number = int.from_bytes(base64.urlsafe_b64decode(signature + "==")) + n
        if number < 2**2048:
            return f"{message}.{b64(number.to_bytes(256))}"
    raise ValueError("no signature is small enough")


def rsa_public_pem():
    return RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def rsa_public_der():
    return RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
