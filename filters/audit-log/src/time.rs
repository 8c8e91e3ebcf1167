//! Points in time as text.

use std::time::{Duration, UNIX_EPOCH};

/// The last moment of the year 9999, which is the last that RFC 3339 can say.
const LAST: u64 = 253_402_300_799_999;

/// Milliseconds since the epoch by RFC 3339: `2026-11-28T21:48:00.123Z`.
pub(crate) fn rfc3339(milliseconds: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_millis(milliseconds.min(LAST));
    humantime::format_rfc3339_millis(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_an_end() {
        assert_eq!(rfc3339(1_790_000_000_123), "2026-09-21T14:13:20.123Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
