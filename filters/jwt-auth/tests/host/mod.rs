//! A host that verifies signatures as Envoy's foreign function does, with a library of one family with Envoy's.

use aws_lc_rs::signature::{self as algorithms, UnparsedPublicKey, VerificationAlgorithm};
use portcullis_kit::{ForeignFunctions, HostError};
use prost::Message;

/// What Envoy says of a signature, and of a key that it cannot use.
pub(crate) const WRONG: &str = "Failed to verify digest. Error code: 0";
pub(crate) const UNUSABLE: &str = "Failed to initialize digest verify.";

/// The argument of `verify_signature`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Question {
    #[prost(string, tag = "1")]
    pub(crate) hash_function: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) public_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) text: Vec<u8>,
}

/// Its answer.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Answer {
    #[prost(bool, tag = "1")]
    pub(crate) result: bool,
    #[prost(string, tag = "2")]
    pub(crate) error: String,
}

/// Counts what it is asked.
#[derive(Debug, Default)]
pub(crate) struct Verifier {
    pub(crate) asked: usize,
    /// How many of its answers were neither that a signature fits nor that it does not.
    pub(crate) unclear: usize,
}

impl ForeignFunctions for Verifier {
    fn foreign(&mut self, name: &str, argument: &[u8]) -> Result<Vec<u8>, HostError> {
        assert_eq!(name, "verify_signature");
        let error =
            verified(&Question::decode(argument).map_err(|_| HostError(2))?).err().unwrap_or_default();
        self.asked += 1;
        self.unclear += usize::from(!["", WRONG].contains(&error.as_str()));
        Ok(Answer { result: error.is_empty(), error }.encode_to_vec())
    }
}

fn verified(question: &Question) -> Result<(), String> {
    let algorithms: [&'static dyn VerificationAlgorithm; 4] = match question.hash_function.as_str() {
        "sha256" => [
            &algorithms::RSA_PKCS1_2048_8192_SHA256,
            &algorithms::ECDSA_P256_SHA256_ASN1,
            &algorithms::ECDSA_P384_SHA256_ASN1,
            &algorithms::ECDSA_P521_SHA256_ASN1,
        ],
        "sha384" => [
            &algorithms::RSA_PKCS1_2048_8192_SHA384,
            &algorithms::ECDSA_P256_SHA384_ASN1,
            &algorithms::ECDSA_P384_SHA384_ASN1,
            &algorithms::ECDSA_P521_SHA384_ASN1,
        ],
        "sha512" => [
            &algorithms::RSA_PKCS1_2048_8192_SHA512,
            &algorithms::ECDSA_P256_SHA512_ASN1,
            &algorithms::ECDSA_P384_SHA512_ASN1,
            &algorithms::ECDSA_P521_SHA512_ASN1,
        ],
        other => return Err(format!("{other} is not supported.")),
    };
    let mut keys =
        algorithms.iter().map(|algorithm| UnparsedPublicKey::new(*algorithm, &question.public_key));
    let key = keys.find_map(|key| key.parse().ok()).ok_or(UNUSABLE)?;
    key.verify_sig(&question.text, &question.signature).map_err(|_| WRONG.to_owned())
}
