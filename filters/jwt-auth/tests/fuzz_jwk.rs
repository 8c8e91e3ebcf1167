//! JWK Sets that were nearly good: no panic, no private key, and no key weaker than it has to be.

#[expect(dead_code, reason = "only the fixtures are of use here")]
mod common;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bolero::TypeGenerator;
use common::{jwks, tokens};
use portcullis_jwt_auth::{Algorithm, Jws, KeySet};
use serde_json::{Map, Value, json};

/// What may be wrong with a key.
#[derive(Clone, Debug, TypeGenerator)]
enum Change {
    Remove {
        name: u8,
    },
    Set {
        name: u8,
        value: u8,
    },
    Swap {
        name: u8,
        from: u8,
    },
    /// Other bytes in what a member stands for.
    Bytes {
        name: u8,
        at: u16,
        remove: u8,
        insert: Vec<u8>,
    },
    /// Other characters in its text.
    Text {
        name: u8,
        at: u16,
        insert: u8,
    },
}

const NAMES: [&str; 12] = ["kty", "crv", "alg", "use", "key_ops", "kid", "n", "e", "x", "y", "k", "d"];

fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(1),
        json!(""),
        json!("AA"),
        json!("AQAB"),
        json!("Aw"),
        json!("sig"),
        json!("enc"),
        json!(["verify"]),
        json!(["sign"]),
        json!("RSA"),
        json!("EC"),
        json!("OKP"),
        json!("oct"),
        json!("RS256"),
        json!("HS256"),
        json!("P-256"),
        json!("Ed25519"),
    ]
}

fn change(jwk: &mut Map<String, Value>, change: &Change, keys: &[Map<String, Value>]) {
    let named = |name: &u8| NAMES[usize::from(*name) % NAMES.len()];
    match change {
        Change::Remove { name } => drop(jwk.remove(named(name))),
        Change::Set { name, value } => {
            let values = values();
            let value = values[usize::from(*value) % values.len()].clone();
            jwk.insert(named(name).to_owned(), value);
        }
        Change::Swap { name, from } => {
            if let Some(value) = keys[usize::from(*from) % keys.len()].get(named(name)) {
                jwk.insert(named(name).to_owned(), value.clone());
            }
        }
        Change::Bytes { name, at, remove, insert } => {
            if let Some(mut bytes) = bytes(jwk, named(name)) {
                let start = usize::from(*at) % (bytes.len() + 1);
                let end = (start + usize::from(*remove)).min(bytes.len());
                bytes.splice(start..end, insert.iter().copied());
                jwk.insert(named(name).to_owned(), URL_SAFE_NO_PAD.encode(bytes).into());
            }
        }
        Change::Text { name, at, insert } => {
            if let Some(Value::String(text)) = jwk.get_mut(named(name)) {
                let at = usize::from(*at) % (text.len() + 1);
                if text.is_char_boundary(at) {
                    text.insert(at, char::from(*insert));
                }
            }
        }
    }
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(jwk.get(name)?.as_str()?).ok()
}

/// What RFC 7518 section 6 and RFC 8725 sections 3.4 and 3.5 ask of a key that is used.
fn is_sound(jwk: &Map<String, Value>, keys: &[Map<String, Value>]) -> bool {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let length = |name: &str| bytes(jwk, name).map_or(0, |bytes| bytes.len());
    let purpose = jwk.get("use").is_none_or(|purpose| purpose == "sig")
        && jwk
            .get("key_ops")
            .is_none_or(|list| list.as_array().is_some_and(|l| l.contains(&json!("verify"))));
    let material = match (text("kty"), text("crv")) {
        (Some("RSA"), None) => is_sound_rsa(jwk),
        (Some("EC"), Some(curve)) => {
            // A changed coordinate is hardly ever on the curve.
            let same = |key: &&Map<String, Value>| {
                key.get("crv") == jwk.get("crv")
                    && ["x", "y"]
                        .iter()
                        .all(|name| bytes(key, name).is_some() && bytes(key, name) == bytes(jwk, name))
            };
            ["P-256", "P-384", "P-521"].contains(&curve) && keys.iter().any(|key| same(&key))
        }
        (Some("OKP"), Some("Ed25519")) => length("x") == 32,
        (Some("oct"), None) => {
            length("k")
                >= match text("alg") {
                    Some("HS384") => 48,
                    Some("HS512") => 64,
                    _ => 32,
                }
        }
        _ => false,
    };
    purpose && material && (text("kty") == Some("oct") || !jwk.contains_key("d"))
}

fn is_sound_rsa(jwk: &Map<String, Value>) -> bool {
    let (Some(modulus), Some(exponent)) = (bytes(jwk, "n"), bytes(jwk, "e")) else { return false };
    let bits = |number: &[u8]| {
        let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
        number.get(start).map_or(0, |first| (number.len() - start) * 8 - first.leading_zeros() as usize)
    };
    let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    (2048..=8192).contains(&bits(&modulus)) && odd(&modulus) && odd(&exponent) && bits(&exponent) >= 17
}

#[test]
fn any_change_of_a_good_key() {
    let good = jwks();
    let tokens: Vec<String> = tokens().into_values().collect();
    bolero::check!().with_type::<(u8, u8, Vec<Change>)>().with_iterations(3000).for_each(
        |(which, token, changes)| {
            let mut jwk = good[usize::from(*which) % good.len()].clone();
            changes.iter().take(3).for_each(|one| change(&mut jwk, one, &good));
            let Ok(keys) = KeySet::from_jwks(std::slice::from_ref(&jwk), None) else { return };
            assert!(is_sound(&jwk, &good), "{}", Value::Object(jwk));
            // A key that is accepted verifies what it is given without a panic.
            if let Ok(jws) = Jws::parse(tokens[usize::from(*token) % tokens.len()].as_bytes()) {
                let _ = keys.verify_in_module(&jws);
            }
        },
    );
}

#[test]
fn any_set() {
    bolero::check!().for_each(|text: &[u8]| {
        let Ok(set) = serde_json::from_slice::<Vec<Map<String, Value>>>(text) else { return };
        for allowed in [None, Some(&Algorithm::ALL[..])] {
            if KeySet::from_jwks(&set, allowed).is_ok() {
                assert!(set.iter().any(|jwk| is_sound(jwk, &set)), "{set:?}");
            }
        }
    });
}
