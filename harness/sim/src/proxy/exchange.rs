use crate::contexts::Context;
use crate::http::{Exchange, HeaderList, Protocol, Request, Response};
use crate::proxy::refusal::{self, Refused};
use crate::proxy::{Proxy, connection_manager, framing};
use crate::stream::{LocalResponse, Message, Stream, StreamInfo, Window};
use crate::{Callback, Plugin, Trap};

/// Envoy's default `per_connection_buffer_limit_bytes`.
const BUFFER_LIMIT: usize = 1 << 20;
/// The details that Envoy gives to a client that went away, as the client of a paused stream does at last.
const DISCONNECTED: &str = "downstream_remote_disconnect";

/// Why a message does not go on.
pub(super) enum End {
    /// The client gets this instead.
    Reply(LocalResponse),
    /// The plugin has paused the stream and has not resumed it.
    Paused,
    /// The plugin has closed the stream.
    Closed,
}

/// The two directions of a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

impl<P: Plugin> Proxy<P> {
    /// Sends one request through the plugin; `upstream` is what the upstream answers, if it is asked.
    ///
    /// A trap is what the client of an Envoy that fails closed sees: 503 with the details `wasm_fail_stream`, now and from
    /// now on; [`trap`](Self::trap) tells the rest.
    ///
    /// # Errors
    /// A trap that no client can see: in `proxy_on_log`, `proxy_on_done`, `proxy_on_delete`, `proxy_on_queue_ready`.
    pub fn send(
        &mut self,
        protocol: Protocol,
        request: &Request,
        upstream: &Response,
    ) -> Result<Exchange, Trap> {
        self.connections += 1;
        let refused = refusal::refuse(protocol, request);
        if let Some(reset) = refused.as_ref().filter(|refused| refused.is_reset()) {
            return Ok(Exchange { details: Some(reset.details.to_owned()), ..Exchange::default() });
        }
        let info = StreamInfo {
            protocol,
            request_complete: request.body.iter().all(Vec::is_empty) && request.trailers.is_none(),
            closes: connection_manager::asks_to_close(&request.headers),
            started: self.sim.clock,
            connection: self.connections,
            ..StreamInfo::default()
        };
        let stream = Stream { info, ..Stream::default() };
        let id = self.sim.contexts.create(Context::Stream(Box::new(stream)));
        let mut exchange = match refused {
            Some(refused) => self.refuse(id, &refused),
            None => self.serve(id, request, upstream),
        };
        exchange.details = self.stream(id).and_then(|stream| stream.info.details.clone());
        let finished = self.finish(id);
        self.sim.contexts.delete(id);
        finished.map(|()| exchange)
    }

    /// A request that the connection manager answers itself; the plugin hears of it only in its log phase.
    fn refuse(&mut self, id: u32, refused: &Refused) -> Exchange {
        self.details(id, refused.details);
        let message = refused.response();
        // After a broken message the codec cannot tell where the next one begins.
        let closes = !refused.is_not_found();
        let client = message.and_then(|(headers, body)| self.respond(id, headers, body, closes));
        Exchange { client, ..Exchange::default() }
    }

    fn serve(&mut self, id: u32, request: &Request, upstream: &Response) -> Exchange {
        let protocol = self.protocol(id);
        let headers = connection_manager::request_headers(protocol, request, &mut self.sim.entropy);
        if let Some(stream) = self.stream_mut(id) {
            stream.request.headers = headers;
        }
        // Without a VM there is no context either: the stream fails before anybody is asked.
        if self.trap.is_none()
            && let Err(_trap) = self.call(Callback::ContextCreate { context: id, parent: self.root })
        {
            return self.end(id, Side::Request, End::Reply(failure()));
        }
        let body = framing::body(protocol, &request.body, request.trailers.as_ref());
        let forwarded = match self.filter(id, Side::Request, body) {
            Ok(body) => self.forward(id, body),
            Err(end) => return self.end(id, Side::Request, end),
        };
        let mut exchange = self.answer(id, upstream);
        exchange.upstream = Some(forwarded);
        exchange
    }

    /// What the router sends: the request as it came out of the filters, and its own header.
    fn forward(&mut self, id: u32, body: framing::Body) -> Request {
        let protocol = self.protocol(id);
        let Some(stream) = self.stream_mut(id) else { return Request::default() };
        connection_manager::to_upstream(&mut stream.request.headers);
        let mut headers = stream.request.headers.clone();
        framing::frame_request(protocol, &mut headers, &body);
        // HTTP/1.1 has no place for it.
        headers.retain(|(name, _)| protocol == Protocol::Http2 || name != b":scheme");
        Request { headers, body: body.pieces, trailers: body.trailers }
    }

    /// The upstream's answer, on its way back through the filters.
    fn answer(&mut self, id: u32, upstream: &Response) -> Exchange {
        let protocol = self.protocol(id);
        let is_head = self.is_head(id);
        let body = framing::body(protocol, &upstream.body, upstream.trailers.as_ref());
        let headers = connection_manager::response_headers(protocol, upstream, is_head);
        self.details(id, "via_upstream");
        if let Some(stream) = self.stream_mut(id) {
            stream.response.headers = headers;
            stream.info.response_code = Some(upstream.status);
            stream.info.reached_upstream = true;
        }
        let body = if is_head { framing::Body::default() } else { body };
        match self.filter(id, Side::Response, body) {
            Ok(body) => {
                let headers =
                    self.stream(id).map(|stream| stream.response.headers.clone()).unwrap_or_default();
                Exchange { client: self.respond(id, headers, body, false), ..Exchange::default() }
            }
            Err(end) => self.end(id, Side::Response, end),
        }
    }

    /// What becomes of a stream that does not reach its end.
    pub(super) fn end(&mut self, id: u32, side: Side, end: End) -> Exchange {
        let client = match end {
            End::Paused => {
                self.details(id, DISCONNECTED);
                None
            }
            End::Closed => {
                if self.stream(id).is_some_and(|stream| stream.info.details.is_none()) {
                    self.details(id, "wasm_close_stream");
                }
                None
            }
            End::Reply(reply) => self.reply(id, side, &reply),
        };
        Exchange { client, ..Exchange::default() }
    }

    /// Hands the response to the client, with what the connection manager and the codec add.
    pub(super) fn respond(
        &mut self,
        id: u32,
        mut headers: HeaderList,
        body: framing::Body,
        closes: bool,
    ) -> Option<Response> {
        // Whoever is answered before the end of the request is not listened to any longer.
        let asked = self.stream(id).map(|stream| !stream.info.request_complete || stream.info.closes);
        let closes = closes || asked.unwrap_or_default();
        let (protocol, is_head, now) = (self.protocol(id), self.is_head(id), self.sim.clock);
        connection_manager::to_client(protocol, &mut headers, now, closes);
        let status = connection_manager::status(&headers);
        if let Some(stream) = self.stream_mut(id) {
            stream.response.headers.clone_from(&headers);
            stream.response.trailers.clone_from(&body.trailers);
            stream.info.response_code = Some(status);
            stream.info.response_bytes = body.pieces.iter().map(|piece| piece.len() as u64).sum();
        }
        framing::frame_response(protocol, &mut headers, status, is_head, &body);
        headers.retain(|(name, _)| name != b":status");
        Some(Response { status, headers, body: body.pieces, trailers: body.trailers })
    }

    /// Envoy's order for HTTP: log, done, delete.
    fn finish(&mut self, id: u32) -> Result<(), Trap> {
        let now = self.sim.clock;
        if let Some(stream) = self.stream_mut(id) {
            stream.info.ended = Some(now);
        }
        if self.trap.is_some() {
            return Ok(());
        }
        // A request that never came to the plugin gets its context here.
        if self.stream(id).is_some_and(|stream| stream.request.headers_window == Window::NotYet) {
            self.call(Callback::ContextCreate { context: id, parent: self.root })?;
        }
        self.set_logging(id, true);
        self.call(Callback::Log { context: id })?;
        self.set_logging(id, false);
        self.call(Callback::Done { context: id })?;
        self.call(Callback::Delete { context: id })?;
        self.tell_queues()
    }

    fn set_logging(&mut self, id: u32, is: bool) {
        if let Some(stream) = self.stream_mut(id) {
            stream.logging = is;
        }
    }

    pub(super) fn stream(&self, id: u32) -> Option<&Stream> {
        self.sim.contexts.stream_of(id)
    }

    pub(super) fn stream_mut(&mut self, id: u32) -> Option<&mut Stream> {
        self.sim.contexts.stream_of_mut(id)
    }

    pub(super) fn message_mut(&mut self, id: u32, side: Side) -> Option<&mut Message> {
        self.stream_mut(id).map(|stream| match side {
            Side::Request => &mut stream.request,
            Side::Response => &mut stream.response,
        })
    }

    pub(super) fn details(&mut self, id: u32, details: &str) {
        if let Some(stream) = self.stream_mut(id) {
            stream.info.details = Some(details.to_owned());
        }
    }

    fn protocol(&self, id: u32) -> Protocol {
        self.stream(id).map(|stream| stream.info.protocol).unwrap_or_default()
    }

    pub(super) fn is_head(&self, id: u32) -> bool {
        let head = |(name, value): &(Vec<u8>, Vec<u8>)| name == b":method" && value == b"HEAD";
        self.stream(id).is_some_and(|stream| stream.request.headers.iter().any(head))
    }
}

/// What the proxy does with a stream whose VM is dead: it fails closed.
pub(super) fn failure() -> LocalResponse {
    LocalResponse {
        status: 503,
        details: b"wasm_fail_stream".to_vec(),
        grpc_status: 14,
        ..LocalResponse::default()
    }
}

/// The reply of a proxy that may hold no more of a body.
pub(super) fn too_large(side: Side, held: usize) -> Option<End> {
    let (status, details, body) = match side {
        Side::Request => (413, "request_payload_too_large", "Payload Too Large"),
        Side::Response => (500, "response_payload_too_large", "Internal Server Error"),
    };
    let (details, body) = (details.as_bytes().to_vec(), body.as_bytes().to_vec());
    (held > BUFFER_LIMIT).then(|| {
        End::Reply(LocalResponse { status, details, body, grpc_status: -1, ..LocalResponse::default() })
    })
}
