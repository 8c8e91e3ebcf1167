use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use portcullis_jwt_auth::{Jws, JwtError};
use serde_json::{Map, Value, json};

/// Takes a token apart, and says what jwt-auth has against it whatever its configuration: a JSON object with the header, the claims, the bytes of the signature, and the problem or null.
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
    json!({
        "header": members(header),
        "claims": members(claims),
        "signature": signature.map_or(0, |signature| signature.len()),
        "problem": problem,
    })
    .to_string()
}

fn decoded(part: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).unwrap_or_default()
}
