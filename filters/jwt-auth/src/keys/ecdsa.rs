//! ECDSA (FIPS 186-5 section 6.4.2) with multiples of the public key at hand.
//!
//! Most of a verification is doublings, one for each bit. Cutting both scalars into quarters, with multiples of the generator
//! and of the key for each quarter, leaves a fourth. The multiples are made for the first token: where the host
//! verifies, never.

use std::sync::{LazyLock, OnceLock};

use p256::NistP256;
use p256::elliptic_curve::consts::U6;
use p256::elliptic_curve::ff::PrimeField;
use p256::elliptic_curve::group::{Curve as _, Group};
use p256::elliptic_curve::ops::Reduce;
use p256::elliptic_curve::point::AffineCoordinates;
use p256::elliptic_curve::{CurveArithmetic, Field, FieldBytes, ProjectivePoint, Scalar};
use p384::NistP384;
use p521::NistP521;
use sha2::{Digest, Sha256, Sha384, Sha512};
use wnaf::{WnafBase, WnafScalar, WnafSize};

const QUARTERS: usize = 4;
/// Odd multiples up to 31: 6 to 14 KiB for a key.
pub(crate) type Multiples<C> = [WnafBase<ProjectivePoint<C>, U6>; QUARTERS];
type Quarter<C> = WnafScalar<Scalar<C>, U6>;

/// A curve of RFC 7518 section 3.4.
pub(crate) trait Curve: CurveArithmetic<Scalar: WnafSize> {
    /// Has no more bits than a scalar, so that none is to be cut off.
    type Hash: Digest;

    fn of_generator() -> &'static Multiples<Self>;
}

impl Curve for NistP256 {
    type Hash = Sha256;

    fn of_generator() -> &'static Multiples<Self> {
        static MULTIPLES: LazyLock<Multiples<NistP256>> = LazyLock::new(multiples_of_generator::<NistP256>);
        &MULTIPLES
    }
}

impl Curve for NistP384 {
    type Hash = Sha384;

    fn of_generator() -> &'static Multiples<Self> {
        static MULTIPLES: LazyLock<Multiples<NistP384>> = LazyLock::new(multiples_of_generator::<NistP384>);
        &MULTIPLES
    }
}

impl Curve for NistP521 {
    type Hash = Sha512;

    fn of_generator() -> &'static Multiples<Self> {
        static MULTIPLES: LazyLock<Multiples<NistP521>> = LazyLock::new(multiples_of_generator::<NistP521>);
        &MULTIPLES
    }
}

/// A public key.
pub(crate) struct EcdsaKey<C: Curve> {
    point: ProjectivePoint<C>,
    multiples: OnceLock<Box<Multiples<C>>>,
}

impl<C: Curve> EcdsaKey<C> {
    /// A key of a point that has been found to be on the curve.
    pub(crate) const fn new(point: ProjectivePoint<C>) -> Self {
        Self { point, multiples: OnceLock::new() }
    }

    /// Whether a signature of two numbers fits; neither may be zero.
    pub(crate) fn verifies(&self, message: &[u8], (r, s): (Scalar<C>, Scalar<C>)) -> bool {
        let Some(inverse) = Option::<Scalar<C>>::from(s.invert()) else { return false };
        let point = self.sum(&(hash::<C>(message) * inverse), &(r * inverse));
        // The point at infinity is refused; its x would be zero here, and r is not.
        !bool::from(r.is_zero()) && r == reduced::<C>(&point.to_affine().x())
    }

    /// `a` times the generator and `b` times the key.
    fn sum(&self, a: &Scalar<C>, b: &Scalar<C>) -> ProjectivePoint<C> {
        let of_key = self.multiples.get_or_init(|| Box::new(multiples::<C>(self.point)));
        let scalars = [quarters::<C>(a), quarters::<C>(b)];
        let multiples = C::of_generator().iter().chain(of_key.iter());
        WnafBase::multiscalar_mul(multiples.zip(scalars.iter().flatten()))
    }
}

fn hash<C: Curve>(message: &[u8]) -> Scalar<C> {
    let digest = C::Hash::digest(message);
    let mut number = FieldBytes::<C>::default();
    number.iter_mut().rev().zip(digest.iter().rev()).for_each(|(byte, digest)| *byte = *digest);
    reduced::<C>(&number)
}

fn reduced<C: Curve>(number: &FieldBytes<C>) -> Scalar<C> {
    <Scalar<C> as Reduce<FieldBytes<C>>>::reduce(number)
}

fn multiples_of_generator<C: Curve>() -> Multiples<C> {
    multiples::<C>(ProjectivePoint::<C>::generator())
}

/// Those of a point, and of it times the place of each further quarter.
fn multiples<C: Curve>(point: ProjectivePoint<C>) -> Multiples<C> {
    let mut next = point;
    std::array::from_fn(|_| {
        let multiples = WnafBase::new(&next);
        next = (0..quarter::<C>() * 8).fold(next, |point, _| point.double());
        multiples
    })
}

/// How many bytes a quarter of a scalar has.
fn quarter<C: Curve>() -> usize {
    FieldBytes::<C>::default().len().div_ceil(QUARTERS)
}

/// The quarters of a scalar, lowest first.
fn quarters<C: Curve>(scalar: &Scalar<C>) -> Vec<Quarter<C>> {
    let mut bytes = scalar.to_repr();
    bytes.reverse();
    bytes.chunks(quarter::<C>()).map(Quarter::<C>::from_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scalar<C: Curve>(bytes: &[u8]) -> Scalar<C> {
        let mut number = FieldBytes::<C>::default();
        let length = number.len();
        number.copy_from_slice(&bytes[..length]);
        reduced::<C>(&number)
    }

    fn check<C: Curve>(a: &[u8], b: &[u8], secret: &[u8]) {
        let (a, b, generator) = (scalar::<C>(a), scalar::<C>(b), ProjectivePoint::<C>::generator());
        let point = generator * scalar::<C>(secret);
        assert_eq!(EcdsaKey::<C>::new(point).sum(&a, &b), generator * a + point * b);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn the_sum_is_that_of_the_library(a: [u8; 32], b: [u8; 32], secret: [u8; 32]) {
            let long = |half: [u8; 32]| [half, half, half].concat();
            check::<NistP256>(&long(a), &long(b), &long(secret));
            check::<NistP384>(&long(a), &long(b), &long(secret));
            check::<NistP521>(&long(a), &long(b), &long(secret));
        }
    }

    fn the_ends_are_right<C: Curve>() {
        let (one, generator) = (Scalar::<C>::ONE, ProjectivePoint::<C>::generator());
        let secret = one.double().double() + one.double() + one;
        let key = EcdsaKey::<C>::new(generator * secret);
        let mut scalars = vec![Scalar::<C>::ZERO, one, -one, -secret.invert().unwrap()];
        for byte in [0x7f, 0x80, 0xff] {
            for end in (0..quarter::<C>() * 4).step_by(3) {
                let mut bytes = vec![0; 72];
                bytes[end..].fill(byte);
                scalars.push(scalar::<C>(&bytes));
            }
        }
        for a in &scalars {
            for b in scalars.iter().step_by(5) {
                assert_eq!(key.sum(a, b), generator * a + key.point * b, "{a:?} {b:?}");
            }
        }
        assert_eq!(key.sum(&secret, &-one), ProjectivePoint::<C>::identity());
    }

    #[test]
    fn the_ends_of_the_range_and_carries_between_quarters_are_right() {
        the_ends_are_right::<NistP256>();
        the_ends_are_right::<NistP384>();
        the_ends_are_right::<NistP521>();
    }

    #[test]
    fn zero_is_no_part_of_a_signature() {
        let key = EcdsaKey::<NistP256>::new(p256::ProjectivePoint::GENERATOR);
        let (zero, one) = (p256::Scalar::ZERO, p256::Scalar::ONE);
        for signature in [(zero, zero), (zero, one), (one, zero)] {
            assert!(!key.verifies(b"", signature));
        }
        // Chosen so that the sum is the point at infinity, whose x reads as zero.
        let hash = hash::<NistP256>(b"");
        assert!(!key.verifies(b"", (-hash, one)));
    }
}
