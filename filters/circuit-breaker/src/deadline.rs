//! Deadlines: how long a request may take becomes less from hop to hop, never more.

use std::time::Duration;

use portcullis_kit::Headers;
use portcullis_kit::rules::is_grpc;

const ENVOY: &str = "x-envoy-upstream-rq-timeout-ms";
/// What a proxy before this one tells how long it waits (Envoy's router sets it).
const EXPECTED: &str = "x-envoy-expected-rq-timeout-ms";
/// How long a client lets the router wait for a single try.
const PER_TRY: &str = "x-envoy-upstream-rq-per-try-timeout-ms";
const GRPC: &str = "grpc-timeout";

/// Sets how long a request may take to the smaller of what it came with and `timeout`. Whether a deadline of its client is less than half of
/// that: when it is over, it says nothing about the upstream.
pub(crate) fn limit(request: &mut Headers, timeout: Duration) -> bool {
    let is_grpc = is_grpc(request);
    let came_with = [
        request.first(ENVOY).and_then(milliseconds),
        request.first(EXPECTED).and_then(milliseconds),
        request.first(GRPC).filter(|_| is_grpc).and_then(grpc_timeout),
    ];
    // To Envoy, 0 is no timeout at all, and not one that is over.
    let shortest = came_with.into_iter().flatten().fold(timeout, Duration::min).max(Duration::from_millis(1));
    let per_try = request.first(PER_TRY).and_then(milliseconds).unwrap_or(timeout);
    if request.first(EXPECTED).is_some() {
        // What a router goes by that has `respect_expected_rq_timeout`.
        request.set(EXPECTED, shortest.as_millis().to_string().as_bytes());
    }
    request.set(ENVOY, shortest.as_millis().to_string().as_bytes());
    if is_grpc {
        request.set(GRPC, written(shortest).as_bytes());
    }
    shortest.min(per_try) < timeout / 2
}

/// Digits; 0 is no timeout.
fn milliseconds(text: &[u8]) -> Option<Duration> {
    let number = digits(text)?;
    (number > 0).then(|| Duration::from_millis(number))
}

/// `TimeoutValue TimeoutUnit` (gRPC over HTTP/2, "Timeout"): up to eight digits and one of H, M, S, m, u, n.
fn grpc_timeout(text: &[u8]) -> Option<Duration> {
    let (unit, number) = text.split_last()?;
    let number = digits(number).filter(|_| number.len() <= 8)?;
    Some(match unit {
        b'H' => Duration::from_secs(number.saturating_mul(3600)),
        b'M' => Duration::from_secs(number.saturating_mul(60)),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

fn digits(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

/// In the finest unit in which it has eight digits.
fn written(timeout: Duration) -> String {
    let units = [(1, 'n'), (1_000, 'u'), (1_000_000, 'm'), (1_000_000_000, 'S')];
    let fits = |(size, unit): &(u128, char)| {
        let number = timeout.as_nanos() / size;
        (number < 100_000_000).then(|| format!("{number}{unit}"))
    };
    units.iter().find_map(fits).unwrap_or_else(|| "99999999S".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(fields: &[(&str, &str)], timeout: Duration) -> [Option<String>; 2] {
        let mut request = Headers::from_iter(fields.iter().copied());
        limit(&mut request, timeout);
        [ENVOY, GRPC].map(|name| request.only(name).map(|value| String::from_utf8_lossy(value).into_owned()))
    }

    fn milliseconds_of(fields: &[(&str, &str)]) -> String {
        limited(fields, Duration::from_secs(2))[0].clone().unwrap()
    }

    #[test]
    fn the_smallest_counts() {
        assert_eq!(milliseconds_of(&[]), "2000");
        assert_eq!(milliseconds_of(&[(ENVOY, "300")]), "300");
        assert_eq!(milliseconds_of(&[(ENVOY, "3000")]), "2000");
        assert_eq!(milliseconds_of(&[(EXPECTED, "250"), (ENVOY, "300")]), "250");
        for nothing in ["0", "", "-1", "1.5", "x", "99999999999999999999999"] {
            assert_eq!(milliseconds_of(&[(ENVOY, nothing)]), "2000", "{nothing:?}");
        }
    }

    #[test]
    fn grpc_is_told_in_its_own_words() {
        let call = |timeout: &str| {
            limited(&[("content-type", "application/grpc"), (GRPC, timeout)], Duration::from_secs(2))
        };
        let both = |ms: &str, grpc: &str| [Some(ms.to_owned()), Some(grpc.to_owned())];
        assert_eq!(call("1S"), both("1000", "1000000u"));
        assert_eq!(call("500m"), both("500", "500000u"));
        assert_eq!(call("1H"), both("2000", "2000000u"));
        assert_eq!(call("100n"), both("1", "1000000n"), "never 0, which is none");
        for nothing in ["", "S", "1", "123456789S", "-1S", "1s", "+1S"] {
            assert_eq!(call(nothing), both("2000", "2000000u"), "{nothing:?}");
        }
    }

    #[test]
    fn others_keep_what_looks_like_grpc() {
        assert_eq!(
            limited(&[(GRPC, "1S")], Duration::from_secs(2)),
            [Some("2000".into()), Some("1S".into())]
        );
    }

    #[test]
    fn long_timeouts_are_written_in_longer_units() {
        assert_eq!(written(Duration::from_secs(24 * 3600)), "86400000m");
        assert_eq!(written(Duration::from_millis(50)), "50000000n");
    }
}
