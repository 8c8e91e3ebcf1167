//! A client with a key of its own, its proofs, and what becomes of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use portcullis_jwt_auth::{Binding, BindingError, JwtError, Presented, SenderConstraintConfig};
use portcullis_kit::Headers;
use portcullis_kit::testing::TestHost;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) const NOW: u64 = 1000;
pub(crate) const TOKEN: &str = "a.b.c";
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn binding(dpop: Value) -> Binding {
    let config = json!({"require": "dpop", "dpop": dpop});
    let config: SenderConstraintConfig = serde_json::from_value(config).unwrap();
    Binding::try_from(config).unwrap()
}

/// A client with a key of its own.
pub(crate) struct Client {
    key: SigningKey,
}

impl Client {
    pub(crate) fn new(seed: u8) -> Self {
        Self { key: SigningKey::from_slice(&[seed; 32]).unwrap() }
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y)})
    }

    pub(crate) fn jkt(&self) -> String {
        let jwk = self.jwk();
        let text = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
        b64(Sha256::digest(text))
    }

    pub(crate) fn cnf(&self) -> Value {
        json!({"jkt": self.jkt()})
    }

    pub(crate) fn header(&self) -> Value {
        json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()})
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let input = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signature: Signature = self.key.sign(input.as_bytes());
        format!("{input}.{}", b64(signature.to_bytes()))
    }

    pub(crate) fn proof(&self, claims: &Value) -> String {
        self.sign(&self.header(), claims)
    }
}

pub(crate) fn claims() -> Value {
    json!({
        "jti": "one",
        "htm": "POST",
        "htu": "https://api.example/orders",
        "iat": NOW,
        "ath": b64(Sha256::digest(TOKEN)),
    })
}

/// The claims with some changed; null takes one away.
pub(crate) fn changed(base: Value, changes: Value) -> Value {
    let Value::Object(mut members) = base else { unreachable!() };
    let Value::Object(changes) = changes else { unreachable!() };
    members.extend(changes);
    members.retain(|_, value| !value.is_null());
    Value::Object(members)
}

pub(crate) fn request(proofs: &[&str]) -> Headers {
    let target = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "api.example"),
        (":path", "/orders?page=2"),
    ];
    target.into_iter().chain(proofs.iter().map(|proof| ("dpop", *proof))).collect()
}

pub(crate) fn send(
    binding: &Binding,
    cnf: &Value,
    request: &Headers,
    host: &mut TestHost,
) -> Result<(), BindingError> {
    let presented = Presented { token: TOKEN.as_bytes(), scheme: Some("DPoP") };
    binding.check(Some(cnf), presented, request, host)
}

pub(crate) fn send_proof(dpop: Value, client: &Client, proof: &str) -> Result<(), BindingError> {
    send(&binding(dpop), &client.cnf(), &request(&[proof]), &mut TestHost::at(NOW))
}

/// The rule that a proof breaks.
pub(crate) fn broken(client: &Client, proof: &str) -> &'static str {
    let error = send_proof(json!({}), client, proof).unwrap_err();
    assert_eq!((error.error, error.nonce), (JwtError::DpopProofInvalid, None), "{}", error.reason);
    error.reason
}
