//! Envoy's foreign functions that need neither a stream nor a proxy: signatures and compression.
//!
//! They are pure functions of their argument, in Rust alone, so that modules in wasmtime, native filters and filters in a
//! browser call the same ones. What they answer is what Envoy 1.40 answers with BoringSSL, word for word, with two differences:
//! an ECDSA signature follows from its key and its text, as in RFC 6979, where Envoy draws a random number; and a message in
//! which a known field has another wire type is refused with BAD_ARGUMENT, where Envoy takes the field for an unknown one.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod compression;
mod curves;
mod dsa;
mod hash;
mod integers;
mod keys;
mod messages;
mod parameters;
mod pem;
mod pkcs1;
mod signatures;

use portcullis_sim::abi::ForeignFunction;
use portcullis_sim::{Refusal, Status};

/// Envoy's foreign functions that are pure functions of their argument, by name: `verify_signature`, `sign`, `compress`
/// and `uncompress`. The rest of Envoy's need the stream that they are called in.
pub fn foreign_functions() -> [(&'static str, ForeignFunction); 4] {
    [
        ("verify_signature", signatures::verify_signature),
        ("sign", signatures::sign),
        ("compress", compression::compress),
        ("uncompress", compression::uncompress),
    ]
}

fn not_simulated(what: &str) -> Refusal {
    Refusal::new(Status::InternalFailure, format!("not simulated, where Envoy would do it: {what}"))
}
