//! What a request says of the trace that it belongs to.

use crate::ids::{SpanId, TraceId};
use crate::tracestate::TraceState;

/// The place of a request in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The trace.
    pub trace_id: TraceId,
    /// Who has sent the request; some senders name only the trace.
    pub span_id: Option<SpanId>,
    /// Whether it is recorded.
    pub decision: Decision,
    /// Whether the last 56 bits of the trace id are known to be random (W3C Trace Context Level 2, the random flag).
    pub is_random: bool,
    /// What tracing systems have noted.
    pub state: TraceState,
}

/// Whether a trace is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decision {
    /// Whoever is next decides.
    #[default]
    Deferred,
    /// No.
    Drop,
    /// Yes.
    Sample,
    /// Yes, whatever samplers say.
    Debug,
}

impl Decision {
    /// Whether it is recorded, as far as that is decided.
    pub fn is_sampled(self) -> bool {
        matches!(self, Self::Sample | Self::Debug)
    }
}

impl From<bool> for Decision {
    fn from(is_sampled: bool) -> Self {
        if is_sampled { Self::Sample } else { Self::Drop }
    }
}

/// What the headers of a dialect hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// There are none.
    Nothing,
    /// They cannot be understood.
    Invalid,
    /// No trace, but whether the one that begins here is recorded.
    Decided(Decision),
    /// A place in a trace.
    Context(Context),
}
