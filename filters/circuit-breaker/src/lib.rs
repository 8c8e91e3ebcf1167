//! Circuit breakers: an upstream that fails or is slow gets no requests for a while, then a few to try it, then all again; who is turned
//! away in the meantime gets an older response, another upstream, or a plain word.
//!
//! The path of a request: [`CircuitBreaker`] finds the rule that it is under and the value of its key (`policy`, `directory`), asks that
//! `breaker` whether it passes, limits its deadline (`deadline`) or serves what there is instead (`fallback`, `denial`, `reply`). The way back
//! says what the call has come to (`call`, `policy::Outcomes`). What all workers agree on is a [`state::Record`] in the shared data; each worker
//! has a copy of it and counts for itself in between.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod breaker;
mod call;
mod config;
mod deadline;
mod denial;
mod directory;
mod fallback;
mod filter;
mod metrics;
mod on_its_way;
mod policy;
mod reply;
mod serving;
pub mod state;

pub use config::CircuitBreakerConfig;
pub use denial::{Reason, Row};
pub use filter::{CircuitBreaker, Stream};
