//! Every token of `tests/tokens/fixtures.yaml`: the good ones pass, each bad one is refused for its own reason.

mod common;

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{bearer, config, filter, fixtures, jwks, send, send_token, tokens};
use portcullis_jwt_auth::{Algorithm, Jws, JwtError, KeySet};
use serde_json::{Value, json};

const REFUSED: &[(JwtError, &[&str])] = &[
    (
        JwtError::AlgorithmNotAllowed,
        &[
            "alg_none",
            "alg_none_title",
            "alg_none_upper",
            "alg_none_mixed",
            "alg_none_with_signature",
            "alg_lower",
            "alg_unknown",
        ],
    ),
    (JwtError::AudienceNotAllowed, &["wrong_audience", "wrong_audience_list", "aud_missing", "aud_empty"]),
    (
        JwtError::ClaimsInvalid,
        &[
            "aud_object",
            "iss_list",
            "exp_text",
            "exp_negative",
            "exp_null",
            "exp_bool",
            "exp_1e300",
            "exp_2_to_64",
            "nbf_text",
            "iat_text",
            "sub_number",
            "jti_number",
        ],
    ),
    (JwtError::Expired, &["expired", "exp_zero"]),
    (JwtError::ExpiryMissing, &["no_exp"]),
    (JwtError::Bound, &["bound"]),
    (JwtError::IssuerNotAllowed, &["wrong_issuer", "issuer_with_slash", "iss_missing"]),
    (
        JwtError::KeyNotFound,
        &[
            "hs256_with_rsa_public_pem",
            "hs256_with_rsa_public_der",
            "wrong_key_alg",
            "wrong_key_same_type",
            "unknown_kid",
            "kid_path",
            "kid_sql",
            "ps256_with_rs256_key",
        ],
    ),
    (
        JwtError::Malformed,
        &[
            "exp_infinite",
            "payload_33_deep",
            "payload_list",
            "payload_text",
            "payload_not_json",
            "payload_not_utf8",
            "payload_twice",
            "payload_with_bom",
            "payload_empty",
            "payload_detached",
            "dup_sub",
            "dup_alg",
            "alg_missing",
            "alg_number",
            "kid_number",
            "typ_number",
            "no_dots",
            "two_parts",
            "four_parts",
            "five_parts",
            "leading_dot",
            "only_dots",
            "padded",
            "padded_header",
            "plain_base64",
            "space_inside",
            "stray_bits",
            "json_form",
            "header_list",
            "header_not_json",
        ],
    ),
    (JwtError::NotYetValid, &["not_yet_valid"]),
    (
        JwtError::SignatureInvalid,
        &[
            "tampered_payload",
            "tampered_header",
            "tampered_signature",
            "signature_of_another",
            "signature_truncated",
            "signature_extended",
            "signature_with_leading_zero",
            "signature_empty",
            "hs256_truncated",
            "hs256_extended",
            "hs256_empty",
            "hs256_with_rsa_public_pem_no_kid",
            "hs256_with_empty_secret",
            "wrong_key",
            "jwk_in_header",
            "jwk_in_header_no_kid",
            "jku_in_header",
            "x5u_in_header",
            "x5c_in_header",
            "es256_r0_s0",
            "es256_r0",
            "es256_s0",
            "es256_rn_sn",
            "es256_rn",
            "es256_sn",
            "es256_r1_s1",
            "es256_der",
            "es256_short",
            "rs256_short_padding",
            "rs256_no_padding",
            "rs256_garbage_after_digest",
            "rs256_info_without_null",
            "rs256_info_missing",
            "rs256_block_type_2",
            "rs256_block_type_0",
            "rs256_padding_not_ff",
            "rs256_signature_zero",
            "rs256_signature_one",
            "rs256_signature_plus_n",
            "ps256_salt_0",
            "ps256_salt_20",
            "ps256_salt_longest",
            "ps256_is_rs256_inside",
            "eddsa_s_plus_l",
            "eddsa_zero",
            "eddsa_identity",
        ],
    ),
    (JwtError::TooLarge, &["kid_long", "header_large", "16385_bytes"]),
    (JwtError::TypeNotAllowed, &["typ_dpop", "typ_logout"]),
    (
        JwtError::Unsupported,
        &["crit_unknown", "crit_empty", "b64_false", "b64_true", "zip", "enc", "nested", "nested_lower"],
    ),
];

#[test]
fn every_bad_token_is_refused_for_its_own_reason() {
    let (tokens, mut filter) = (tokens(), filter(&config(json!({}))));
    for (error, names) in REFUSED {
        for name in *names {
            assert_eq!(send_token(&mut filter, &tokens[*name]), Err(*error), "{name}");
        }
    }
}

#[test]
fn the_table_names_every_bad_token_once() {
    let named: Vec<_> = REFUSED.iter().flat_map(|(_, names)| *names).map(|name| (*name).to_owned()).collect();
    let bad = tokens().into_keys().filter(|name| !name.starts_with("good_"));
    assert_eq!(BTreeSet::from_iter(named.clone()), bad.collect::<BTreeSet<_>>());
    assert_eq!(BTreeSet::from_iter(named.clone()).len(), named.len());
}

#[test]
fn every_good_token_passes() {
    let (tokens, mut filter) = (tokens(), filter(&config(json!({}))));
    let good: Vec<_> = tokens.iter().filter(|(name, _)| name.starts_with("good_")).collect();
    assert!(good.len() > Algorithm::ALL.len());
    for (name, token) in good {
        assert_eq!(send_token(&mut filter, token), Ok(()), "{name}");
    }
}

#[test]
fn a_claim_with_control_characters_is_refused_only_where_it_becomes_a_header() {
    let tokens = tokens();
    let mut mapped = filter(&config(json!({"claims_to_headers": [{"claim": "name", "header": "x-name"}]})));
    for name in ["good_name_crlf", "good_name_nul"] {
        assert_eq!(send_token(&mut mapped, &tokens[name]), Err(JwtError::ClaimNotAHeader), "{name}");
    }
    let mut request = bearer(tokens["good_name_utf8"].as_bytes());
    assert_eq!(send(&mut mapped, &mut request), Ok(()));
    assert_eq!(request.only("x-name"), Some("Älice ☃".as_bytes()));
}

#[test]
fn a_key_serves_no_algorithm_but_its_own() {
    let tokens = tokens();
    for algorithm in Algorithm::ALL {
        let token = &tokens[&format!("good_{}", algorithm.name().to_lowercase())];
        let jws = Jws::parse(token.as_bytes()).unwrap();
        for mut jwk in jwks() {
            let fits = jwk["alg"] == algorithm.name();
            // The token asks for this very key, by a name that is not bound to any algorithm.
            jwk.insert("kid".into(), jws.key_id.clone().into());
            let expected = if fits { Ok(()) } else { Err(JwtError::KeyNotFound) };
            let keys = KeySet::from_jwks(&[jwk.clone()], None).unwrap();
            assert_eq!(keys.verify_in_module(&jws).map(drop), expected, "{algorithm:?} with {}", jwk["alg"]);
        }
    }
}

#[test]
fn a_kid_of_another_algorithm_finds_no_key() {
    let (tokens, mut filter) = (tokens(), filter(&config(json!({}))));
    for algorithm in Algorithm::ALL {
        for other in Algorithm::ALL {
            let token = &tokens[&format!("good_{}", algorithm.name().to_lowercase())];
            let (_, rest) = token.split_once('.').unwrap();
            let header = json!({"alg": algorithm.name(), "kid": other.name().to_lowercase(), "other": true});
            let token = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()));
            // With the right key it is the changed header that breaks the signature.
            let same = algorithm == other;
            let expected = if same { JwtError::SignatureInvalid } else { JwtError::KeyNotFound };
            assert_eq!(send_token(&mut filter, &token), Err(expected), "{algorithm:?} with {other:?}");
        }
    }
}

#[test]
fn a_key_that_names_no_algorithm_still_has_only_one() {
    let tokens = tokens();
    let mut keys = jwks();
    keys.retain(|jwk| jwk["alg"] == "RS256" || jwk["alg"] == "ES256");
    keys.iter_mut().for_each(|jwk| drop(jwk.remove("alg")));
    let keys = KeySet::from_jwks(&keys, None).unwrap();
    let verify = |name: &str| keys.verify_in_module(&Jws::parse(tokens[name].as_bytes()).unwrap()).map(drop);
    assert_eq!((verify("good_rs256"), verify("good_es256")), (Ok(()), Ok(())));
    for name in ["good_rs384", "good_ps256", "good_hs256", "wrong_key_alg"] {
        assert_eq!(verify(name), Err(JwtError::KeyNotFound), "{name}");
    }
}

#[test]
fn private_keys_are_told_from_public_ones() {
    let fixtures = fixtures();
    for name in ["jwks_private", "jwks_private_ec"] {
        let keys: Vec<serde_json::Map<String, Value>> =
            serde_json::from_value(fixtures[name]["keys"].clone()).unwrap();
        let error = KeySet::from_jwks(&keys, None).unwrap_err();
        assert_eq!(error.path, "keys[0].d", "{name}");
    }
}
