//! What the tests of this folder share: the minted tokens, and requests that carry them.

use std::collections::BTreeMap;

use portcullis_jwt_auth::{JwtAuth, JwtError};
use portcullis_kit::testing::TestHost;
use portcullis_kit::{Action, Headers, HttpFilter, LocalReply, StreamId, UnixTime};
use serde_json::{Map, Value, json};

/// 2026-01-01T01:00:00Z.
pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_767_229_200);

/// The variables that `tests/tokens/mint.py` wrote.
pub(crate) fn fixtures() -> BTreeMap<String, Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/tokens/fixtures.yaml");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The fixtures that are tokens.
pub(crate) fn tokens() -> BTreeMap<String, String> {
    let tokens = fixtures().into_iter().filter(|(name, _)| !name.starts_with("jwks"));
    tokens.map(|(name, token)| (name, token.as_str().unwrap().to_owned())).collect()
}

/// The JWKs of the minted tokens.
pub(crate) fn jwks() -> Vec<Map<String, Value>> {
    serde_json::from_value(fixtures()["jwks"]["keys"].clone()).unwrap()
}

/// A configuration that asks for a minted token everywhere; `provider` adds to the provider.
pub(crate) fn config(provider: Value) -> Value {
    let mut shop = json!({
        "name": "shop",
        "issuer": "https://issuer.example",
        "audiences": ["orders"],
        "jwks": {"inline": {"keys": jwks()}},
    });
    shop.as_object_mut().unwrap().extend(provider.as_object().unwrap().clone());
    json!({"providers": [shop], "otherwise": {"provider": "shop"}})
}

/// A configured filter.
pub(crate) fn filter(config: &Value) -> JwtAuth {
    JwtAuth::configure(config.to_string().as_bytes()).unwrap()
}

/// Sends one request; an error is the [`JwtError`] whose reply the client would get.
pub(crate) fn send(filter: &mut JwtAuth, request: &mut Headers) -> Result<(), JwtError> {
    let mut host = TestHost::at(NOW.as_secs());
    let mut stream = <JwtAuth as HttpFilter>::Stream::default();
    let action = filter.on_request_headers((StreamId(2), &mut stream), request, &mut host);
    let action = action.map_err(|reply| error_of(&reply))?;
    assert_eq!(action, Action::Continue);
    Ok(())
}

/// Sends one request with this bearer token.
pub(crate) fn send_token(filter: &mut JwtAuth, token: &str) -> Result<(), JwtError> {
    send(filter, &mut bearer(token.as_bytes()))
}

/// A request with this bearer token.
pub(crate) fn bearer(token: &[u8]) -> Headers {
    let authorization = [b"Bearer ", token].concat();
    let fields: [(&str, &[u8]); 4] = [
        (":method", b"GET"),
        (":path", b"/"),
        (":authority", b"example.com"),
        ("authorization", &authorization),
    ];
    fields.into_iter().collect()
}

fn error_of(reply: &LocalReply) -> JwtError {
    let error = JwtError::ALL.into_iter().find(|error| error.row().code == reply.code).unwrap();
    assert_eq!(reply.status, error.row().status);
    error
}
