use std::fmt::Write as _;

use crate::UnixTime;
use crate::abi::append_header as append;
use crate::http::{HeaderList, Protocol, Request, Response};
use crate::proxy::framing::{self, Body, has, push};

/// Envoy's defaults, `max_request_headers_kb: 60` and `max_headers_count: 100`.
const HEADER_BYTES: usize = 60 << 10;
const HEADERS: usize = 100;

/// Headers that end at a proxy, and those that Envoy takes from nobody outside.
const NOT_FORWARDED: [&[u8]; 12] = [
    b"connection",
    b"expect",
    b"keep-alive",
    b"proxy-connection",
    b"transfer-encoding",
    b"upgrade",
    b"x-envoy-internal",
    b"x-envoy-expected-rq-timeout-ms",
    b"x-envoy-upstream-rq-timeout-ms",
    b"x-envoy-retry-on",
    b"x-envoy-max-retries",
    b"x-envoy-decorator-operation",
];

/// A request that Envoy answers itself, before any filter.
pub(super) struct Refused {
    status: u16,
    pub(super) details: &'static str,
    body: &'static str,
}

pub(super) struct Message {
    pub(super) headers: HeaderList,
    pub(super) body: Body,
}

/// Whether the codec or the connection manager refuses this request.
pub(super) fn refuse(protocol: Protocol, request: &Request) -> Option<Refused> {
    let bad = |details, body| Some(Refused { status: 400, details, body });
    let too_large = |details| Some(Refused { status: 431, details, body: "Request Header Fields Too Large" });
    let is_pseudo = |name: &[u8]| name.starts_with(b":");
    // On the wire of HTTP/1.1 the authority is a header, `host`, and the other pseudo-headers are none.
    let counted = |name: &[u8]| !is_pseudo(name) || name == b":authority";
    let headers = &request.headers;
    if headers.iter().any(|(name, value)| !valid_name(name) || !value.iter().all(|byte| valid_byte(*byte))) {
        let details = if protocol == Protocol::Http1 {
            "http1.invalid_characters"
        } else {
            "http2.invalid.header.field"
        };
        return bad(details, "Bad Request");
    }
    if headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > HEADER_BYTES {
        return too_large("http1.headers_too_large");
    }
    if headers.iter().filter(|(name, _)| counted(name)).count() > HEADERS {
        return too_large("http1.too_many_headers");
    }
    let first =
        |wanted: &[u8]| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_slice());
    if first(b":authority").or_else(|| first(b"host")).is_none() {
        return bad("missing_host_header", "");
    }
    let path = first(b":path").unwrap_or(b"/");
    if path.iter().any(|byte| *byte <= b' ' || *byte >= 0x7f) {
        return bad("http1.codec_error", "Bad Request");
    }
    if path.contains(&b'#') {
        return bad("path_normalization_failed", "");
    }
    if !path.starts_with(b"/") {
        return Some(Refused { status: 404, details: "absolute_path_rejected", body: "" });
    }
    None
}

impl Refused {
    pub(super) fn response(&self) -> Message {
        let mut headers = vec![(b":status".to_vec(), self.status.to_string().into_bytes())];
        let mut body = Body::default();
        if !self.body.is_empty() {
            push(&mut headers, "content-length", &self.body.len().to_string());
            push(&mut headers, "content-type", "text/plain");
            body.pieces.push(self.body.as_bytes().to_vec());
        }
        Message { headers, body }
    }
}

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
            append(&mut headers, &name, value.trim_ascii());
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
        append(&mut headers, &name.to_ascii_lowercase(), value);
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

fn valid_name(name: &[u8]) -> bool {
    let name = name.strip_prefix(b":").unwrap_or(name);
    !name.is_empty()
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// RFC 9110 section 5.5: visible characters, space, tab, and what is not ASCII.
fn valid_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
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
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, seconds) = (now.as_secs() / 86_400, now.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let weekday = DAYS.get((days % 7) as usize).unwrap_or(&"");
    let month = MONTHS.get(month).unwrap_or(&"");
    let mut text = format!("{weekday}, {day:02} {month} {year:04} ");
    // Writing to a String cannot fail.
    let _ = write!(text, "{:02}:{:02}:{:02} GMT", seconds / 3600, seconds / 60 % 60, seconds % 60);
    text
}

/// Year, month from 0 and day from 1, of a day since 1970-01-01 in the Gregorian calendar.
fn civil(days: u64) -> (u64, usize, u64) {
    let is_leap =
        |year: u64| (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let (mut year, mut rest) = (1970, days);
    while rest >= 365 + u64::from(is_leap(year)) {
        rest -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    for (month, length) in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].into_iter().enumerate() {
        if rest < length {
            return (year, month, rest + 1);
        }
        rest -= length;
    }
    (year, 11, 31)
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

    fn refusal(fields: &[(&str, &str)]) -> Option<(u16, &'static str)> {
        let headers = list(&[&[(":authority", "h")], fields].concat());
        let request = Request { headers, ..Request::default() };
        refuse(Protocol::Http1, &request).map(|refused| (refused.status, refused.details))
    }

    #[test]
    fn what_no_filter_gets_to_see() {
        let long = "x".repeat(61_500);
        assert_eq!(refusal(&[("a", &long)]), Some((431, "http1.headers_too_large")));
        assert_eq!(refusal(&[("a", &long[..61_300])]), None);
        assert_eq!(refusal(&[("a", "1"); 100]), Some((431, "http1.too_many_headers")));
        assert_eq!(refusal(&[("a", "1"); 99]), None);
        for value in ["a\0b", "a\rb", "a\nb", "a\x01b", "a\x7fb"] {
            assert_eq!(refusal(&[("a", value)]), Some((400, "http1.invalid_characters")), "{value:?}");
        }
        assert_eq!(refusal(&[("a", "\tcaf\u{e9} ")]), None);
        assert_eq!(refusal(&[(":path", "/a b")]), Some((400, "http1.codec_error")));
        assert_eq!(refusal(&[(":path", "/a#b")]), Some((400, "path_normalization_failed")));
    }
}
