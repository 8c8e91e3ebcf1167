//! Message authentication codes (RFC 2104) by shared secrets.

use std::fmt;

use hmac::digest::{Digest, Key};
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

/// A secret that makes and verifies codes with one hash. What the hash made of it is wiped when it is dropped.
#[derive(Clone)]
pub(crate) enum HmacKey {
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl fmt::Debug for HmacKey {
    /// Shows nothing of the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl HmacKey {
    /// A secret for HMAC-SHA-256.
    pub(crate) fn sha256(secret: &[u8]) -> Self {
        Self::Sha256(keyed(secret))
    }

    /// A secret for HMAC-SHA-384.
    pub(crate) fn sha384(secret: &[u8]) -> Self {
        Self::Sha384(keyed(secret))
    }

    /// A secret for HMAC-SHA-512.
    pub(crate) fn sha512(secret: &[u8]) -> Self {
        Self::Sha512(keyed(secret))
    }

    /// The code of a message.
    pub(crate) fn code(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256(mac) => code(mac, message),
            Self::Sha384(mac) => code(mac, message),
            Self::Sha512(mac) => code(mac, message),
        }
    }

    /// Whether this is the code of a message, all of it, in a time that does not depend on how much of it is right.
    pub(crate) fn verifies(&self, message: &[u8], tag: &[u8]) -> bool {
        self.code(message).ct_eq(tag).into()
    }
}

/// The state behind the block of the key (section 2), which is hashed once and not for each message.
fn keyed<D: EagerHash + Digest>(secret: &[u8]) -> Hmac<D> {
    let mut block = Key::<Hmac<D>>::default();
    match block.get_mut(..secret.len()) {
        Some(start) => start.copy_from_slice(secret),
        None => block.iter_mut().zip(D::digest(secret)).for_each(|(to, byte)| *to = byte),
    }
    Hmac::new(&block)
}

fn code<M: Mac + Clone>(mac: &M, message: &[u8]) -> Vec<u8> {
    mac.clone().chain_update(message).finalize().into_bytes().to_vec()
}
