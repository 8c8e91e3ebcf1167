use std::any::Any;
use std::collections::BTreeMap;
use std::time::Duration;

use super::{refused_by_host, write_back};
use crate::{
    Action, CallId, ConfigError, GrpcAnswer, HeaderMap, Headers, HttpAnswer, HttpFilter, LocalReply, Reads,
    StreamHost, StreamId,
};

/// One filter of a plugin; what it keeps of requests is hidden. Its callbacks are those of [`HttpFilter`].
pub trait Link: Any + Send {
    /// [`HttpFilter::NAME`].
    fn name(&self) -> &'static str;
    /// Itself, as [`inherit`](Self::inherit) takes it.
    fn as_any(&self) -> &dyn Any;
    /// [`HttpFilter::MAX_ANSWER`].
    fn longest_answer(&self) -> usize;
    /// [`HttpFilter::tick`].
    fn tick(&self) -> Duration;
    /// [`HttpFilter::start`].
    fn start(&mut self, host: &mut dyn StreamHost);
    /// [`HttpFilter::inherit`], where the other one is an instance of the same filter.
    fn inherit(&mut self, former: &dyn Any);
    /// [`HttpFilter::reads_request`].
    fn reads_request(&self) -> bool;
    /// Decides, and hands the edits to the proxy.
    ///
    /// # Errors
    /// The local reply that the client gets; nothing is kept of the request.
    fn on_request_headers(
        &mut self,
        id: StreamId,
        request: &mut Headers,
        host: &mut dyn StreamHost,
    ) -> Result<Action, LocalReply>;
    /// Whether it wants to read the next piece of the request body.
    fn reads_request_body(&self, id: StreamId) -> bool;
    /// The next piece, whether it is one, and whether it is the last.
    fn on_request_body(&mut self, id: StreamId, piece: (&[u8], bool, bool), host: &mut dyn StreamHost);
    /// What it reads of the response headers; `None` where it does not watch the request.
    fn reads_response(&self, id: StreamId) -> Option<Reads>;
    /// [`HttpFilter::on_response_headers`].
    fn on_response_headers(&mut self, id: StreamId, response: &mut Headers, host: &mut dyn StreamHost);
    /// Whether it wants to read the next piece of the response body.
    fn reads_response_body(&self, id: StreamId) -> bool;
    /// [`HttpFilter::on_response_body`].
    fn on_response_body(&mut self, id: StreamId, piece: (&[u8], bool), host: &mut dyn StreamHost);
    /// [`HttpFilter::on_response_trailers`].
    fn on_response_trailers(&mut self, id: StreamId, trailers: &Headers, host: &mut dyn StreamHost);
    /// [`HttpFilter::on_http_answer`].
    fn on_http_answer(
        &mut self,
        call: CallId,
        answer: &HttpAnswer,
        host: &mut dyn StreamHost,
    ) -> Vec<StreamId>;
    /// [`HttpFilter::on_grpc_answer`].
    fn on_grpc_answer(
        &mut self,
        call: CallId,
        answer: &GrpcAnswer,
        host: &mut dyn StreamHost,
    ) -> Vec<StreamId>;
    /// [`HttpFilter::on_tick`].
    fn on_tick(&mut self, host: &mut dyn StreamHost) -> Vec<StreamId>;
    /// [`HttpFilter::on_log`].
    fn on_log(&mut self, id: StreamId, host: &mut dyn StreamHost);
    /// [`HttpFilter::on_end`], where something is kept of the request.
    fn on_end(&mut self, id: StreamId, host: &mut dyn StreamHost);
    /// [`HttpFilter::on_stop`].
    fn on_stop(&mut self, host: &mut dyn StreamHost);
}

/// Configures a filter, as a part of a plugin.
///
/// # Errors
/// As [`HttpFilter::configure`].
pub fn link<F: HttpFilter>(configuration: &[u8]) -> Result<Box<dyn Link>, ConfigError> {
    Ok(Box::new(Seat { filter: F::configure(configuration)?, streams: BTreeMap::new() }))
}

/// The filter in a link, for tools that look at what it holds; `None` where it is another one.
pub fn filter_of<F: HttpFilter>(link: &dyn Link) -> Option<&F> {
    link.as_any().downcast_ref::<Seat<F>>().map(|seat| &seat.filter)
}

struct Seat<F: HttpFilter> {
    filter: F,
    /// What the filter keeps of requests: of those that wait, and of those that it watches.
    streams: BTreeMap<StreamId, Kept<F::Stream>>,
}

struct Kept<S> {
    stream: S,
    is_paused: bool,
}

impl<F: HttpFilter> Seat<F> {
    /// What is kept of a request that has passed.
    fn passed(&self, id: StreamId) -> Option<&F::Stream> {
        self.streams.get(&id).filter(|kept| !kept.is_paused).map(|kept| &kept.stream)
    }

    /// The same, and the filter.
    fn watched(&mut self, id: StreamId) -> Option<(&mut F, &mut F::Stream)> {
        let kept = self.streams.get_mut(&id).filter(|kept| !kept.is_paused)?;
        Some((&mut self.filter, &mut kept.stream))
    }
}

impl<F: HttpFilter> Link for Seat<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn longest_answer(&self) -> usize {
        F::MAX_ANSWER
    }

    fn tick(&self) -> Duration {
        self.filter.tick()
    }

    fn start(&mut self, host: &mut dyn StreamHost) {
        self.filter.start(host);
    }

    fn inherit(&mut self, former: &dyn Any) {
        if let Some(former) = former.downcast_ref::<Self>() {
            self.filter.inherit(&former.filter);
        }
    }

    fn reads_request(&self) -> bool {
        self.filter.reads_request()
    }

    fn on_request_headers(
        &mut self,
        id: StreamId,
        request: &mut Headers,
        host: &mut dyn StreamHost,
    ) -> Result<Action, LocalReply> {
        let mut stream = self.streams.remove(&id).map(|kept| kept.stream).unwrap_or_default();
        let action = self.filter.on_request_headers((id, &mut stream), request, host)?;
        if let Err(error) = write_back(request, HeaderMap::Request, host) {
            self.filter.on_end((id, stream), host);
            return Err(refused_by_host(error));
        }
        let is_paused = action == Action::Pause;
        if is_paused || self.filter.watches(&stream) {
            self.streams.insert(id, Kept { stream, is_paused });
        }
        Ok(action)
    }

    fn reads_request_body(&self, id: StreamId) -> bool {
        self.passed(id).is_some_and(|stream| self.filter.reads_request_body(stream))
    }

    fn on_request_body(
        &mut self,
        id: StreamId,
        (piece, is_one, is_last): (&[u8], bool, bool),
        host: &mut dyn StreamHost,
    ) {
        let Some((filter, stream)) = self.watched(id) else { return };
        if is_one && filter.reads_request_body(stream) {
            filter.on_request_body((id, stream), piece, host);
        }
        if is_last {
            filter.on_request_end((id, stream), host);
        }
    }

    fn reads_response(&self, id: StreamId) -> Option<Reads> {
        self.passed(id).map(|stream| self.filter.reads_response(stream))
    }

    fn on_response_headers(&mut self, id: StreamId, response: &mut Headers, host: &mut dyn StreamHost) {
        if let Some((filter, stream)) = self.watched(id) {
            filter.on_response_headers((id, stream), response, host);
        }
    }

    fn reads_response_body(&self, id: StreamId) -> bool {
        self.passed(id).is_some_and(|stream| self.filter.reads_body(stream))
    }

    fn on_response_body(&mut self, id: StreamId, (piece, is_last): (&[u8], bool), host: &mut dyn StreamHost) {
        if let Some((filter, stream)) = self.watched(id) {
            let piece = if filter.reads_body(stream) { piece } else { &[] };
            filter.on_response_body((id, stream), (piece, is_last), host);
        }
    }

    fn on_response_trailers(&mut self, id: StreamId, trailers: &Headers, host: &mut dyn StreamHost) {
        if let Some((filter, stream)) = self.watched(id) {
            filter.on_response_trailers((id, stream), trailers, host);
        }
    }

    fn on_http_answer(
        &mut self,
        call: CallId,
        answer: &HttpAnswer,
        host: &mut dyn StreamHost,
    ) -> Vec<StreamId> {
        self.filter.on_http_answer(call, answer, host)
    }

    fn on_grpc_answer(
        &mut self,
        call: CallId,
        answer: &GrpcAnswer,
        host: &mut dyn StreamHost,
    ) -> Vec<StreamId> {
        self.filter.on_grpc_answer(call, answer, host)
    }

    fn on_tick(&mut self, host: &mut dyn StreamHost) -> Vec<StreamId> {
        self.filter.on_tick(host)
    }

    fn on_log(&mut self, id: StreamId, host: &mut dyn StreamHost) {
        match self.streams.get_mut(&id) {
            Some(kept) => self.filter.on_log((id, &mut kept.stream), host),
            None => self.filter.on_log((id, &mut F::Stream::default()), host),
        }
    }

    fn on_end(&mut self, id: StreamId, host: &mut dyn StreamHost) {
        if let Some(kept) = self.streams.remove(&id) {
            self.filter.on_end((id, kept.stream), host);
        }
    }

    fn on_stop(&mut self, host: &mut dyn StreamHost) {
        self.filter.on_stop(host);
    }
}
