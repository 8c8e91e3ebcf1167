//! RSASSA-PKCS1-v1_5, RFC 8017, with the keys that BoringSSL takes.

use std::ops::RangeInclusive;

use pkcs8::der::Decode;
use pkcs8::der::asn1::{AnyRef, UintRef};
use rsa::traits::PrivateKeyParts;
use rsa::{BoxedUint, Pkcs1v15Sign, PrivateKey, PublicKey};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use crate::hash::Hash;
use crate::integers::integers;

/// How many bits a modulus may have, as in BoringSSL. With the longest, a signature takes a second and its verification 7 ms.
const MODULUS: RangeInclusive<usize> = 512..=16_384;

/// Reads an RSAPublicKey. What it refuses, BoringSSL refuses: a modulus that is even or of another size, an exponent that is
/// even, one, or of more than 33 bits.
pub(crate) fn public_key(der: &[u8]) -> Option<PublicKey> {
    let [modulus, exponent] = integers(&AnyRef::from_der(der).ok()?)?;
    PublicKey::new_with_size_limits(uint(modulus), uint(exponent), MODULUS).ok()
}

/// Reads an RSAPrivateKey of two primes, every number of which has to fit the others.
pub(crate) fn private_key(der: &[u8]) -> Option<PrivateKey> {
    let [version, modulus, others @ ..]: [UintRef<'_>; 9] = integers(&AnyRef::from_der(der).ok()?)?;
    // None of the rest is longer, and time goes with the length.
    if version.as_bytes() != [0] || others.iter().any(|number| number.len() > modulus.len()) {
        return None;
    }
    let [exponent, private, p, q, dp, dq, inverse] = others.map(uint);
    PublicKey::new_with_size_limits(uint(modulus), exponent.clone(), MODULUS).ok()?;
    let (modulus, primes) = (uint(modulus), vec![p, q]);
    let key = PrivateKey::from_components(modulus.clone(), exponent.clone(), private.clone(), primes.clone())
        // Primes of different lengths take longer.
        .or_else(|_| PrivateKey::from_components_with_wide_primes(modulus, exponent, private, primes))
        .ok()?;
    let fits = key.dp() == Some(&dp) && key.dq() == Some(&dq) && key.crt_coefficient() == Some(inverse);
    fits.then_some(key)
}

pub(crate) fn verifies(key: &PublicKey, hash: Hash, text: &[u8], signature: &[u8]) -> bool {
    key.verify(padding(hash), &hash.digest(text), signature).is_ok()
}

/// `None` for a modulus that is too short for the hash.
pub(crate) fn sign(key: &PrivateKey, hash: Hash, text: &[u8]) -> Option<Vec<u8>> {
    key.sign(padding(hash), &hash.digest(text)).ok()
}

fn uint(number: UintRef<'_>) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(number.as_bytes())
}

fn padding(hash: Hash) -> Pkcs1v15Sign {
    match hash {
        Hash::Sha1 => Pkcs1v15Sign::new::<Sha1>(),
        Hash::Sha224 => Pkcs1v15Sign::new::<Sha224>(),
        Hash::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
        Hash::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
        Hash::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
    }
}
