//! Audit records as a chain: what a writer makes of them, and what a reader can tell of them afterwards.
//!
//! A record is JSON in the form of RFC 8785 (`canonical`). A writer seals one after the other (`chain`): each gets the hash of the one before and a
//! hash of its own (`integrity`), which is a leaf of a tree (`merkle`). Now and then a record says the root of that tree (`checkpoint`), signed
//! (`signer`) with keys that are told by name (`keys`).
//!
//! No clock, no randomness, no files: who uses it brings those along.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod canonical;
mod chain;
mod checkpoint;
pub mod hex;
mod integrity;
mod json;
mod keys;
mod log;
pub mod merkle;
mod signer;
pub mod verify;

pub use chain::Chain;
pub use checkpoint::Checkpoint;
pub use integrity::Form;
pub use keys::{KeyError, Keys, MacKey, NoteKey, VerifierKey};
pub use log::{LOG_MARK, logged};
pub use signer::{Signature, Signer};
