//! Any bytes as a token, and tokens that were nearly good: no panic, and what is read is what a second reader accepts, which checks
//! each rule of RFC 7515 section 7.1 by itself.

#[expect(dead_code, reason = "only the fixtures are of use here")]
mod common;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bolero::TypeGenerator;
use common::{jwks, tokens};
use portcullis_jwt_auth::{Algorithm, Jws, KeySet, MAX_TOKEN};
use serde_json::{Map, Value};

/// What a client may do to a good token.
#[derive(Clone, Debug, TypeGenerator)]
enum Change {
    /// Other characters somewhere in the token.
    Splice { at: u16, remove: u8, insert: Vec<u8> },
    /// A character of the alphabet in the place of another.
    Letter { at: u16, letter: u8 },
    /// One more member of the header, or the same again.
    Member { name: u8, value: u8 },
    /// Other characters somewhere in the text of the header.
    Header { at: u16, remove: u8, insert: Vec<u8> },
    /// The parts in another order.
    Rotate,
}

const NAMES: [&str; 9] = ["alg", "kid", "typ", "cty", "crit", "b64", "enc", "zip", "x"];
const VALUES: [&str; 12] = [
    "\"none\"",
    "\"RS256\"",
    "\"HS256\"",
    "\"JWT\"",
    "\"application/Jwt\"",
    "\"rs256\"",
    "null",
    "1e400",
    "[[{\"a\":1,\"a\":2}]]",
    "[{\"a\":1},{\"a\":2}]",
    "\"\\ud800\"",
    "{\"\":[]}",
];
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n";

fn splice(text: &mut Vec<u8>, at: u16, remove: u8, insert: &[u8]) {
    let start = usize::from(at) % (text.len() + 1);
    let end = (start + usize::from(remove % 8)).min(text.len());
    text.splice(start..end, insert.iter().copied());
}

fn change(token: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Splice { at, remove, insert } => splice(token, *at, *remove, insert),
        Change::Letter { at, letter } => {
            let at = usize::from(*at) % token.len().max(1);
            if let Some(byte) = token.get_mut(at) {
                *byte = ALPHABET[usize::from(*letter) % ALPHABET.len()];
            }
        }
        Change::Member { name, value } => {
            let (name, value) =
                (NAMES[usize::from(*name) % NAMES.len()], VALUES[usize::from(*value) % VALUES.len()]);
            edit_header(token, |header| {
                let end = header.len().saturating_sub(1);
                header.splice(end..end, format!(",\"{name}\":{value}").into_bytes());
            });
        }
        Change::Header { at, remove, insert } => {
            edit_header(token, |header| splice(header, *at, *remove, insert));
        }
        Change::Rotate => {
            let mut parts: Vec<_> = token.split(|byte| *byte == b'.').map(<[u8]>::to_vec).collect();
            parts.rotate_left(1);
            *token = parts.join(&b'.');
        }
    }
}

fn edit_header(token: &mut Vec<u8>, edit: impl FnOnce(&mut Vec<u8>)) {
    let dot = token.iter().position(|byte| *byte == b'.').unwrap_or(token.len());
    if let Ok(mut header) = URL_SAFE_NO_PAD.decode(&token[..dot]) {
        edit(&mut header);
        token.splice(..dot, URL_SAFE_NO_PAD.encode(header).into_bytes());
    }
}

/// A reader of its own: it decodes letter by letter, and finds repeated members by counting colons.
fn is_strict(token: &[u8]) -> bool {
    let parts: Vec<_> = token.split(|byte| *byte == b'.').collect();
    let [header, _, signature] = parts[..] else { return false };
    let fits = token.len() <= MAX_TOKEN && header.len() <= 8192 && canonical(signature).is_some();
    let Some(text) = canonical(header) else { return false };
    let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(&text) else { return false };
    fits && colons(&text) == count(&Value::Object(members.clone())) && is_header(&members)
}

fn is_header(header: &Map<String, Value>) -> bool {
    let text = |name: &str| header.get(name).map(|value| value.as_str().ok_or(()));
    let (alg, kid, typ, cty) = (text("alg"), text("kid"), text("typ"), text("cty"));
    // RFC 9864 section 2.2 has another name for EdDSA with this curve.
    let known =
        |name: &str| name == "Ed25519" || Algorithm::ALL.iter().any(|algorithm| algorithm.name() == name);
    let nested = |cty: &str| matches!(cty.to_ascii_lowercase().as_str(), "jwt" | "application/jwt");
    matches!(alg, Some(Ok(name)) if known(name))
        && kid.is_none_or(|kid| kid.is_ok_and(|kid| kid.len() <= 256))
        && typ.is_none_or(|typ| typ.is_ok())
        && cty.is_none_or(|cty| cty.is_ok_and(|cty| !nested(cty)))
        && !["crit", "b64", "enc", "zip"].iter().any(|name| header.contains_key(*name))
        && depth(&Value::Object(header.clone())) <= 32
}

fn canonical(part: &[u8]) -> Option<Vec<u8>> {
    let mut bits = 0_u32;
    let mut held = 0;
    let mut bytes = Vec::new();
    for letter in part {
        let value = ALPHABET[..64].iter().position(|other| other == letter)?;
        bits = (bits << 6 | u32::try_from(value).unwrap()) & 0xFFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    (held < 6 && bits & ((1 << held) - 1) == 0).then_some(bytes)
}

fn colons(text: &[u8]) -> usize {
    let (mut count, mut inside, mut escaped) = (0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => inside = !inside,
            b':' if !inside => count += 1,
            _ => {}
        }
    }
    count
}

fn count(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.len() + members.values().map(count).sum::<usize>(),
        Value::Array(items) => items.iter().map(count).sum(),
        _ => 0,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn agrees(token: &[u8]) {
    let parsed = Jws::parse(token);
    assert_eq!(parsed.is_ok(), is_strict(token), "{:?}", String::from_utf8_lossy(token));
    if let Ok(jws) = parsed {
        // Only that it does not panic.
        let _ = jws.claims();
    }
}

#[test]
fn any_token() {
    bolero::check!().for_each(|token: &[u8]| agrees(token));
}

#[test]
fn any_header() {
    bolero::check!().for_each(|header: &[u8]| {
        agrees(format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header)).as_bytes());
    });
}

#[test]
fn any_change_of_a_good_token() {
    let keys = KeySet::from_jwks(&jwks(), None).unwrap();
    let good: Vec<Vec<u8>> = tokens().into_values().map(String::into_bytes).collect();
    bolero::check!().with_type::<(u8, Vec<Change>)>().with_iterations(3000).for_each(|(which, changes)| {
        let mut token = good[usize::from(*which) % good.len()].clone();
        changes.iter().take(4).for_each(|one| change(&mut token, one));
        agrees(&token);
        // Whoever changes anything needs the key to sign it again.
        if let Ok(jws) = Jws::parse(&token)
            && keys.verify_in_module(&jws).is_ok()
        {
            assert!(good.contains(&token), "{}", String::from_utf8_lossy(&token));
        }
    });
}
