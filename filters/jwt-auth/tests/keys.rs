//! JWKs that are refused, those that are passed over, and the one line that says why.

use portcullis_jwt_auth::{Algorithm, Jws, KeySet, Skipped};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn ec_key() -> Value {
    json!({
        "kty": "EC",
        "crv": "P-256",
        "kid": "k1",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })
}

fn with(member: &str, value: Value) -> Value {
    let mut key = ec_key();
    key[member] = value;
    key
}

fn without(member: &str) -> Value {
    let mut key = ec_key();
    key.as_object_mut().unwrap().remove(member).unwrap();
    key
}

fn read(keys: &[Value], allowed: Option<&[Algorithm]>) -> Result<KeySet, String> {
    let keys: Vec<Map<String, Value>> = keys.iter().map(|key| key.as_object().unwrap().clone()).collect();
    KeySet::from_jwks(&keys, allowed).map_err(|error| error.to_string())
}

fn error(key: Value) -> String {
    read(&[key], None).unwrap_err()
}

const UNUSABLE: &str = "keys: no key that verifies signatures with an allowed algorithm; add one with use sig, or none, and a known kty";

#[test]
fn each_member_has_its_error() {
    for (key, expected) in [
        (
            with("d", json!("AQAB")),
            "keys[0].d: a private key; remove it here, and replace the key pair wherever this text has been",
        ),
        (
            with("alg", json!("ES384")),
            "keys[0].alg: \"ES384\" does not fit a key of kty EC on P-256; write ES256",
        ),
        (
            with("alg", json!("HS256")),
            "keys[0].alg: \"HS256\" does not fit a key of kty EC on P-256; write ES256",
        ),
        (with("alg", json!(1)), "keys[0].alg: not a string"),
        (with("x", json!("AQAB")), "keys[0].x: 3 bytes; a coordinate on P-256 has 32"),
        (with("x", json!("A".repeat(43))), "keys[0].x: x and y are no point on the curve"),
        (with("y", json!("=")), "keys[0].y: not base64url without padding (RFC 7515 section 2)"),
        (with("key_ops", json!("verify")), "keys[0].key_ops: not a list; write [\"verify\"] or leave it out"),
        (with("kid", json!(7)), "keys[0].kid: not a string"),
        (with("use", json!(["sig"])), "keys[0].use: not a string"),
        (without("kty"), "keys[0].kty: missing; a JWK of this kind needs it (RFC 7518 section 6)"),
        (without("x"), "keys[0].x: missing; a JWK of this kind needs it (RFC 7518 section 6)"),
        (without("y"), "keys[0].y: missing; a JWK of this kind needs it (RFC 7518 section 6)"),
    ] {
        assert_eq!(error(key), expected);
    }
}

#[test]
fn weak_keys_are_refused() {
    for (key, expected) in [
        (
            json!({"kty": "oct", "alg": "HS256", "k": "c2VjcmV0"}),
            "keys[0].k: 6 bytes; a secret has at least the 32 bytes of the digest",
        ),
        (
            json!({"kty": "oct", "alg": "HS512", "k": "A".repeat(43)}),
            "keys[0].k: 32 bytes; a secret has at least the 64 bytes of the digest",
        ),
        (
            json!({"kty": "RSA", "e": "AQAB", "n": "_".repeat(172)}),
            "keys[0].n: not an odd modulus of 2048 to 8192 bits; use another key pair",
        ),
        (
            json!({"kty": "RSA", "e": "Aw", "n": "_".repeat(344)}),
            "keys[0].e: not an odd number from 65537 (AQAB) up; use another key pair",
        ),
        (
            json!({"kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43)}),
            "keys[0].x: not an Ed25519 public key: 32 bytes that are a point of large order",
        ),
    ] {
        assert_eq!(error(key), expected);
    }
}

#[test]
fn an_algorithm_is_never_guessed() {
    let secret = json!({"kty": "oct", "k": "A".repeat(86)});
    let missing = "keys[0].alg: missing, and nothing says which algorithm the key is for; name it, or allow only one in `algorithms`";
    assert_eq!(error(secret.clone()), missing);
    assert!(read(&[secret], Some(&[Algorithm::Hs384])).is_ok());
    let rsa = json!({"kty": "RSA", "e": "AQAB", "n": "_".repeat(344)});
    assert_eq!(read(&[rsa], Some(&[Algorithm::Rs256, Algorithm::Ps256])).unwrap_err(), missing);
}

#[test]
fn keys_for_other_purposes_and_of_unknown_kinds_are_passed_over() {
    for key in [
        with("use", json!("enc")),
        with("key_ops", json!(["deriveKey"])),
        with("crv", json!("secp256k1")),
        with("alg", json!("ECDH-ES")),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}),
    ] {
        assert_eq!(error(key.clone()), UNUSABLE, "{key}");
        assert!(read(&[key, ec_key()], None).is_ok());
    }
    assert_eq!(read(&[with("alg", json!("ES256"))], Some(&[Algorithm::EdDsa])).unwrap_err(), UNUSABLE);
    assert_eq!(read(&[], None).unwrap_err(), UNUSABLE);
}

#[test]
fn a_broken_key_is_named_by_its_index() {
    let error = read(&[ec_key(), with("x", json!("!"))], None).unwrap_err();
    assert_eq!(error, "keys[1].x: not base64url without padding (RFC 7515 section 2)");
}

#[test]
fn a_key_set_has_at_most_a_hundred_keys() {
    let keys = |count: usize| (0..count).map(|kid| with("kid", json!(kid.to_string()))).collect::<Vec<_>>();
    assert!(read(&keys(100), None).is_ok());
    assert_eq!(read(&keys(101), None).unwrap_err(), "keys: 101 keys; at most 100");
}

#[test]
fn at_most_four_keys_share_a_name() {
    assert!(read(&vec![with("kid", json!("k")); 4], None).is_ok());
    let error = read(&vec![with("kid", json!("k")); 5], None).unwrap_err();
    assert_eq!(error, "keys: more than 4 keys with the kid \"k\"; name them apart");
}

#[test]
fn unknown_members_are_ignored() {
    for (member, value) in [("x5t", json!("AAAA")), ("x5c", json!(["AAAA"])), ("more", json!({"a": [1]}))] {
        assert!(read(&[with(member, value)], None).is_ok(), "{member}");
    }
}

fn document(keys: &[Value]) -> String {
    json!({"keys": keys}).to_string()
}

fn fetch(document: &str) -> Result<(KeySet, Skipped), String> {
    KeySet::from_document(document.as_bytes(), None, 20)
}

#[test]
fn a_fetched_document_loses_only_its_broken_keys() {
    let secret = json!({"kty": "oct", "alg": "HS256", "k": "A".repeat(43)});
    for (broken, problem) in [
        (with("x", json!("AQAB")), "keys[0].x: 3 bytes; a coordinate on P-256 has 32"),
        (without("kty"), "keys[0].kty: missing; a JWK of this kind needs it (RFC 7518 section 6)"),
        (with("kty", json!(1)), "keys[0].kty: not a string"),
        (json!([]), "keys[0]: not an object"),
        (
            with("d", json!("AQAB")),
            "keys[0].d: a private key; remove it here, and replace the key pair wherever this text has been",
        ),
        (secret, "keys[0].k: a shared secret in a public document"),
        (json!({"kty": "oct"}), "keys[0].k: a shared secret in a public document"),
    ] {
        let (keys, skipped) = fetch(&document(&[broken.clone(), ec_key()])).unwrap();
        assert!(keys.knows(Some("k1"), Algorithm::Es256));
        assert_eq!(skipped, Skipped { count: 1, problem: Some(problem.to_owned()) });
        let expected = format!("no key that verifies signatures with an allowed algorithm; {problem}");
        assert_eq!(fetch(&document(&[broken])).unwrap_err(), expected);
    }
}

#[test]
fn a_fetched_key_for_another_purpose_is_no_problem() {
    let others = [
        with("use", json!("enc")),
        with("crv", json!("secp256k1")),
        json!({"kty": "AKP", "alg": "ML-DSA-44"}),
    ];
    let (_, skipped) = fetch(&document(&[others.as_slice(), &[ec_key()]].concat())).unwrap();
    assert_eq!(skipped, Skipped::default());
    let unusable = "no key that verifies signatures with an allowed algorithm";
    assert_eq!(fetch(&document(&others)).unwrap_err(), unusable);
    let other = KeySet::from_document(document(&[ec_key()]).as_bytes(), Some(&[Algorithm::EdDsa]), 20);
    assert_eq!(other.unwrap_err(), unusable);
}

#[test]
fn a_fetched_document_that_is_none_is_refused_without_quoting_it() {
    for (text, expected) in [
        ("", "not JSON with each member once, at line 1 column 0"),
        ("<html>\nsecret", "not JSON with each member once, at line 1 column 1"),
        ("{\"keys\":[],\"keys\":[]}", "not JSON with each member once, at line 1 column 21"),
        ("[]", "no list `keys`"),
        ("{}", "no list `keys`"),
        ("{\"keys\":{}}", "no list `keys`"),
        ("{\"keys\":[]}", "no key that verifies signatures with an allowed algorithm"),
    ] {
        assert_eq!(fetch(text).unwrap_err(), expected, "{text:?}");
    }
    let many =
        |count| document(&(0..count).map(|kid| with("kid", json!(kid.to_string()))).collect::<Vec<_>>());
    assert!(fetch(&many(20)).is_ok());
    assert_eq!(fetch(&many(21)).unwrap_err(), "21 keys; at most 20");
}

#[test]
fn the_fifth_fetched_key_of_a_name_is_one_too_many() {
    let (keys, skipped) = fetch(&document(&vec![ec_key(); 6])).unwrap();
    assert!(keys.knows(Some("k1"), Algorithm::Es256));
    let problem = Some("keys[4].kid: more than 4 keys with this name".to_owned());
    assert_eq!(skipped, Skipped { count: 2, problem });
    assert_eq!(fetch(&document(&vec![without("kid"); 6])).unwrap().1, Skipped::default());
}

#[test]
fn a_problem_quotes_nothing_long_or_odd_of_a_fetched_key() {
    let odd = "\n\u{1b}[31m".repeat(1000);
    for member in ["kty", "crv", "x", "y", "kid", "alg", "use", "key_ops"] {
        for key in [with(member, json!(odd)), with(member, json!([odd]))] {
            let problem = fetch(&document(&[key.clone(), ec_key()])).unwrap().1.problem.unwrap_or_default();
            assert!(problem.len() < 200 && !problem.contains(char::is_control), "{problem}");
        }
    }
}

#[test]
fn a_set_knows_what_a_token_may_mean() {
    let other = with("kid", json!("k2"));
    let keys = read(&[ec_key(), other.clone()], None).unwrap();
    for (key_id, known) in
        [(Some("k1"), true), (Some("k2"), true), (Some("k3"), false), (Some(""), false), (None, true)]
    {
        assert_eq!(keys.knows(key_id, Algorithm::Es256), known, "{key_id:?}");
        assert!(!keys.knows(key_id, Algorithm::Rs256), "{key_id:?}");
    }
    let nameless = read(&[without("kid"), other], None).unwrap();
    assert!(!nameless.knows(Some("k3"), Algorithm::Es256));
}

#[test]
fn an_identity_is_of_the_key_and_not_of_its_name() {
    let token = concat!(
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    );
    let jws = Jws::parse(token.as_bytes()).unwrap();
    let keys = read(&[ec_key()], None).unwrap();
    let key = keys.verify_in_module(&jws).unwrap();
    assert!(keys.contains(key));
    assert_eq!(keys.kids_of(key).next(), Some("k1"));
    let renamed = read(&[with("kid", json!("k2"))], None).unwrap();
    assert!(renamed.contains(key));
    assert_eq!(
        (renamed.kids_of(key).next(), read(&[without("kid")], None).unwrap().kids_of(key).next()),
        (Some("k2"), None)
    );
    let ed = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let other = read(&[ed], None).unwrap();
    assert!(!other.contains(key));
    assert_eq!(other.kids_of(key).next(), None);
}

proptest! {
    #[test]
    fn no_document_is_too_odd(
        garbage in prop::collection::vec(any::<u8>(), 0..200),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let _ = KeySet::from_document(&garbage, None, 20);
        let mut text = document(&[ec_key(), json!({"kty": "RSA", "e": "AQAB", "n": "_".repeat(342)})]).into_bytes();
        for (at, byte) in &edits {
            *at.get_mut(&mut text) = *byte;
        }
        if let Ok((keys, skipped)) = KeySet::from_document(&text, None, 20) {
            let known = Algorithm::ALL.iter().filter(|algorithm| keys.knows(None, **algorithm)).count();
            prop_assert!(known >= 1 && known + skipped.count <= 2);
        }
    }
}
