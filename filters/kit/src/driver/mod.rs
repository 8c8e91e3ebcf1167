//! The way of a request through one filter or several, the same for every host.

mod link;
mod response;
mod ticks;

use std::collections::BTreeMap;
use std::fmt;

use log::Level;

pub use link::{Link, filter_of, link};

use crate::{
    Action, CallId, ConfigError, GrpcAnswer, HeaderMap, Headers, HostError, HttpAnswer, HttpFilter,
    LocalReply, Reads, ReplyFormat, StreamHost, StreamId,
};
use response::Response;
use ticks::Ticks;

/// gRPC's RESOURCE_EXHAUSTED: what a message that is too long counts as.
const TOO_LONG: u32 = 8;

/// What a plugin is made of: a filter, or several that stand one behind the other.
pub trait Module: 'static {
    /// What its log lines begin with: `jwt-auth`.
    const TITLE: &'static str;

    /// Builds its filters, in the order in which a request meets them, from the bytes of `proxy_on_configure` and the proxy's `root_id`.
    ///
    /// # Errors
    /// As [`HttpFilter::configure`].
    fn links(configuration: &[u8], root_id: &str) -> Result<Vec<Box<dyn Link>>, ConfigError>;
}

impl<F: HttpFilter> Module for F {
    const TITLE: &'static str = F::NAME;

    fn links(configuration: &[u8], _root_id: &str) -> Result<Vec<Box<dyn Link>>, ConfigError> {
        Ok(vec![link::<F>(configuration)?])
    }
}

/// Carries the filters of a plugin through the callbacks of a proxy.
///
/// Everything between a callback and the filters happens here, once for every host: a header map is read at most
/// once in a callback for all of them, only the edits are written back, an `Err` becomes the local reply, paused requests are found again, and
/// whatever the host refuses fails closed. A request meets the filters in their order, its response in the reverse one, each as if
/// it were a plugin of its own.
pub struct Driver {
    links: Vec<Box<dyn Link>>,
    /// The requests that wait.
    waits: BTreeMap<StreamId, Wait>,
    ticks: Ticks,
}

/// Where a request waits.
#[derive(Clone, Copy)]
struct Wait {
    link: usize,
    /// Whether the request is no more than its headers.
    is_last: bool,
}

impl Driver {
    /// Configures a plugin. A mistake is logged as the one line that `portcullis check` prints.
    ///
    /// # Errors
    /// As [`HttpFilter::configure`].
    pub fn configure<M: Module>(
        configuration: &[u8],
        host: &mut dyn StreamHost,
    ) -> Result<Self, ConfigError> {
        let root_id = host.property(&["plugin_root_id"]).unwrap_or_default();
        let mut links = M::links(configuration, &String::from_utf8_lossy(&root_id)).inspect_err(|error| {
            host.log(Level::Error, &format!("{}: configuration: {error}", M::TITLE));
        })?;
        links.iter_mut().for_each(|link| link.start(host));
        let mut driver = Self { links, waits: BTreeMap::new(), ticks: Ticks::default() };
        driver.set_tick(host);
        Ok(driver)
    }

    /// Its filters, in the order in which a request meets them.
    pub fn links(&self) -> impl Iterator<Item = &dyn Link> {
        self.links.iter().map(Box::as_ref)
    }

    /// Takes over from another instance in the same VM, as [`HttpFilter::inherit`].
    pub fn inherit(&mut self, former: &Self) {
        for link in &mut self.links {
            former.links.iter().for_each(|former| link.inherit(former.as_any()));
        }
    }

    /// Runs the filters over the request headers.
    pub fn on_request_headers(&mut self, id: StreamId, is_last: bool, host: &mut dyn StreamHost) -> Outcome {
        let outcome = self.run(id, Wait { link: 0, is_last }, host);
        self.set_tick(host);
        outcome
    }

    /// Runs the filters over the next piece of the request body.
    pub fn on_request_body(&mut self, id: StreamId, size: usize, is_last: bool, host: &mut dyn StreamHost) {
        if size == 0 && !is_last {
            return;
        }
        let is_read = size > 0 && self.links.iter().any(|link| link.reads_request_body(id));
        // One that cannot be read is left out: the body is then shorter than it says.
        let piece = if is_read { host.request_body(size).unwrap_or_default() } else { Vec::new() };
        for link in &mut self.links {
            link.on_request_body(id, (&piece, size > 0, is_last), host);
        }
    }

    /// Takes note of the request trailers, behind which nothing comes.
    pub fn on_request_trailers(&mut self, id: StreamId, host: &mut dyn StreamHost) {
        self.on_request_body(id, 0, true, host);
    }

    /// Runs the filters over the response headers, where they want to see them. The response passes in any case. A filter at which the
    /// request still waits does not see what the proxy answers: it has let nothing pass.
    pub fn on_response_headers(&mut self, id: StreamId, is_last: bool, host: &mut dyn StreamHost) {
        let mut response = Response::default();
        for link in self.links.iter_mut().rev() {
            let Some(reads) = link.reads_response(id) else { continue };
            // There is a response, whether its headers can be read or not.
            let headers = response.read(reads, host);
            headers.is_last = is_last;
            link.on_response_headers(id, headers, host);
            if let Err(error) = write_back(headers, HeaderMap::Response, host) {
                host.log(Level::Debug, &format!("{}: response headers: {error}", link.name()));
            }
        }
    }

    /// Runs the filters over the next piece of a response body.
    pub fn on_response_body(&mut self, id: StreamId, size: usize, is_last: bool, host: &mut dyn StreamHost) {
        let is_read = self.links.iter().any(|link| link.reads_response_body(id));
        // One that cannot be read is empty: the body is then shorter than it says.
        let piece = if is_read { host.response_body(size).unwrap_or_default() } else { Vec::new() };
        for link in self.links.iter_mut().rev() {
            link.on_response_body(id, (&piece, is_last), host);
        }
    }

    /// Runs the filters over the response trailers.
    pub fn on_response_trailers(&mut self, id: StreamId, host: &mut dyn StreamHost) {
        let reads = |link: &dyn Link| link.reads_response(id).is_some_and(|reads| reads != Reads::Nothing);
        let trailers = match self.links.iter().any(|link| reads(link.as_ref())) {
            true => host.headers(HeaderMap::ResponseTrailers).ok().and_then(Headers::decode),
            false => None,
        };
        let trailers = trailers.unwrap_or_default();
        for link in self.links.iter_mut().rev() {
            link.on_response_trailers(id, &trailers, host);
        }
    }

    /// Hands over the answer to an HTTP call to whoever has made it.
    pub fn on_http_answer(&mut self, call: CallId, host: &mut dyn StreamHost) {
        let answer = answer(self.longest_answer(), host);
        self.each(host, |link, host| link.on_http_answer(call, &answer, host));
    }

    /// Hands over the message that answers a gRPC call.
    pub fn on_grpc_message(&mut self, call: CallId, host: &mut dyn StreamHost) {
        let longest = self.longest_answer();
        let answer = match host.answer_message(longest.saturating_add(1)) {
            Ok(message) if message.len() <= longest => GrpcAnswer::Message(message),
            Ok(_) => GrpcAnswer::Status(TOO_LONG),
            Err(HostError(status)) => GrpcAnswer::Status(status),
        };
        self.each(host, |link, host| link.on_grpc_answer(call, &answer, host));
    }

    /// Hands over the status with which a gRPC call has failed.
    pub fn on_grpc_failure(&mut self, call: CallId, status: u32, host: &mut dyn StreamHost) {
        let answer = GrpcAnswer::Status(status);
        self.each(host, |link, host| link.on_grpc_answer(call, &answer, host));
    }

    /// Lets the filters do what is due.
    pub fn on_tick(&mut self, host: &mut dyn StreamHost) {
        let now = self.ticks.begin(|| host.monotonic());
        for index in 0..self.links.len() {
            if self.ticks.is_for(index, now) {
                self.with(index, host, |link, host| link.on_tick(host));
            }
        }
        self.set_tick(host);
    }

    /// Tells the filters that their ticks end.
    pub fn on_stop(&mut self, host: &mut dyn StreamHost) {
        self.links.iter_mut().for_each(|link| link.on_stop(host));
    }

    /// Shows the filters a request that is over, and gives them back what they keep of it, while the clock is known. A proxy that calls this
    /// calls [`on_delete`](Self::on_delete) as well.
    pub fn on_log(&mut self, id: StreamId, host: &mut dyn StreamHost) {
        self.links.iter_mut().for_each(|link| link.on_log(id, host));
        self.links.iter_mut().for_each(|link| link.on_end(id, host));
    }

    /// Gives the filters back what they keep of a request that is over and was not shown, and forgets the request.
    pub fn on_delete(&mut self, id: StreamId, host: &mut dyn StreamHost) {
        self.waits.remove(&id);
        self.links.iter_mut().for_each(|link| link.on_end(id, host));
        self.set_tick(host);
    }

    /// Answers a request that cannot be filtered at all: fails closed.
    pub fn refuse(name: &str, host: &mut dyn StreamHost, detail: &str) -> Outcome {
        reply(name, host, &unavailable(detail))
    }

    /// Takes a request on from the filter at which it is.
    fn run(&mut self, id: StreamId, from: Wait, host: &mut dyn StreamHost) -> Outcome {
        let mut request = Headers::default();
        let mut is_read = false;
        for (index, link) in self.links.iter_mut().enumerate().skip(from.link) {
            if link.reads_request() && !is_read {
                is_read = true;
                request = match read_request(host) {
                    Ok(request) => request,
                    Err(refusal) => {
                        link.on_end(id, host);
                        return reply(link.name(), host, &refusal);
                    }
                };
            }
            request.is_last = from.is_last;
            match link.on_request_headers(id, &mut request, host) {
                Ok(Action::Continue) => {}
                Ok(Action::Pause) => {
                    self.waits.insert(id, Wait { link: index, ..from });
                    return Outcome::Paused;
                }
                Err(denial) => return reply(link.name(), host, &denial),
            }
        }
        Outcome::Continue
    }

    /// Lets every filter do something, and takes on the requests that it names.
    fn each(
        &mut self,
        host: &mut dyn StreamHost,
        mut act: impl FnMut(&mut dyn Link, &mut dyn StreamHost) -> Vec<StreamId>,
    ) {
        for index in 0..self.links.len() {
            self.with(index, host, &mut act);
        }
        self.set_tick(host);
    }

    fn with(
        &mut self,
        index: usize,
        host: &mut dyn StreamHost,
        act: impl FnOnce(&mut dyn Link, &mut dyn StreamHost) -> Vec<StreamId>,
    ) {
        let Some(link) = self.links.get_mut(index) else { return };
        for id in act(link.as_mut(), host) {
            self.wake(id, index, host);
        }
    }

    /// Takes on a request that waits at this filter.
    fn wake(&mut self, id: StreamId, index: usize, host: &mut dyn StreamHost) {
        let Some(wait) = self.waits.get(&id).copied().filter(|wait| wait.link == index) else { return };
        let Some(link) = self.links.get_mut(index) else { return };
        self.waits.remove(&id);
        if host.enter(id).is_err() {
            // Its client has left in the meantime, and Envoy is about to say so.
            link.on_end(id, host);
            return;
        }
        let name = link.name();
        if self.run(id, wait, host) == Outcome::Continue
            && let Err(error) = host.resume_request()
        {
            host.log(Level::Error, &format!("{name}: a paused request cannot go on: {error}"));
        }
    }

    fn set_tick(&mut self, host: &mut dyn StreamHost) {
        let periods = self.links.iter().map(|link| link.tick());
        if let Some(period) = self.ticks.set(periods, || host.monotonic()) {
            host.set_tick(period);
        }
    }

    fn longest_answer(&self) -> usize {
        self.links.iter().map(|link| link.longest_answer()).max().unwrap_or_default()
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.links.iter().map(|link| link.name())).finish()
    }
}

/// What the proxy does after a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// On to the next plugin.
    Continue,
    /// The request waits.
    Paused,
    /// The client was answered; the request stops here, even where the proxy refused to answer.
    Replied,
}

fn reply(name: &str, host: &mut dyn StreamHost, reply: &LocalReply) -> Outcome {
    if let Err(error) = host.send_local_reply(reply) {
        host.log(Level::Error, &format!("{name}: {}: {error}", reply.code));
    }
    Outcome::Replied
}

fn read_request(host: &mut dyn StreamHost) -> Result<Headers, LocalReply> {
    let block = host.headers(HeaderMap::Request).map_err(refused_by_host)?;
    Headers::decode(block).ok_or_else(|| unavailable("malformed header map"))
}

/// Hands the edits to the proxy, which then has the same headers.
fn write_back(headers: &mut Headers, map: HeaderMap, host: &mut dyn StreamHost) -> Result<(), HostError> {
    let written = headers.edits().try_for_each(|edit| host.edit(map, &edit));
    headers.forget_edits();
    written
}

/// The answer to a call. One that cannot be read is one that never came.
fn answer(limit: usize, host: &mut dyn StreamHost) -> HttpAnswer {
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
