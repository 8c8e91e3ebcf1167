use std::time::Duration;

use crate::authorize::Refusal;
use crate::{BindingError, JwtError};

/// Why a request does not pass, and what its client has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    pub(crate) error: JwtError,
    /// The provider whose token it was about.
    pub(crate) provider: Option<usize>,
    /// The scopes that would have helped (RFC 6750 section 3).
    pub(crate) scope: Option<String>,
    /// When to try again.
    pub(crate) retry_after: Option<Duration>,
    /// The nonce that the next DPoP proof needs (RFC 9449 section 9).
    pub(crate) nonce: Option<String>,
}

/// Why a request does not pass now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Denied(Denial),
    /// Something is being fetched that decides.
    Wait(Awaited),
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// What everybody needs who has a token.
    Anything,
    /// Newer keys than there are, which any made-up `kid` asks for.
    NewerKeys,
}

impl Failure {
    /// Which of several the client hears of: the one that says most about its token, and nothing before all is known.
    pub(crate) fn or_worse(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Wait(_), _) => self,
            (Self::Denied(ours), Self::Denied(theirs)) if !theirs.error.says_more_than(ours.error) => self,
            _ => other,
        }
    }

    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Denied(denial) if denial.error == JwtError::Missing)
    }

    /// The same failure, as that of this provider.
    pub(crate) fn of(self, provider: usize) -> Self {
        match self {
            Self::Denied(denial) => Self::Denied(Denial { provider: Some(provider), ..denial }),
            wait @ Self::Wait(_) => wait,
        }
    }
}

impl From<JwtError> for Denial {
    fn from(error: JwtError) -> Self {
        Self { error, provider: None, scope: None, retry_after: None, nonce: None }
    }
}

impl From<JwtError> for Failure {
    fn from(error: JwtError) -> Self {
        Self::Denied(error.into())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Ambiguous(ambiguous) => JwtError::from(ambiguous).into(),
            Refusal::Unmet { scope } => Self::Denied(Denial { scope, ..JwtError::NotAuthorized.into() }),
        }
    }
}

impl From<BindingError> for Failure {
    fn from(error: BindingError) -> Self {
        Self::Denied(Denial { nonce: error.nonce, ..error.error.into() })
    }
}
