//! Keys of DSA, FIPS 186-4: Envoy's library reads them, and Envoy has no use for them.

use pkcs8::der::asn1::{AnyRef, UintRef};

use crate::integers::{bits, integers, is_below, is_odd};

/// How many bits the larger prime has at most, and the smaller one exactly.
const LARGE: usize = 8192;
const SMALL: [usize; 3] = [160, 224, 256];

/// Whether this is a DSAPrivateKey: a version, the parameters, the public and the private number.
pub(crate) fn is_private_key(sequence: &AnyRef<'_>) -> bool {
    let Some([version, p, q, g, public, private]) = integers(sequence) else { return false };
    version.as_bytes() == [0] && fits(p, q, g, private) && is_positive_below(public, p)
}

/// Whether the parameters and the private number of a PKCS #8 document fit each other.
pub(crate) fn are_key(parameters: &AnyRef<'_>, private: UintRef<'_>) -> bool {
    integers(parameters).is_some_and(|[p, q, g]| fits(p, q, g, private))
}

fn fits(p: UintRef<'_>, q: UintRef<'_>, g: UintRef<'_>, private: UintRef<'_>) -> bool {
    is_odd(p)
        && is_odd(q)
        && is_below(q, p)
        && SMALL.contains(&bits(q))
        && bits(p) <= LARGE
        && is_positive_below(g, p)
        && is_positive_below(private, q)
}

fn is_positive_below(number: UintRef<'_>, bound: UintRef<'_>) -> bool {
    bits(number) > 0 && is_below(number, bound)
}
