use std::time::Duration;

use portcullis_kit::{ConfigError, Span};

const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A time that neither it nor a sum with the clock overflows.
pub(crate) fn bounded(member: &str, span: Span) -> Result<Duration, ConfigError> {
    match span.0 <= LONGEST {
        true => Ok(span.0),
        false => Err(ConfigError::at(member, format!("{span}; write at most 24h"))),
    }
}

pub(crate) fn as_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A span in nanoseconds.
pub(super) fn nanos(span: Span) -> u64 {
    as_nanos(span.0)
}
