//! Why a request does not pass: every reason, with what its client is told.

use portcullis_kit::parts::Unclear;
use portcullis_kit::rules::Ambiguous;

use crate::standing::Standing;

/// A request that does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    pub(crate) reason: Reason,
    /// The names of the limits.
    pub(crate) violated: Vec<String>,
    /// What is left of them.
    pub(crate) standings: Vec<Standing>,
    /// In how many nanoseconds it may pass.
    pub(crate) retry_after: Option<u64>,
    /// What the rate limit service wants the client to be told.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// Its body; empty for ours.
    pub(crate) body: Vec<u8>,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A limit has no tokens left.
    LimitExceeded,
    /// A part of a key that has to be there is missing.
    KeyMissing,
    /// The buckets, or the rate limit service, cannot be had.
    Unavailable,
    /// The host that a limit goes by can be read in two ways.
    AmbiguousHost,
    /// The path that a limit goes by can be read in two ways.
    AmbiguousPath,
    /// A cookie or parameter that a limit goes by is there several times, and not the same.
    AmbiguousKey,
}

/// What a denial looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// HTTP status; that of [`Reason::LimitExceeded`] can be configured.
    pub status: u16,
    /// Envoy's `response_code_details`.
    pub code: &'static str,
    /// The type of the problem (draft-ietf-httpapi-ratelimit-headers-10, section "Problem Types").
    pub kind: Option<&'static str>,
    /// The title of the problem.
    pub title: &'static str,
    /// One sentence for the client.
    pub detail: &'static str,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::LimitExceeded,
        Self::KeyMissing,
        Self::Unavailable,
        Self::AmbiguousHost,
        Self::AmbiguousPath,
        Self::AmbiguousKey,
    ];

    /// The table of denials.
    pub fn row(self) -> Row {
        let row = |status, code, kind, title, detail| Row { status, code, kind, title, detail };
        match self {
            Self::LimitExceeded => row(
                429,
                "portcullis_rate_limit_exceeded",
                Some("https://iana.org/assignments/http-problem-types#quota-exceeded"),
                "Too Many Requests",
                "the quota of this client is used up for now",
            ),
            Self::KeyMissing => row(
                403,
                "portcullis_rate_limit_key_missing",
                None,
                "Forbidden",
                "the request does not say whose quota it uses",
            ),
            Self::Unavailable => row(
                503,
                "portcullis_rate_limit_unavailable",
                Some("https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"),
                "Service Unavailable",
                "quotas cannot be checked at the moment",
            ),
            Self::AmbiguousHost => row(
                400,
                "portcullis_rate_limit_ambiguous_host",
                None,
                "Bad Request",
                "the host can be read in more than one way",
            ),
            Self::AmbiguousPath => row(
                400,
                "portcullis_rate_limit_ambiguous_path",
                None,
                "Bad Request",
                "the path can be read in more than one way",
            ),
            Self::AmbiguousKey => row(
                400,
                "portcullis_rate_limit_ambiguous_key",
                None,
                "Bad Request",
                "a cookie or parameter is there several times, with different values",
            ),
        }
    }
}

impl From<Reason> for Denial {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            violated: Vec::new(),
            standings: Vec::new(),
            retry_after: None,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
}

impl From<Ambiguous> for Reason {
    fn from(ambiguous: Ambiguous) -> Self {
        match ambiguous {
            Ambiguous::Host => Self::AmbiguousHost,
            Ambiguous::Path => Self::AmbiguousPath,
        }
    }
}

impl From<Unclear> for Reason {
    fn from(unclear: Unclear) -> Self {
        match unclear {
            Unclear::Path => Self::AmbiguousPath,
            Unclear::Host => Self::AmbiguousHost,
            Unclear::Value => Self::AmbiguousKey,
        }
    }
}
