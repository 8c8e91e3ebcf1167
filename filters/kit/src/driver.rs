use std::collections::BTreeMap;

use log::Level;

use crate::{
    Action, CallId, ConfigError, Edit, Headers, HostError, HttpAnswer, HttpFilter, LocalReply, ReplyFormat,
    StreamHost, StreamId,
};

/// Carries one filter through the callbacks of a proxy.
///
/// Everything between a callback and the filter happens here, once for every host: the header map is read
/// once, only the edits are written back, an `Err` becomes the local reply, paused requests are found again, and whatever the
/// host refuses fails closed.
#[derive(Debug)]
pub struct Driver<F: HttpFilter> {
    filter: F,
    /// What the filter keeps of the requests that wait.
    paused: BTreeMap<StreamId, F::Stream>,
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
        Ok(Self { filter, paused: BTreeMap::new() })
    }

    /// Runs the filter over the request headers.
    pub fn on_request_headers(&mut self, stream: StreamId, host: &mut impl StreamHost) -> Outcome {
        self.run(stream, F::Stream::default(), host)
    }

    /// Hands the filter the answer to one of its calls.
    pub fn on_http_answer(&mut self, call: CallId, host: &mut impl StreamHost) {
        let answer = answer(F::MAX_ANSWER, host);
        let woken = self.filter.on_http_answer(call, &answer, host);
        self.wake(woken, host);
    }

    /// Lets the filter do what is due.
    pub fn on_tick(&mut self, host: &mut impl StreamHost) {
        let woken = self.filter.on_tick(host);
        self.wake(woken, host);
    }

    /// Forgets a request that is over.
    pub fn on_delete(&mut self, stream: StreamId) {
        if self.paused.remove(&stream).is_some() {
            self.filter.on_abandoned(stream);
        }
    }

    /// Answers a request that cannot be filtered at all: fails closed.
    pub fn refuse(host: &mut impl StreamHost, detail: &str) -> Outcome {
        Self::reply(host, &unavailable(detail))
    }

    fn run(&mut self, id: StreamId, mut stream: F::Stream, host: &mut impl StreamHost) -> Outcome {
        match self.filtered((id, &mut stream), host) {
            Ok(Action::Continue) => Outcome::Continue,
            Ok(Action::Pause) => {
                self.paused.insert(id, stream);
                Outcome::Paused
            }
            Err(reply) => Self::reply(host, &reply),
        }
    }

    fn wake(&mut self, streams: Vec<StreamId>, host: &mut impl StreamHost) {
        for id in streams {
            let Some(stream) = self.paused.remove(&id) else { continue };
            // Its client may have left in the meantime.
            if host.enter(id).is_err() || self.run(id, stream, host) != Outcome::Continue {
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

    fn filtered(
        &mut self,
        stream: (StreamId, &mut F::Stream),
        host: &mut impl StreamHost,
    ) -> Result<Action, LocalReply> {
        let block = host.request_headers().map_err(refused_by_host)?;
        let mut request = Headers::decode(block).ok_or_else(|| unavailable("malformed header map"))?;
        let action = self.filter.on_request_headers(stream, &mut request, host)?;
        for edit in request.edits() {
            match edit {
                Edit::Remove { name } => host.remove_request_header(name),
                Edit::Replace { name, value } => host.replace_request_header(name, value),
            }
            .map_err(refused_by_host)?;
        }
        Ok(action)
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

/// The answer to a call. One that cannot be read is one that never came.
fn answer(limit: usize, host: &mut impl StreamHost) -> HttpAnswer {
    let Some(headers) = host.answer_headers().ok().and_then(Headers::decode) else {
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
