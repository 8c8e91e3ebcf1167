//! Points in time as ECS has them.

/// Reads `2026-01-02T03:04:05.678Z`, in milliseconds since the epoch.
pub(crate) fn parse(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (date, time) = text.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let is_time =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    let digits =
        fraction.bytes().all(|byte| byte.is_ascii_digit()).then(|| fraction.bytes().chain(*b"00"))?;
    let thousandth = digits.take(3).fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    is_time.then_some(seconds * 1000 + thousandth)
}

fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let mut parts = text.split(between).map(number);
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

fn number(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// Days since the epoch, in years that begin with March: the leap day is their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_from_the_epoch() {
        for (text, expected) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:34:56.789Z", 951_827_696_789),
            ("2026-09-21T14:13:20.012Z", 1_790_000_000_012),
            ("2026-09-21T14:13:20.012345Z", 1_790_000_000_012),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(expected), "{text}");
        }
        for bad in [
            "",
            "Z",
            "2026-09-21",
            "2026-13-01T00:00:00Z",
            "2026-09-21T14:13Z",
            "2026-09-21T14:13:20+01:00",
            "x-y-zTa:b:cZ",
            "2026-09-21T14:13:20.0x2Z",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
