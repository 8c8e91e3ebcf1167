use crate::http::{HeaderList, Protocol, Request};
use crate::proxy::connection_manager::find;
use crate::proxy::framing::{Body, push};

/// Envoy's defaults, `max_request_headers_kb: 60` and `max_headers_count: 100`.
const HEADER_BYTES: usize = 60 << 10;
const HEADERS: usize = 100;

/// Headers about one connection, which HTTP/2 does not have (RFC 9113 section 8.2.2).
const CONNECTION_SPECIFIC: [&[u8]; 5] =
    [b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"];

/// The methods that Envoy's HTTP/1.1 codec knows.
const METHODS: [&[u8]; 34] = [
    b"ACL",
    b"BIND",
    b"CHECKOUT",
    b"CONNECT",
    b"COPY",
    b"DELETE",
    b"GET",
    b"HEAD",
    b"LINK",
    b"LOCK",
    b"MERGE",
    b"MKACTIVITY",
    b"MKCALENDAR",
    b"MKCOL",
    b"MOVE",
    b"NOTIFY",
    b"OPTIONS",
    b"PATCH",
    b"POST",
    b"PROPFIND",
    b"PROPPATCH",
    b"PURGE",
    b"PUT",
    b"QUERY",
    b"REBIND",
    b"REPORT",
    b"SEARCH",
    b"SOURCE",
    b"SUBSCRIBE",
    b"TRACE",
    b"UNBIND",
    b"UNLINK",
    b"UNLOCK",
    b"UNSUBSCRIBE",
];

const INVALID_FIELD: &str = "http2.invalid.header.field";
const BROKEN_MESSAGE: &str = "http2.violation.of.messaging.rule";

/// A request that Envoy ends itself, before any filter.
pub(super) struct Refused {
    /// Status and body; none where the HTTP/2 codec resets the stream or drops the connection.
    answer: Option<(u16, &'static str)>,
    pub(super) details: &'static str,
    pub(super) reach: Reach,
}

/// How far a request has come that is refused, and so what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The codec has not understood it: nothing of it is known.
    Codec,
    /// The connection manager has looked at it: its headers are there as they were sent.
    ConnectionManager,
    /// It has a route.
    Route,
}

/// Whether the codec or the connection manager refuses this request.
pub(super) fn refuse(protocol: Protocol, request: &Request) -> Option<Refused> {
    let codec = match protocol {
        Protocol::Http1 => http1(&request.headers),
        Protocol::Http2 => http2(&request.headers).map(Refused::reset),
    };
    codec.or_else(|| path(&request.headers)).or_else(|| {
        let is_upgrade = protocol == Protocol::Http1 && asks_to_upgrade(&request.headers);
        is_upgrade.then(|| Refused::answered(403, "upgrade_failed", "", Reach::Route))
    })
}

impl Refused {
    fn reset(details: &'static str) -> Self {
        Self { answer: None, details, reach: Reach::Codec }
    }

    fn answered(status: u16, details: &'static str, body: &'static str, reach: Reach) -> Self {
        Self { answer: Some((status, body)), details, reach }
    }

    /// Whether the HTTP/2 codec gives up before there is a stream of which a filter could hear, even in its log phase.
    pub(super) fn is_reset(&self) -> bool {
        self.answer.is_none()
    }

    /// Whether the request was understood, so that its connection can stay open.
    pub(super) fn is_not_found(&self) -> bool {
        self.answer.is_some_and(|(status, _)| status == 404)
    }

    /// What the client gets, if anything.
    pub(super) fn response(&self) -> Option<(HeaderList, Body)> {
        let (status, text) = self.answer?;
        let mut headers = vec![(b":status".to_vec(), status.to_string().into_bytes())];
        let mut body = Body::default();
        if !text.is_empty() {
            push(&mut headers, "content-length", &text.len().to_string());
            push(&mut headers, "content-type", "text/plain");
            body.pieces.push(text.as_bytes().to_vec());
        }
        Some((headers, body))
    }
}

fn http1(headers: &HeaderList) -> Option<Refused> {
    let by_codec = |status, details, body| Some(Refused::answered(status, details, body, Reach::Codec));
    let bad = |details| by_codec(400, details, "Bad Request");
    let too_large = |details| by_codec(431, details, "Request Header Fields Too Large");
    // On the wire the authority is a header, `host`, and the other pseudo-headers are none.
    let counted = |name: &[u8]| !name.starts_with(b":") || name == b":authority";
    if headers.iter().any(|(name, value)| !valid_name(name) || !valid_value(value)) {
        return bad("http1.invalid_characters");
    }
    if bytes(headers) > HEADER_BYTES {
        return too_large("http1.headers_too_large");
    }
    if headers.iter().filter(|(name, _)| counted(name)).count() > HEADERS {
        return too_large("http1.too_many_headers");
    }
    if find(headers, b":authority").or_else(|| find(headers, b"host")).is_none() {
        return Some(Refused::answered(400, "missing_host_header", "", Reach::ConnectionManager));
    }
    let path = find(headers, b":path").unwrap_or(b"/");
    let is_known = find(headers, b":method").is_none_or(|method| METHODS.contains(&method));
    if !is_known || path.iter().any(|byte| *byte <= b' ' || *byte >= 0x7f) {
        return bad("http1.codec_error");
    }
    let is_of_server = path == b"*" && find(headers, b":method") == Some(b"OPTIONS");
    let is_url = path.windows(3).any(|part| part == b"://");
    if !path.starts_with(b"/") && !is_of_server && !is_url {
        return bad("http1.invalid_url");
    }
    None
}

/// The details with which the HTTP/2 codec gives up; it answers nothing.
fn http2(headers: &HeaderList) -> Option<&'static str> {
    if headers.iter().any(|(name, value)| !valid_http2(name, value)) {
        return Some(INVALID_FIELD);
    }
    // Here the pseudo-headers count.
    if bytes(headers) > HEADER_BYTES {
        return Some("http2.header_list_size_too_large");
    }
    if headers.len() > HEADERS {
        return Some("http2.too_many_headers");
    }
    let has_authority = headers.iter().any(|(name, _)| name == b":authority" || name == b"host");
    let path = find(headers, b":path").unwrap_or(b"/");
    let is_path = path.starts_with(b"/") || (path == b"*" && find(headers, b":method") == Some(b"OPTIONS"));
    (!has_authority || !is_path).then_some(BROKEN_MESSAGE)
}

/// What the connection manager says of a path that the codec has let through.
fn path(headers: &HeaderList) -> Option<Refused> {
    let path = find(headers, b":path").unwrap_or(b"/");
    if path.contains(&b'#') {
        return Some(Refused::answered(400, "path_normalization_failed", "", Reach::ConnectionManager));
    }
    let is_relative = !path.starts_with(b"/");
    is_relative.then(|| Refused::answered(404, "absolute_path_rejected", "", Reach::ConnectionManager))
}

/// No upgrade is configured, and to HTTP/2 without TLS Envoy turns a deaf ear.
pub(super) fn asks_to_upgrade(headers: &HeaderList) -> bool {
    let values = headers.iter().filter(|(name, _)| name == b"connection").map(|(_, value)| value);
    let mut options = values.flat_map(|value| value.split(|byte| *byte == b','));
    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
        && find(headers, b"upgrade").is_some_and(|value| !value.eq_ignore_ascii_case(b"h2c"))
}

fn bytes(headers: &HeaderList) -> usize {
    headers.iter().map(|(name, value)| name.len() + value.len()).sum()
}

fn valid_name(name: &[u8]) -> bool {
    let name = name.strip_prefix(b":").unwrap_or(name);
    !name.is_empty()
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// RFC 9110 section 5.5: visible characters, space, tab, and what is not ASCII.
fn valid_value(value: &[u8]) -> bool {
    value.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}

fn valid_http2(name: &[u8], value: &[u8]) -> bool {
    match name {
        b":path" => !value.is_empty() && value.iter().all(|byte| *byte > b' ' && *byte != 0x7f),
        b":authority" => !value.is_empty() && value.iter().all(|byte| is_authority(*byte)),
        b":method" | b":scheme" => valid_name(value) && !value.starts_with(b":"),
        b"te" => value == b"trailers",
        _ => {
            valid_name(name)
                && valid_value(value)
                && !name.starts_with(b":")
                && !CONNECTION_SPECIFIC.contains(&name)
        }
    }
}

/// RFC 3986 section 3.2 without user information.
fn is_authority(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(protocol: Protocol, fields: &[(&str, &str)]) -> Option<(u16, &'static str)> {
        let fields =
            [&[(":authority", "h"), (":path", "/"), (":method", "GET"), (":scheme", "http")], fields];
        let mut headers = HeaderList::new();
        for (name, value) in fields.concat() {
            headers.retain(|(old, _)| !name.starts_with(':') || old != name.as_bytes());
            headers.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        }
        let refused = refuse(protocol, &Request { headers, ..Request::default() })?;
        Some((refused.answer.map_or(0, |(status, _)| status), refused.details))
    }

    #[test]
    fn http1_answers_what_no_filter_gets_to_see() {
        let refusal = |fields: &[(&str, &str)]| refusal(Protocol::Http1, fields);
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
        for path in ["*", "abc"] {
            assert_eq!(refusal(&[(":path", path)]), Some((400, "http1.invalid_url")), "{path:?}");
        }
        for method in ["FOO", "get", "M-SEARCH"] {
            assert_eq!(refusal(&[(":method", method)]), Some((400, "http1.codec_error")), "{method}");
        }
        assert_eq!(refusal(&[(":method", "PROPFIND")]), None);
    }

    #[test]
    fn after_404_the_connection_can_stay_open() {
        let not_found = |path: &str| {
            let fields = [(":authority", "h"), (":path", path), (":method", "OPTIONS")];
            let headers = fields.map(|(name, value)| (name.into(), value.into())).into();
            let refused = refuse(Protocol::Http1, &Request { headers, ..Request::default() });
            refused.map(|refused| refused.is_not_found())
        };
        assert_eq!([not_found("*"), not_found("/a b"), not_found("/")], [Some(true), Some(false), None]);
    }

    #[test]
    fn an_upgrade_is_refused_unless_it_is_to_http2() {
        let refusal = |connection, upgrade| {
            refusal(Protocol::Http1, &[("connection", connection), ("upgrade", upgrade)])
        };
        assert_eq!(refusal("Upgrade", "websocket"), Some((403, "upgrade_failed")));
        assert_eq!(refusal("keep-alive, upgrade", "foo, h2c"), Some((403, "upgrade_failed")));
        assert_eq!(refusal("upgrade", "h2c"), None);
        assert_eq!(refusal("x-a", "websocket"), None);
    }

    #[test]
    fn http2_resets_without_an_answer() {
        let refusal = |fields: &[(&str, &str)]| refusal(Protocol::Http2, fields);
        let long = "x".repeat(61_440);
        assert_eq!(refusal(&[("a", &long)]), Some((0, "http2.header_list_size_too_large")));
        assert_eq!(refusal(&[("a", &long[..61_380])]), None);
        assert_eq!(refusal(&[("a", "1"); 97]), Some((0, "http2.too_many_headers")));
        assert_eq!(refusal(&[("a", "1"); 96]), None);
        let invalid = [
            ("a", "a\0b"),
            ("a", "a\rb"),
            ("a", "a\x7fb"),
            ("a b", "1"),
            ("", "1"),
            (":foo", "1"),
            (":path", "/a b"),
            (":authority", ""),
            (":authority", "h@x"),
            (":method", "G T"),
            ("connection", "close"),
            ("te", "gzip"),
        ];
        for field in invalid {
            assert_eq!(refusal(&[field]), Some((0, INVALID_FIELD)), "{field:?}");
        }
        for field in [("a", " caf\u{e9}\t"), (":path", "/caf\u{e9}"), ("te", "trailers"), ("a_b", "")] {
            assert_eq!(refusal(&[field]), None, "{field:?}");
        }
        assert_eq!(refusal(&[(":path", "abc")]), Some((0, BROKEN_MESSAGE)));
        assert_eq!(refusal(&[(":path", "*")]), Some((0, BROKEN_MESSAGE)));
        let whole_server = [(":method", "OPTIONS"), (":path", "*")];
        assert_eq!(refusal(&whole_server), Some((404, "absolute_path_rejected")));
        assert_eq!(refusal(&[(":path", "/a#b")]), Some((400, "path_normalization_failed")));
    }
}
