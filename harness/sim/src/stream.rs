use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::UnixTime;
use crate::http::{HeaderList, Protocol, Request, Response};
use crate::setup::Answer;

/// What the proxy holds for one HTTP stream.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// The thread that serves it.
    pub(crate) thread: usize,
    pub(crate) request: Message,
    pub(crate) response: Message,
    /// One for each plugin that has a part in this stream, in the order of the request.
    pub(crate) filters: Vec<Filter>,
    /// Filter state by its key, which is `wasm.` and the whole path for what `proxy_set_property` has set.
    pub(crate) filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) info: StreamInfo,
    /// Whether the stream is in its log phase, in which the access log's copies can be read.
    pub(crate) logging: bool,
    /// Which callbacks of filters run, as bits; a local reply from a request callback waits until it has returned.
    pub(crate) decoding: u32,
    pub(crate) encoding: u32,
    /// A local reply that waits.
    pub(crate) prepared: Option<LocalResponse>,
    /// A local reply has been made while the request, or the response, was in the filters: that direction is over.
    pub(crate) request_aborted: bool,
    pub(crate) response_aborted: bool,
    /// What the router has sent on; the headers are here only if they could be changed afterwards.
    pub(crate) to_upstream: Request,
    pub(crate) upstream_complete: bool,
    /// What the client has sent, whatever a filter makes of the headers: a HEAD, a gRPC request.
    pub(crate) asked_by_head: bool,
    pub(crate) is_grpc: bool,
    /// What the upstream will do.
    pub(crate) answer: Answer,
    /// How long the router waits for it.
    pub(crate) timeout: Option<Duration>,
    /// What the client has been sent, as soon as it was sent anything; the headers are here only if they could be changed
    /// afterwards.
    pub(crate) to_client: Option<Response>,
    /// Whether the headers left without the end of the stream, even if a plugin has dropped all that came after.
    pub(crate) is_request_open: bool,
    pub(crate) is_response_open: bool,
    /// Whether the client's connection is closed after the response.
    pub(crate) closes: bool,
    /// The client has all of the response, or the stream was reset.
    pub(crate) end: Option<End>,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client has the whole response.
    Complete,
    /// There is no whole response, and never will be.
    Reset,
}

/// The two directions of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

/// One plugin's part in a stream.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// Which plugin of the setup.
    pub(crate) plugin: usize,
    /// The VM, as the simulation counts them.
    pub(crate) vm: usize,
    /// The root context.
    pub(crate) root: u32,
    /// The stream context.
    pub(crate) context: u32,
    /// Whether the VM knows of the context.
    pub(crate) is_created: bool,
    pub(crate) request: Half,
    pub(crate) response: Half,
}

/// One direction of a stream at one filter.
#[derive(Debug, Default)]
pub(crate) struct Half {
    pub(crate) iteration: Iteration,
    pub(crate) headers_continued: bool,
    /// Whether the filter has been shown the end of the stream.
    pub(crate) saw_end: bool,
    /// Whether what was held back goes through this filter first when it resumes.
    pub(crate) from_current: bool,
    pub(crate) headers_window: Window,
    pub(crate) body_window: Window,
    pub(crate) trailers_window: Window,
    /// The piece of the body that the callback is about.
    pub(crate) chunk: Vec<u8>,
    /// Whether the filter sees what is held rather than the piece: its last answer was StopIterationAndBuffer.
    pub(crate) buffering: bool,
    /// Whether the running body callback is the one that ends the stream: then trailers can be added.
    pub(crate) at_end: bool,
}

/// Whether a message goes past a filter (Envoy's `IterationState`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Iteration {
    #[default]
    Continue,
    /// Held back, but the filter is shown what follows.
    StopSingle,
    /// Held back with all that follows, up to the limit.
    StopAllBuffer,
    /// Held back with all that follows, and the sender is slowed down.
    StopAllWatermark,
}

impl Iteration {
    pub(crate) fn stops_all(self) -> bool {
        matches!(self, Self::StopAllBuffer | Self::StopAllWatermark)
    }
}

/// One direction of a stream.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) headers: HeaderList,
    /// Whether the headers have started on their way through the filters.
    pub(crate) has_started: bool,
    pub(crate) trailers: Option<HeaderList>,
    /// What a filter holds back of the body.
    pub(crate) held: Option<Vec<u8>>,
    /// Whether what is held slows the sender down instead of having a limit.
    pub(crate) is_streaming: bool,
    /// Whether the sender has sent everything.
    pub(crate) is_complete: bool,
    pub(crate) unread: Unread,
}

/// What has been sent and the proxy has not read.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    pub(crate) pieces: VecDeque<Vec<u8>>,
    pub(crate) trailers: Option<HeaderList>,
    /// Whether the sender comes to the end of its message.
    pub(crate) is_whole: bool,
    /// Whether it is being read.
    pub(crate) is_reading: bool,
    /// Whether the proxy holds so much that it does not read on before all of that has gone.
    pub(crate) is_blocked: bool,
}

/// What the attributes tell about a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamInfo {
    pub(crate) protocol: Protocol,
    pub(crate) started: UnixTime,
    pub(crate) ended: Option<UnixTime>,
    pub(crate) connection: u64,
    /// The client's address, where a proxy in front has said so.
    pub(crate) forwarded_for: Option<std::net::IpAddr>,
    /// Whether the client has asked to close its HTTP/1.1 connection after the response.
    pub(crate) closes: bool,
    pub(crate) response_code: Option<u16>,
    pub(crate) details: Option<String>,
    /// Envoy's response flags, as bits.
    pub(crate) flags: u64,
    /// Why the upstream could not be reached; empty if it was.
    pub(crate) transport_failure: Option<&'static str>,
    /// Whether a route was found.
    pub(crate) is_routed: bool,
    /// How often the router has looked for an upstream.
    pub(crate) attempts: u64,
    /// Whether it has found one, so that its address is known.
    pub(crate) has_upstream: bool,
    /// What has come of the body so far.
    pub(crate) request_bytes: u64,
    /// What has left of the body so far, after the filters.
    pub(crate) response_bytes: u64,
}

/// What `proxy_send_local_response` was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalResponse {
    /// HTTP status.
    pub status: u16,
    /// Envoy's `response_code_details`.
    pub details: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
    /// Headers beside those that the proxy sets.
    pub headers: HeaderList,
    /// The gRPC status, -1 for none.
    pub grpc_status: i32,
}

impl Stream {
    pub(crate) fn message(&self, side: Side) -> &Message {
        match side {
            Side::Request => &self.request,
            Side::Response => &self.response,
        }
    }

    pub(crate) fn message_mut(&mut self, side: Side) -> &mut Message {
        match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        }
    }

    /// The filter that a message meets at this position: the response meets the last one first.
    pub(crate) fn at(&self, side: Side, position: usize) -> Option<usize> {
        match side {
            Side::Request => (position < self.filters.len()).then_some(position),
            Side::Response => self.filters.len().checked_sub(position + 1),
        }
    }

    pub(crate) fn half_mut(&mut self, side: Side, position: usize) -> Option<&mut Half> {
        let filter = self.at(side, position)?;
        self.filters.get_mut(filter).map(|filter| filter.half_mut(side))
    }

    /// Whether the upstream has the request and has not answered.
    pub(crate) fn is_waiting(&self) -> bool {
        self.end.is_none() && !self.response.has_started
    }

    pub(crate) fn is_head(&self) -> bool {
        let head = |(name, value): &(Vec<u8>, Vec<u8>)| name == b":method" && value == b"HEAD";
        self.request.headers.iter().any(head)
    }

    /// Whether a filter can still change the headers of this side, although they have gone.
    pub(crate) fn is_changeable(&self, side: Side) -> bool {
        self.filters.iter().any(|filter| filter.half(side).headers_window == Window::Open)
    }

    /// Whether this direction takes no more part in the stream.
    pub(crate) fn is_over(&self, side: Side) -> bool {
        self.end.is_some()
            || match side {
                Side::Request => self.request_aborted,
                Side::Response => self.response_aborted,
            }
    }
}

impl Filter {
    pub(crate) fn half(&self, side: Side) -> &Half {
        match side {
            Side::Request => &self.request,
            Side::Response => &self.response,
        }
    }

    pub(crate) fn half_mut(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        }
    }
}

impl Half {
    /// Ends every access, as resuming a stream does in Envoy.
    pub(crate) fn close(&mut self, window: Window) {
        self.headers_window.close(window);
        self.body_window.close(window);
        self.trailers_window.close(window);
    }
}

/// Whether a map or buffer can be reached, and if not, why not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Window {
    /// Its callback has not run.
    #[default]
    NotYet,
    /// Its callback runs, or has paused the stream.
    Open,
    /// Its callback has returned Continue.
    Continued,
    /// The plugin has resumed the stream.
    Resumed,
}

impl Window {
    pub(crate) fn close(&mut self, to: Self) {
        if *self == Self::Open {
            *self = to;
        }
    }

    /// Why it is closed, in one clause.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::NotYet => "that callback has not run yet",
            Self::Open => "it is open",
            Self::Continued => "that callback has returned Continue",
            Self::Resumed => "the stream has been resumed, and changes must come before that",
        }
    }
}
