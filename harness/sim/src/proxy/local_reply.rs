use crate::Plugin;
use crate::abi::{MapType, append_header};
use crate::http::{HeaderList, Response};
use crate::proxy::exchange::{End, Side};
use crate::proxy::framing::{Body, push};
use crate::proxy::{Proxy, connection_manager};
use crate::stream::{LocalResponse, Message, Window};

impl<P: Plugin> Proxy<P> {
    /// Answers in the upstream's place.
    ///
    /// From the request side the reply goes through the filter chain, this very plugin included. From the response
    /// headers it goes straight to the client. After those have left there is only a reset.
    pub(super) fn reply(&mut self, id: u32, side: Side, reply: &LocalResponse) -> Option<Response> {
        self.details(id, &code(&reply.details));
        let has_left = |message: &Message| message.headers_window == Window::Continued;
        if side == Side::Response && self.message_mut(id, side).is_some_and(|message| has_left(message)) {
            return None;
        }
        let is_grpc = self.stream(id).is_some_and(|stream| is_grpc(&stream.request.headers));
        let (headers, body) = prepare(reply, is_grpc, self.is_head(id));
        let is_direct = side == Side::Response || self.trap().is_some();
        // Envoy takes 400 for a broken message, whatever the filters or gRPC then make of the status.
        let closes = reply.status == 400;
        if is_direct {
            return self.respond(id, headers, body, closes);
        }
        match self.own_response(id, headers, body) {
            Ok((headers, body)) => self.respond(id, headers, body, closes),
            Err(end) => self.end(id, Side::Response, end).client,
        }
    }

    /// Shows the plugin its own reply, whose body comes as one piece that ends the stream, whatever the protocol.
    fn own_response(&mut self, id: u32, headers: HeaderList, body: Body) -> Result<(HeaderList, Body), End> {
        let status = connection_manager::status(&headers);
        let is_created =
            self.stream(id).is_some_and(|stream| stream.request.headers_window != Window::NotYet);
        if let Some(stream) = self.stream_mut(id) {
            stream.response = Message { headers, ..Message::default() };
            stream.info.response_code = Some(status);
        }
        let body = if is_created { self.filter(id, Side::Response, body)? } else { body };
        let headers = self.stream(id).map(|stream| stream.response.headers.clone()).unwrap_or_default();
        Ok((headers, body))
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
fn percent_encoded(text: &[u8]) -> String {
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
fn is_grpc(request: &HeaderList) -> bool {
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
