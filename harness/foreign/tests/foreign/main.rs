//! The foreign functions: as Envoy answered, as RFC 6979 has them, and as others got them wrong.

mod common;
mod envoy;
mod keys;
mod rfc6979;
mod wycheproof;
