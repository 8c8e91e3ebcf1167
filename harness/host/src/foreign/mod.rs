//! Envoy's foreign functions that need neither a stream nor a proxy: signatures and compression.

mod compression;
mod keys;
mod messages;
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
