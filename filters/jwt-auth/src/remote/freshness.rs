//! How long a document may be used without asking again: `Cache-Control` (RFC 9111).

use std::time::Duration;

use portcullis_kit::Headers;

/// What RFC 9111 section 1.2.2 makes of a number that is too large.
const LONGEST: u64 = 1 << 31;

/// How much longer an answer is fresh by its own word; `None` when it says nothing.
///
/// Where directives contradict each other the shortest time wins (section 4.2.1). `Age` is taken off. `s-maxage` is for
/// caches that serve others, and `Expires` trusts the server's clock: neither is read.
pub(crate) fn freshness(headers: &Headers) -> Option<Duration> {
    let lifetime = headers.all("cache-control").flat_map(directives).filter_map(lifetime).min()?;
    Some(Duration::from_secs(lifetime.saturating_sub(age(headers))))
}

/// The directives of one field value: split at commas, except inside of a quoted string.
fn directives(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    value.split(move |byte| {
        let literal = std::mem::take(&mut is_escaped);
        match byte {
            b'\\' if is_quoted && !literal => is_escaped = true,
            b'"' if !literal => is_quoted = !is_quoted,
            _ => {}
        }
        *byte == b',' && !is_quoted
    })
}

/// How long the directive lets the answer be fresh; `None` for one that says nothing of it.
fn lifetime(directive: &[u8]) -> Option<u64> {
    let mut parts = directive.splitn(2, |byte| *byte == b'=');
    let name = parts.next().unwrap_or_default().trim_ascii();
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    if is("no-store") || is("no-cache") {
        return Some(0);
    }
    // Freshness that makes no sense is none (section 4.2.1).
    is("max-age").then(|| parts.next().and_then(seconds).unwrap_or(0))
}

/// Digits, also in quotes, as some write them (section 5.2).
fn seconds(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(text);
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit =
        |sum: u64, byte: &u8| sum.saturating_mul(10).saturating_add(u64::from(byte - b'0')).min(LONGEST);
    Some(text.iter().fold(0, digit))
}

/// The time that the answer has spent in caches on the way (section 5.1): the longest that is said.
fn age(headers: &Headers) -> u64 {
    let items = headers.all("age").flat_map(|value| value.split(|byte| *byte == b','));
    items.filter_map(seconds).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(headers: &[(&str, &str)]) -> Option<u64> {
        freshness(&headers.iter().copied().collect()).map(|span| span.as_secs())
    }

    fn control(value: &str) -> Option<u64> {
        fresh(&[("cache-control", value)])
    }

    #[test]
    fn directives_of_rfc_9111() {
        for (value, seconds) in [
            ("max-age=3600", Some(3600)),
            ("public, max-age=19845, must-revalidate, no-transform", Some(19845)),
            ("MAX-AGE=5", Some(5)),
            ("max-age=\"60\"", Some(60)),
            ("no-store", Some(0)),
            ("no-cache, max-age=60", Some(0)),
            ("no-cache=\"set-cookie, x\"", Some(0)),
            ("private, community=\"UCI\"", None),
            ("community=\"a, no-store\", max-age=7", Some(7)),
            ("community=\"a\\\", no-store\", max-age=7", Some(7)),
            ("s-maxage=10", None),
            ("", None),
            (",,;,", None),
        ] {
            assert_eq!(control(value), seconds, "{value}");
        }
    }

    #[test]
    fn nonsense_is_stale_and_the_smallest_wins() {
        for value in ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=abc", "max-age=10 20"] {
            assert_eq!(control(value), Some(0), "{value}");
        }
        assert_eq!(control("max-age=60, max-age=30"), Some(30));
        assert_eq!(fresh(&[("cache-control", "max-age=30"), ("cache-control", "max-age=60")]), Some(30));
        assert_eq!(control("max-age=99999999999999999999999"), Some(LONGEST));
    }

    #[test]
    fn age_is_taken_off() {
        assert_eq!(fresh(&[("cache-control", "max-age=60"), ("age", "20")]), Some(40));
        assert_eq!(fresh(&[("cache-control", "max-age=60"), ("age", "90")]), Some(0));
        assert_eq!(fresh(&[("cache-control", "max-age=60"), ("age", "5"), ("age", "7")]), Some(53));
        assert_eq!(fresh(&[("cache-control", "max-age=60"), ("age", "5, 9")]), Some(51));
        assert_eq!(fresh(&[("cache-control", "max-age=60"), ("age", "x")]), Some(60));
        assert_eq!(fresh(&[("age", "20")]), None);
    }

    proptest::proptest! {
        #[test]
        fn garbage_never_panics(values in proptest::collection::vec(proptest::collection::vec(0u8.., 0..40), 0..4), age in ".*") {
            let mut fields: Vec<(&str, &[u8])> = values.iter().map(|value| ("cache-control", value.as_slice())).collect();
            fields.push(("age", age.as_bytes()));
            let fresh = freshness(&fields.into_iter().collect());
            proptest::prop_assert!(fresh.is_none_or(|span| span.as_secs() <= LONGEST));
        }
    }
}
