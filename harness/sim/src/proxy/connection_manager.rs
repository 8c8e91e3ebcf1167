use std::time::{Duration, SystemTime};

use crate::UnixTime;
use crate::abi::{MapType, append_header};
use crate::http::{HeaderList, Protocol, Request, Response};
use crate::proxy::framing::{self, has, push};

/// Headers that end at a proxy, and those that Envoy takes from nobody outside.
const NOT_FORWARDED: [&[u8]; 23] = [
    b"connection",
    b"expect",
    b"keep-alive",
    b"proxy-connection",
    b"transfer-encoding",
    b"upgrade",
    b"x-envoy-expected-rq-timeout-ms",
    b"x-envoy-force-trace",
    b"x-envoy-hedge-on-per-try-timeout",
    b"x-envoy-internal",
    b"x-envoy-ip-tags",
    b"x-envoy-max-retries",
    b"x-envoy-original-url",
    b"x-envoy-retriable-header-names",
    b"x-envoy-retriable-status-codes",
    b"x-envoy-retry-grpc-on",
    b"x-envoy-retry-on",
    b"x-envoy-upstream-alt-stat-name",
    b"x-envoy-upstream-rq-per-try-timeout-ms",
    b"x-envoy-upstream-rq-timeout-alt-response",
    b"x-envoy-upstream-rq-timeout-ms",
    b"x-envoy-upstream-stream-duration-ms",
    b"x-forwarded-client-cert",
];

/// The request headers as the first filter sees them.
pub(super) fn request_headers(
    protocol: Protocol,
    request: &Request,
    entropy: &mut fastrand::Rng,
) -> HeaderList {
    let mut headers = HeaderList::new();
    for name in [":authority", ":path", ":method", ":scheme"] {
        let (given, default): (_, &[u8]) = match name {
            ":path" => (find(&request.headers, b":path"), b"/"),
            ":method" => (find(&request.headers, b":method"), b"GET"),
            ":scheme" => (find(&request.headers, b":scheme"), b"http"),
            _ => (find(&request.headers, b":authority").or_else(|| find(&request.headers, b"host")), b""),
        };
        headers.push((name.as_bytes().to_vec(), given.unwrap_or(default).to_vec()));
    }
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        if !name.starts_with(b":") && name != b"host" {
            // HTTP/1.1 has optional whitespace around a value; in HTTP/2 it is part of the value.
            let value = if protocol == Protocol::Http1 { value.trim_ascii() } else { value };
            append_header(MapType::RequestHeaders, &mut headers, &name, value);
        }
    }
    framing::announce(protocol, &mut headers, &request.body, false);
    let named = connection_options(&headers);
    let te_is_kept = find(&headers, b"te").is_some_and(|value| value == b"trailers");
    headers.retain(|(name, _)| {
        !NOT_FORWARDED.contains(&name.as_slice()) && !named.contains(name) && (name != b"te" || te_is_kept)
    });
    mark(&mut headers, entropy);
    headers
}

/// What the connection manager adds to every request.
fn mark(headers: &mut HeaderList, entropy: &mut fastrand::Rng) {
    match find(headers, b"x-forwarded-proto").map(<[u8]>::to_vec) {
        None => push(headers, "x-forwarded-proto", "http"),
        // A proxy in front may have ended TLS; its word is taken, being the nearest hop.
        Some(scheme) if scheme == b"https" || scheme == b"http" => {
            headers
                .iter_mut()
                .filter(|(name, _)| name == b":scheme")
                .for_each(|(_, value)| value.clone_from(&scheme));
        }
        Some(_) => {}
    }
    if !has(headers, b"x-request-id") {
        push(headers, "x-request-id", &uuid(entropy.u128(..)));
    }
}

/// What the router adds.
pub(super) fn to_upstream(headers: &mut HeaderList) {
    if !has(headers, b"x-envoy-expected-rq-timeout-ms") {
        push(headers, "x-envoy-expected-rq-timeout-ms", "15000");
    }
}

/// The response headers as the last filter sees them first.
pub(super) fn response_headers(protocol: Protocol, upstream: &Response, is_head: bool) -> HeaderList {
    let mut headers = vec![(b":status".to_vec(), upstream.status.to_string().into_bytes())];
    for (name, value) in &upstream.headers {
        append_header(MapType::ResponseHeaders, &mut headers, &name.to_ascii_lowercase(), value);
    }
    framing::announce(protocol, &mut headers, &upstream.body, true);
    let is_empty = upstream.body.iter().all(Vec::is_empty);
    let may_have_body = !is_head && !matches!(upstream.status, 0..=199 | 204 | 304);
    if protocol == Protocol::Http1 && is_empty && may_have_body && !has(&headers, b"content-length") {
        push(&mut headers, "content-length", "0");
    }
    headers.retain(|(name, _)| name != b"keep-alive" && name != b"proxy-connection");
    headers.retain(|(name, _)| name != b"x-envoy-upstream-service-time");
    push(&mut headers, "x-envoy-upstream-service-time", "0");
    headers
}

/// What the connection manager does to every response, local replies included.
pub(super) fn to_client(protocol: Protocol, headers: &mut HeaderList, now: UnixTime, closes: bool) {
    let closes =
        closes || find(headers, b"connection").is_some_and(|value| value == b"close" && is_local(headers));
    headers.retain(|(name, _)| name != b"connection" && name != b"transfer-encoding");
    if !has(headers, b"date") {
        push(headers, "date", &http_date(now));
    }
    match headers.iter_mut().find(|(name, _)| name == b"server") {
        Some((_, value)) => *value = b"envoy".to_vec(),
        None => push(headers, "server", "envoy"),
    }
    if closes && protocol == Protocol::Http1 {
        push(headers, "connection", "close");
    }
}

/// An upstream that closes its connection says nothing about the client's.
fn is_local(headers: &HeaderList) -> bool {
    !has(headers, b"x-envoy-upstream-service-time")
}

pub(super) fn status(headers: &HeaderList) -> u16 {
    let text = find(headers, b":status").and_then(|value| std::str::from_utf8(value).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

pub(super) fn find<'a>(headers: &'a HeaderList, name: &[u8]) -> Option<&'a [u8]> {
    headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_slice())
}

/// Header names that `connection` declares to be for this hop only.
fn connection_options(headers: &HeaderList) -> Vec<Vec<u8>> {
    let options = find(headers, b"connection").unwrap_or_default().split(|byte| *byte == b',');
    options.map(|option| option.trim_ascii().to_ascii_lowercase()).collect()
}

/// RFC 9562 version 4.
fn uuid(random: u128) -> String {
    let random = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{random:032x}");
    let mut text = String::with_capacity(36);
    for (index, digit) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// RFC 9110 section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(now: UnixTime) -> String {
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(fields: &[(&str, &str)]) -> HeaderList {
        fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
    }

    fn seen(fields: &[(&str, &str)]) -> String {
        let request = Request { headers: list(fields), ..Request::default() };
        let headers = request_headers(Protocol::Http1, &request, &mut fastrand::Rng::with_seed(1));
        let lines = headers.iter().map(|(n, v)| format!("{}={}", n.escape_ascii(), v.escape_ascii()));
        lines.filter(|line| !line.starts_with("x-request-id")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 GMT"),
            (1_767_225_600, "Thu, 01 Jan 2026 00:00:00 GMT"),
        ] {
            assert_eq!(http_date(UnixTime::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn ids_are_random_uuids() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn headers_for_one_hop_end_here() {
        let pseudo = ":authority=h :path=/ :method=GET :scheme=http";
        let hop =
            [(":authority", "h"), ("connection", "x-a, close"), ("x-a", "1"), ("te", "gzip"), ("x-b", "2")];
        assert_eq!(seen(&hop), format!("{pseudo} x-b=2 x-forwarded-proto=http"));
        assert_eq!(
            seen(&[("host", "h"), ("te", "trailers")]),
            format!("{pseudo} te=trailers x-forwarded-proto=http")
        );
    }

    #[test]
    fn repeated_headers_are_joined_only_where_envoy_has_one_place_for_them() {
        let seen = seen(&[
            (":authority", "h"),
            ("authorization", "a"),
            ("x-a", "1"),
            ("authorization", "b"),
            ("x-a", "2"),
        ]);
        assert!(seen.contains("authorization=a,b x-a=1 x-a=2"), "{seen}");
    }

    #[test]
    fn the_scheme_follows_the_proxy_in_front() {
        let seen = seen(&[(":authority", "h"), ("x-forwarded-proto", "https")]);
        assert_eq!(seen, ":authority=h :path=/ :method=GET :scheme=https x-forwarded-proto=https");
    }
}
