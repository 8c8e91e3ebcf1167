//! Keys that are mistaken, or in the wrong place, are not repeated.

use serde_json::{Value, json};

use crate::full::{KEY, SIGNING};
use crate::{error, small, with};

/// What must not be in a message of it.
fn parts(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes().windows(10.min(secret.len()));
    bytes.map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

fn assert_silent(config: &Value, secret: &str) {
    let error = error(config);
    // What keys have in common, and their names, may be told.
    let is_public = |part: &String| "PRIVATE+KEY+audit.example+".contains(part.as_str());
    for part in parts(secret).iter().filter(|part| !is_public(part)) {
        assert!(!error.contains(part.as_str()), "{part:?} is in {error:?}");
    }
    assert!(!error.contains('\n') && error.len() < 300, "{error}");
}

fn sign(sign: Value) -> Value {
    with("/integrity/sign", sign)
}

#[test]
fn what_is_wrong_with_a_key_is_said_without_the_key() {
    let [name, id, key] = ["audit.example", "c74f20a3", "AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"];
    for mistaken in [
        SIGNING.to_owned(),
        format!("PRIVATE+KEY+{name}+{id}+{key}"),
        format!("PRIVATE+KEY+{name}+{id}+{key}="),
        format!("PRIVATE+KEY+{name}+{id}+AgcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"),
        format!("PRIVATE+KEY+{name}+{id}+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"),
        format!("PRIVATE+KEY+{name}"),
        format!("PRIVATE+KEY+a name+{id}+{key}"),
        format!("{name}+{id}+{key}"),
        key.to_owned(),
    ] {
        assert_silent(&sign(json!({"ed25519": mistaken})), key);
        assert!(error(&sign(json!({"ed25519": mistaken}))).starts_with("integrity.sign.ed25519: "));
    }
    for mistaken in
        ["a passphrase for all", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "00112233445566778899aabbccddeeff"]
    {
        assert_silent(&sign(json!({"hmac": mistaken})), mistaken);
        assert!(error(&sign(json!({"hmac": mistaken}))).starts_with("integrity.sign.hmac: "));
        assert_silent(&small(json!({"show": {"hidden": "keyed", "key": &mistaken[..14]}})), &mistaken[..14]);
    }
}

#[test]
fn a_key_in_the_wrong_place_is_not_repeated() {
    for secret in [KEY, "PRIVATE+KEY+audit.example+c74f20a3+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"] {
        for pointer in [
            "/integrity/sign",
            "/integrity",
            "/show",
            "/show/hidden",
            "/schema",
            "/delivery/mode",
            "/sink",
            "/sink/http/headers",
        ] {
            assert_silent(&with(pointer, json!(secret)), secret);
        }
        assert_silent(&sign(json!({"other": secret})), secret);
        assert_silent(&with("/integrity/checkpoint/interval", json!(secret)), secret);
        let header = json!([{"name": "x-key", "value": format!("{secret}\n")}]);
        assert_silent(&with("/sink/http/headers", header), secret);
    }
}
