//! What a module is made of, and whether Envoy would take it: without an engine, so that a browser can ask too.
//!
//! [`inspect`] checks what Envoy checks when it is configured with a module, with an error that says what to do about it, and
//! [describes](Description) a module that passes. [`exports`] and [`imports`] are what Envoy looks for in a module and what it
//! provides to one, by version of the ABI; the host of modules goes by them too.
//!
//! ```
//! let bytes = wat::parse_str(r#"(module
//!     (import "env" "proxy_done" (func (result i32)))
//!     (memory (export "memory") 1)
//!     (func (export "proxy_abi_version_0_2_1"))
//!     (func (export "malloc") (param i32) (result i32) (i32.const 1024))
//!     (func (export "proxy_on_log") (param i32)))"#)?;
//! let description = portcullis_inspect::inspect(&bytes)?;
//! assert_eq!(description.abi.to_string(), "0.2.1");
//! assert_eq!(description.called_always, ["proxy_on_log"]);
//! assert_eq!(description.imports[0].name, "proxy_done");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod abi_version;
mod bounds;
mod check;
mod describe;
mod error;
pub mod exports;
pub mod imports;
mod lint;
mod parts;

pub use abi_version::AbiVersion;
pub use bounds::{Room, bounded};
pub use describe::{CustomSection, Description, Import, Made};
pub use error::ModuleError;
pub use lint::Lint;
pub use parts::short;

/// Checks a module as Envoy does when it is configured with it, and says what it is made of.
///
/// # Errors
/// The first kind of mistake, in one line.
pub fn inspect(bytes: &[u8]) -> Result<Description, ModuleError> {
    inspect_for(Host::Envoy, bytes)
}

/// Likewise, for Envoy or for a host that goes by the specification.
///
/// # Errors
/// The first kind of mistake, in one line.
pub fn inspect_for(host: Host, bytes: &[u8]) -> Result<Description, ModuleError> {
    check::header(bytes)?;
    let parts = parts::Parts::of(bytes)?;
    let abi = check::abi_version(&parts)?;
    check::sizes(&parts)?;
    check::exports(&parts, abi, host)?;
    check::imports(&parts, abi, host)?;
    Ok(Description::of(&parts, abi, host, bytes.len()))
}

/// Who shall run a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Envoy 1.40.
    Envoy,
    /// One that has what the proxy-wasm specification 0.2.1 says and nothing beside it: fewer functions of WASI, and the other
    /// allocator of two.
    Specification,
}
