//! Curves that are given by their numbers, ECParameters of RFC 3279: BoringSSL takes them for the curve that has the same.

use ecdsa::elliptic_curve::ff::PrimeField;
use p224::NistP224;
use p256::NistP256;
use p384::NistP384;
use p521::NistP521;
use pkcs8::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use pkcs8::der::{Decode, Reader, Tag, Tagged};
use primeorder::PrimeCurveParams;

use crate::integers::sequence;
use crate::keys::Kind;

const PRIME_FIELD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.1.1");

/// The prime, both coefficients, both coordinates of the generator, the order.
type Numbers<T> = [T; 6];

/// The curve that has these numbers.
pub(crate) fn curve(parameters: &AnyRef<'_>) -> Option<Kind> {
    let numbers = numbers(parameters)?;
    let known = [
        (Kind::P224, own::<NistP224> as fn() -> _),
        (Kind::P256, own::<NistP256>),
        (Kind::P384, own::<NistP384>),
        (Kind::P521, own::<NistP521>),
    ];
    known.into_iter().find(|(_, own)| are_equal(&numbers, &own())).map(|(kind, _)| kind)
}

fn numbers<'a>(parameters: &AnyRef<'a>) -> Option<Numbers<&'a [u8]>> {
    let mut fields = sequence(parameters)?;
    let version = UintRef::decode(&mut fields).ok()?;
    let prime = prime(&AnyRef::decode(&mut fields).ok()?)?;
    let (a, b) = coefficients(&AnyRef::decode(&mut fields).ok()?)?;
    let generator = <&OctetStringRef>::decode(&mut fields).ok()?.as_bytes();
    let order = UintRef::decode(&mut fields).ok()?;
    let cofactor = Option::<UintRef<'_>>::decode(&mut fields).ok()?;
    fields.finish().ok()?;
    // Neither compressed nor with a cofactor.
    let coordinates = generator.strip_prefix(&[4]).filter(|both| both.len() % 2 == 0)?;
    let (x, y) = coordinates.split_at_checked(coordinates.len() / 2)?;
    let is_one = |number: UintRef<'_>| number.as_bytes() == [1];
    (is_one(version) && cofactor.is_none_or(is_one)).then_some([prime, a, b, x, y, order.as_bytes()])
}

fn prime<'a>(field: &AnyRef<'a>) -> Option<&'a [u8]> {
    let mut parts = sequence(field)?;
    let kind = <ObjectIdentifier>::decode(&mut parts).ok()?;
    let prime = UintRef::decode(&mut parts).ok()?;
    parts.finish().ok()?;
    (kind == PRIME_FIELD).then_some(prime.as_bytes())
}

/// Without the seed that they were once made of.
fn coefficients<'a>(equation: &AnyRef<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let mut parts = sequence(equation)?;
    let a = <&OctetStringRef>::decode(&mut parts).ok()?.as_bytes();
    let b = <&OctetStringRef>::decode(&mut parts).ok()?.as_bytes();
    let seed = if parts.is_finished() { None } else { Some(AnyRef::decode(&mut parts).ok()?) };
    parts.finish().ok()?;
    seed.is_none_or(|seed| seed.tag() == Tag::BitString).then_some((a, b))
}

/// The numbers of a curve, each of the width of a field element.
fn own<C: PrimeCurveParams>() -> Numbers<Vec<u8>> {
    let element = |element: C::FieldElement| element.to_repr().to_vec();
    let (x, y) = C::GENERATOR;
    let (a, b) = (element(C::EQUATION_A), element(C::EQUATION_B));
    [modulus::<C::FieldElement>(), a, b, element(x), element(y), modulus::<C::Scalar>()]
}

/// The number before it is even, so that one more is one in the last byte.
fn modulus<F: PrimeField>() -> Vec<u8> {
    let mut bytes = (F::ZERO - F::ONE).to_repr().as_ref().to_vec();
    bytes.last_mut().into_iter().for_each(|last| *last |= 1);
    bytes
}

/// However many zeros come first: OpenSSL writes them in some places and not in others.
fn are_equal(numbers: &Numbers<&[u8]>, own: &Numbers<Vec<u8>>) -> bool {
    let significant =
        |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
    numbers.iter().zip(own).all(|(number, own)| significant(number) == significant(own))
}
