use crate::abi::{MapType, append_header};
use crate::http::HeaderList;
use crate::proxy::connection_manager;
use crate::proxy::framing::{Body, push};
use crate::proxy::thread::Thread;
use crate::stream::{LocalResponse, Side};
use crate::{Plugin, Sim};

impl<P: Plugin> Thread<P> {
    /// Answers in the upstream's place.
    ///
    /// Before there is a response, the reply goes through the filters, this very plugin included; from a request callback as
    /// soon as that has returned. While the response headers are in the filters it goes straight to the client.
    /// After those have left there is only a reset.
    pub(super) fn local_reply(&mut self, sim: &mut Sim, id: u64, reply: &LocalResponse) {
        let Some(stream) = sim.stream_of_mut(id).filter(|stream| stream.end.is_none()) else { return };
        stream.info.details = Some(code(&reply.details));
        if stream.to_client.is_some() {
            return self.reset_by_reply(sim, id);
        }
        if stream.response.has_started {
            stream.response_aborted = true;
            return self.reply_directly(sim, id, reply);
        }
        let waits = stream.decoding != 0;
        if waits {
            stream.request_aborted = true;
            // Of two replies in one callback the client gets the first, and the access log the details of the second.
            stream.prepared.get_or_insert_with(|| reply.clone());
        } else {
            stream.request_aborted = true;
            self.reply_through_filters(sim, id, reply);
        }
    }

    /// Sends a reply past every filter, each of which may change it.
    pub(super) fn reply_through_filters(&mut self, sim: &mut Sim, id: u64, reply: &LocalResponse) {
        let Some(body) = self.prepare_reply(sim, id, reply) else { return };
        if let Some(stream) = sim.stream_of_mut(id) {
            stream.response.is_complete = body.is_empty();
        }
        self.headers(sim, id, Side::Response, 0);
        // The body is one piece that ends the stream, whatever the protocol.
        self.deliver(sim, id, Side::Response, body, true);
    }

    /// Envoy's reply when a filter holds back more than the limit.
    pub(super) fn too_large(&mut self, sim: &mut Sim, id: u64, side: Side) {
        let (status, details, body) = match side {
            Side::Request => (413, "request_payload_too_large", "Payload Too Large"),
            Side::Response => (500, "response_payload_too_large", "Internal Server Error"),
        };
        let (details, body) = (details.as_bytes().to_vec(), body.as_bytes().to_vec());
        let reply = LocalResponse { status, details, body, grpc_status: -1, ..LocalResponse::default() };
        self.local_reply(sim, id, &reply);
    }

    fn reply_directly(&mut self, sim: &mut Sim, id: u64, reply: &LocalResponse) {
        let Some(body) = self.prepare_reply(sim, id, reply) else { return };
        self.respond_headers(sim, id, body.is_empty());
        for piece in body.pieces {
            self.data_at_end(sim, id, Side::Response, piece, true);
        }
    }

    /// The headers of the response have left: what the client has cannot be made whole.
    fn reset_by_reply(&mut self, sim: &mut Sim, id: u64) {
        if let Some(stream) = sim.stream_of_mut(id) {
            stream.end = Some(crate::stream::End::Reset);
        }
    }

    /// Puts the reply in the place of the response. Gives its body.
    fn prepare_reply(&mut self, sim: &mut Sim, id: u64, reply: &LocalResponse) -> Option<Body> {
        let stream = sim.stream_of_mut(id)?;
        let (headers, body) = prepare(reply, stream.is_grpc, stream.asked_by_head);
        // Envoy takes 400 for a broken message, whatever the filters or gRPC then make of the status.
        stream.closes |= reply.status == 400;
        stream.info.response_code = Some(connection_manager::status(&headers));
        stream.response.headers = headers;
        Some(body)
    }
}

/// Headers and body of a reply (Envoy's `Utility::prepareLocalReply`).
fn prepare(reply: &LocalResponse, is_grpc: bool, is_head: bool) -> (HeaderList, Body) {
    let mut headers = HeaderList::new();
    append_header(MapType::ResponseHeaders, &mut headers, b":status", reply.status.to_string().as_bytes());
    for (name, value) in &reply.headers {
        append_header(MapType::ResponseHeaders, &mut headers, &name.to_ascii_lowercase(), value);
    }
    if is_grpc {
        return (grpc_headers(headers, reply, is_head), Body::default());
    }
    if reply.body.is_empty() {
        headers.retain(|(name, _)| name != b"content-length" && name != b"content-type");
        return (headers, Body::default());
    }
    set(&mut headers, "content-length", reply.body.len().to_string().as_bytes());
    if !headers.iter().any(|(name, _)| name == b"content-type") {
        push(&mut headers, "content-type", "text/plain");
    }
    let pieces = if is_head { Vec::new() } else { vec![reply.body.clone()] };
    (headers, Body { pieces, trailers: None, empty_end: false })
}

/// A gRPC client is answered by headers alone: HTTP 200, and the status and message of gRPC.
fn grpc_headers(mut headers: HeaderList, reply: &LocalResponse, is_head: bool) -> HeaderList {
    set(&mut headers, ":status", b"200");
    set(&mut headers, "content-type", b"application/grpc");
    if !headers.iter().any(|(name, value)| name == b"grpc-status" && !value.is_empty()) {
        let given = u16::try_from(reply.grpc_status).ok().filter(|status| *status <= 16);
        let status = given.unwrap_or_else(|| grpc_status(reply.status));
        set(&mut headers, "grpc-status", status.to_string().as_bytes());
    }
    if !reply.body.is_empty() && !is_head {
        set(&mut headers, "grpc-message", percent_encoded(&reply.body).as_bytes());
    }
    headers.retain(|(name, _)| name != b"content-length");
    headers
}

/// Sets a header in its place, or at the end.
fn set(headers: &mut HeaderList, name: &str, value: &[u8]) {
    match headers.iter_mut().find(|(field, _)| field == name.as_bytes()) {
        Some((_, old)) => *old = value.to_vec(),
        None => headers.push((name.as_bytes().to_vec(), value.to_vec())),
    }
}

/// <https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>
pub(crate) fn grpc_status(http: u16) -> u16 {
    match http {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// Envoy escapes `~` too, which the gRPC protocol lets stand.
pub(super) fn percent_encoded(text: &[u8]) -> String {
    let escape = |byte: &u8| match byte {
        b' '..=b'}' if *byte != b'%' => char::from(*byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.iter().map(escape).collect()
}

fn code(details: &[u8]) -> String {
    let text = String::from_utf8_lossy(details);
    text.chars().map(|c| if c.is_ascii_whitespace() { '_' } else { c }).collect()
}

/// Envoy's `Grpc::Common::hasGrpcContentType`; neither `application/grpc-web` nor `application/grpc;x` is gRPC.
pub(super) fn is_grpc(request: &HeaderList) -> bool {
    let kind = connection_manager::find(request, b"content-type");
    let rest = kind.and_then(|value| value.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(headers: &HeaderList) -> String {
        let lines = headers.iter().map(|(n, v)| format!("{}={}", n.escape_ascii(), v.escape_ascii()));
        lines.collect::<Vec<_>>().join(" ")
    }

    fn reply(status: u16, body: &str, headers: &[(&str, &str)]) -> LocalResponse {
        let headers = headers.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).collect();
        LocalResponse { status, body: body.into(), headers, grpc_status: -1, ..LocalResponse::default() }
    }

    #[test]
    fn a_body_has_length_and_type_unless_the_plugin_gave_one() {
        let (headers, body) = prepare(&reply(403, "no\n", &[("x-a", "1"), ("X-B", "2")]), false, false);
        assert_eq!(shown(&headers), ":status=403 x-a=1 x-b=2 content-length=3 content-type=text/plain");
        assert_eq!(body.pieces, [b"no\n"]);
        let (headers, _) = prepare(&reply(401, "{}", &[("content-type", "application/json")]), false, false);
        assert_eq!(shown(&headers), ":status=401 content-type=application/json content-length=2");
        let (headers, _) =
            prepare(&reply(429, "", &[("content-type", "text/x"), ("retry-after", "1")]), false, false);
        assert_eq!(shown(&headers), ":status=429 retry-after=1");
        let (headers, body) = prepare(&reply(403, "no", &[]), false, true);
        assert_eq!(shown(&headers), ":status=403 content-length=2 content-type=text/plain");
        assert!(body.pieces.is_empty());
    }

    #[test]
    fn a_grpc_client_gets_headers_only() {
        let (headers, body) = prepare(&reply(403, "no ~%\u{e9}\n", &[("content-type", "a/b")]), true, false);
        assert_eq!(
            shown(&headers),
            ":status=200 content-type=application/grpc grpc-status=7 grpc-message=no %7E%25%C3%A9%0A"
        );
        assert!(body.pieces.is_empty());
        for (http, given, expected) in
            [(400, 99, 13), (401, -1, 16), (418, -1, 2), (403, 3, 3), (503, -1, 14)]
        {
            let reply = LocalResponse { grpc_status: given, ..reply(http, "", &[]) };
            let expected = format!(":status=200 content-type=application/grpc grpc-status={expected}");
            assert_eq!(shown(&prepare(&reply, true, false).0), expected);
        }
    }
}
