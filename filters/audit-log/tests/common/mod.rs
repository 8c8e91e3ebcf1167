//! A filter with a host and a sink, requests that go through it, and the records that come of them.
#![expect(dead_code, reason = "no test needs all of it")]

pub(crate) mod checks;
pub(crate) mod exchange;
mod instances;
pub(crate) mod recorder;
pub(crate) mod sink;

pub(crate) use exchange::Exchange;
pub(crate) use recorder::recorder;

/// 2026-09-21T14:13:20Z, in seconds.
pub(crate) const NOW: u64 = 1_790_000_000;
