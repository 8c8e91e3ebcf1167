//! What a plugin does that works here and will hurt elsewhere, or that fails without a word.

use std::collections::BTreeMap;

use crate::abi::MapType;
use crate::stream::{Side, Window};
use crate::vm::Context;
use crate::{Callback, Sim};

/// Beyond this many keys the set is hardly a fixed one.
const KEYS: u64 = 100;

/// A habit that is worth a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lint {
    /// A local reply while the response is in the filters.
    ReplyInResponse,
    /// A change to a map after the stream was resumed.
    ChangeAfterResume,
    /// Headers read or changed outside of their callback.
    HeadersOutOfPhase,
    /// A body that is buffered to its end by a plugin that does not look at trailers.
    BodyWithoutTrailers,
    /// Keys in shared data that grow with the requests.
    SharedDataGrows,
    /// `proxy_continue_stream(Response)` in `proxy_on_response_headers`.
    ResumeInResponseHeaders,
}

/// A lint that a plugin has tripped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Which.
    pub lint: Lint,
    /// How often.
    pub times: u64,
    /// Where it was seen first.
    pub place: String,
}

/// What has been seen so far.
#[derive(Debug, Default)]
pub(crate) struct Lints {
    found: BTreeMap<Lint, Warning>,
    pub(crate) requests: u64,
    /// Keys of shared data that are new since the plugins were configured.
    keys: u64,
}

impl Lint {
    /// Every lint.
    pub const ALL: [Self; 6] = [
        Self::ReplyInResponse,
        Self::ChangeAfterResume,
        Self::HeadersOutOfPhase,
        Self::BodyWithoutTrailers,
        Self::SharedDataGrows,
        Self::ResumeInResponseHeaders,
    ];

    /// Its name in scenarios and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReplyInResponse => "reply-in-response",
            Self::ChangeAfterResume => "change-after-resume",
            Self::HeadersOutOfPhase => "headers-out-of-phase",
            Self::BodyWithoutTrailers => "body-without-trailers",
            Self::SharedDataGrows => "shared-data-grows",
            Self::ResumeInResponseHeaders => "resume-in-response-headers",
        }
    }

    /// The row of the list of behaviours that it rests on: the cases in `tests/abi` whose names begin with it.
    pub fn row(self) -> &'static str {
        match self {
            Self::ReplyInResponse => "P43",
            Self::ChangeAfterResume | Self::ResumeInResponseHeaders => "P14",
            Self::HeadersOutOfPhase => "P13",
            Self::BodyWithoutTrailers => "P10",
            Self::SharedDataGrows => "P49",
        }
    }

    /// What is wrong with it, in a sentence.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::ReplyInResponse => {
                "a local reply while there is a response goes past the other filters or, once its headers have left, resets \
                 the stream; reply before the request goes on, or change the response"
            }
            Self::ChangeAfterResume => {
                "after proxy_continue_stream the maps are closed and the change is refused; change first, then resume"
            }
            Self::HeadersOutOfPhase => {
                "outside of their own callback headers are refused, or read as none without an error; keep what is needed \
                 later"
            }
            Self::BodyWithoutTrailers => {
                "before trailers no piece of a body says that it is the last, and without a trailers callback what was \
                 held back goes on unseen; export the trailers callback and finish there"
            }
            Self::SharedDataGrows => {
                "shared data has no delete, and what is stored stays as long as the process; use a fixed set of keys"
            }
            Self::ResumeInResponseHeaders => {
                "the response goes on before the callback's own answer counts: after Continue its headers are sent twice and \
                 the client resets the stream, after Pause the body is held back for good; return Continue instead"
            }
        }
    }
}

impl Sim {
    /// What the plugins have done that is worth a warning.
    pub fn warnings(&self) -> Vec<Warning> {
        let Lints { found, requests, keys } = &self.lints;
        let grows = *keys > KEYS && keys.saturating_mul(2) > *requests;
        let place = format!("{keys} new keys in {requests} requests");
        let grown = grows.then_some(Warning { lint: Lint::SharedDataGrows, times: *keys, place });
        found.values().cloned().chain(grown).collect()
    }

    /// A map could not be reached.
    pub(crate) fn lint_map(&mut self, hostcall: &'static str, map: u32, changes: bool) {
        let Ok(map) = MapType::of(map) else { return };
        let (Some(side), Some((stream, filter))) = (map.side(), self.stream()) else { return };
        let half = filter.half(side);
        let window = if map.is_trailers() { half.trailers_window } else { half.headers_window };
        match window {
            _ if stream.logging => {}
            Window::Resumed if changes => self.warn(Lint::ChangeAfterResume, hostcall),
            // Whether there are trailers may be asked at any time.
            Window::NotYet if map.is_trailers() => {}
            Window::NotYet | Window::Continued | Window::Resumed => {
                self.warn(Lint::HeadersOutOfPhase, hostcall);
            }
            Window::Open => {}
        }
    }

    /// A local reply is asked for.
    pub(crate) fn lint_reply(&mut self) {
        if self.stream().is_some_and(|(stream, _)| stream.response.has_started && !stream.logging) {
            self.warn(Lint::ReplyInResponse, "proxy_send_local_response");
        }
    }

    /// A stream is resumed.
    pub(crate) fn lint_resume(&mut self, side: Side) {
        let is_in_headers = matches!(self.turn.callback, Some(Callback::ResponseHeaders { .. }));
        if side == Side::Response && is_in_headers && self.context_id() == self.turn.context {
            self.warn(Lint::ResumeInResponseHeaders, "proxy_continue_stream");
        }
    }

    /// A plugin does not have this callback.
    pub(crate) fn lint_absent(&mut self, vm: usize, callback: &Callback) {
        let side = match callback {
            Callback::RequestTrailers { .. } => Side::Request,
            Callback::ResponseTrailers { .. } => Side::Response,
            _ => return,
        };
        let Some(Context::Stream { stream, filter }) = self.context_of(vm, callback.context()) else {
            return;
        };
        let filter = self.stream_of(*stream).and_then(|stream| stream.filters.get(*filter));
        let half = filter.map(|filter| filter.half(side));
        if half.is_some_and(|half| half.buffering && half.body_window == Window::Open) {
            let place = format!("{} is not there", callback.export().name);
            self.lints.add(Lint::BodyWithoutTrailers, || place);
        }
    }

    /// A key has come into shared data.
    pub(crate) fn lint_new_key(&mut self) {
        let is_at_start = matches!(
            self.turn.callback,
            Some(Callback::Start | Callback::VmStart { .. } | Callback::Configure { .. })
        );
        self.lints.keys += u64::from(!is_at_start);
    }

    fn warn(&mut self, lint: Lint, hostcall: &'static str) {
        let callback = self.turn.callback.map_or("no callback", |callback| callback.export().name);
        self.lints.add(lint, || format!("{hostcall} in {callback}"));
    }
}

impl Lints {
    fn add(&mut self, lint: Lint, place: impl FnOnce() -> String) {
        self.found.entry(lint).or_insert_with(|| Warning { lint, times: 0, place: place() }).times += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::http::{Protocol, Request, Response, Sending};
    use crate::setup::{Answer, AnswerKind};
    use crate::{LocalResponse, Plugin, Proxy, Setup, Trap};

    type Act = fn(&mut Sim, Callback) -> Option<u32>;

    struct Acting(Act);

    impl Plugin for Acting {
        fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap> {
            Ok((self.0)(sim, callback))
        }
    }

    /// What a plugin is warned of that handles so many requests with bodies and trailers.
    fn warned(requests: usize, act: Act) -> Vec<(&'static str, u64)> {
        let mut proxy = Proxy::start(Sim::new(Setup::of("")), Arc::new(move |_| Ok(Acting(act)))).unwrap();
        let fields = [(":authority", "a"), (":path", "/"), (":method", "POST"), (":scheme", "http")];
        let headers = fields.map(|(name, value)| (name.into(), value.into())).to_vec();
        let (body, trailers) = (vec![b"b".to_vec()], Some(vec![(b"x-t".to_vec(), b"1".to_vec())]));
        let request = Request { headers, body: body.clone(), trailers: trailers.clone() };
        let response = Response { status: 200, body, trailers, ..Response::default() };
        let upstream = Answer { kind: AnswerKind::Response(response), ..Answer::default() };
        let sending = Sending { protocol: Protocol::Http2, request, upstream, ..Sending::default() };
        for _ in 0..requests {
            proxy.send(std::slice::from_ref(&sending));
        }
        let warnings = proxy.sim().warnings();
        warnings.into_iter().map(|warning| (warning.lint.name(), warning.times)).collect()
    }

    #[test]
    fn a_reply_is_for_requests() {
        let late = warned(1, |sim, callback| match callback {
            Callback::ResponseHeaders { .. } => sim
                .send_local_response(LocalResponse { status: 500, ..LocalResponse::default() }, b"")
                .ok()
                .map(|()| 1),
            _ => Some(callback.absent()),
        });
        assert_eq!(late, [("reply-in-response", 1)]);
        let early = warned(1, |sim, callback| match callback {
            Callback::RequestHeaders { .. } => sim
                .send_local_response(LocalResponse { status: 500, ..LocalResponse::default() }, b"")
                .ok()
                .map(|()| 1),
            _ => Some(callback.absent()),
        });
        assert_eq!(early, []);
    }

    #[test]
    fn maps_have_their_time() {
        let changed = warned(1, |sim, callback| {
            if let Callback::RequestHeaders { .. } = callback {
                sim.header_map_value(0, b"not-there").unwrap_err();
                sim.continue_stream(0).unwrap();
                sim.add_header_map_value(0, b"a", b"b").unwrap_err();
            }
            Some(callback.absent())
        });
        assert_eq!(changed, [("change-after-resume", 1)]);
        let read = warned(1, |sim, callback| {
            match callback {
                Callback::ResponseHeaders { .. } => assert_eq!(sim.header_map_pairs(0), Ok(vec![])),
                Callback::Log { .. } => drop(sim.header_map_pairs(1)),
                _ => {}
            }
            Some(callback.absent())
        });
        assert_eq!(read, [("headers-out-of-phase", 1)]);
    }

    #[test]
    fn a_body_may_end_with_trailers() {
        let buffered: Act = |_, callback| match callback {
            Callback::RequestBody { end_of_stream, .. } => Some(u32::from(!end_of_stream)),
            Callback::RequestTrailers { .. } => None,
            _ => Some(callback.absent()),
        };
        assert_eq!(warned(1, buffered), [("body-without-trailers", 1)]);
        let finished: Act = |_, callback| match callback {
            Callback::RequestBody { .. } => Some(1),
            _ => Some(callback.absent()),
        };
        assert_eq!(warned(1, finished), []);
    }

    #[test]
    fn a_response_is_not_resumed_where_it_is_not_held() {
        let resumed = warned(1, |sim, callback| {
            if let Callback::ResponseHeaders { .. } = callback {
                sim.continue_stream(1).unwrap();
            }
            Some(callback.absent())
        });
        assert_eq!(resumed, [("resume-in-response-headers", 1)]);
    }

    #[test]
    fn keys_may_be_many_but_not_as_many_as_requests() {
        let per_request: Act = |sim, callback| {
            if let Callback::RequestHeaders { context, .. } = callback {
                sim.set_shared_data(&context.to_le_bytes(), b"", 0).unwrap();
            }
            Some(callback.absent())
        };
        assert_eq!(warned(100, per_request), []);
        assert_eq!(warned(101, per_request), [("shared-data-grows", 101)]);
        let at_start: Act = |sim, callback| {
            if let Callback::Configure { .. } = callback {
                (0..200_u32).for_each(|key| sim.set_shared_data(&key.to_le_bytes(), b"", 0).unwrap());
            }
            Some(callback.absent())
        };
        assert_eq!(warned(2, at_start), []);
    }
}
