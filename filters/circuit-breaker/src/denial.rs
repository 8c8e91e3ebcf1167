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
    /// It has a header by which the filter alone chooses routes, and its breaker depends on the route.
    ReservedHeader,
}

/// What clients are told of a reason.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The reason.
    pub reason: Reason,
    /// HTTP status.
    pub status: u16,
    /// Envoy's `response_code_details`.
    pub code: &'static str,
    /// One sentence.
    pub detail: &'static str,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Row; 6] = [
        Row {
            reason: Self::Open,
            status: 503,
            code: "portcullis_circuit_open",
            detail: "the upstream fails or is slow, and is spared for a while",
        },
        Row {
            reason: Self::HalfOpen,
            status: 503,
            code: "portcullis_circuit_half_open",
            detail: "the upstream is being probed",
        },
        Row {
            reason: Self::RampUp,
            status: 503,
            code: "portcullis_circuit_ramp_up",
            detail: "the upstream is well again, and gets more requests by and by",
        },
        Row {
            reason: Self::Throttled,
            status: 503,
            code: "portcullis_circuit_throttled",
            detail: "the upstream fails, and gets fewer requests",
        },
        Row {
            reason: Self::ForcedOpen,
            status: 503,
            code: "portcullis_circuit_forced_open",
            detail: "the upstream was taken out of service",
        },
        Row {
            reason: Self::ReservedHeader,
            status: 400,
            code: "portcullis_circuit_reserved_header",
            detail: "the request has a header that only the proxy may set",
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
