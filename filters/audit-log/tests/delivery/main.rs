//! How records get to the sink, and what becomes of those that do not.

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod bounds;
mod changes;
mod checkpoints;
mod keys;
mod losses;
mod modes;
mod reservations;
mod sinks;
mod writers;
