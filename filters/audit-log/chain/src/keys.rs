//! Keys as they are configured: those of notes in the forms of C2SP signed-note, those of MACs as 32 bytes.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_compact::{KeyPair, PublicKey, Seed};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::hex;

/// What a signing key begins with.
const SECRET: &str = "PRIVATE+KEY+";
/// Ed25519, in the first byte of a key.
const ED25519: u8 = 1;

/// What checkpoints are signed with.
#[derive(Clone, Debug, Default)]
pub enum Keys {
    /// They are not.
    #[default]
    None,
    /// Notes that everybody can verify.
    Ed25519(NoteKey),
    /// MACs for those who have the same key, which a stolen state does not reach back from.
    Mac(MacKey),
}

/// A key that signs notes.
#[derive(Clone)]
pub struct NoteKey {
    pub(crate) name: String,
    pub(crate) id: [u8; 4],
    pub(crate) pair: KeyPair,
}

/// A key by which the notes of a [`NoteKey`] are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    pub(crate) name: String,
    pub(crate) id: [u8; 4],
    pub(crate) key: PublicKey,
}

/// The master key from which those of all chains are derived.
#[derive(Clone)]
pub struct MacKey(pub(crate) Zeroizing<[u8; 32]>);

/// What is wrong with a key. None of the texts repeats any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// It does not begin as a signing key does.
    NotSecret,
    /// A signing key where one to verify with is wanted.
    Secret,
    /// It has not the parts of a key.
    Parts,
    /// A name that no key can have.
    Name,
    /// The key id is not eight digits.
    IdForm,
    /// The key id is that of another key or name.
    Id {
        /// The one that it should be.
        expected: [u8; 4],
    },
    /// The last part is not base64.
    Base64,
    /// Another algorithm than Ed25519.
    Algorithm(u8),
    /// Not 32 bytes.
    Length(usize),
    /// 32 bytes that are no key.
    Weak,
    /// A key of MACs that is neither hexadecimal nor base64.
    MacForm,
}

impl NoteKey {
    /// Reads `PRIVATE+KEY+<name>+<key id>+<base64 of 1 and the seed>`.
    ///
    /// # Errors
    /// The part of it that is wrong.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim().strip_prefix(SECRET).ok_or(KeyError::NotSecret)?;
        let Parts { name, id, bytes } = Parts::read(text)?;
        let pair = KeyPair::try_from_seed(Seed::new(*bytes)).map_err(|_| KeyError::Weak)?;
        check_id(&name, id, &pair.pk)?;
        Ok(Self { name, id, pair })
    }

    /// The key of this name that comes of 32 random bytes.
    ///
    /// # Errors
    /// A key cannot have this name, or be made of these bytes.
    pub fn new(name: &str, seed: [u8; 32]) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        let pair = KeyPair::try_from_seed(Seed::new(seed)).map_err(|_| KeyError::Weak)?;
        Ok(Self { name: name.to_owned(), id: key_id(name, &pair.pk), pair })
    }

    /// The form in which [`parse`](Self::parse) reads it, which is as secret as the key.
    pub fn secret(&self) -> Zeroizing<String> {
        let bytes = Zeroizing::new([&[ED25519], self.pair.sk.seed().as_slice()].concat());
        Zeroizing::new(format!("{SECRET}{}+{}+{}", self.name, hex::lower(&self.id), STANDARD.encode(&*bytes)))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key by which its notes are verified.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey { name: self.name.clone(), id: self.id, key: self.pair.pk }
    }
}

impl VerifierKey {
    /// Reads `<name>+<key id>+<base64 of 1 and the public key>`.
    ///
    /// # Errors
    /// The part of it that is wrong.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.starts_with(SECRET) {
            return Err(KeyError::Secret);
        }
        let Parts { name, id, bytes } = Parts::read(text)?;
        let key = PublicKey::new(*bytes);
        key.validate().map_err(|_| KeyError::Weak)?;
        check_id(&name, id, &key)?;
        Ok(Self { name, id, key })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl MacKey {
    /// Reads 32 bytes, in hexadecimal digits or in base64.
    ///
    /// # Errors
    /// What it is instead.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if let Some(bytes) = hex::parse(text.to_ascii_lowercase().as_bytes()) {
            return Ok(Self(Zeroizing::new(bytes)));
        }
        let decoded = Zeroizing::new(STANDARD.decode(text).map_err(|_| KeyError::MacForm)?);
        let bytes = decoded.as_slice().try_into().map_err(|_| KeyError::Length(decoded.len()))?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}

struct Parts {
    name: String,
    id: [u8; 4],
    bytes: Zeroizing<[u8; 32]>,
}

impl Parts {
    fn read(text: &str) -> Result<Self, KeyError> {
        // The last part may have plus signs of its own: base64 does.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Parts);
        };
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        let id = hex::parse(id.as_bytes()).ok_or(KeyError::IdForm)?;
        let decoded = Zeroizing::new(STANDARD.decode(key).map_err(|_| KeyError::Base64)?);
        let bytes = match decoded.split_first() {
            Some((&ED25519, bytes)) => {
                bytes.try_into().map(Zeroizing::new).map_err(|_| KeyError::Length(bytes.len()))
            }
            Some((other, _)) => Err(KeyError::Algorithm(*other)),
            None => Err(KeyError::Length(0)),
        };
        Ok(Self { name: name.to_owned(), id, bytes: bytes? })
    }
}

/// Whether a key can have this name: not empty, without blanks and plus signs (C2SP signed-note).
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

fn check_id(name: &str, found: [u8; 4], key: &PublicKey) -> Result<(), KeyError> {
    let expected = key_id(name, key);
    if expected == found { Ok(()) } else { Err(KeyError::Id { expected }) }
}

fn key_id(name: &str, key: &PublicKey) -> [u8; 4] {
    let mut digest = Sha256::new();
    digest.update(name);
    digest.update([b'\n', ED25519]);
    digest.update(key.as_slice());
    let hash: [u8; 32] = digest.finalize().into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[ED25519], self.key.as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex::lower(&self.id), STANDARD.encode(bytes))
    }
}

impl fmt::Debug for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteKey({})", self.verifier())
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey")
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSecret => {
                write!(f, "a signing key begins with {SECRET}; give the whole line, PRIVATE included")
            }
            Self::Secret => {
                f.write_str("this is the signing key; give the one to verify with, which has no PRIVATE+KEY+")
            }
            Self::Parts => f.write_str("a key has the form <name>+<key id>+<base64>"),
            Self::Name => f.write_str("the name of a key is not empty and has neither blanks nor plus signs"),
            Self::IdForm => f.write_str("the key id is eight lower-case hexadecimal digits"),
            Self::Id { expected } => {
                let expected = hex::lower(expected);
                write!(
                    f,
                    "the key id is not that of this name and key, which is {expected}; the name is part of it"
                )
            }
            Self::Base64 => f.write_str("the last part of the key is not base64 with its padding"),
            Self::Algorithm(other) => {
                write!(f, "the key is of algorithm {other}; only Ed25519, which is {ED25519}, is supported")
            }
            Self::Length(found) => write!(f, "the key has {found} bytes instead of 32"),
            Self::Weak => f.write_str("these 32 bytes are no key of Ed25519; make a new one"),
            Self::MacForm => {
                f.write_str("the key is 32 bytes, as 64 hexadecimal digits or as base64 with its padding")
            }
        }
    }
}

impl std::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of Go's golang.org/x/mod/sumdb/note.
    const SIGNER: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn the_two_halves_of_a_key_belong_together() {
        let key = NoteKey::parse(&format!(" {SIGNER}\n")).unwrap();
        assert_eq!((key.name(), key.verifier().to_string().as_str()), ("PeterNeumann", VERIFIER));
        assert_eq!(VerifierKey::parse(VERIFIER).unwrap(), key.verifier());
        assert_eq!(format!("{key:?}"), format!("NoteKey({VERIFIER})"));
        assert_eq!(*key.secret(), SIGNER);
    }

    #[test]
    fn a_key_is_made_of_a_name_and_bytes() {
        let key = NoteKey::new("audit.example", [7; 32]).unwrap();
        let read = NoteKey::parse(&key.secret()).unwrap();
        assert_eq!((read.name(), read.verifier()), ("audit.example", key.verifier()));
        for name in ["", "a b", "a+b", "a\nb"] {
            assert_eq!(NoteKey::new(name, [7; 32]).unwrap_err(), KeyError::Name, "{name:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_key_is_told() {
        let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
        let with = |name: &str, id: &str, key: &str| format!("{name}+{id}+{key}");
        let good = SIGNER.rsplit_once("a3+").unwrap().1;
        for (text, expected) in [
            (VERIFIER.to_owned(), KeyError::NotSecret),
            (format!("{SECRET}PeterNeumann+c74f20a3"), KeyError::Parts),
            (format!("{SECRET}{}", with("", "c74f20a3", good)), KeyError::Name),
            (format!("{SECRET}{}", with("a b", "c74f20a3", good)), KeyError::Name),
            (format!("{SECRET}{}", with("a\u{2003}b", "c74f20a3", good)), KeyError::Name),
            (format!("{SECRET}{}", with("a+b", "c74f20a3", good)), KeyError::IdForm),
            (format!("{SECRET}{}", with("a", "C74F20A3", good)), KeyError::IdForm),
            (format!("{SECRET}{}", with("PeterNeumann", "c74f20a3", "x")), KeyError::Base64),
            (format!("{SECRET}{}", with("PeterNeumann", "c74f20a3", "")), KeyError::Length(0)),
            (
                format!("{SECRET}{}", with("PeterNeumann", "c74f20a3", &base64(&[2; 33]))),
                KeyError::Algorithm(2),
            ),
            (
                format!("{SECRET}{}", with("PeterNeumann", "c74f20a3", &base64(&[1; 32]))),
                KeyError::Length(31),
            ),
            (
                format!(
                    "{SECRET}{}",
                    with("PeterNeumann", "c74f20a3", &base64(&[&[1], &[0; 32][..]].concat()))
                ),
                KeyError::Weak,
            ),
            (SIGNER.replace("c74f20a3", "00000000"), KeyError::Id { expected: [0xc7, 0x4f, 0x20, 0xa3] }),
        ] {
            let error = NoteKey::parse(&text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains(good) && error.to_string().len() > 20);
        }
        // The id is of the name as well.
        let renamed = NoteKey::parse(&SIGNER.replace("PeterNeumann", "Peter")).unwrap_err();
        assert!(matches!(renamed, KeyError::Id { .. }));
        assert_eq!(VerifierKey::parse(SIGNER).unwrap_err(), KeyError::Secret);
        let zeros = base64(&[&[1], &[0; 32][..]].concat());
        assert_eq!(VerifierKey::parse(&with("a", "c74f20a3", &zeros)).unwrap_err(), KeyError::Weak);
    }

    #[test]
    fn keys_of_macs_are_32_bytes() {
        let digits = hex::lower(&[0xab; 32]);
        let all = [digits.clone(), digits.to_uppercase(), STANDARD.encode([0xab; 32]), format!("{digits}\n")];
        for text in all {
            assert_eq!(*MacKey::parse(&text).unwrap().0, [0xab; 32]);
        }
        for (text, expected) in [
            ("", KeyError::Length(0)),
            ("abc", KeyError::MacForm),
            (&digits[2..], KeyError::MacForm),
            (&STANDARD.encode([1; 31]), KeyError::Length(31)),
            (&STANDARD.encode([1; 48]), KeyError::Length(48)),
        ] {
            assert_eq!(MacKey::parse(text).unwrap_err(), expected, "{text}");
        }
        assert_eq!(format!("{:?}", MacKey::parse(&digits).unwrap()), "MacKey");
    }
}
