//! Secrets, and what they look like when somebody has not noticed that they are some.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;

/// So much of a secret must not be found.
pub(crate) const WINDOW: usize = 12;

/// A secret, which is shown as a text.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

/// Bytes of several kinds: letters, what is escaped in an URL, what is escaped in JSON, what is no text, and base64.
pub(crate) fn secret() -> impl Strategy<Value = Secret> {
    let alphabets: [&[u8]; 5] = [
        b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        b"abcxyz !*'();:@&=+$,/?#[]%<>^`{|}~-._0123456789",
        b"ABCXYZ\"\\\"\\/\x01\x08\x09\x0b\x1b\x1f\x7f0123456789abcdef<>",
        b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=-_",
        b"\x80\x9f\xa0\xc0\xc3\xa9\xe2\x82\xac\xed\xa0\xf0\x9f\x98\xff\xfeabcdefghijklmnopqrstuvwxyz0123456789",
    ];
    let of = |alphabet: &'static [u8]| prop::collection::vec(prop::sample::select(alphabet), WINDOW..48);
    let [plain, reserved, escaped, base64, bytes] = alphabets.map(of);
    let text = prop::collection::vec(prop::sample::select(UNICODE.to_vec()), WINDOW..24)
        .prop_map(|chars| chars.into_iter().collect::<String>().into_bytes());
    prop_oneof![plain, reserved, escaped, base64, bytes, text].prop_map(Secret)
}

const UNICODE: [char; 12] =
    ['a', 'ü', 'ß', '€', '中', '😀', '\u{e000}', '\u{ffff}', 'Ω', 'ж', 'z', '\u{200b}'];

/// Everything that a secret could be found as.
pub(crate) fn disguises(secret: &[u8]) -> Vec<Vec<u8>> {
    let lossy = String::from_utf8_lossy(secret).into_owned();
    let mut all = vec![
        secret.to_vec(),
        lossy.clone().into_bytes(),
        lossy.to_lowercase().into_bytes(),
        hex(secret, false),
        hex(secret, true),
        json(&lossy),
    ];
    for is_upper in [false, true] {
        all.push(percent(secret, |_| false, is_upper));
        all.push(percent(secret, is_unreserved, is_upper));
        all.push(percent(lossy.as_bytes(), is_unreserved, is_upper));
    }
    for engine in [STANDARD, URL_SAFE] {
        all.extend((0..3).map(|before| base64(&engine, secret, before)));
    }
    all
}

fn hex(bytes: &[u8], is_upper: bool) -> Vec<u8> {
    let digits = |byte: &u8| if is_upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
    bytes.iter().map(digits).collect::<String>().into_bytes()
}

fn json(text: &str) -> Vec<u8> {
    let quoted = serde_json::to_string(text).unwrap();
    quoted.as_bytes()[1..quoted.len() - 1].to_vec()
}

pub(crate) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

pub(crate) fn percent(bytes: &[u8], is_plain: impl Fn(u8) -> bool, is_upper: bool) -> Vec<u8> {
    let escaped = bytes.iter().map(|byte| match (is_plain(*byte), is_upper) {
        (true, _) => char::from(*byte).to_string(),
        (false, true) => format!("%{byte:02X}"),
        (false, false) => format!("%{byte:02x}"),
    });
    escaped.collect::<String>().into_bytes()
}

/// What is left of it in base64 behind so many other bytes, whatever those are.
fn base64(engine: &impl Engine, bytes: &[u8], before: usize) -> Vec<u8> {
    let all = [&vec![0; before], bytes].concat();
    let encoded = engine.encode(&all);
    let (start, end) = ((before * 8).div_ceil(6), all.len() * 8 / 6);
    encoded.as_bytes()[start..end].to_vec()
}

#[test]
fn disguises_are_what_they_should_be() {
    let all = disguises(b"a secret \xff/+");
    for expected in [
        "612073656372657420ff2f2b",
        "612073656372657420FF2F2B",
        "%61%20%73%65%63%72%65%74%20%ff%2f%2b",
        "a%20secret%20%FF%2F%2B",
        "a secret \u{fffd}/+",
        "YSBzZWNyZXQg/y8r",
        "YSBzZWNyZXQg_y8r",
        // Those behind one and two other bytes.
        "Egc2VjcmV0IP8vK",
        "hIHNlY3JldCD_Ly",
    ] {
        assert!(all.iter().any(|it| it == expected.as_bytes()), "{expected}");
    }
}
