//! Trace context: every request is in a trace, told strictly by the rules of its dialect, and sent to a collector where it is recorded.
//!
//! The path of a request: [`TraceInjection`] reads what it says of its trace in the `dialect` that it speaks, decides whether that counts
//! (`policy::Trust`) and whether the trace is recorded (`sampling`), and writes what the next hop needs. What is recorded becomes a span
//! (`span`) when the request is over, and is sent by OTLP (`export`).
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod attribute;
mod baggage;
mod config;
pub mod context;
pub mod dialect;
mod export;
mod filter;
pub mod ids;
mod metrics;
mod node;
mod policy;
mod random;
mod sampling;
mod span;
pub mod tracestate;
mod tries;

pub use config::TraceInjectionConfig;
pub use filter::{Stream, TraceInjection};
pub use sampling::Threshold;
