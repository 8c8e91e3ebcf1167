use std::time::{Duration, SystemTime};

use crate::UnixTime;
use crate::abi::{MapType, append_header};
use crate::http::{HeaderList, Protocol, ROUTE_TIMEOUT, Request, Response};
use crate::proxy::framing::{self, has, push};
use crate::proxy::refusal::asks_to_upgrade;

/// Headers that end at a proxy, and those that Envoy takes from nobody outside.
const NOT_FORWARDED: [&[u8]; 22] = [
    b"connection",
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

const SERVICE_TIME: &[u8] = b"x-envoy-upstream-service-time";

/// The request headers as the first filter sees them.
pub(super) fn request_headers(
    protocol: Protocol,
    request: &Request,
    entropy: &mut fastrand::Rng,
) -> HeaderList {
    let mut headers = pseudo_headers(protocol, &request.headers);
    add_fields(protocol, &mut headers, request);
    // Of a request for another protocol, which is refused later, Envoy takes away nothing that belongs to the connection.
    let is_upgrade = protocol == Protocol::Http1 && asks_to_upgrade(&headers);
    let named = connection_options(&headers);
    headers.retain_mut(|(name, value)| match name.as_slice() {
        // Of the transfer codings only this one reaches further than one hop, named in `connection` or not.
        b"te" => {
            let is_kept = value.split(|byte| *byte == b',').any(|coding| coding.trim_ascii() == b"trailers");
            *value = b"trailers".to_vec();
            is_kept
        }
        // Envoy itself asks for the body.
        b"expect" => !value.eq_ignore_ascii_case(b"100-continue"),
        b"connection" | b"upgrade" if is_upgrade => true,
        name => !NOT_FORWARDED.contains(&name) && (is_upgrade || !named.iter().any(|option| option == name)),
    });
    mark(protocol, &mut headers, entropy);
    headers
}

/// The request headers as they came, before anything is made of them.
pub(super) fn received(protocol: Protocol, request: &Request) -> HeaderList {
    let mut headers = pseudo_headers(protocol, &request.headers);
    // HTTP/1.1 has no scheme on the wire, and there may be no host.
    headers.retain(|(name, value)| {
        !(protocol == Protocol::Http1 && name == b":scheme" || name == b":authority" && value.is_empty())
    });
    add_fields(protocol, &mut headers, request);
    headers
}

fn add_fields(protocol: Protocol, headers: &mut HeaderList, request: &Request) {
    let fields = match protocol {
        Protocol::Http1 => &request.headers,
        Protocol::Http2 => &framing::join_cookies(&request.headers),
    };
    for (name, value) in fields {
        let name = name.to_ascii_lowercase();
        if !name.starts_with(b":") && name != b"host" {
            // HTTP/1.1 has optional whitespace around a value; in HTTP/2 it is part of the value.
            let value = if protocol == Protocol::Http1 { value.trim_ascii() } else { value };
            append_header(MapType::RequestHeaders, headers, &name, value);
        }
    }
    announce(protocol, headers, request);
}

/// What the client says of its body comes after its headers; the codec of HTTP/2 adds the cookies last.
fn announce(protocol: Protocol, headers: &mut HeaderList, request: &Request) {
    let cookies = headers.pop_if(|(name, _)| protocol == Protocol::Http2 && name == b"cookie");
    framing::announce(protocol, headers, (&request.body, request.trailers.as_ref()), false);
    let bodiless: [&[u8]; 4] = [b"GET", b"HEAD", b"DELETE", b"CONNECT"];
    let has_none = request.body.iter().all(Vec::is_empty) && request.trailers.is_none();
    let is_bodiless = find(headers, b":method").is_some_and(|method| bodiless.contains(&method));
    // RFC 9110 section 8.6: where a body is usual, its absence is worth saying.
    if protocol == Protocol::Http2 && has_none && !is_bodiless && !has(headers, b"content-length") {
        push(headers, "content-length", "0");
    }
    headers.extend(cookies);
}

/// In HTTP/1.1 Envoy makes them, in this order; an HTTP/2 client sends them in an order of its own, and this is a common one.
fn pseudo_headers(protocol: Protocol, headers: &HeaderList) -> HeaderList {
    let authority = (b":authority".to_vec(), authority(protocol, headers));
    let path = (b":path".to_vec(), find(headers, b":path").unwrap_or(b"/").to_vec());
    let method = (b":method".to_vec(), find(headers, b":method").unwrap_or(b"GET").to_vec());
    let scheme = (b":scheme".to_vec(), scheme(protocol, headers));
    match protocol {
        Protocol::Http1 => vec![authority, path, method, scheme],
        Protocol::Http2 => vec![method, scheme, authority, path],
    }
}

/// In HTTP/1.1 it is a header like others, so that a second one is joined to the first.
fn authority(protocol: Protocol, headers: &HeaderList) -> Vec<u8> {
    let is_host = |name: &[u8]| name == b":authority" || name == b"host";
    let mut values = headers.iter().filter(|(name, _)| is_host(name)).map(|(_, value)| value.as_slice());
    match protocol {
        Protocol::Http1 => values.collect::<Vec<_>>().join(&b','),
        Protocol::Http2 => {
            find(headers, b":authority").or_else(|| values.next()).unwrap_or_default().to_vec()
        }
    }
}

/// HTTP/1.1 has none on the wire, and over HTTP/2 Envoy replaces what it does not know.
fn scheme(protocol: Protocol, headers: &HeaderList) -> Vec<u8> {
    let given = find(headers, b":scheme").filter(|_| protocol == Protocol::Http2);
    given.filter(|scheme| *scheme == b"https").unwrap_or(b"http").to_vec()
}

/// Whom Envoy takes for the client: the last address in the last `x-forwarded-for`, where that is one, since nothing here is an edge
/// (`use_remote_address`).
pub(super) fn forwarded_for(headers: &HeaderList) -> Option<std::net::IpAddr> {
    let lines = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"x-forwarded-for"));
    let last = lines.map(|(_, value)| value).next_back()?.rsplit(|byte| *byte == b',').next()?;
    std::str::from_utf8(last.trim_ascii()).ok()?.parse().ok()
}

/// What the connection manager adds to every request.
fn mark(protocol: Protocol, headers: &mut HeaderList, entropy: &mut fastrand::Rng) {
    match find(headers, b"x-forwarded-proto").map(<[u8]>::to_vec) {
        None => push(headers, "x-forwarded-proto", "http"),
        // A proxy in front may have ended TLS; its word is taken, being the nearest hop.
        Some(scheme) if protocol == Protocol::Http1 && (scheme == b"https" || scheme == b"http") => {
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

/// What the router makes of the deadline of a request, and adds; how long it waits, where it does not wait for ever.
pub(super) fn to_upstream(headers: &mut HeaderList) -> Option<Duration> {
    const ASKED: &[u8] = b"x-envoy-upstream-rq-timeout-ms";
    const EXPECTED: &str = "x-envoy-expected-rq-timeout-ms";
    let asked = find(headers, ASKED).and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    headers.retain(|(name, _)| name != ASKED);
    let timeout = asked.map_or(ROUTE_TIMEOUT, Duration::from_millis);
    if timeout.is_zero() {
        return None;
    }
    headers.retain(|(name, _)| name != EXPECTED.as_bytes());
    push(headers, EXPECTED, &timeout.as_millis().to_string());
    Some(timeout)
}

/// The response headers as the last filter sees them first; a server that breaks off has not said how much it would send.
pub(super) fn response_headers(
    protocol: Protocol,
    upstream: &Response,
    is_head: bool,
    is_whole: bool,
) -> HeaderList {
    let mut headers = vec![(b":status".to_vec(), upstream.status.to_string().into_bytes())];
    for (name, value) in &upstream.headers {
        append_header(MapType::ResponseHeaders, &mut headers, &name.to_ascii_lowercase(), value);
    }
    let is_empty = upstream.body.iter().all(Vec::is_empty);
    let may_have_body = !is_head && !matches!(upstream.status, 0..=199 | 204 | 304);
    if is_whole {
        framing::announce(protocol, &mut headers, (&upstream.body, upstream.trailers.as_ref()), !is_head);
    } else if protocol == Protocol::Http1 && may_have_body && !has(&headers, b"content-length") {
        push(&mut headers, "transfer-encoding", "chunked");
    }
    let is_chunked = has(&headers, b"transfer-encoding");
    let is_unsized = !is_chunked && !has(&headers, b"content-length");
    if protocol == Protocol::Http1 && is_empty && may_have_body && is_unsized {
        push(&mut headers, "content-length", "0");
    }
    headers.retain(|(name, _)| name != b"keep-alive" && name != b"proxy-connection");
    // Where the upstream has one of its own, it is overwritten.
    let place = headers.iter().position(|(name, _)| name == SERVICE_TIME);
    headers.retain(|(name, _)| name != SERVICE_TIME);
    headers.insert(place.unwrap_or(headers.len()), (SERVICE_TIME.to_vec(), b"0".to_vec()));
    headers
}

/// What the connection manager does to every response, local replies included.
pub(super) fn to_client(protocol: Protocol, headers: &mut HeaderList, now: UnixTime, closes: bool) {
    let closes =
        closes || find(headers, b"connection").is_some_and(|value| value == b"close" && is_local(headers));
    headers.retain(|(name, _)| name != b"connection" && name != b"transfer-encoding" && name != b"upgrade");
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

/// Whether an HTTP/1.1 client wants its connection closed; Envoy heeds `proxy-connection` as well.
pub(super) fn asks_to_close(headers: &HeaderList) -> bool {
    let values = headers.iter().filter(|(name, _)| name == b"connection" || name == b"proxy-connection");
    values
        .flat_map(|(_, value)| value.split(|byte| *byte == b','))
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
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
        seen_over(Protocol::Http1, fields)
    }

    fn seen_over(protocol: Protocol, fields: &[(&str, &str)]) -> String {
        let request = Request { headers: list(fields), ..Request::default() };
        let headers = request_headers(protocol, &request, &mut fastrand::Rng::with_seed(1));
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
        let proxied = [(":authority", "h"), ("x-forwarded-proto", "https")];
        let expected = ":authority=h :path=/ :method=GET :scheme=https x-forwarded-proto=https";
        assert_eq!(seen(&proxied), expected);
        assert!(seen_over(Protocol::Http2, &proxied).contains(":scheme=http "));
        let secure = [(":authority", "h"), (":scheme", "https")];
        assert!(seen(&secure).contains(":scheme=http "));
        assert!(seen_over(Protocol::Http2, &secure).contains(":scheme=https "));
        assert!(seen_over(Protocol::Http2, &[(":scheme", "ftp")]).contains(":scheme=http "));
    }

    #[test]
    fn a_second_host_is_joined_and_of_te_and_expect_only_the_hop_goes() {
        assert!(seen(&[(":authority", "a"), ("host", "b")]).starts_with(":authority=a,b :path"));
        assert!(
            seen_over(Protocol::Http2, &[(":authority", "a"), ("host", "b")]).contains(" :authority=a :")
        );
        assert!(seen(&[("te", "gzip, trailers")]).contains(" te=trailers "));
        assert!(seen(&[("te", "trailers"), ("connection", "te")]).contains(" te=trailers "));
        assert!(!seen(&[("te", "gzip")]).contains(" te="));
        assert!(seen(&[("expect", "foo")]).contains(" expect=foo "));
        assert!(!seen(&[("expect", "100-Continue")]).contains("expect"));
    }

    #[test]
    fn http2_has_another_order_and_cookies_last() {
        let fields =
            [(":authority", "h"), (":method", "PUT"), ("cookie", "a"), ("x-a", "1"), ("cookie", "b")];
        let expected = ":method=PUT :scheme=http :authority=h :path=/ x-a=1 content-length=0 cookie=a; b x-forwarded-proto=http";
        assert_eq!(seen_over(Protocol::Http2, &fields), expected);
        assert!(!seen_over(Protocol::Http2, &[(":authority", "h")]).contains("content-length"));
    }

    #[test]
    fn the_service_time_stands_where_the_upstream_had_one() {
        let headers = list(&[
            ("x-a", "1"),
            ("x-envoy-upstream-service-time", "7"),
            ("x-b", "2"),
            ("x-envoy-upstream-service-time", "8"),
        ]);
        let seen = response_headers(
            Protocol::Http2,
            &Response { status: 200, headers, ..Response::default() },
            false,
            true,
        );
        let expected =
            [(":status", "200"), ("x-a", "1"), ("x-envoy-upstream-service-time", "0"), ("x-b", "2")];
        assert_eq!(seen, list(&expected));
    }

    #[test]
    fn over_http1_what_breaks_off_was_announced_in_chunks_and_to_head_nothing_is() {
        let response =
            Response { status: 200, body: vec![b"a".to_vec(), b"b".to_vec()], ..Response::default() };
        let is_chunked = |protocol, is_head, is_whole| {
            has(&response_headers(protocol, &response, is_head, is_whole), b"transfer-encoding")
        };
        assert!(is_chunked(Protocol::Http1, false, false));
        assert!(is_chunked(Protocol::Http1, false, true));
        assert!(!is_chunked(Protocol::Http1, true, true));
        assert!(!is_chunked(Protocol::Http2, false, false));
    }

    #[test]
    fn an_upstream_cannot_ask_the_client_to_upgrade() {
        let mut headers = list(&[(":status", "200"), ("upgrade", "h2c")]);
        to_client(Protocol::Http1, &mut headers, UnixTime::default(), false);
        assert!(!has(&headers, b"upgrade"));
    }

    #[test]
    fn a_client_can_ask_to_close() {
        for (name, value, expected) in [
            ("connection", "x-a, Close", true),
            ("proxy-connection", "close", true),
            ("connection", "keep-alive", false),
            ("x", "close", false),
        ] {
            assert_eq!(asks_to_close(&list(&[(name, value)])), expected, "{name}: {value}");
        }
    }
}
