use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::{Decode, Reader, SliceReader};
use pkcs8::spki::{AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef};
use rustls_pki_types::pem::{SectionKind, from_buf};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P224: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.33");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The kinds of keys that Envoy's library reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rsa,
    P224,
    P256,
    P384,
    P521,
    /// Of no use with a hash function.
    Edwards,
}

/// A key in DER: SubjectPublicKeyInfo, or PKCS #8, or what stands in the older PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Unknown for a curve's key of the older form.
    pub(super) kind: Option<Kind>,
    pub(super) der: Vec<u8>,
}

/// The public key in these bytes, whatever comes after it.
pub(super) fn public(der: &[u8]) -> Option<Key> {
    let mut reader = SliceReader::new(der).ok()?;
    let info = SubjectPublicKeyInfoRef::decode(&mut reader).ok()?;
    key(kind(&info.algorithm)?, der, &reader)
}

/// The private key in these bytes, whatever comes after it.
pub(super) fn private(der: &[u8]) -> Option<Key> {
    let mut reader = SliceReader::new(der).ok()?;
    let info = PrivateKeyInfoRef::decode(&mut reader).ok()?;
    key(kind(&info.algorithm)?, der, &reader)
}

/// The first public key of a PEM text.
pub(super) fn public_pem(text: &str) -> Option<Key> {
    sections(text)
        .find_map(|(section, der)| (section == SectionKind::PublicKey).then(|| public(&der)).flatten())
}

/// The first private key of a PEM text that is not encrypted.
pub(super) fn private_pem(text: &str) -> Option<Key> {
    sections(text).find_map(|(section, der)| match section {
        SectionKind::PrivateKey => private(&der),
        SectionKind::RsaPrivateKey => Some(Key { kind: Some(Kind::Rsa), der }),
        SectionKind::EcPrivateKey => Some(Key { kind: None, der }),
        _ => None,
    })
}

fn sections(text: &str) -> impl Iterator<Item = (SectionKind, Vec<u8>)> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || from_buf(&mut rest).ok().flatten())
}

fn key<'a>(kind: Kind, der: &[u8], read: &impl Reader<'a>) -> Option<Key> {
    let end = usize::try_from(read.position()).ok()?;
    Some(Key { kind: Some(kind), der: der.get(..end)?.to_vec() })
}

fn kind(algorithm: &AlgorithmIdentifierRef<'_>) -> Option<Kind> {
    match (algorithm.oid, algorithm.parameters_oid().ok()) {
        (RSA, _) => Some(Kind::Rsa),
        (EC, Some(P224)) => Some(Kind::P224),
        (EC, Some(P256)) => Some(Kind::P256),
        (EC, Some(P384)) => Some(Kind::P384),
        (EC, Some(P521)) => Some(Kind::P521),
        (ED25519 | X25519, _) => Some(Kind::Edwards),
        _ => None,
    }
}
