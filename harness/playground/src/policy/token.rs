use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use portcullis_jwt_auth::{Jws, JwtError};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A token as jwt-auth reads it, before it asks whether it is good.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TokenRead {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// Bytes of the signature.
    signature: usize,
    /// Why jwt-auth would not read it, whatever its configuration.
    problem: Option<String>,
}

/// Takes a token apart, and says what jwt-auth has against it whatever its configuration: a `TokenRead`.
pub fn token(text: &str) -> String {
    let text = text.trim();
    let read = Jws::parse(text.as_bytes()).and_then(|jws| jws.claims());
    let problem = read.err().map(JwtError::row).map(|row| format!("{}: {}", row.code, row.detail));
    // What jwt-auth does not take is shown as far as anybody could read it.
    let mut parts = text.split('.').map(decoded);
    let (header, claims, signature) = (parts.next(), parts.next(), parts.next());
    let members = |part: Option<Vec<u8>>| {
        let members: Option<Map<String, Value>> = part.and_then(|part| serde_json::from_slice(&part).ok());
        members.unwrap_or_default()
    };
    let signature = signature.map_or(0, |signature| signature.len());
    json!(TokenRead { header: members(header), claims: members(claims), signature, problem }).to_string()
}

fn decoded(part: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).unwrap_or_default()
}
