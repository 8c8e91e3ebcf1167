use std::collections::BTreeMap;

use log::Level;

use crate::{
    Action, CallId, ConfigError, GrpcAnswer, HeaderMap, Headers, HostError, HttpAnswer, HttpFilter,
    LocalReply, Reads, ReplyFormat, StreamHost, StreamId,
};

/// gRPC's RESOURCE_EXHAUSTED: what a message that is too long counts as.
const TOO_LONG: u32 = 8;

/// Carries one filter through the callbacks of a proxy.
///
/// Everything between a callback and the filter happens here, once for every host: a header map is read at most
/// once, only the edits are written back, an `Err` becomes the local reply, paused requests are found again, and whatever the
/// host refuses fails closed.
#[derive(Debug)]
pub struct Driver<F: HttpFilter> {
    filter: F,
    /// What the filter keeps of requests: of those that wait, and of those that it watches.
    streams: BTreeMap<StreamId, Kept<F::Stream>>,
}

#[derive(Debug)]
struct Kept<S> {
    stream: S,
    is_paused: bool,
    /// Whether its request is no more than its headers.
    is_last: bool,
}

impl<F: HttpFilter> Driver<F> {
    /// Configures the filter. A mistake is logged as the one line that `portcullis check` prints.
    ///
    /// # Errors
    /// As [`HttpFilter::configure`].
    pub fn configure(configuration: &[u8], host: &mut impl StreamHost) -> Result<Self, ConfigError> {
        let mut filter = F::configure(configuration).inspect_err(|error| {
            host.log(Level::Error, &format!("{}: configuration: {error}", F::NAME));
        })?;
        filter.start(host);
        Ok(Self { filter, streams: BTreeMap::new() })
    }

    /// Takes over from another instance in the same VM, as [`HttpFilter::inherit`].
    pub fn inherit(&mut self, former: &Self) {
        self.filter.inherit(&former.filter);
    }

    /// Runs the filter over the request headers.
    pub fn on_request_headers(
        &mut self,
        stream: StreamId,
        is_last: bool,
        host: &mut impl StreamHost,
    ) -> Outcome {
        self.run((stream, F::Stream::default()), is_last, host)
    }

    /// Runs the filter over the next piece of the request body.
    pub fn on_request_body(&mut self, id: StreamId, size: usize, is_last: bool, host: &mut impl StreamHost) {
        let Some(kept) = self.streams.get_mut(&id).filter(|kept| !kept.is_paused) else { return };
        if size > 0 && self.filter.reads_request_body(&kept.stream) {
            // One that cannot be read is left out: the body is then shorter than it says.
            let piece = host.request_body(size).unwrap_or_default();
            self.filter.on_request_body((id, &mut kept.stream), &piece, host);
        }
        if is_last {
            self.filter.on_request_end((id, &mut kept.stream), host);
        }
    }

    /// Takes note of the request trailers, behind which nothing comes.
    pub fn on_request_trailers(&mut self, id: StreamId, host: &mut impl StreamHost) {
        self.on_request_body(id, 0, true, host);
    }

    /// Runs the filter over the response headers, where it wants to see them. The response passes in any case. What the proxy answers to
    /// a request that still waits, because it has waited too long, is no response to what the filter has let pass.
    pub fn on_response_headers(&mut self, id: StreamId, is_last: bool, host: &mut impl StreamHost) {
        let Some(kept) = self.streams.get_mut(&id).filter(|kept| !kept.is_paused) else { return };
        // There is a response, whether its headers can be read or not.
        let mut response = read(self.filter.reads_response(&kept.stream), HeaderMap::Response, host);
        response.is_last = is_last;
        self.filter.on_response_headers((id, &mut kept.stream), &mut response, host);
        if let Err(error) = write_back(&response, HeaderMap::Response, host) {
            host.log(Level::Debug, &format!("{}: response headers: {error}", F::NAME));
        }
    }

    /// Runs the filter over the next piece of a response body.
    pub fn on_response_body(&mut self, id: StreamId, size: usize, is_last: bool, host: &mut impl StreamHost) {
        let Some(kept) = self.streams.get_mut(&id).filter(|kept| !kept.is_paused) else { return };
        let piece = match self.filter.reads_body(&kept.stream) {
            true => host.response_body(size),
            false => Ok(Vec::new()),
        };
        // One that cannot be read is empty: the body is then shorter than it says.
        let piece = piece.unwrap_or_default();
        self.filter.on_response_body((id, &mut kept.stream), (&piece, is_last), host);
    }

    /// Runs the filter over the response trailers.
    pub fn on_response_trailers(&mut self, id: StreamId, host: &mut impl StreamHost) {
        let Some(kept) = self.streams.get_mut(&id).filter(|kept| !kept.is_paused) else { return };
        let trailers = read(Reads::All, HeaderMap::ResponseTrailers, host);
        self.filter.on_response_trailers((id, &mut kept.stream), &trailers, host);
    }

    /// Hands the filter the answer to one of its HTTP calls.
    pub fn on_http_answer(&mut self, call: CallId, host: &mut impl StreamHost) {
        let answer = answer(F::MAX_ANSWER, host);
        let woken = self.filter.on_http_answer(call, &answer, host);
        self.wake(woken, host);
    }

    /// Hands the filter the message that answers one of its gRPC calls.
    pub fn on_grpc_message(&mut self, call: CallId, host: &mut impl StreamHost) {
        let answer = match host.answer_message(F::MAX_ANSWER.saturating_add(1)) {
            Ok(message) if message.len() <= F::MAX_ANSWER => GrpcAnswer::Message(message),
            Ok(_) => GrpcAnswer::Status(TOO_LONG),
            Err(HostError(status)) => GrpcAnswer::Status(status),
        };
        self.on_grpc_answer(call, &answer, host);
    }

    /// Hands the filter the status with which one of its gRPC calls has failed.
    pub fn on_grpc_failure(&mut self, call: CallId, status: u32, host: &mut impl StreamHost) {
        self.on_grpc_answer(call, &GrpcAnswer::Status(status), host);
    }

    fn on_grpc_answer(&mut self, call: CallId, answer: &GrpcAnswer, host: &mut impl StreamHost) {
        let woken = self.filter.on_grpc_answer(call, answer, host);
        self.wake(woken, host);
    }

    /// Lets the filter do what is due.
    pub fn on_tick(&mut self, host: &mut impl StreamHost) {
        let woken = self.filter.on_tick(host);
        self.wake(woken, host);
    }

    /// Tells the filter that its ticks end.
    pub fn on_stop(&mut self, host: &mut impl StreamHost) {
        self.filter.on_stop(host);
    }

    /// Shows the filter a request that is over.
    pub fn on_log(&mut self, id: StreamId, host: &mut impl StreamHost) {
        match self.streams.get_mut(&id) {
            Some(kept) => self.filter.on_log((id, &mut kept.stream), host),
            None => self.filter.on_log((id, &mut F::Stream::default()), host),
        }
    }

    /// Gives the filter back what it keeps of a request that is over.
    pub fn on_delete(&mut self, id: StreamId, host: &mut impl StreamHost) {
        if let Some(kept) = self.streams.remove(&id) {
            self.filter.on_end((id, kept.stream), host);
        }
    }

    /// Answers a request that cannot be filtered at all: fails closed.
    pub fn refuse(host: &mut impl StreamHost, detail: &str) -> Outcome {
        Self::reply(host, &unavailable(detail))
    }

    fn run(
        &mut self,
        (id, mut stream): (StreamId, F::Stream),
        is_last: bool,
        host: &mut impl StreamHost,
    ) -> Outcome {
        let (action, edited) = match self.filtered((id, &mut stream), is_last, host) {
            Ok(decided) => decided,
            Err(reply) => return Self::reply(host, &reply),
        };
        if let Err(error) = edited {
            self.filter.on_end((id, stream), host);
            return Self::reply(host, &refused_by_host(error));
        }
        let (outcome, is_paused) = match action {
            Action::Continue => (Outcome::Continue, false),
            Action::Pause => (Outcome::Paused, true),
        };
        if is_paused || self.filter.watches(&stream) {
            self.streams.insert(id, Kept { stream, is_paused, is_last });
        }
        outcome
    }

    fn wake(&mut self, streams: Vec<StreamId>, host: &mut impl StreamHost) {
        for id in streams {
            if !self.streams.get(&id).is_some_and(|kept| kept.is_paused) {
                continue;
            }
            let Some(kept) = self.streams.remove(&id) else { continue };
            if host.enter(id).is_err() {
                // Its client has left in the meantime, and Envoy is about to say so.
                self.filter.on_end((id, kept.stream), host);
                continue;
            }
            if self.run((id, kept.stream), kept.is_last, host) != Outcome::Continue {
                continue;
            }
            if let Err(error) = host.resume_request() {
                host.log(Level::Error, &format!("{}: a paused request cannot go on: {error}", F::NAME));
            }
        }
    }

    fn reply(host: &mut impl StreamHost, reply: &LocalReply) -> Outcome {
        if let Err(error) = host.send_local_reply(reply) {
            host.log(Level::Error, &format!("{}: {}: {error}", F::NAME, reply.code));
        }
        Outcome::Replied
    }

    /// What the filter has decided, and whether the proxy took its edits.
    fn filtered(
        &mut self,
        stream: (StreamId, &mut F::Stream),
        is_last: bool,
        host: &mut impl StreamHost,
    ) -> Result<(Action, Result<(), HostError>), LocalReply> {
        let block = match self.filter.reads_request() {
            true => host.headers(HeaderMap::Request).map_err(refused_by_host)?,
            false => Vec::new(),
        };
        let mut request = Headers::decode(block).ok_or_else(|| unavailable("malformed header map"))?;
        request.is_last = is_last;
        let action = self.filter.on_request_headers(stream, &mut request, host)?;
        Ok((action, write_back(&request, HeaderMap::Request, host)))
    }
}

/// What the proxy does after a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// On to the next filter.
    Continue,
    /// The request waits.
    Paused,
    /// The client was answered; the request stops here, even where the proxy refused to answer.
    Replied,
}

fn write_back(headers: &Headers, map: HeaderMap, host: &mut impl StreamHost) -> Result<(), HostError> {
    headers.edits().try_for_each(|edit| host.edit(map, &edit))
}

/// What a filter reads of a header map. One that cannot be read is empty.
fn read(reads: Reads, map: HeaderMap, host: &mut impl StreamHost) -> Headers {
    match reads {
        Reads::Nothing => Headers::default(),
        Reads::Only(names) => {
            let values = names.iter().filter_map(|name| Some((name, host.header(map, name)?)));
            values.collect()
        }
        Reads::All => host.headers(map).ok().and_then(Headers::decode).unwrap_or_default(),
    }
}

/// The answer to a call. One that cannot be read is one that never came.
fn answer(limit: usize, host: &mut impl StreamHost) -> HttpAnswer {
    let Some(headers) = host.headers(HeaderMap::Answer).ok().and_then(Headers::decode) else {
        return HttpAnswer::default();
    };
    let Ok(mut body) = host.answer_body(limit.saturating_add(1)) else { return HttpAnswer::default() };
    let truncated = body.len() > limit;
    body.truncate(limit);
    HttpAnswer { headers, body, truncated }
}

fn refused_by_host(error: HostError) -> LocalReply {
    unavailable(&error.to_string())
}

fn unavailable(detail: &str) -> LocalReply {
    LocalReply::new(503, "portcullis_host_refused", detail, ReplyFormat::Text)
}
