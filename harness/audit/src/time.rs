//! Points in time, in milliseconds since the epoch.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last millisecond of the year 9999, after which RFC 3339 has no name for a time.
const LAST: i64 = 253_402_300_799_999;

/// Whether a time has a name.
pub(crate) fn is_told(time: i64) -> bool {
    (0..=LAST).contains(&time)
}

/// `2026-01-01T00:00:00.000Z`.
pub(crate) fn rfc3339(time: i64) -> String {
    let Ok(milliseconds) = u64::try_from(time.clamp(0, LAST)) else { return String::new() };
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(milliseconds)).to_string()
}

/// Reads a time as people write it: RFC 3339, or a day or a minute in UTC (`2026-01-01`, `2026-01-01 13:33`).
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim().replacen(' ', "T", 1);
    ["", "Z", ":00Z", "T00:00:00Z"].iter().find_map(|rest| parse_rfc3339(&format!("{text}{rest}")))
}

/// Reads RFC 3339, with an offset from UTC or `Z`.
pub(crate) fn parse_rfc3339(text: &str) -> Option<i64> {
    if let Ok(time) = humantime::parse_rfc3339(text) {
        return milliseconds(time);
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub("+00:00".len())?)?;
    let local = milliseconds(humantime::parse_rfc3339(&format!("{local}Z")).ok()?)?;
    Some(local - offset_minutes(offset)? * 60_000)
}

fn offset_minutes(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| text.parse::<i64>().ok().filter(|_| two_digits(text));
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

pub(crate) fn milliseconds(time: SystemTime) -> Option<i64> {
    time.duration_since(UNIX_EPOCH).ok()?.as_millis().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_they_are_read() {
        for text in ["1970-01-01T00:00:00.000Z", "2026-09-21T13:33:20.123Z", "9999-12-31T23:59:59.999Z"] {
            assert_eq!(rfc3339(parse_rfc3339(text).unwrap()), text);
        }
        assert_eq!(rfc3339(i64::MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(rfc3339(-1), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn people_leave_out_what_is_plain() {
        let at = |text| parse_time(text).map(rfc3339);
        for (text, expected) in [
            ("2026-09-21", "2026-09-21T00:00:00.000Z"),
            ("2026-09-21 13:33", "2026-09-21T13:33:00.000Z"),
            ("2026-09-21T13:33:20", "2026-09-21T13:33:20.000Z"),
            (" 2026-09-21 15:33:20+02:00", "2026-09-21T13:33:20.000Z"),
        ] {
            assert_eq!(at(text).as_deref(), Some(expected), "{text}");
        }
        for wrong in ["", "noon", "2026", "2026-09", "2026-13-01", "2026-09-21 25:00", "13:33", "1h"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_offset_is_taken_off() {
        let at = |text| parse_rfc3339(text).map(rfc3339);
        assert_eq!(at("2026-09-21T15:33:20.5+02:00").as_deref(), Some("2026-09-21T13:33:20.500Z"));
        assert_eq!(at("2026-09-21T05:03:20-08:30").as_deref(), Some("2026-09-21T13:33:20.000Z"));
        for wrong in [
            "",
            "é",
            "2026-09-21",
            "2026-09-21T15:33:20",
            "2026-09-21T15:33:20+24:00",
            "2026-09-21T15:33:20+2:000",
            "+00:00",
        ] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }
}
