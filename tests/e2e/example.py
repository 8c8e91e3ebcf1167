"""The shipped example with the ports of a test and with keys for which the test can mint tokens."""

import json
import time

import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from envoy import ROOT

EXAMPLE = ROOT / "envoy/standalone/jwt-auth.yaml"

KEYS = {"ES256": ec.generate_private_key(ec.SECP256R1()), "RS256": rsa.generate_private_key(65537, 2048)}
MAPPERS = {"ES256": jwt.algorithms.ECAlgorithm, "RS256": jwt.algorithms.RSAAlgorithm}
JWKS = {
    "keys": [
        MAPPERS[alg].to_jwk(key.public_key(), as_dict=True) | {"kid": alg, "alg": alg, "use": "sig"}
        for alg, key in KEYS.items()
    ]
}


def token(alg="ES256", key=None, **changes):
    """A token that the example accepts, unless `changes` to its claims or another `key` than the issuer's spoil it."""
    now = int(time.time())
    claims = {"iss": "https://issuer.example", "aud": "orders", "sub": "alice", "iat": now, "exp": now + 3600}
    return jwt.encode(claims | changes, key or KEYS[alg], alg, headers={"kid": alg})


def bearer(credentials):
    """The headers that carry a token; none without one."""
    return {"authorization": f"Bearer {credentials}"} if credentials else {}


def shipped():
    """The example as it is."""
    return yaml.safe_load(EXAMPLE.read_text())


def example(upstream_port, change=lambda configuration: None):
    """The example with other ports and keys; what `change` does to the configuration of jwt-auth comes on top."""
    config = shipped()
    [listener], [cluster] = config["static_resources"]["listeners"], config["static_resources"]["clusters"]
    [endpoint] = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    listener["address"]["socket_address"]["port_value"] = 0
    endpoint["endpoint"]["address"]["socket_address"]["port_value"] = upstream_port
    configuration = json.loads(plugin_configuration(config)["value"])
    configuration["providers"][0]["jwks"]["inline"] = json.loads(json.dumps(JWKS))
    change(configuration)
    plugin_configuration(config)["value"] = json.dumps(configuration)
    return config


def plugin_configuration(config):
    """The StringValue that holds the configuration of jwt-auth."""
    [chain] = config["static_resources"]["listeners"][0]["filter_chains"]
    [jwt_auth] = [it for it in chain["filters"][0]["typed_config"]["http_filters"] if it["name"] == "jwt-auth"]
    return jwt_auth["typed_config"]["config"]["configuration"]
