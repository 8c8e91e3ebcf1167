//! Laws that hold for every token: one changed byte breaks it, and no bytes break the filter.

mod common;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{bearer, config, filter, fixtures, jwks, send, send_token, tokens};
use portcullis_jwt_auth::{Algorithm, Jws, JwtAuth, JwtError, KeySet};
use portcullis_kit::Headers;
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert, prop_oneof, proptest};
use serde_json::json;

fn good(algorithm: Algorithm) -> String {
    tokens()[&format!("good_{}", algorithm.name().to_lowercase())].clone()
}

/// A provider that looks in every place.
fn everywhere() -> JwtAuth {
    filter(&config(json!({
        "from": [
            {"header": {"name": "authorization", "scheme": "Bearer"}},
            {"header": {"name": "x-token"}},
            {"query": "t"},
            {"cookie": "t"},
        ],
        "claims_to_headers": [{"claim": "sub", "header": "x-sub"}],
    })))
}

#[test]
fn no_byte_of_a_token_can_be_flipped() {
    let mut filter = filter(&config(json!({})));
    for algorithm in Algorithm::ALL {
        let token = good(algorithm);
        assert_eq!(send_token(&mut filter, &token), Ok(()), "{algorithm:?}");
        for position in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            // The next letter, or the other case.
            bytes[position] ^= if position % 2 == 0 { 1 } else { 0x20 };
            let result = send(&mut filter, &mut bearer(&bytes));
            assert!(result.is_err(), "{algorithm:?}: byte {position}");
        }
    }
}

#[test]
fn no_bit_of_a_signature_can_be_flipped() {
    let keys = KeySet::from_jwks(&jwks(), None).unwrap();
    for algorithm in Algorithm::ALL {
        let token = good(algorithm);
        let length = Jws::parse(token.as_bytes()).unwrap().signature.len();
        for bit in 0..length * 8 {
            let mut jws = Jws::parse(token.as_bytes()).unwrap();
            jws.signature[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                keys.verify_in_module(&jws),
                Err(JwtError::SignatureInvalid),
                "{algorithm:?}: bit {bit}"
            );
        }
    }
}

/// Bytes that a client may send in a header, and tokens that are nearly right.
fn values() -> impl Strategy<Value = Vec<u8>> {
    let names: Vec<String> = fixtures().into_keys().filter(|name| !name.starts_with("jwks")).collect();
    let tokens = tokens();
    let part = prop_oneof![
        vec(any::<u8>(), 0..60),
        "[{}\\[\\]\",:a-z0-9]{0,60}".prop_map(String::into_bytes),
        Just(br#"{"alg":"RS256","kid":"rs256"}"#.to_vec()),
        Just(br#"{"iss":"https://issuer.example","aud":"orders","exp":4102444800}"#.to_vec()),
    ];
    let encoded = vec(part, 0..5).prop_map(|parts| {
        let parts: Vec<_> = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
        parts.join(".").into_bytes()
    });
    let cut = (proptest::sample::select(names), any::<proptest::sample::Index>(), vec(any::<u8>(), 1..4));
    let damaged = cut.prop_map(move |(name, index, bytes)| {
        let mut token = tokens[&name].clone().into_bytes();
        let at = index.index(token.len());
        token.splice(at..at, bytes);
        token
    });
    prop_oneof![vec(any::<u8>(), 0..300), encoded, damaged]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_anywhere_make_it_panic_or_let_it_pass(place in 0..4_usize, value in values()) {
        let mut filter = everywhere();
        let fields: [(&str, Vec<u8>); 4] = [
            ("authorization", [b"Bearer ", value.as_slice()].concat()),
            ("x-token", value.clone()),
            (":path", [b"/?a=1&t=", value.as_slice(), b"&b=2"].concat()),
            ("cookie", [b"a=1; t=", value.as_slice(), b"; b=2"].concat()),
        ];
        let (name, value) = &fields[place];
        let mut request: Headers = [(*name, value.as_slice())].into_iter().collect();
        prop_assert!(send(&mut filter, &mut request).is_err());
        prop_assert!(request.edits().next().is_none(), "a refused request is left alone");
    }
}
