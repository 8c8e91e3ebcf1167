//! Sequences and integers in DER.

use pkcs8::der::asn1::{AnyRef, UintRef};
use pkcs8::der::{Decode, Reader, SliceReader, Tag, Tagged};

/// What is in a sequence.
pub(crate) fn sequence<'a>(element: &AnyRef<'a>) -> Option<SliceReader<'a>> {
    (element.tag() == Tag::Sequence).then(|| SliceReader::new(element.value()).ok())?
}

/// The numbers of a sequence of exactly so many.
pub(crate) fn integers<'a, const N: usize>(element: &AnyRef<'a>) -> Option<[UintRef<'a>; N]> {
    let mut fields = sequence(element)?;
    let numbers: Option<Vec<_>> = (0..N).map(|_| UintRef::decode(&mut fields).ok()).collect();
    fields.finish().ok()?;
    numbers?.try_into().ok()
}

pub(crate) fn is_odd(number: UintRef<'_>) -> bool {
    number.as_bytes().last().is_some_and(|last| last % 2 == 1)
}

pub(crate) fn bits(number: UintRef<'_>) -> usize {
    let first = number.as_bytes().first().map_or(0, |first| first.leading_zeros() as usize);
    number.as_bytes().len() * 8 - first
}

pub(crate) fn is_below(number: UintRef<'_>, bound: UintRef<'_>) -> bool {
    let size = |number: UintRef<'_>| number.as_bytes().len();
    (size(number), number.as_bytes()) < (size(bound), bound.as_bytes())
}
