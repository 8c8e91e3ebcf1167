//! The hostcalls of proxy-wasm and WASI over the simulated proxy, for any WebAssembly engine.
//!
//! An [`Engine`] gives what a hostcall needs of it: the guest's memory, its allocator, and a place for the [`State`]. A
//! [`Function`] is what a module can import; called, it decodes its arguments, asks the [`portcullis_sim::Sim`], and encodes
//! the answer. There is a file for each chapter of the ABI. Which functions a version has, and of which signature, is in
//! [`portcullis_inspect::imports`].
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod budget;
mod buffers;
mod calls;
mod capabilities;
mod contexts;
mod engine;
mod envoy;
mod function;
mod guest;
mod headers;
mod logging;
mod metrics;
mod phase;
mod properties;
mod queues;
mod shared_data;
mod state;
mod streams;
mod table;
mod versions;
mod vm;
mod wasi;
mod wasi_constants;

pub use budget::{Budget, Meter, Overrun};
pub use capabilities::{is_withheld, withheld};
pub use engine::{Engine, Memory};
pub use function::Function;
pub use phase::{Forbidden, Phase};
pub use state::{Death, State};
pub use vm::{Instantiated, Vm};
