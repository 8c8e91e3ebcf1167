use pkcs8::der::asn1::{AnyRef, BitStringRef, ContextSpecific, OctetStringRef, UintRef};
use pkcs8::der::{self, Decode, Reader, SliceReader, Tag, TagMode, TagNumber, Tagged};
use pkcs8::spki::{AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef};

use crate::integers::sequence;
use crate::{dsa, parameters, pem};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P224: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.33");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The kinds of keys that Envoy's library reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa,
    P224,
    P256,
    P384,
    P521,
    /// Of no use with a hash function.
    Edwards,
    /// Of no use at all any more.
    Dsa,
}

/// A key in the form that its kind has: RSAPublicKey or RSAPrivateKey, a point or ECPrivateKey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
}

/// What an ECPrivateKey has, RFC 5915.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EcPrivateKey<'a> {
    pub(crate) secret: &'a [u8],
    pub(crate) curve: Option<Kind>,
    pub(crate) public: Option<&'a [u8]>,
}

/// What a PEM text calls a private key; of one that is encrypted, nobody gives the password.
const PRIVATE: [&str; 5] =
    ["ENCRYPTED PRIVATE KEY", "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"];

/// The first public key of a PEM text.
pub(crate) fn public_pem(text: &str) -> Option<Key> {
    let (_, der) = pem::first(text, &["PUBLIC KEY"])?;
    public(&der)
}

/// The first private key of a PEM text, if it is not encrypted.
pub(crate) fn private_pem(text: &str) -> Option<Key> {
    let (label, der) = pem::first(text, &PRIVATE)?;
    match label {
        b"PRIVATE KEY" => private_info(&der).filter(|info| are_attributes(info.rest))?.key(),
        b"RSA PRIVATE KEY" => private_rsa(&der),
        b"EC PRIVATE KEY" => private_ec(&der),
        b"DSA PRIVATE KEY" => private_dsa(&der),
        _ => None,
    }
}

/// The public key in these bytes, whatever comes after it.
pub(crate) fn public(der: &[u8]) -> Option<Key> {
    let info = SubjectPublicKeyInfoRef::from_der(first(der)?).ok()?;
    Some(Key { kind: kind(&info.algorithm, named)?, bytes: info.subject_public_key.as_bytes()?.to_vec() })
}

/// The private key in these bytes, whatever comes after it.
pub(crate) fn private(der: &[u8]) -> Option<Key> {
    private_info(der)?.key()
}

/// PKCS #8, RFC 5208.
struct PrivateKeyInfo<'a> {
    version: u8,
    algorithm: AlgorithmIdentifierRef<'a>,
    key: &'a [u8],
    rest: &'a [u8],
}

fn private_info(der: &[u8]) -> Option<PrivateKeyInfo<'_>> {
    let mut fields = sequence(&AnyRef::from_der(first(der)?).ok()?)?;
    Some(PrivateKeyInfo {
        version: u8::decode(&mut fields).ok()?,
        algorithm: fields.decode().ok()?,
        key: <&OctetStringRef>::decode(&mut fields).ok()?.as_bytes(),
        rest: fields.read_slice(fields.remaining_len()).ok()?,
    })
}

impl PrivateKeyInfo<'_> {
    fn key(&self) -> Option<Key> {
        let kind = kind(&self.algorithm, curve)?;
        let fits = match kind {
            // A string of its own.
            Kind::Edwards => self.key.len() == 34 && self.key.starts_with(&[4, 32]),
            Kind::Dsa => dsa::are_key(&self.algorithm.parameters?, UintRef::from_der(self.key).ok()?),
            _ => true,
        };
        (self.version == 0 && fits).then(|| Key { kind, bytes: self.key.to_vec() })
    }
}

/// Whether this may come after a key; BoringSSL looks at it in PEM alone.
fn are_attributes(rest: &[u8]) -> bool {
    let tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
    rest.is_empty() || AnyRef::from_der(rest).is_ok_and(|set| set.tag() == tag && are_all(&set, is_attribute))
}

fn is_attribute(attribute: &AnyRef<'_>) -> bool {
    let values = |mut fields: SliceReader<'_>| {
        <ObjectIdentifier>::decode(&mut fields).ok()?;
        let values = AnyRef::decode(&mut fields).ok()?;
        fields.finish().ok()?;
        Some(values.tag() == Tag::Set && are_all(&values, |_| true))
    };
    sequence(attribute).and_then(values).unwrap_or_default()
}

fn are_all(set: &AnyRef<'_>, fits: impl Fn(&AnyRef<'_>) -> bool) -> bool {
    let Ok(mut members) = SliceReader::new(set.value()) else { return false };
    while !members.is_finished() {
        if !AnyRef::decode(&mut members).is_ok_and(|member| fits(&member)) {
            return false;
        }
    }
    true
}

impl<'a> EcPrivateKey<'a> {
    pub(crate) fn read(der: &'a [u8]) -> Option<Self> {
        let mut reader = SliceReader::new(der).ok()?;
        let (version, secret, parameters, public) = reader.sequence(ec_private_key).ok()?;
        reader.finish().ok()?;
        let curve = match parameters {
            Some(parameters) => Some(curve(&parameters)?),
            None => None,
        };
        let public = match public {
            Some(bits) => Some(bits.as_bytes()?),
            None => None,
        };
        (version == 1).then_some(Self { secret: secret.as_bytes(), curve, public })
    }
}

type Fields<'a> = (u8, &'a OctetStringRef, Option<AnyRef<'a>>, Option<BitStringRef<'a>>);

fn ec_private_key<'a>(reader: &mut SliceReader<'a>) -> der::Result<Fields<'a>> {
    Ok((
        u8::decode(reader)?,
        reader.decode()?,
        ContextSpecific::decode_explicit(reader, TagNumber(0))?.map(|field| field.value),
        reader.context_specific(TagNumber(1), TagMode::Explicit)?,
    ))
}

/// RSAPrivateKey, or PKCS #8 around it.
fn private_rsa(der: &[u8]) -> Option<Key> {
    match private(der) {
        Some(key) => (key.kind == Kind::Rsa).then_some(key),
        None => Some(Key { kind: Kind::Rsa, bytes: first(der)?.to_vec() }),
    }
}

/// ECPrivateKey, which has to say its curve, or PKCS #8 around it.
fn private_ec(der: &[u8]) -> Option<Key> {
    match private(der) {
        Some(key) => (!matches!(key.kind, Kind::Rsa | Kind::Edwards | Kind::Dsa)).then_some(key),
        None => {
            let der = first(der)?;
            Some(Key { kind: EcPrivateKey::read(der)?.curve?, bytes: der.to_vec() })
        }
    }
}

/// DSAPrivateKey, or PKCS #8 around it.
fn private_dsa(der: &[u8]) -> Option<Key> {
    match private(der) {
        Some(key) => (key.kind == Kind::Dsa).then_some(key),
        None => {
            let der = first(der)?;
            let is_key = dsa::is_private_key(&AnyRef::from_der(der).ok()?);
            is_key.then(|| Key { kind: Kind::Dsa, bytes: der.to_vec() })
        }
    }
}

/// The first element, without what comes after it.
fn first(der: &[u8]) -> Option<&[u8]> {
    SliceReader::new(der).ok()?.tlv_bytes().ok()
}

fn kind(algorithm: &AlgorithmIdentifierRef<'_>, curve: fn(&AnyRef<'_>) -> Option<Kind>) -> Option<Kind> {
    match (algorithm.oid, algorithm.parameters) {
        (RSA, Some(parameters)) => parameters.is_null().then_some(Kind::Rsa),
        (EC, Some(parameters)) => curve(&parameters),
        (ED25519 | X25519, None) => Some(Kind::Edwards),
        (DSA, Some(_)) => Some(Kind::Dsa),
        _ => None,
    }
}

/// A curve by its name, or as private keys may have it, by its numbers.
fn curve(parameters: &AnyRef<'_>) -> Option<Kind> {
    if parameters.tag() == Tag::Sequence { parameters::curve(parameters) } else { named(parameters) }
}

fn named(parameters: &AnyRef<'_>) -> Option<Kind> {
    match parameters.decode_as().ok()? {
        P224 => Some(Kind::P224),
        P256 => Some(Kind::P256),
        P384 => Some(Kind::P384),
        P521 => Some(Kind::P521),
        _ => None,
    }
}
