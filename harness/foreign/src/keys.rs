use pkcs8::der::asn1::{AnyRef, BitStringRef, ContextSpecific, OctetStringRef};
use pkcs8::der::{self, Decode, Reader, SliceReader, Tag, TagMode, TagNumber, Tagged};
use pkcs8::spki::{AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef};
use rustls_pki_types::pem::{SectionKind, from_buf};

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
    /// A curve that stands there by its numbers, without a name.
    Spelt,
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

/// The public key in these bytes, whatever comes after it.
pub(crate) fn public(der: &[u8]) -> Option<Key> {
    let info = SubjectPublicKeyInfoRef::from_der(first(der)?).ok()?;
    Some(Key { kind: kind(&info.algorithm)?, bytes: info.subject_public_key.as_bytes()?.to_vec() })
}

/// The private key in these bytes, whatever comes after it.
pub(crate) fn private(der: &[u8]) -> Option<Key> {
    let (version, algorithm, key) = SliceReader::new(der).ok()?.sequence(private_key_info).ok()?;
    let (kind, bytes) = (kind(&algorithm)?, key.as_bytes());
    // An Edwards curve's is a string of its own.
    let fits = kind != Kind::Edwards || bytes.len() == 34 && bytes.starts_with(&[4, 32]);
    (version == 0 && fits).then(|| Key { kind, bytes: bytes.to_vec() })
}

type PrivateKeyInfo<'a> = (u8, AlgorithmIdentifierRef<'a>, &'a OctetStringRef);

/// BoringSSL does not look at what comes after the key.
fn private_key_info<'a>(reader: &mut SliceReader<'a>) -> der::Result<PrivateKeyInfo<'a>> {
    let info = (u8::decode(reader)?, reader.decode()?, reader.decode()?);
    reader.drain(reader.remaining_len())?;
    Ok(info)
}

/// The first public key of a PEM text.
pub(crate) fn public_pem(text: &str) -> Option<Key> {
    let (_, der) = sections(text).find(|(section, _)| *section == SectionKind::PublicKey)?;
    public(&der)
}

/// The first private key of a PEM text, if it is not encrypted.
pub(crate) fn private_pem(text: &str) -> Option<Key> {
    sections(text).find_map(|(section, der)| match section {
        SectionKind::PrivateKey => Some(private(&der)),
        SectionKind::RsaPrivateKey => Some(private_rsa(&der)),
        SectionKind::EcPrivateKey => Some(private_ec(&der)),
        _ => None,
    })?
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

/// ECPrivateKey, which has to name its curve, or PKCS #8 around it.
fn private_ec(der: &[u8]) -> Option<Key> {
    match private(der) {
        Some(key) => (!matches!(key.kind, Kind::Rsa | Kind::Edwards | Kind::Dsa)).then_some(key),
        None => {
            let der = first(der)?;
            Some(Key { kind: EcPrivateKey::read(der)?.curve?, bytes: der.to_vec() })
        }
    }
}

fn sections(text: &str) -> impl Iterator<Item = (SectionKind, Vec<u8>)> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || from_buf(&mut rest).ok().flatten())
}

/// The first element, without what comes after it.
fn first(der: &[u8]) -> Option<&[u8]> {
    SliceReader::new(der).ok()?.tlv_bytes().ok()
}

fn kind(algorithm: &AlgorithmIdentifierRef<'_>) -> Option<Kind> {
    match (algorithm.oid, algorithm.parameters) {
        (RSA, Some(parameters)) => parameters.is_null().then_some(Kind::Rsa),
        (EC, Some(parameters)) => curve(&parameters),
        (ED25519 | X25519, None) => Some(Kind::Edwards),
        (DSA, Some(_)) => Some(Kind::Dsa),
        _ => None,
    }
}

fn curve(parameters: &AnyRef<'_>) -> Option<Kind> {
    if parameters.tag() == Tag::Sequence {
        return Some(Kind::Spelt);
    }
    match parameters.decode_as().ok()? {
        P224 => Some(Kind::P224),
        P256 => Some(Kind::P256),
        P384 => Some(Kind::P384),
        P521 => Some(Kind::P521),
        _ => None,
    }
}
