//! Signatures that the host verifies: Envoy's foreign function `verify_signature`, many times as fast as the module.
//!
//! It is believed only as far as known answers have shown at start that it can be, and only when it is clear.

use portcullis_kit::ForeignFunctions;
use serde_json::{Map, Value};

use super::Key;
use super::known_answers::{ES256_KEY, ES256_TOKEN, RS256_KEY, RS256_TOKEN};
use crate::Jws;

const FUNCTION: &str = "verify_signature";

/// The answer to a signature that fits, byte for byte: `{1: true}` in protobuf.
const FITS: [u8; 2] = [0x08, 1];

/// What the host may be asked, by the family of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCrypto {
    rsa: Option<Refusal>,
    ecdsa: Option<Refusal>,
}

/// The host's answer to a signature that does not fit, byte for byte: its wording is not ours to know.
type Refusal = Vec<u8>;

/// Keys that the host verifies by the same code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Ecdsa,
    Rsa,
}

/// A key in the form in which the host takes it.
#[derive(Debug)]
pub(crate) struct HostKey {
    family: Family,
    /// The first two fields of every question: `{1: hash function, 2: SubjectPublicKeyInfo}`.
    head: Vec<u8>,
}

impl HostKey {
    pub(crate) fn new(family: Family, hash: &str, public_key: &[u8]) -> Self {
        let mut head = Vec::new();
        append(&mut head, 1, hash.as_bytes());
        append(&mut head, 2, public_key);
        Self { family, head }
    }

    /// The whole question: `{.., 3: signature, 4: signed text}`.
    fn question(&self, signature: &[u8], message: &[u8]) -> Vec<u8> {
        let mut question = Vec::with_capacity(self.head.len() + signature.len() + message.len() + 16);
        question.extend_from_slice(&self.head);
        append(&mut question, 3, signature);
        append(&mut question, 4, message);
        question
    }
}

impl HostCrypto {
    /// No host is asked.
    pub const NONE: Self = Self { rsa: None, ecdsa: None };

    /// Finds out what the host can do, from the examples of RFC 7515 appendices A.2 and A.3.
    pub fn probe(host: &mut dyn ForeignFunctions) -> Self {
        Self { rsa: probe(host, &RS256_KEY, RS256_TOKEN), ecdsa: probe(host, &ES256_KEY, ES256_TOKEN) }
    }

    /// Whether the host is asked about RSASSA-PKCS1-v1_5.
    pub const fn has_rsa(&self) -> bool {
        self.rsa.is_some()
    }

    /// Whether the host is asked about ECDSA.
    pub const fn has_ecdsa(&self) -> bool {
        self.ecdsa.is_some()
    }

    /// The host's word. `None` where it is not asked, and where its answer is neither of the two that it gave to the examples.
    pub(crate) fn verifies(
        &self,
        host: &mut dyn ForeignFunctions,
        key: &HostKey,
        signature: &[u8],
        message: &[u8],
    ) -> Option<bool> {
        let refusal = match key.family {
            Family::Rsa => self.rsa.as_ref()?,
            Family::Ecdsa => self.ecdsa.as_ref()?,
        };
        let answer = host.foreign(FUNCTION, &key.question(signature, message)).ok()?;
        if answer == FITS {
            return Some(true);
        }
        (answer == *refusal).then_some(false)
    }
}

/// The host's refusal, if it accepts the example, refuses it with another payload and with another signature alike, and says
/// something else of a key that it cannot read.
fn probe(host: &mut dyn ForeignFunctions, key: &[(&str, &str)], token: &str) -> Option<Refusal> {
    let jwk: Map<String, Value> =
        key.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let key = Key::from_jwk(&jwk, None).ok()??;
    let jws = Jws::parse(token.as_bytes()).ok()?;
    let (key, signature) = key.for_host(&jws.signature)?;
    let other_message = jws.signing_input.split_last()?.1;
    // Another number in the middle: still a signature by its form.
    let mut other_signature = signature.clone();
    *other_signature.get_mut(signature.len() / 4)? ^= 1;
    let unreadable = HostKey::new(key.family, "sha256", &[0x30, 0]);

    let mut ask = |key: &HostKey, signature: &[u8], message: &[u8]| {
        host.foreign(FUNCTION, &key.question(signature, message)).ok()
    };
    let accepted = ask(key, &signature, jws.signing_input)? == FITS;
    let refusal = ask(key, &signature, other_message)?;
    let alike = ask(key, &other_signature, jws.signing_input)? == refusal;
    let told_apart = ask(&unreadable, &signature, jws.signing_input) != Some(refusal.clone());
    (accepted && alike && told_apart && refusal != FITS).then_some(refusal)
}

/// A field of bytes (protobuf wire type 2).
fn append(message: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    message.push(field << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        message.push(length.to_le_bytes().first().map_or(0, |low| low | 0x80));
        length >>= 7;
    }
    message.push(length.to_le_bytes().first().copied().unwrap_or(0));
    message.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[derive(Clone, PartialEq, Eq, Message)]
    struct Question {
        #[prost(string, tag = "1")]
        hash_function: String,
        #[prost(bytes = "vec", tag = "2")]
        public_key: Vec<u8>,
        #[prost(bytes = "vec", tag = "3")]
        signature: Vec<u8>,
        #[prost(bytes = "vec", tag = "4")]
        text: Vec<u8>,
    }

    #[test]
    fn a_question_is_protobuf_at_every_length() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 2_097_152] {
            let (public_key, signature, text) = (vec![1; length], vec![2; length], vec![3; length]);
            let question = HostKey::new(Family::Rsa, "sha256", &public_key).question(&signature, &text);
            let expected = Question { hash_function: "sha256".into(), public_key, signature, text };
            assert_eq!(Question::decode(question.as_slice()).unwrap(), expected, "{length}");
        }
    }
}
