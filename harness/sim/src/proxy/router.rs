use std::mem;
use std::time::Duration;

use crate::events::EventKind;
use crate::http::{HeaderList, Protocol, Response};
use crate::proxy::chain::BUFFER_LIMIT;
use crate::proxy::framing::Body;
use crate::proxy::thread::Thread;
use crate::proxy::{connection_manager, framing};
use crate::setup::{AnswerKind, Reachability};
use crate::stream::{End, LocalResponse, Side, Unread};
use crate::{Plugin, Sim};

/// Envoy's response flags, as the bits of the attribute `response.flags`.
const NO_HEALTHY_UPSTREAM: u64 = 1 << 1;
const UPSTREAM_REQUEST_TIMEOUT: u64 = 1 << 2;
const UPSTREAM_CONNECTION_FAILURE: u64 = 1 << 5;
const UPSTREAM_CONNECTION_TERMINATION: u64 = 1 << 6;
const NO_ROUTE_FOUND: u64 = 1 << 8;
const UPSTREAM_PROTOCOL_ERROR: u64 = 1 << 23;

/// Behind the last filter: the router for the request, the connection manager for the response.
impl<P: Plugin> Thread<P> {
    pub(super) fn headers_at_end(&mut self, sim: &mut Sim, id: u64, side: Side, ends: bool) {
        match side {
            Side::Request => self.forward_headers(sim, id, ends),
            Side::Response => self.respond_headers(sim, id, ends),
        }
    }

    pub(super) fn data_at_end(&mut self, sim: &mut Sim, id: u64, side: Side, piece: Vec<u8>, ends: bool) {
        let Some(stream) = sim.stream_of_mut(id) else { return };
        let size = piece.len() as u64;
        let body = match side {
            Side::Request => Some(&mut stream.to_upstream.body),
            Side::Response => stream.to_client.as_mut().map(|response| &mut response.body),
        };
        if let Some(body) = body.filter(|_| size > 0) {
            body.push(piece);
        }
        if side == Side::Response {
            stream.info.response_bytes += size;
        }
        if ends {
            self.complete(sim, id, side);
        }
    }

    pub(super) fn trailers_at_end(&mut self, sim: &mut Sim, id: u64, side: Side) {
        let Some(stream) = sim.stream_of_mut(id) else { return };
        let trailers = stream.message(side).trailers.clone();
        match side {
            Side::Request => stream.to_upstream.trailers = trailers,
            Side::Response => {
                if let Some(response) = &mut stream.to_client {
                    response.trailers = trailers;
                }
            }
        }
        self.complete(sim, id, side);
    }

    fn forward_headers(&mut self, sim: &mut Sim, id: u64, ends: bool) {
        let is_nobody_there = sim.setup.upstream == Reachability::NoHealthyHost;
        let Some(stream) = sim.stream_of_mut(id) else { return };
        let has = |name: &[u8]| framing::has(&stream.request.headers, name);
        if !has(b":path") {
            // Without a path no route matches.
            stream.info.is_routed = false;
            return self.router_reply(sim, id, &unreachable(404, "route_not_found", ""), NO_ROUTE_FOUND);
        }
        if !has(b":method") {
            return self.router_reply(sim, id, &removed(503, "request", ":method"), 0);
        }
        stream.timeout = connection_manager::to_upstream(&mut stream.request.headers);
        stream.info.attempts = 1;
        if is_nobody_there {
            let reply = unreachable(503, "no_healthy_upstream", "no healthy upstream");
            return self.router_reply(sim, id, &reply, NO_HEALTHY_UPSTREAM);
        }
        (stream.info.has_upstream, stream.info.transport_failure) = (true, Some(""));
        if stream.is_changeable(Side::Request) {
            stream.to_upstream.headers.clone_from(&stream.request.headers);
        }
        stream.is_request_open = !ends;
        if ends {
            self.complete(sim, id, Side::Request);
        }
    }

    /// The upstream has the whole request, or the client the whole response.
    fn complete(&mut self, sim: &mut Sim, id: u64, side: Side) {
        let now = sim.clock;
        let Some(stream) = sim.stream_of_mut(id) else { return };
        match side {
            Side::Response => {
                stream.end = Some(End::Complete);
            }
            Side::Request => {
                let after = stream.answer.after;
                stream.upstream_complete = true;
                // Only what will be too late needs a timer; nobody refuses a connection late.
                let (timeout, is_silent) = (stream.timeout, stream.answer.is_silent());
                let is_late = |timeout: &Duration| after > *timeout || is_silent;
                let is_healthy = sim.setup.upstream == Reachability::Healthy;
                let (after, kind) = match timeout.filter(|timeout| is_healthy && is_late(timeout)) {
                    Some(timeout) => (timeout, EventKind::UpstreamTimeout { stream: id }),
                    None => (after, EventKind::Upstream { stream: id }),
                };
                sim.events.push(now.saturating_add(after), self.index, kind);
            }
        }
    }

    /// The upstream acts on the request that it has.
    pub(super) fn upstream_acts(&mut self, sim: &mut Sim, id: u64) {
        let reachability = sim.setup.upstream;
        let Some(stream) = sim.stream_of_mut(id).filter(|stream| stream.is_waiting()) else { return };
        if reachability == Reachability::ConnectError {
            stream.upstream_complete = false;
            stream.info.transport_failure = Some("delayed connect error: Connection refused");
            let text = "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure";
            let details = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}";
            return self.router_reply(sim, id, &unreachable(503, details, text), UPSTREAM_CONNECTION_FAILURE);
        }
        let answer = mem::take(&mut stream.answer).kind;
        let is_reset = sim.by_chance(sim.setup.faults.upstream_percent);
        match if is_reset { AnswerKind::Reset } else { answer } {
            AnswerKind::Timeout => {}
            AnswerKind::Reset => {
                let text = "upstream connect error or disconnect/reset before headers. reset reason: connection termination";
                let details = "upstream_reset_before_response_started{connection_termination}";
                self.router_reply(sim, id, &unreachable(503, details, text), UPSTREAM_CONNECTION_TERMINATION);
            }
            AnswerKind::Malformed => {
                let text =
                    "upstream connect error or disconnect/reset before headers. reset reason: protocol error";
                let details = "upstream_reset_before_response_started{protocol_error}";
                self.router_reply(sim, id, &unreachable(502, details, text), UPSTREAM_PROTOCOL_ERROR);
            }
            AnswerKind::ResetMidBody(response) => {
                self.answer(sim, id, &response, false);
                self.break_off(sim, id);
            }
            AnswerKind::Response(response) => self.answer(sim, id, &response, true),
            AnswerKind::Grpc(grpc) => self.answer(sim, id, &super::call_outs::grpc_response(&grpc), true),
        }
    }

    /// The upstream has gone away in the middle of its answer; over HTTP/1.1 that is a broken message.
    fn break_off(&mut self, sim: &mut Sim, id: u64) {
        let Some(stream) = sim.stream_of_mut(id).filter(|stream| stream.end.is_none()) else { return };
        let (flag, reason) = match stream.info.protocol {
            Protocol::Http1 => (UPSTREAM_PROTOCOL_ERROR, "protocol_error"),
            Protocol::Http2 => (UPSTREAM_CONNECTION_TERMINATION, "connection_termination"),
        };
        stream.info.flags |= flag;
        self.reset(sim, id, &format!("upstream_reset_after_response_started{{{reason}}}"));
    }

    pub(super) fn upstream_times_out(&mut self, sim: &mut Sim, id: u64) {
        if sim.stream_of(id).is_some_and(|stream| stream.is_waiting()) {
            let reply = unreachable(504, "response_timeout", "upstream request timeout");
            self.router_reply(sim, id, &reply, UPSTREAM_REQUEST_TIMEOUT);
        }
    }

    fn router_reply(&mut self, sim: &mut Sim, id: u64, reply: &LocalResponse, flag: u64) {
        if let Some(stream) = sim.stream_of_mut(id) {
            stream.info.flags |= flag;
            stream.request_aborted = true;
        }
        self.local_reply(sim, id, reply);
    }

    /// The upstream's answer, on its way back through the filters.
    fn answer(&mut self, sim: &mut Sim, id: u64, response: &Response, is_whole: bool) {
        let Some(stream) = sim.stream_of_mut(id) else { return };
        let (protocol, is_head) = (stream.info.protocol, stream.is_head());
        let body = framing::body(protocol, &response.body, response.trailers.as_ref());
        let body = if is_head { Body::default() } else { body };
        stream.response.headers = connection_manager::response_headers(protocol, response, is_head, is_whole);
        stream.info.response_code = Some(response.status);
        stream.info.details = Some("via_upstream".to_owned());
        stream.response.is_complete = body.is_empty() && is_whole;
        self.headers(sim, id, Side::Response, 0);
        self.deliver(sim, id, Side::Response, body, is_whole);
    }

    /// Delivers what follows the headers, as the codec does.
    pub(super) fn deliver(&mut self, sim: &mut Sim, id: u64, side: Side, body: Body, is_whole: bool) {
        let Some(stream) = sim.stream_of_mut(id) else { return };
        let empty_end = (body.empty_end && body.trailers.is_none() && is_whole).then(Vec::new);
        stream.message_mut(side).unread = Unread {
            pieces: body.pieces.into_iter().chain(empty_end).collect(),
            trailers: body.trailers.filter(|_| is_whole),
            is_whole,
            ..Unread::default()
        };
        self.read(sim, id, side);
    }

    /// Reads on, unless a filter holds back more than the limit and slows the sender down.
    pub(super) fn read(&mut self, sim: &mut Sim, id: u64, side: Side) {
        let Some(message) = sim.stream_of_mut(id).map(|stream| stream.message_mut(side)) else { return };
        if mem::replace(&mut message.unread.is_reading, true) {
            return;
        }
        while let Some((piece, ends)) = next_piece(sim, id, side) {
            self.data(sim, id, side, 0, (piece, false), ends);
        }
        let Some(message) = sim.stream_of_mut(id).map(|stream| stream.message_mut(side)) else { return };
        message.unread.is_reading = false;
        if !message.unread.is_blocked
            && let Some(trailers) = message.unread.trailers.take()
        {
            message.is_complete = true;
            message.trailers = Some(trailers);
            self.trailers(sim, id, side, 0);
        }
    }

    /// Hands the response headers to the client, with what the connection manager adds.
    pub(super) fn respond_headers(&mut self, sim: &mut Sim, id: u64, ends: bool) {
        let now = sim.clock;
        let Some(stream) = sim.stream_of_mut(id) else { return };
        if !framing::has(&stream.response.headers, b":status") {
            return self.local_reply(sim, id, &removed(502, "response", ":status"));
        }
        // Whoever is answered before the end of the request is not listened to any longer.
        let closes = stream.closes || stream.info.closes || !stream.request.is_complete;
        connection_manager::to_client(stream.info.protocol, &mut stream.response.headers, now, closes);
        let status = connection_manager::status(&stream.response.headers);
        let is_changeable = stream.is_changeable(Side::Response);
        let headers = if is_changeable { stream.response.headers.clone() } else { HeaderList::new() };
        stream.info.response_code = Some(status);
        stream.is_response_open = !ends;
        stream.to_client = Some(Response { status, headers, ..Response::default() });
        if ends {
            self.complete(sim, id, Side::Response);
        }
    }

    /// Ends a stream without an answer.
    pub(super) fn reset(&mut self, sim: &mut Sim, id: u64, details: &str) {
        let Some(stream) = sim.stream_of_mut(id).filter(|stream| stream.end.is_none()) else { return };
        if stream.info.details.is_none() || stream.to_client.is_some() {
            stream.info.details = Some(details.to_owned());
        }
        stream.end = Some(End::Reset);
    }
}

/// The next piece that the proxy reads, no larger than its limit, and whether it is the end.
fn next_piece(sim: &mut Sim, id: u64, side: Side) -> Option<(Vec<u8>, bool)> {
    let stream = sim.stream_of_mut(id)?;
    let message = stream.message_mut(side);
    let held = message.held.as_ref().map_or(0, Vec::len);
    message.unread.is_blocked |= message.is_streaming && held > BUFFER_LIMIT;
    if message.unread.is_blocked {
        return None;
    }
    let mut piece = message.unread.pieces.pop_front()?;
    if piece.len() > BUFFER_LIMIT {
        let rest = piece.split_off(BUFFER_LIMIT);
        message.unread.pieces.push_front(rest);
    }
    let ends =
        message.unread.pieces.is_empty() && message.unread.trailers.is_none() && message.unread.is_whole;
    message.is_complete |= ends;
    if side == Side::Request {
        stream.info.request_bytes += piece.len() as u64;
    }
    Some((piece, ends))
}

/// A filter has taken away what the message cannot do without.
fn removed(status: u16, side: &str, name: &str) -> LocalResponse {
    let text = format!("missing required header: {name}");
    let details = format!("filter_removed_required_{side}_headers{{missing_required_header:_{name}}}");
    unreachable(status, &details, &text)
}

fn unreachable(status: u16, details: &str, text: &str) -> LocalResponse {
    let (details, body) = (details.as_bytes().to_vec(), text.as_bytes().to_vec());
    LocalResponse { status, details, body, grpc_status: -1, ..LocalResponse::default() }
}
