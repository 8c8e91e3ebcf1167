//! DPoP proofs (RFC 9449): the examples of the RFC, those of another library, one for each rule broken, and laws that hold for
//! every proof.

#[path = "dpop/client.rs"]
mod client;

use base64::Engine;
use client::*;
use portcullis_jwt_auth::{Binding, JwtError, Presented, SenderConstraintConfig};
use portcullis_kit::Headers;
use portcullis_kit::testing::TestHost;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::Index;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

#[test]
fn the_resource_request_of_rfc_9449_section_7_1_passes() {
    let proof = concat!(
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpD",
        "a0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6",
        "IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGx",
        "lLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk",
        "1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJ",
        "pLjA",
    );
    let request: Headers = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "resource.example.org"),
        (":path", "/protectedresource"),
        ("dpop", proof),
    ]
    .into_iter()
    .collect();
    let cnf = json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"});
    let check = |token: &str| {
        let presented = Presented { token: token.as_bytes(), scheme: Some("DPoP") };
        binding(json!({})).check(Some(&cnf), presented, &request, &mut TestHost::at(1_562_262_619))
    };
    assert_eq!(check("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"), Ok(()));
    assert_eq!(
        check("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxV").unwrap_err().error,
        JwtError::DpopProofInvalid
    );
}

#[test]
fn the_certificate_of_rfc_8705_appendix_a_has_the_digest_of_its_token() {
    let der = concat!(
        "MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAxODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsG",
        "A1UEAwwEbXRsczBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ/Au08/coZwxS7LfA",
        "4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwIDSQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA",
        "5x2eXZOVbUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=",
    );
    let der = base64::engine::general_purpose::STANDARD.decode(der).unwrap();
    let hex: String = Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect();
    let config: SenderConstraintConfig =
        serde_json::from_value(json!({"require": "mtls", "mtls": {}})).unwrap();
    let cnf = json!({"x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"});
    let mut host = TestHost::at(NOW);
    host.properties.insert("connection.sha256_peer_certificate_digest".into(), hex.into_bytes());
    let presented = Presented { token: TOKEN.as_bytes(), scheme: Some("Bearer") };
    let result = Binding::try_from(config).unwrap().check(Some(&cnf), presented, &request(&[]), &mut host);
    assert_eq!(result, Ok(()));
}

#[test]
fn proofs_of_another_library_pass_with_every_asymmetric_algorithm() {
    let proofs: Vec<Map<String, Value>> = serde_json::from_str(include_str!("dpop/proofs.json")).unwrap();
    assert_eq!(proofs.len(), 10);
    for proof in proofs {
        let text = proof["proof"].as_str().unwrap();
        let check = |algorithms: Value| {
            let binding = binding(json!({"algorithms": algorithms}));
            send(&binding, &json!({"jkt": proof["jkt"]}), &request(&[text]), &mut TestHost::at(NOW))
        };
        assert_eq!(check(json!([proof["alg"]])), Ok(()), "{}", proof["alg"]);
        let other = if proof["alg"] == "ES256" { "EdDSA" } else { "ES256" };
        assert_eq!(check(json!([other])).unwrap_err().reason, "alg is not among the algorithms of proofs");
    }
}

#[test]
fn claims_that_do_not_fit_are_refused() {
    let client = Client::new(1);
    let (method, uri) = ("htm is not the method of the request", "htu is not the URI of the request");
    let (ath, jti) = ("ath is not the hash of the access token", "jti is missing, empty or too long");
    let types = "the claims of the proof are no JSON object of the right types";
    let stale = "the proof has expired, or is not valid yet";
    for (changes, reason) in [
        (json!({"htm": null}), method),
        (json!({"htm": "GET"}), method),
        (json!({"htm": "post"}), method),
        (json!({"htm": ["POST"]}), method),
        (json!({"htu": null}), uri),
        (json!({"htu": "http://api.example/orders"}), uri),
        (json!({"htu": "https://api.example:8443/orders"}), uri),
        (json!({"htu": "https://api.example.evil/orders"}), uri),
        (json!({"htu": "https://api.example/orders/"}), uri),
        (json!({"htu": "https://api.example/Orders"}), uri),
        (json!({"htu": "/orders"}), uri),
        (json!({"ath": null}), ath),
        (json!({"ath": ""}), ath),
        (json!({"ath": b64(Sha256::digest("a.b.d"))}), ath),
        (json!({"ath": format!("{}=", b64(Sha256::digest(TOKEN)))}), ath),
        (json!({"jti": null}), jti),
        (json!({"jti": ""}), jti),
        (json!({"jti": "x".repeat(257)}), jti),
        (json!({"jti": 1}), types),
        (json!({"iat": null}), "iat is missing"),
        (json!({"iat": "1000"}), types),
        (json!({"iat": -1}), types),
        (json!({"iat": NOW - 61}), "iat is too long ago"),
        (json!({"iat": NOW + 6}), "iat is in the future"),
        (json!({"iat": u64::MAX}), "iat is in the future"),
        (json!({"exp": NOW - 5}), stale),
        (json!({"nbf": NOW + 6}), stale),
    ] {
        let proof = client.proof(&changed(claims(), changes.clone()));
        assert_eq!(broken(&client, &proof), reason, "{changes}");
    }
    for changes in [
        json!({"htu": "HTTPS://API.example:443/%6frders#top"}),
        json!({"iat": NOW - 60}),
        json!({"iat": NOW + 5}),
        json!({"iat": 999.5, "exp": NOW + 1, "nbf": NOW, "nonce": "unasked", "more": [1]}),
        json!({"jti": "x".repeat(256)}),
    ] {
        let proof = client.proof(&changed(claims(), changes.clone()));
        assert_eq!(send_proof(json!({}), &client, &proof), Ok(()), "{changes}");
    }
}

#[test]
fn headers_that_do_not_fit_are_refused() {
    let client = Client::new(1);
    let with = |changes: Value| client.sign(&changed(client.header(), changes), &claims());
    let jwk = |changes: Value| with(json!({"jwk": changed(client.jwk(), changes)}));
    let (typ, private) = ("typ is not dpop+jwt", "jwk is a private key");
    let (alg, form) =
        ("alg is not among the algorithms of proofs", "the proof is no JWS that is accepted here");
    for (proof, reason) in [
        (with(json!({"typ": null})), typ),
        (with(json!({"typ": "JWT"})), typ),
        (with(json!({"typ": "at+jwt"})), typ),
        (with(json!({"alg": "HS256"})), alg),
        (with(json!({"alg": "ES512"})), alg),
        (with(json!({"alg": "EdDSA"})), "jwk is no key for alg"),
        (with(json!({"alg": "none"})), form),
        (with(json!({"crit": ["exp"]})), form),
        (with(json!({"jwk": null})), "jwk is missing"),
        (with(json!({"jwk": client.jwk().to_string()})), "jwk is missing"),
        (jwk(json!({"d": b64([1; 32])})), private),
        (jwk(json!({"k": b64([1; 32])})), private),
        (with(json!({"jwk": {"kty": "oct"}})), "jwk is no public key"),
        (with(json!({"jwk": {"kty": "EC"}})), "jwk is no public key"),
        (jwk(json!({"use": "enc"})), "jwk is no key for alg"),
        (jwk(json!({"key_ops": ["sign"]})), "jwk is no key for alg"),
        (jwk(json!({"alg": "ES384"})), "jwk is no key for alg"),
    ] {
        assert_eq!(broken(&client, &proof), reason, "{proof}");
    }
    for proof in
        [with(json!({"typ": "application/DPoP+JWT"})), jwk(json!({"use": "sig", "alg": "ES256", "kid": "k"}))]
    {
        assert_eq!(send_proof(json!({}), &client, &proof), Ok(()));
    }
}

#[test]
fn another_key_than_the_token_is_bound_to_is_refused() {
    let (client, thief) = (Client::new(1), Client::new(2));
    let error = send_proof(json!({}), &client, &thief.proof(&claims())).unwrap_err();
    assert_eq!(error.error, JwtError::DpopBindingMismatch);
    let forged = thief.sign(&client.header(), &claims());
    assert_eq!(broken(&client, &forged), "the signature of the proof does not fit its key");
}

#[test]
fn there_is_exactly_one_proof() {
    let client = Client::new(1);
    let proof = client.proof(&claims());
    let check =
        |proofs: &[&str]| send(&binding(json!({})), &client.cnf(), &request(proofs), &mut TestHost::at(NOW));
    assert_eq!(check(&[]).unwrap_err().error, JwtError::DpopProofMissing);
    assert_eq!(check(&[&proof, &proof]).unwrap_err().reason, "more than one DPoP header");
    assert_eq!(check(&[&proof, ""]).unwrap_err().reason, "more than one DPoP header");
    for joined in
        [format!("{proof},{proof}"), format!("{proof}, {proof}"), format!("{proof},"), String::new()]
    {
        assert_eq!(check(&[&joined]).unwrap_err().reason, "the proof is no JWS that is accepted here");
    }
    assert_eq!(check(&[&"a".repeat(8193)]).unwrap_err().reason, "the proof is too long");
    assert_eq!(check(&[&format!(" {proof} ")]), Ok(()));
}

#[test]
fn a_proof_passes_once_on_all_workers_together() {
    let client = Client::new(1);
    let request = request(&[&client.proof(&claims())]);
    let workers = [binding(json!({})), binding(json!({}))];
    let mut host = TestHost::at(NOW);
    assert_eq!(send(&workers[0], &client.cnf(), &request, &mut host), Ok(()));
    for worker in &workers {
        assert_eq!(
            send(worker, &client.cnf(), &request, &mut host).unwrap_err().error,
            JwtError::DpopReplayed
        );
    }
    // Two clients may use one jti, and a proof may have a jti that an older one had.
    let other = Client::new(2);
    let theirs = self::request(&[&other.proof(&claims())]);
    assert_eq!(send(&workers[1], &other.cnf(), &theirs, &mut host), Ok(()));
    host.now = portcullis_kit::UnixTime::from_secs(NOW + 61);
    assert_eq!(
        send(&workers[0], &client.cnf(), &request, &mut host).unwrap_err().reason,
        "iat is too long ago"
    );
    let again = self::request(&[&client.proof(&changed(claims(), json!({"iat": NOW + 61})))]);
    assert_eq!(send(&workers[0], &client.cnf(), &again, &mut host), Ok(()));
}

#[test]
fn what_is_refused_leaves_nothing_in_the_memory() {
    let (client, thief) = (Client::new(1), Client::new(2));
    let refused = [
        thief.sign(&client.header(), &claims()),
        thief.proof(&claims()),
        client.proof(&changed(claims(), json!({"htm": "GET"}))),
        client.proof(&changed(claims(), json!({"ath": "x"}))),
    ];
    let mut host = TestHost::at(NOW);
    for proof in &refused {
        assert!(send(&binding(json!({})), &client.cnf(), &request(&[proof]), &mut host).is_err());
    }
    assert!(host.shared.is_empty());
}

#[test]
fn a_nonce_is_asked_for_and_then_taken() {
    let client = Client::new(1);
    let config = || json!({"nonce": {"secret": SECRET, "lifetime": "5m"}});
    let with = |nonce: Value| client.proof(&changed(claims(), json!({"nonce": nonce})));
    let mut nonce = Value::Null;
    for wrong in [Value::Null, json!(""), json!(1), json!("made-up"), json!("A".repeat(32))] {
        let error = send_proof(config(), &client, &with(wrong.clone())).unwrap_err();
        assert_eq!(error.error, JwtError::DpopNonce, "{wrong}");
        nonce = error.nonce.unwrap().into();
    }
    assert_eq!(send_proof(config(), &client, &with(nonce.clone())), Ok(()));
    let late = client.proof(&changed(claims(), json!({"nonce": nonce, "iat": NOW + 300})));
    let mut host = TestHost::at(NOW + 300);
    let error = send(&binding(config()), &client.cnf(), &request(&[&late]), &mut host).unwrap_err();
    assert_eq!(error.error, JwtError::DpopNonce);
    assert_ne!(error.nonce.as_deref(), nonce.as_str());
}

#[test]
fn challenges_name_the_algorithms() {
    let algorithms = binding(json!({"algorithms": ["ES256", "EdDSA"]})).dpop_algorithms();
    assert_eq!(algorithms.as_deref(), Some("ES256 EdDSA"));
    assert_eq!(Binding::default().dpop_algorithms(), None);
}

#[test]
fn no_byte_of_a_proof_can_be_flipped() {
    let client = Client::new(1);
    let proof = client.proof(&claims());
    assert_eq!(send_proof(json!({}), &client, &proof), Ok(()));
    let (binding, cnf, mut host) = (binding(json!({})), client.cnf(), TestHost::at(NOW));
    for position in 0..proof.len() {
        for mask in [1, 2, 0x20] {
            let mut bytes = proof.clone().into_bytes();
            bytes[position] ^= mask;
            let Ok(flipped) = String::from_utf8(bytes) else { continue };
            assert!(send(&binding, &cnf, &request(&[&flipped]), &mut host).is_err(), "byte {position}");
        }
    }
    assert!(host.shared.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_edit_of_a_proof_passes(cut in any::<Index>(), length in 0_usize..8, insert in "[A-Za-z0-9_.=, -]{0,8}") {
        let client = Client::new(1);
        let proof = client.proof(&claims());
        let start = cut.index(proof.len() + 1);
        let end = (start + length).min(proof.len());
        let edited = format!("{}{insert}{}", &proof[..start], &proof[end..]);
        let result = send_proof(json!({}), &client, &edited);
        prop_assert_eq!(result.is_ok(), edited.trim_ascii() == proof, "{}", edited);
    }

    #[test]
    fn no_bytes_break_the_check(proof in vec(any::<u8>(), 0..300), cnf in "[{}\\[\\]\":,a-z0-9]{0,40}") {
        let binding = binding(json!({"nonce": {"secret": SECRET}}));
        let fields: [(&str, &[u8]); 5] =
            [(":method", b"POST"), (":scheme", b"https"), (":authority", b"api.example"), (":path", b"/"), ("dpop", &proof)];
        let request: Headers = fields.into_iter().collect();
        let cnf = serde_json::from_str(&cnf).unwrap_or_else(|_| Client::new(1).cnf());
        prop_assert!(send(&binding, &cnf, &request, &mut TestHost::at(NOW)).is_err());
    }

    #[test]
    fn no_json_in_a_proof_breaks_the_check(
        member in "(typ|alg|jwk|kid|crit|x5c)",
        claim in "(jti|htm|htu|iat|ath|nonce|exp)",
        value in "(null|true|-?[0-9]{1,25}(e[0-9]{1,3})?|\"[ -!#-\\[\\]-~é]{0,30}\"|\\[[0-9]?\\]|\\{\"kty\":\"(EC|RSA|OKP|oct)\"\\})",
        path in "[ -~]{0,40}",
        authority in "[ -~]{0,20}",
    ) {
        let client = Client::new(1);
        let value: Value = serde_json::from_str(&value).unwrap_or(Value::Null);
        let (mut header, mut signed) = (client.header(), claims());
        header[&member] = value.clone();
        // Anything goes but a panic.
        let _ = send_proof(json!({}), &client, &client.sign(&header, &claims()));
        signed[&claim] = value;
        let _ = send_proof(json!({}), &client, &client.proof(&signed));
        let asked = [(":method", "POST"), (":scheme", "https"), (":authority", &authority), (":path", &path)];
        let asked: Headers = asked.into_iter().chain([("dpop", client.proof(&claims()).as_str())]).collect();
        let result = send(&binding(json!({})), &client.cnf(), &asked, &mut TestHost::at(NOW));
        prop_assert!(result.is_err(), "{authority} {path}");
    }
}
