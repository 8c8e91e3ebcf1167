//! The ABI as Envoy has it, one chapter per file, tried by small guests that are called directly.

mod capabilities;
mod common;
mod foreign;
mod versions;
mod wasi;
