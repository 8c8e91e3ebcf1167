//! An audit log: a record of every request, redacted, in a chain, on its way to whoever keeps it.
//!
//! The path of a request: [`AuditLog`] (`filter`) looks whether there is room for its record where that is asked for, and keeps what of its bodies
//! is wanted (`body`). When it is over, what the proxy knows of it (`attributes`) says what has become of it (`outcome`), the `policy` says how much
//! of that is recorded, and an `event` is put together of what is shown (`redaction`), with who it is from (`identity`, `trace`). As a `record` in
//! its schema it goes into the `ledger`, which gives it its place in the chain and sends it. Denials that repeat are counted (`duplicates`).
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod attributes;
mod body;
mod config;
mod denial;
mod duplicates;
mod event;
mod filter;
mod fingerprint;
mod flags;
mod identity;
mod ledger;
mod metrics;
mod outcome;
mod policy;
mod record;
mod redaction;
mod time;
mod trace;
mod waiting;

pub use config::AuditLogConfig;
pub use filter::{AuditLog, Stream};
