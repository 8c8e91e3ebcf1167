use std::time::{Duration, UNIX_EPOCH};

use crate::UnixTime;

/// How long a server wants to be left alone: the value of `Retry-After`, a number of seconds or a date (RFC 9110 section 10.2.3). `None` for
/// anything else, and for a date that is over.
pub fn retry_after(value: &[u8], now: UnixTime) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match is_number {
        true => text.parse().ok().map(Duration::from_secs),
        false => {
            let wall = UNIX_EPOCH + Duration::from_nanos(now.as_nanos());
            httpdate::parse_http_date(text).ok()?.duration_since(wall).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read() {
        let now = UnixTime::from_secs(784_111_777 - 60);
        let of = |text: &str| retry_after(text.as_bytes(), now).map(|it| it.as_secs());
        assert_eq!((of(" 120 "), of("0")), (Some(120), Some(0)));
        assert_eq!(of("Sun, 06 Nov 1994 08:49:37 GMT"), Some(60));
        assert_eq!(
            (of("Sun, 06 Nov 1994 08:00:00 GMT"), of("soon"), of("+1"), of("")),
            (None, None, None, None)
        );
    }
}
