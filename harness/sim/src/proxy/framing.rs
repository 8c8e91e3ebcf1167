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
    /// Whether the headers left without the end of the stream, even if a plugin has dropped all that came after.
    fn is_announced(&self) -> bool {
        self.empty_end || !self.pieces.is_empty()
    }
}

/// The body as the codec delivers it; Envoy's HTTP/1.1 codec drops trailers unless told otherwise.
pub(super) fn body(protocol: Protocol, pieces: &[Vec<u8>], trailers: Option<&HeaderList>) -> Body {
    let pieces: Vec<_> = pieces.iter().filter(|piece| !piece.is_empty()).cloned().collect();
    match protocol {
        Protocol::Http1 => Body { empty_end: !pieces.is_empty(), pieces, trailers: None },
        Protocol::Http2 => Body { pieces, trailers: trailers.cloned(), empty_end: false },
    }
}

/// How a sender whose headers do not say it announces its body: a piece by its length, several by chunks.
pub(super) fn announce(protocol: Protocol, headers: &mut HeaderList, pieces: &[Vec<u8>], chunks_show: bool) {
    let lengths: Vec<_> = pieces.iter().map(Vec::len).filter(|length| *length > 0).collect();
    if has(headers, b"content-length") || has(headers, b"transfer-encoding") {
        return;
    }
    match lengths.as_slice() {
        [] => {}
        [length] => push(headers, "content-length", &length.to_string()),
        _ if protocol == Protocol::Http1 && chunks_show => push(headers, "transfer-encoding", "chunked"),
        _ => {}
    }
}

/// What Envoy's HTTP/1.1 codec writes after the headers of a request.
pub(super) fn frame_request(protocol: Protocol, headers: &mut HeaderList, body: &Body) {
    if protocol == Protocol::Http2 || has(headers, b"content-length") {
        return;
    }
    let method = |wanted: &[u8]| headers.iter().any(|(name, value)| name == b":method" && value == wanted);
    let bodiless: [&[u8]; 5] = [b"GET", b"HEAD", b"DELETE", b"TRACE", b"CONNECT"];
    if body.is_announced() {
        push(headers, "transfer-encoding", "chunked");
    } else if !bodiless.into_iter().any(method) {
        push(headers, "content-length", "0");
    }
}

/// What Envoy's HTTP/1.1 codec writes after the headers of a response.
pub(super) fn frame_response(
    protocol: Protocol,
    headers: &mut HeaderList,
    status: u16,
    is_head: bool,
    body: &Body,
) {
    if protocol == Protocol::Http2 || has(headers, b"content-length") {
        return;
    }
    if body.is_announced() {
        push(headers, "transfer-encoding", "chunked");
    } else if !is_head && !matches!(status, 0..=199 | 204 | 304) {
        push(headers, "content-length", "0");
    }
}

pub(super) fn has(headers: &HeaderList, name: &[u8]) -> bool {
    headers.iter().any(|(field, _)| field == name)
}

pub(super) fn push(headers: &mut HeaderList, name: &str, value: &str) {
    headers.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
}
