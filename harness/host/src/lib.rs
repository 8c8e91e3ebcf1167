//! The wasmtime host: runs a proxy-wasm module over the simulated proxy, as Envoy 1.40 would run it.
//!
//! [`Module::load`] checks what Envoy checks, with an error that says what to do about it. An [`Instance`] is one VM; it
//! implements [`portcullis_sim::Plugin`], so that a [`portcullis_sim::Proxy`] can carry requests through it, and it
//! counts what each callback costs. The files under `abi` hold the hostcalls: each decodes its arguments, asks the
//! [`portcullis_sim::Sim`], and encodes the answer.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod abi;
mod abi_version;
mod budget;
mod check;
mod describe;
mod entry;
mod error;
mod exports;
mod foreign;
mod guest;
mod instance;
mod module;
mod options;
mod phase;
mod profile;
mod state;
mod trap;

pub use abi_version::AbiVersion;
pub use budget::Budget;
pub use describe::Description;
pub use error::LoadError;
pub use foreign::foreign_functions;
pub use instance::Instance;
pub use module::Module;
pub use options::LoadOptions;
