use std::time::Duration;

use crate::abi::Received;
use crate::http::{HeaderList, Protocol, Response};
use crate::proxy::connection_manager;
use crate::proxy::thread::Thread;
use crate::setup::{Answer, AnswerKind, GrpcAnswer, Reachability};
use crate::vm::CallKind;
use crate::{Callback, Plugin, Sim, Status};

/// The statuses of gRPC that Envoy makes up (<https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>).
const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;

/// The body that Envoy takes in the answer to an HTTP call-out (`kBufferLimitForResponse`).
const MOST: usize = 32 << 20;

impl<P: Plugin> Thread<P> {
    /// Tells the plugin what has come for its call-out.
    pub(super) fn receive(&mut self, sim: &mut Sim, vm: usize, token: u32, received: Received) {
        let spec = sim.follows_spec();
        let Some(owner) = sim.vms.get_mut(vm) else { return };
        let Some(call) = owner.calls.open.get(&token) else { return };
        let context = call.context;
        let callback = callback(context, token, &received);
        match &received {
            Received::HttpFailure => owner.status = (Status::BrokenConnection as u32, b"reset".to_vec()),
            Received::GrpcClose { status, message } => owner.status = (*status, message.clone()),
            Received::Http { headers, .. } if spec => {
                owner.status = (u32::from(connection_manager::status(headers)), Vec::new());
            }
            _ => {}
        }
        if received.is_last(token) {
            owner.calls.open.remove(&token);
        }
        let Some(callback) = callback else { return };
        owner.calls.received = received;
        // A trap has ended the VM, and is in the log.
        let _ = self.call(sim, vm, callback);
        if let Some(owner) = sim.vms.get_mut(vm) {
            owner.calls.received = Received::Nothing;
            // The code stays, for whoever asks later.
            owner.status.1.clear();
        }
    }
}

fn callback(context: u32, token: u32, received: &Received) -> Option<Callback> {
    Some(match received {
        Received::Nothing => return None,
        Received::Http { headers, body, trailers } => Callback::HttpCallResponse {
            context,
            token,
            headers: headers.len() as u32,
            body_size: body.len() as u32,
            trailers: trailers.len() as u32,
        },
        Received::HttpFailure => {
            Callback::HttpCallResponse { context, token, headers: 0, body_size: 0, trailers: 0 }
        }
        Received::GrpcInitialMetadata(fields) => {
            Callback::GrpcReceiveInitialMetadata { context, token, count: fields.len() as u32 }
        }
        Received::GrpcMessage(message) => {
            Callback::GrpcReceive { context, token, size: message.len() as u32 }
        }
        Received::GrpcTrailingMetadata(fields) => {
            Callback::GrpcReceiveTrailingMetadata { context, token, count: fields.len() as u32 }
        }
        Received::GrpcClose { status, .. } => Callback::GrpcClose { context, token, status: *status },
    })
}

/// What the plugin receives for an HTTP call-out, and after what time; nothing where nobody ever answers.
pub(crate) fn http_answer(
    reachability: Reachability,
    answer: &Answer,
    timeout: Option<Duration>,
    spec: bool,
) -> Option<(Duration, Received)> {
    // To the specification a call-out that fails has no headers at all.
    let failed = |status, text| if spec { Received::HttpFailure } else { local(status, text) };
    if reachability == Reachability::ConnectError {
        let text = "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure";
        return Some((Duration::ZERO, failed(503, text)));
    }
    let is_late = timeout.is_some_and(|timeout| answer.is_silent() || answer.after > timeout);
    if is_late {
        return timeout.map(|timeout| (timeout, failed(504, "upstream request timeout")));
    }
    let received = match &answer.kind {
        AnswerKind::Timeout => return None,
        AnswerKind::Response(response) => whole(response),
        AnswerKind::Grpc(grpc) => whole(&grpc_response(grpc)),
        AnswerKind::Reset => failed(
            503,
            "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
        ),
        AnswerKind::Malformed => failed(
            502,
            "upstream connect error or disconnect/reset before headers. reset reason: protocol error",
        ),
        AnswerKind::ResetMidBody(_) => Received::HttpFailure,
    };
    Some((answer.after, received))
}

/// What the plugin receives for a gRPC call or stream, in order, and after what time.
pub(crate) fn grpc_answer(
    reachability: Reachability,
    answer: &Answer,
    timeout: Option<Duration>,
    kind: CallKind,
) -> Vec<(Duration, Received)> {
    if reachability == Reachability::ConnectError {
        let details = "remote_connection_failure|delayed_connect_error:_Connection_refused";
        let failed = broken(kind, "remote connection failure", details);
        return failed.into_iter().map(|received| (Duration::ZERO, received)).collect();
    }
    let is_late = timeout.is_some_and(|timeout| answer.is_silent() || answer.after > timeout);
    if is_late {
        let close = close(UNAVAILABLE, "upstream request timeout{response_timeout}");
        return vec![(timeout.unwrap_or_default(), close)];
    }
    let received = match &answer.kind {
        AnswerKind::Timeout => Vec::new(),
        AnswerKind::Grpc(grpc) if kind == CallKind::GrpcCall => vec![unary(grpc)],
        AnswerKind::Grpc(grpc) => streamed(grpc),
        AnswerKind::Response(response) => {
            let is_ok = response.status == 200;
            foreign(kind, is_ok.then_some(response), close(of_http(response.status), "via_upstream"))
        }
        AnswerKind::Reset => broken(kind, "connection termination", "connection_termination"),
        AnswerKind::Malformed => broken(kind, "protocol error", "protocol_error"),
        AnswerKind::ResetMidBody(response) => {
            let details = "upstream_reset_after_response_started{connection_termination}";
            let details = if response.body.is_empty() { details } else { "via_upstream" };
            foreign(kind, Some(response), close(INTERNAL, details))
        }
    };
    received.into_iter().map(|received| (answer.after, received)).collect()
}

/// What a gRPC call-out to a cluster without hosts receives, the end of it only after the callback in which it was made.
pub(crate) fn no_healthy_host(kind: CallKind) -> (Vec<Received>, Received) {
    let mut all = refused(kind, "no healthy upstream", "no_healthy_upstream");
    let close = all.pop().unwrap_or_default();
    (all, close)
}

/// An answer that is no gRPC: its headers, if it has the right status, no trailers, and why it ends.
fn foreign(kind: CallKind, response: Option<&Response>, close: Received) -> Vec<Received> {
    if kind == CallKind::GrpcCall {
        return vec![close];
    }
    let headers = response.map(with_service_time).unwrap_or_default();
    vec![Received::GrpcInitialMetadata(headers), Received::GrpcTrailingMetadata(HeaderList::new()), close]
}

/// Envoy answers in the server's place, by headers alone, which are the trailing metadata of a stream.
fn refused(kind: CallKind, text: &str, details: &str) -> Vec<Received> {
    let close = close(UNAVAILABLE, &format!("{text}{{{details}}}"));
    if kind == CallKind::GrpcCall {
        return vec![close];
    }
    let fields = [
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("grpc-status", "14"),
        ("grpc-message", text),
    ];
    let headers = fields.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).to_vec();
    vec![Received::GrpcInitialMetadata(HeaderList::new()), Received::GrpcTrailingMetadata(headers), close]
}

/// The cluster of a `GrpcService` is not there.
pub(crate) fn no_cluster() -> Received {
    close(UNAVAILABLE, "Cluster not available")
}

fn close(status: u32, message: &str) -> Received {
    Received::GrpcClose { status, message: message.as_bytes().to_vec() }
}

/// The server could not be asked, or went away before it answered.
fn broken(kind: CallKind, reason: &str, details: &str) -> Vec<Received> {
    let text = format!("upstream connect error or disconnect/reset before headers. reset reason: {reason}");
    refused(kind, &text, &format!("upstream_reset_before_response_started{{{details}}}"))
}

/// A call is told of one thing only: its message, of several the last, or why there is none.
fn unary(grpc: &GrpcAnswer) -> Received {
    match grpc.messages.last() {
        Some(message) if grpc.status == 0 => Received::GrpcMessage(message.clone()),
        None if grpc.status == 0 => close(INTERNAL, ""),
        _ => finally(grpc),
    }
}

fn streamed(grpc: &GrpcAnswer) -> Vec<Received> {
    let response = grpc_response(grpc);
    let headers = with_service_time(&response);
    if grpc.messages.is_empty() && grpc.initial_metadata.is_empty() {
        return trailers_only(grpc, headers, &response);
    }
    let mut all = vec![Received::GrpcInitialMetadata(headers)];
    all.extend(grpc.messages.iter().cloned().map(Received::GrpcMessage));
    all.push(Received::GrpcTrailingMetadata(response.trailers.unwrap_or_default()));
    all.push(finally(grpc));
    all
}

/// A server that has nothing but a status says it in its headers.
fn trailers_only(grpc: &GrpcAnswer, mut headers: HeaderList, response: &Response) -> Vec<Received> {
    let at = headers.len().saturating_sub(1);
    headers.splice(at..at, response.trailers.clone().unwrap_or_default());
    vec![
        Received::GrpcInitialMetadata(HeaderList::new()),
        Received::GrpcTrailingMetadata(headers),
        finally(grpc),
    ]
}

fn with_service_time(response: &Response) -> HeaderList {
    let mut headers = with_status(response);
    headers.push((b"x-envoy-upstream-service-time".to_vec(), b"0".to_vec()));
    headers
}

/// Envoy leaves the message as it stands on the wire, and adds where it comes from.
fn finally(grpc: &GrpcAnswer) -> Received {
    let message = super::local_reply::percent_encoded(grpc.message.as_bytes());
    let text =
        if message.is_empty() { "via_upstream".to_owned() } else { format!("{message}{{via_upstream}}") };
    close(grpc.status, &text)
}

/// A gRPC answer as the HTTP that carries it.
pub(crate) fn grpc_response(grpc: &GrpcAnswer) -> Response {
    let mut headers: HeaderList = vec![(b"content-type".to_vec(), b"application/grpc".to_vec())];
    headers.extend(grpc.initial_metadata.iter().cloned());
    let mut trailers: HeaderList = vec![(b"grpc-status".to_vec(), grpc.status.to_string().into_bytes())];
    if !grpc.message.is_empty() {
        trailers.push((b"grpc-message".to_vec(), grpc.message.clone().into_bytes()));
    }
    trailers.extend(grpc.trailing_metadata.iter().cloned());
    let body = grpc.messages.iter().map(|message| framed(message)).collect();
    Response { status: 200, headers, body, trailers: Some(trailers) }
}

/// A message behind its prefix: not compressed, and how long.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

fn whole(response: &Response) -> Received {
    // A server whose answer has trailers speaks HTTP/2.
    let protocol = if response.trailers.is_some() { Protocol::Http2 } else { Protocol::Http1 };
    let headers = connection_manager::response_headers(protocol, response, false, true);
    let trailers = response.trailers.clone().unwrap_or_default();
    let body = response.body.concat();
    if body.len() > MOST { Received::HttpFailure } else { Received::Http { headers, body, trailers } }
}

fn with_status(response: &Response) -> HeaderList {
    let mut headers = vec![(b":status".to_vec(), response.status.to_string().into_bytes())];
    headers.extend(response.headers.iter().cloned());
    headers
}

/// What Envoy's router answers in the place of a server, as a call-out sees it.
fn local(status: u16, text: &str) -> Received {
    let headers = vec![
        (b":status".to_vec(), status.to_string().into_bytes()),
        (b"content-length".to_vec(), text.len().to_string().into_bytes()),
        (b"content-type".to_vec(), b"text/plain".to_vec()),
    ];
    Received::Http { headers, body: text.as_bytes().to_vec(), trailers: HeaderList::new() }
}

fn of_http(status: u16) -> u32 {
    if status == 200 { INTERNAL } else { u32::from(super::grpc_status(status)) }
}
