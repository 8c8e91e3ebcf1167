use std::time::Duration;

use crate::abi::grpc_target::GrpcTarget;
use crate::abi::headers::decode_pairs;
use crate::abi::{MapType, Received, append_header};
use crate::events::EventKind;
use crate::http::{CallOut, HeaderList, Request};
use crate::proxy::call_outs;
use crate::setup::{Answer, AnswerKind, Reachability};
use crate::vm::{Asked, CallKind, OpenCall};
use crate::{Hostcall, Refusal, Sim, Status};

/// Call-outs that a scenario can make.
const CALL_OUTS: usize = 100_000;

/// What `proxy_http_call` was given; headers and trailers are encoded blocks.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the fields are the arguments of proxy_http_call")]
pub struct HttpCall<'a> {
    pub cluster: &'a [u8],
    pub headers: &'a [u8],
    pub body: &'a [u8],
    pub trailers: &'a [u8],
    pub timeout_milliseconds: u32,
}

/// What `proxy_grpc_call` or `proxy_grpc_stream` was given; metadata is an encoded block.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the fields are the arguments of proxy_grpc_call")]
pub struct GrpcCall<'a> {
    pub cluster: &'a [u8],
    pub service: &'a [u8],
    pub method: &'a [u8],
    pub metadata: &'a [u8],
    pub message: &'a [u8],
    pub timeout_milliseconds: u32,
}

impl Sim {
    /// `proxy_http_call`: gives the token 4, 8, 12. Trailers are taken and never sent.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for an unknown cluster, a missing `:method`, `:path` or `:authority`, or a negative timeout;
    /// `INTERNAL_FAILURE` where the cluster has no healthy host.
    pub fn http_call(&mut self, call: &HttpCall<'_>) -> Hostcall<u32> {
        let shown = (call.cluster, decode_pairs(call.headers));
        let result = self.start_http_call(call);
        self.note("proxy_http_call", &[&shown, &call.body, &call.timeout_milliseconds], result)
    }

    /// `proxy_grpc_call`: gives the token 5, 9, 13.
    ///
    /// # Errors
    /// `PARSE_FAILURE` for an unknown cluster, `INTERNAL_FAILURE` where it has no healthy host.
    pub fn grpc_call(&mut self, call: &GrpcCall<'_>) -> Hostcall<u32> {
        let result = self.start_grpc(CallKind::GrpcCall, call);
        let shown = (call.cluster, (call.service, call.method));
        self.note("proxy_grpc_call", &[&shown, &call.message, &call.timeout_milliseconds], result)
    }

    /// `proxy_grpc_stream`: gives the token 6, 10, 14.
    ///
    /// # Errors
    /// As [`grpc_call`](Self::grpc_call).
    pub fn grpc_stream(&mut self, call: &GrpcCall<'_>) -> Hostcall<u32> {
        let result = self.start_grpc(CallKind::GrpcStream, call);
        self.note("proxy_grpc_stream", &[&call.cluster, &call.service, &call.method], result)
    }

    /// `proxy_grpc_send`: adds a message to a stream; the answer comes after the last one.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for what is no token of a stream, `NOT_FOUND` for one that is over.
    pub fn grpc_send(&mut self, token: u32, message: &[u8], end_of_stream: bool) -> Hostcall<()> {
        let result = self.send_on(token, message, end_of_stream);
        self.note("proxy_grpc_send", &[&token, &message, &end_of_stream], result)
    }

    /// `proxy_grpc_close`: ends the plugin's side of a stream, or cancels a call.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for what is no gRPC token, `NOT_FOUND` for one that is over.
    pub fn grpc_close(&mut self, token: u32) -> Hostcall<()> {
        let result = self.grpc_token(token).map(|()| match token % 4 {
            2 => self.answer_grpc(token),
            _ => self.forget(token),
        });
        self.note("proxy_grpc_close", &[&token], result)
    }

    /// `proxy_grpc_cancel`: no callback comes any more.
    ///
    /// # Errors
    /// As [`grpc_close`](Self::grpc_close).
    pub fn grpc_cancel(&mut self, token: u32) -> Hostcall<()> {
        let result = self.grpc_token(token).map(|()| self.forget(token));
        self.note("proxy_grpc_cancel", &[&token], result)
    }

    /// `proxy_get_status`: the code and message with which the last call-out failed, or ended if it was gRPC.
    ///
    /// # Errors
    /// None.
    pub fn status(&mut self) -> Hostcall<(u32, Vec<u8>)> {
        let status = self.vm().map(|vm| vm.status.clone()).unwrap_or_default();
        self.note("proxy_get_status", &[], Ok(status))
    }

    fn start_http_call(&mut self, call: &HttpCall<'_>) -> Hostcall<u32> {
        let name = String::from_utf8_lossy(call.cluster).into_owned();
        let reachability = self.cluster(&name).ok_or_else(|| {
            Refusal::bad_argument(format!("there is no cluster {name:?}; {}", self.known_clusters()))
        })?;
        let mut headers = request_fields(&decode_pairs(call.headers));
        for required in [&b":method"[..], b":path", b":authority"] {
            if !headers.iter().any(|(field, _)| field == required) {
                let field = String::from_utf8_lossy(required);
                return Err(Refusal::bad_argument(format!(
                    "the headers have no {field}; :method, :path and :authority are needed"
                )));
            }
        }
        if call.timeout_milliseconds > i32::MAX as u32 {
            return Err(Refusal::bad_argument("the timeout is negative"));
        }
        if reachability == Reachability::NoHealthyHost {
            self.skip_token(CallKind::Http);
            return Err(no_healthy_host(&name));
        }
        if !call.body.is_empty() {
            headers.retain(|(name, _)| name != b"content-length");
            headers.push((b"content-length".to_vec(), call.body.len().to_string().into_bytes()));
        }
        headers.extend(of_envoy(call.timeout_milliseconds));
        let body = Some(call.body.to_vec()).filter(|body| !body.is_empty()).into_iter().collect();
        let token = self.open_call(CallKind::Http, &name, Request { headers, body, trailers: None })?;
        let answer = self.next_answer(&name);
        let timeout = milliseconds(call.timeout_milliseconds);
        if let Some((after, received)) =
            call_outs::http_answer(reachability, &answer, timeout, self.follows_spec())
        {
            self.deliver(token, after, received);
        }
        Ok(token)
    }

    fn start_grpc(&mut self, kind: CallKind, call: &GrpcCall<'_>) -> Hostcall<u32> {
        let target = GrpcTarget::of(call.cluster);
        let (GrpcTarget::Name(name) | GrpcTarget::Service(name, _)) = &target else {
            let reason = "a gRPC call to an upstream that Envoy takes for a GrpcService without a target: no bytes, or bytes that happen to be a message";
            self.crash(reason);
            return Err(Refusal::new(Status::InternalFailure, reason));
        };
        let name = name.clone();
        let authority = match &target {
            GrpcTarget::Service(_, authority) if !authority.is_empty() => authority.clone(),
            _ => name.clone(),
        };
        let unknown = format!("there is no cluster {name:?}; {}", self.known_clusters());
        let reachability = match (self.cluster(&name), target) {
            (Some(reachability), _) => reachability,
            (None, GrpcTarget::Service(..)) => {
                let token = self.open_call(kind, &name, Request::default())?;
                self.deliver(token, Duration::ZERO, call_outs::no_cluster());
                self.close_send(token);
                return Err(Refusal::new(Status::InternalFailure, unknown));
            }
            (None, _) => return Err(Refusal::new(Status::ParseFailure, unknown)),
        };
        let headers = grpc_headers(&authority, call);
        let body =
            if kind == CallKind::GrpcCall { vec![call_outs::framed(call.message)] } else { Vec::new() };
        let token = self.open_call(kind, &name, Request { headers, body, trailers: None })?;
        let timeout = milliseconds(call.timeout_milliseconds);
        if reachability == Reachability::NoHealthyHost {
            // The callbacks come although the hostcall fails.
            let (inside, close) = call_outs::no_healthy_host(kind);
            if let Some(vm) = self.vm_mut() {
                vm.asked.extend(inside.into_iter().map(|received| Asked::Receive { token, received }));
            }
            self.deliver(token, Duration::ZERO, close);
            self.close_send(token);
            return Err(no_healthy_host(&name));
        }
        // A stream is answered when the plugin has ended its side, unless nobody is there to hear it.
        if kind == CallKind::GrpcCall || reachability == Reachability::ConnectError {
            let answer = self.next_answer(&name);
            for (after, received) in call_outs::grpc_answer(reachability, &answer, timeout, kind) {
                self.deliver(token, after, received);
            }
        }
        Ok(token)
    }

    fn send_on(&mut self, token: u32, message: &[u8], end_of_stream: bool) -> Hostcall<()> {
        if token % 4 != 2 {
            return Err(Refusal::bad_argument(format!("{token} is not the token of a gRPC stream")));
        }
        self.grpc_token(token)?;
        let call = self.vm().and_then(|vm| vm.calls.open.get(&token)).filter(|call| !call.is_half_closed);
        let call = call.ok_or_else(|| Refusal::not_found("this side of the stream has been closed"))?;
        let record = Some(call.record);
        if let Some(call_out) = record.and_then(|record| self.call_outs.get_mut(record)) {
            call_out.request.body.push(call_outs::framed(message));
        }
        if end_of_stream {
            self.answer_grpc(token);
        }
        Ok(())
    }

    /// The plugin's side of a stream is over; now its server answers.
    fn answer_grpc(&mut self, token: u32) {
        let call = self.vm_mut().and_then(|vm| vm.calls.open.get_mut(&token));
        let Some(call) = call.filter(|call| !call.is_half_closed) else { return };
        call.is_half_closed = true;
        let record = Some(call.record);
        let cluster = record.and_then(|record| self.call_outs.get(record)).map(|call| call.cluster.clone());
        let Some(cluster) = cluster else { return };
        let reachability = self.cluster(&cluster).unwrap_or_default();
        let answer = self.next_answer(&cluster);
        for (after, received) in call_outs::grpc_answer(reachability, &answer, None, CallKind::GrpcStream) {
            self.deliver(token, after, received);
        }
    }

    fn open_call(&mut self, kind: CallKind, cluster: &str, request: Request) -> Hostcall<u32> {
        if self.call_outs.len() >= CALL_OUTS {
            return Err(Refusal::new(Status::InternalFailure, format!("{CALL_OUTS} call-outs were made")));
        }
        let (context, record) = (self.root_id(), self.call_outs.len());
        let vm = self.vm_mut().ok_or_else(|| Refusal::bad_argument("no plugin has been started"))?;
        let token = vm.calls.token(kind);
        vm.calls.open.insert(token, OpenCall { context, record, ..OpenCall::default() });
        self.call_outs.push(CallOut { cluster: cluster.to_owned(), request });
        Ok(token)
    }

    fn deliver(&mut self, token: u32, after: Duration, received: Received) {
        let (vm, thread) = (self.turn.vm, self.vm().map_or(0, |vm| vm.thread));
        let due = self.clock.saturating_add(after);
        self.events.push(due, thread, EventKind::CallOut { vm, token, received });
    }

    /// A call-out that fails at once has used its token up.
    fn skip_token(&mut self, kind: CallKind) {
        if let Some(vm) = self.vm_mut() {
            vm.calls.token(kind);
        }
    }

    /// The server takes no more messages.
    fn close_send(&mut self, token: u32) {
        if let Some(call) = self.vm_mut().and_then(|vm| vm.calls.open.get_mut(&token)) {
            call.is_half_closed = true;
        }
    }

    fn forget(&mut self, token: u32) {
        if let Some(vm) = self.vm_mut() {
            vm.calls.open.remove(&token);
        }
    }

    fn grpc_token(&self, token: u32) -> Hostcall<()> {
        if !matches!(token % 4, 1 | 2) {
            return Err(Refusal::bad_argument(format!("{token} is not the token of a gRPC call or stream")));
        }
        let is_open = self.vm().is_some_and(|vm| vm.calls.open.contains_key(&token));
        let over =
            || Refusal::not_found(format!("no gRPC call or stream has the token {token}, or no longer"));
        is_open.then_some(()).ok_or_else(over)
    }

    fn cluster(&self, name: &str) -> Option<Reachability> {
        self.setup.clusters.get(name).map(|cluster| cluster.reachability)
    }

    fn known_clusters(&self) -> String {
        let names: Vec<_> = self.setup.clusters.keys().map(String::as_str).collect();
        if names.is_empty() {
            "no cluster is set up".to_owned()
        } else {
            format!("there is {}", names.join(", "))
        }
    }

    fn next_answer(&mut self, name: &str) -> Answer {
        let given = self.answered.entry(name.to_owned()).or_default();
        let answers = self.setup.clusters.get(name).map(|cluster| cluster.answers.as_slice());
        let answers = answers.unwrap_or_default();
        let answer = answers.get(*given).or_else(|| answers.last()).cloned();
        *given += 1;
        let answer = answer.unwrap_or_default();
        let is_faulty = self.by_chance(self.setup.faults.call_outs_percent);
        if is_faulty { Answer { kind: AnswerKind::Reset, ..answer } } else { answer }
    }
}

impl Sim {
    /// Whether one of so many of a hundred faults happens now.
    pub(crate) fn by_chance(&mut self, percent: u8) -> bool {
        percent > 0 && self.entropy.u8(..100) < percent
    }
}

impl Answer {
    /// Whether it never comes.
    pub(crate) fn is_silent(&self) -> bool {
        self.kind == AnswerKind::Timeout
    }
}

fn milliseconds(timeout: u32) -> Option<Duration> {
    (timeout > 0).then(|| Duration::from_millis(u64::from(timeout)))
}

fn no_healthy_host(cluster: &str) -> Refusal {
    Refusal::new(
        Status::InternalFailure,
        format!("the cluster {cluster:?} has no healthy host, and no callback will come"),
    )
}

fn grpc_headers(authority: &str, call: &GrpcCall<'_>) -> HeaderList {
    let path = [b"/", call.service, b"/", call.method].concat();
    let mut headers: HeaderList = vec![
        (b":method".to_vec(), b"POST".to_vec()),
        (b":path".to_vec(), path),
        (b":authority".to_vec(), authority.as_bytes().to_vec()),
        (b":scheme".to_vec(), b"http".to_vec()),
        (b"te".to_vec(), b"trailers".to_vec()),
    ];
    if call.timeout_milliseconds > 0 {
        let timeout = format!("{}m", call.timeout_milliseconds);
        headers.push((b"grpc-timeout".to_vec(), timeout.into_bytes()));
    }
    headers.push((b"content-type".to_vec(), b"application/grpc".to_vec()));
    headers.extend(request_fields(&decode_pairs(call.metadata)));
    headers.extend(of_envoy(call.timeout_milliseconds));
    headers
}

/// Fields as they stand in a header map of Envoy: names in lower case, some of them joined.
fn request_fields(pairs: &HeaderList) -> HeaderList {
    let mut fields = HeaderList::new();
    for (name, value) in pairs {
        let map = MapType::RequestHeaders;
        append_header(map, &mut fields, &map.normal(name), value);
    }
    fields
}

/// What Envoy adds to every call-out.
fn of_envoy(timeout_milliseconds: u32) -> HeaderList {
    let mut headers = vec![(b"x-envoy-internal".to_vec(), b"true".to_vec())];
    if timeout_milliseconds > 0 {
        let timeout = timeout_milliseconds.to_string().into_bytes();
        headers.push((b"x-envoy-expected-rq-timeout-ms".to_vec(), timeout));
    }
    headers
}
