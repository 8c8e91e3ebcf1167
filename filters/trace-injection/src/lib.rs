//! Trace context: every request is in a trace, told strictly by the rules of its dialect, and sent to a collector where it is recorded.
//!
//! The path of a request: [`TraceInjection`] (`filter`) reads what it says of its trace in the dialects of the configuration (`policy`,
//! `dialect`), settles its place (`place`: whether its sender is trusted with that, what of its `baggage` goes on, whether the trace is recorded,
//! by `sampling`, or what its first try has found, by `tries`), and writes what the next hop needs. What is recorded becomes a span (`span`) when
//! the request is over, and is sent by OTLP (`export`). Beside a tracer of Envoy, it only says in other dialects what the request says.
//!
//! What is public beside the filter and its configuration is so for the tests.
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
mod generator;
pub mod ids;
mod lists;
mod metrics;
mod place;
mod policy;
mod sampling;
mod span;
mod text;
pub mod tracestate;
mod tries;

pub use config::TraceInjectionConfig;
pub use filter::{Stream, TraceInjection};
pub use sampling::Threshold;
