use crate::http::{HeaderList, Protocol};

/// A body and trailers as a codec delivers them.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// None of them empty.
    pub(super) pieces: Vec<Vec<u8>>,
    pub(super) trailers: Option<HeaderList>,
    /// Whether an empty piece of its own ends the stream: Envoy's HTTP/1.1 codec finds the end after the last byte.
    pub(super) empty_end: bool,
}

impl Body {
    /// Whether nothing follows the headers.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.trailers.is_none() && !self.empty_end
    }
}

/// The body as the codec delivers it; Envoy's HTTP/1.1 codec drops trailers unless told otherwise.
pub(super) fn body(protocol: Protocol, pieces: &[Vec<u8>], trailers: Option<&HeaderList>) -> Body {
    let pieces: Vec<_> = pieces.iter().filter(|piece| !piece.is_empty()).cloned().collect();
    match protocol {
        Protocol::Http1 => Body { empty_end: !pieces.is_empty(), pieces, trailers: None },
        Protocol::Http2 => Body { pieces, trailers: trailers.map(join_cookies), empty_end: false },
    }
}

/// Puts `cookie` fields together, at the end, as Envoy's HTTP/2 codec does (RFC 9113 section 8.2.3).
pub(super) fn join_cookies(fields: &HeaderList) -> HeaderList {
    let mut cookies = Vec::new();
    let (crumbs, mut rest): (HeaderList, HeaderList) =
        fields.iter().cloned().partition(|(name, _)| name == b"cookie");
    for (_, crumb) in crumbs {
        if !cookies.is_empty() {
            cookies.extend_from_slice(b"; ");
        }
        cookies.extend(crumb);
    }
    if !cookies.is_empty() {
        rest.push((b"cookie".to_vec(), cookies));
    }
    rest
}

/// How a sender whose headers do not say it announces its body: a piece by its length, several by chunks.
pub(super) fn announce(
    protocol: Protocol,
    headers: &mut HeaderList,
    (pieces, trailers): (&[Vec<u8>], Option<&HeaderList>),
    chunks_show: bool,
) {
    let lengths: Vec<_> = pieces.iter().map(Vec::len).filter(|length| *length > 0).collect();
    if protocol == Protocol::Http2 && trailers.is_some() {
        return;
    }
    if has(headers, b"content-length") || has(headers, b"transfer-encoding") {
        return;
    }
    match lengths.as_slice() {
        // A body that is there and empty has a length, in HTTP/1.1.
        [] if protocol == Protocol::Http1 && !pieces.is_empty() && trailers.is_none() => {
            push(headers, "content-length", "0");
        }
        [] => {}
        [length] => push(headers, "content-length", &length.to_string()),
        _ if protocol == Protocol::Http1 && chunks_show => push(headers, "transfer-encoding", "chunked"),
        _ => {}
    }
}

/// What Envoy's HTTP/1.1 codec writes after the headers of a request; `is_open` if they left without the end of the stream.
pub(super) fn frame_request(protocol: Protocol, headers: &mut HeaderList, is_open: bool) {
    if protocol == Protocol::Http2 || has(headers, b"content-length") {
        return;
    }
    let method = |wanted: &[u8]| headers.iter().any(|(name, value)| name == b":method" && value == wanted);
    let bodiless: [&[u8]; 5] = [b"GET", b"HEAD", b"DELETE", b"TRACE", b"CONNECT"];
    if is_open {
        push(headers, "transfer-encoding", "chunked");
    } else if !bodiless.into_iter().any(method) {
        push(headers, "content-length", "0");
    }
}

/// What Envoy's HTTP/1.1 codec writes after the headers of a response; `is_open` as for a request.
pub(super) fn frame_response(
    protocol: Protocol,
    headers: &mut HeaderList,
    status: u16,
    is_head: bool,
    is_open: bool,
) {
    if protocol == Protocol::Http2 || has(headers, b"content-length") {
        return;
    }
    let may_have_body = !matches!(status, 0..=199 | 204 | 304);
    // To HEAD Envoy announces the body that a GET might have got.
    if is_open || (is_head && may_have_body) {
        push(headers, "transfer-encoding", "chunked");
    } else if may_have_body {
        push(headers, "content-length", "0");
    }
}

pub(super) fn has(headers: &HeaderList, name: &[u8]) -> bool {
    headers.iter().any(|(field, _)| field == name)
}

pub(super) fn push(headers: &mut HeaderList, name: &str, value: &str) {
    headers.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(fields: &[(&str, &str)]) -> HeaderList {
        fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn cookies_become_one_field_at_the_end() {
        let joined = |values: [&str; 2]| {
            join_cookies(&list(&[("cookie", values[0]), ("x", "1"), ("cookie", values[1])]))
        };
        assert_eq!(joined(["a=1", "b=2; c=3"]), list(&[("x", "1"), ("cookie", "a=1; b=2; c=3")]));
        assert_eq!(joined(["", "b"]), list(&[("x", "1"), ("cookie", "b")]));
        assert_eq!(joined(["a", ""]), list(&[("x", "1"), ("cookie", "a; ")]));
        assert_eq!(joined(["", ""]), list(&[("x", "1")]));
        let trailers = list(&[("cookie", "a"), ("cookie", "b")]);
        let body = body(Protocol::Http2, &[], Some(&trailers));
        assert_eq!(body.trailers, Some(list(&[("cookie", "a; b")])));
    }

    #[test]
    fn before_trailers_http2_names_no_length() {
        let announced = |trailers| {
            let mut headers = HeaderList::new();
            announce(Protocol::Http2, &mut headers, (&[b"a".to_vec()], trailers), true);
            headers
        };
        assert_eq!(announced(None), list(&[("content-length", "1")]));
        assert_eq!(announced(Some(&list(&[("t", "1")]))), []);
    }

    #[test]
    fn an_answer_to_head_without_a_length_is_chunked() {
        let framed = |protocol, status, is_head| {
            let mut headers = HeaderList::new();
            frame_response(protocol, &mut headers, status, is_head, false);
            headers
        };
        assert_eq!(framed(Protocol::Http1, 200, true), list(&[("transfer-encoding", "chunked")]));
        assert_eq!(framed(Protocol::Http1, 200, false), list(&[("content-length", "0")]));
        assert_eq!(framed(Protocol::Http1, 304, true), []);
        assert_eq!(framed(Protocol::Http2, 200, true), []);
    }
}
