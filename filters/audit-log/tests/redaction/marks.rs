//! Keyed marks: equal values are found, and nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::common::{Exchange, recorder};

/// What stands for these values of a header, a cookie, and a parameter.
fn marks(key: &[u8], values: [&[u8]; 3]) -> [String; 3] {
    let show = json!({"hidden": "keyed", "key": STANDARD.encode(key)});
    let [header, cookie, query] = values;
    let exchange = Exchange::plain()
        .header("x-a", header)
        .header("cookie", [b"c=", cookie].concat())
        .path([b"/?q=", query].concat());
    let record = recorder(json!({"otherwise": {"level": "headers"}, "show": show})).of(&exchange);
    let headers = record["http_request"]["http_headers"].as_array().unwrap();
    let header = &headers.iter().find(|it| it["name"] == "x-a").unwrap()["value"];
    let query = record["http_request"]["url"]["query_string"].as_str().unwrap().strip_prefix("q=").unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    [text(header), text(&record["http_cookies"][0]["value"]), query.to_owned()]
}

fn value() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 /:.=+ü]{0,40}"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn equal_values_have_equal_marks_wherever_they_are(a in value(), b in value(), key in prop::array::uniform16(any::<u8>())) {
        let (a, b) = (format!("x{a}y"), format!("x{b}y"));
        let [header, cookie, query] = marks(&key, [a.as_bytes(), a.as_bytes(), b.as_bytes()]);
        prop_assert_eq!(&header, &cookie);
        prop_assert_eq!(header == query, a == b);
        let digits = header.strip_prefix("hmac-sha256:").unwrap();
        prop_assert!(digits.len() == 32 && digits.bytes().all(|it| b"0123456789abcdef".contains(&it)), "{}", header);
    }

    #[test]
    fn other_keys_give_other_marks(a in value(), keys in prop::array::uniform2(prop::array::uniform16(any::<u8>()))) {
        // Nothing at all could not be told from a name.
        let a = format!("x{a}y");
        let [one, other] = keys.map(|key| marks(&key, [a.as_bytes(); 3])[0].clone());
        prop_assert_eq!(one == other, keys[0] == keys[1]);
    }
}

#[test]
fn a_mark_is_the_first_half_of_an_hmac() {
    let key = b"0123456789abcdef";
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(b"a secret");
    let digest = mac.finalize().into_bytes();
    let digits: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(marks(key, [b"a secret"; 3]), [(); 3].map(|()| format!("hmac-sha256:{digits}")));
}
