//! ECDSA on P-256 (FIPS 186-5 section 6.4.2), with multiples of the public key at hand.
//!
//! Most of a verification is 256 doublings. Cutting both scalars into quarters, with multiples of the generator and of
//! the key for each quarter, leaves 64. The multiples are made for the first token: where the host verifies, never.

use std::sync::{LazyLock, OnceLock};

use p256::ecdsa::Signature;
use p256::elliptic_curve::PrimeField;
use p256::elliptic_curve::consts::U6;
use p256::elliptic_curve::group::Group;
use p256::elliptic_curve::ops::Reduce;
use p256::elliptic_curve::point::AffineCoordinates;
use p256::{ProjectivePoint, PublicKey, Scalar};
use sha2::{Digest, Sha256};
use wnaf::{WnafBase, WnafScalar};

const QUARTERS: usize = 4;
/// Odd multiples up to 31: 6 KiB for a key.
type Multiples = [WnafBase<ProjectivePoint, U6>; QUARTERS];
type Quarter = WnafScalar<Scalar, U6>;

static OF_GENERATOR: LazyLock<Multiples> = LazyLock::new(|| multiples(ProjectivePoint::GENERATOR));

/// A public key on P-256.
#[derive(Debug)]
pub(crate) struct Es256Key {
    point: ProjectivePoint,
    multiples: OnceLock<Box<Multiples>>,
}

impl Es256Key {
    /// Reads an uncompressed point (SEC 1 section 2.3.4). `None` if it is not on the curve.
    pub(crate) fn new(point: &[u8]) -> Option<Self> {
        let key = PublicKey::from_sec1_bytes(point).ok()?;
        Some(Self { point: key.to_projective(), multiples: OnceLock::new() })
    }

    /// Whether the signature fits. That `r` and `s` are neither zero nor too large is part of its type.
    pub(crate) fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        let (r, s) = signature.split_scalars();
        let hash = <Scalar as Reduce<_>>::reduce(&Sha256::digest(message));
        let Some(inverse) = Option::<Scalar>::from(s.invert_vartime()) else { return false };
        let point = self.sum(&(hash * inverse), &(*r * inverse));
        // FIPS 186-5 has the point at infinity refused; its x would be zero here, and r is not.
        *r == <Scalar as Reduce<_>>::reduce(&point.to_affine().x())
    }

    /// `a` times the generator and `b` times the key.
    fn sum(&self, a: &Scalar, b: &Scalar) -> ProjectivePoint {
        let of_key = self.multiples.get_or_init(|| Box::new(multiples(self.point)));
        let scalars = [quarters(a), quarters(b)];
        let multiples = OF_GENERATOR.iter().chain(of_key.iter());
        WnafBase::multiscalar_mul(multiples.zip(scalars.iter().flatten()))
    }
}

/// Those of a point, and of it times 2^64, 2^128 and 2^192.
fn multiples(point: ProjectivePoint) -> Multiples {
    let mut next = point;
    std::array::from_fn(|_| {
        let multiples = WnafBase::new(&next);
        next = (0..64).fold(next, |point, _| point.double());
        multiples
    })
}

/// A scalar in digits to the base 2^64, lowest first.
fn quarters(scalar: &Scalar) -> Vec<Quarter> {
    let mut bytes = scalar.to_repr();
    bytes.reverse();
    bytes.chunks(256 / 8 / QUARTERS).map(Quarter::from_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scalar(bytes: [u8; 32]) -> Scalar {
        <Scalar as Reduce<_>>::reduce(&p256::FieldBytes::from(bytes))
    }

    fn key(point: ProjectivePoint) -> Es256Key {
        Es256Key { point, multiples: OnceLock::new() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_sum_is_that_of_the_library(a: [u8; 32], b: [u8; 32], secret: [u8; 32]) {
            let (a, b, point) = (scalar(a), scalar(b), ProjectivePoint::GENERATOR * scalar(secret));
            prop_assert_eq!(key(point).sum(&a, &b), ProjectivePoint::GENERATOR * a + point * b);
        }
    }

    #[test]
    fn the_ends_of_the_range_and_carries_between_quarters_are_right() {
        let point = ProjectivePoint::GENERATOR * Scalar::from(7_u64);
        let key = key(point);
        let mut scalars =
            vec![Scalar::ZERO, Scalar::ONE, -Scalar::ONE, -Scalar::from(7_u64).invert().unwrap()];
        for byte in [0x7f, 0x80, 0xff] {
            for end in 0..32 {
                let mut bytes = [0; 32];
                bytes[end..].fill(byte);
                scalars.push(scalar(bytes));
            }
        }
        for a in &scalars {
            for b in scalars.iter().step_by(5) {
                assert_eq!(key.sum(a, b), ProjectivePoint::GENERATOR * a + point * b, "{a:?} {b:?}");
            }
        }
        // The point at infinity.
        assert_eq!(key.sum(&Scalar::from(7_u64), &-Scalar::ONE), ProjectivePoint::IDENTITY);
    }
}
