//! Why a request does not pass.

use crate::state::State;

const SECOND: u64 = 1_000_000_000;

/// A request that does not pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Denial<'a> {
    pub(crate) reason: Reason,
    /// The breaker.
    pub(crate) breaker: &'a str,
    pub(crate) state: State,
    /// In how many nanoseconds it may be worth while to come again.
    pub(crate) wait: u64,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The breaker is open.
    Open,
    /// It is half open, and others are trying it.
    HalfOpen,
    /// It has closed a short time ago, and not all requests pass yet.
    RampUp,
    /// A throttle has chosen this one.
    Throttled,
    /// The configuration says so.
    ForcedOpen,
}

/// What clients are told of a reason.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The reason.
    pub reason: Reason,
    /// Envoy's `response_code_details`.
    pub code: &'static str,
    /// One sentence.
    pub detail: &'static str,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Row; 5] = [
        Row {
            reason: Self::Open,
            code: "portcullis_circuit_open",
            detail: "the upstream fails or is slow, and is spared for a while",
        },
        Row {
            reason: Self::HalfOpen,
            code: "portcullis_circuit_half_open",
            detail: "it is being tried whether the upstream is well again",
        },
        Row {
            reason: Self::RampUp,
            code: "portcullis_circuit_ramp_up",
            detail: "the upstream is well again, and gets more requests by and by",
        },
        Row {
            reason: Self::Throttled,
            code: "portcullis_circuit_throttled",
            detail: "the upstream fails, and gets fewer requests",
        },
        Row {
            reason: Self::ForcedOpen,
            code: "portcullis_circuit_forced_open",
            detail: "the upstream was taken out of service",
        },
    ];

    /// What clients are told.
    pub fn row(self) -> Row {
        let [open, ..] = Self::ALL;
        Self::ALL.into_iter().find(|row| row.reason == self).unwrap_or(open)
    }
}

impl Denial<'_> {
    /// The value of `retry-after`: whole seconds, at least one (RFC 9110 section 10.2.3).
    pub(crate) fn retry_after(&self) -> String {
        self.wait.div_ceil(SECOND).max(1).to_string()
    }
}
