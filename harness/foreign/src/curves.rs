//! ECDSA, FIPS 186-5, with any hash over any curve.

use std::ops::Add;

use ecdsa::elliptic_curve::array::ArraySize;
use ecdsa::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use ecdsa::elliptic_curve::{CurveArithmetic, FieldBytes, NonZeroScalar, PublicKey};
use ecdsa::{EcdsaCurve, Signature, der, hazmat};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use crate::hash::Hash;
use crate::keys::EcPrivateKey;

/// What the functions here ask of a curve.
pub(crate) trait Curve:
    EcdsaCurve<
        FieldBytesSize: ModulusSize + Add<Output: ArraySize + Add<der::MaxOverhead, Output: ArraySize>>,
    > + CurveArithmetic<AffinePoint: FromSec1Point<Self> + ToSec1Point<Self>>
{
}

impl Curve for p224::NistP224 {}
impl Curve for p256::NistP256 {}
impl Curve for p384::NistP384 {}
impl Curve for p521::NistP521 {}

/// Whether the signature fits; `None` for a point that is not on the curve.
pub(crate) fn verifies<C: Curve>(point: &[u8], digest: &[u8], signature: &[u8]) -> Option<bool> {
    let key = public::<C>(point)?;
    let fits = Signature::<C>::from_der(signature)
        .and_then(|signature| hazmat::verify_prehashed(&key.to_projective(), digest, &signature));
    Some(fits.is_ok())
}

/// The signature that RFC 6979 has for this text, in DER; `None` for a key that does not fit itself.
pub(crate) fn sign<C: Curve>(key: &EcPrivateKey<'_>, hash: Hash, text: &[u8]) -> Option<Vec<u8>> {
    let secret = secret::<C>(key.secret)?;
    let own = PublicKey::<C>::from_secret_scalar(&secret);
    if key.public.is_some_and(|point| public(point) != Some(own)) {
        return None;
    }
    let digest = hash.digest(text);
    let (signature, _) = match hash {
        Hash::Sha1 => hazmat::sign_prehashed_rfc6979::<C, Sha1>(&secret, &digest, &[]),
        Hash::Sha224 => hazmat::sign_prehashed_rfc6979::<C, Sha224>(&secret, &digest, &[]),
        Hash::Sha256 => hazmat::sign_prehashed_rfc6979::<C, Sha256>(&secret, &digest, &[]),
        Hash::Sha384 => hazmat::sign_prehashed_rfc6979::<C, Sha384>(&secret, &digest, &[]),
        Hash::Sha512 => hazmat::sign_prehashed_rfc6979::<C, Sha512>(&secret, &digest, &[]),
    };
    Some(signature.to_der().as_bytes().to_vec())
}

/// A point, compressed or not; the library knows other forms, and BoringSSL none.
fn public<C: Curve>(point: &[u8]) -> Option<PublicKey<C>> {
    matches!(point.first(), Some(2..=4)).then(|| PublicKey::from_sec1_bytes(point).ok())?
}

/// The number in these bytes, however many zeros come first.
fn secret<C: Curve>(bytes: &[u8]) -> Option<NonZeroScalar<C>> {
    let significant = bytes.get(bytes.iter().position(|byte| *byte != 0)?..)?;
    let mut padded = FieldBytes::<C>::default();
    let start = padded.len().checked_sub(significant.len())?;
    padded.get_mut(start..)?.copy_from_slice(significant);
    NonZeroScalar::from_repr(padded).into_option()
}
