use std::collections::BTreeMap;

use crate::UnixTime;
use crate::http::{HeaderList, Protocol};

/// What the proxy holds for one HTTP stream.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) request: Message,
    pub(crate) response: Message,
    /// What the plugin has asked for in the running callback; the proxy acts after it, as Envoy defers it.
    pub(crate) asked: Asked,
    /// Whether the stream is in its log phase, in which the access log's copies can be read.
    pub(crate) logging: bool,
    /// Filter state, by the whole name that `proxy_set_property` was given.
    pub(crate) filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) info: StreamInfo,
}

/// What the attributes tell about a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamInfo {
    pub(crate) protocol: Protocol,
    pub(crate) started: UnixTime,
    pub(crate) ended: Option<UnixTime>,
    pub(crate) connection: u64,
    /// Whether the proxy has seen the end of the request.
    pub(crate) request_complete: bool,
    /// Whether the client has asked to close its HTTP/1.1 connection after the response.
    pub(crate) closes: bool,
    pub(crate) response_code: Option<u16>,
    pub(crate) details: Option<String>,
    /// Whether an upstream has answered, so that its address is known.
    pub(crate) reached_upstream: bool,
    /// What has come of the body so far.
    pub(crate) request_bytes: u64,
    /// What has left of the body so far, after the filters.
    pub(crate) response_bytes: u64,
}

/// Deferred requests of the plugin.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) reply: Option<LocalResponse>,
    pub(crate) continue_request: bool,
    pub(crate) continue_response: bool,
    pub(crate) close: bool,
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

/// One direction of a stream, and which parts of it the plugin can reach at this moment.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) headers: HeaderList,
    pub(crate) headers_window: Window,
    pub(crate) trailers: Option<HeaderList>,
    pub(crate) trailers_window: Window,
    /// The piece of the body that the callback is about, unless the proxy buffers.
    pub(crate) chunk: Vec<u8>,
    /// What the proxy keeps while the plugin holds the body back.
    pub(crate) held: Vec<u8>,
    /// Whether the plugin sees what is held rather than the piece: its last answer was StopIterationAndBuffer.
    pub(crate) buffering: bool,
    pub(crate) body_window: Window,
    /// Whether the running body callback is the one that ends the stream: then trailers can be added.
    pub(crate) at_end: bool,
}

impl Message {
    /// The body as the plugin sees it.
    pub(crate) fn body(&self) -> &[u8] {
        if self.buffering { &self.held } else { &self.chunk }
    }

    pub(crate) fn body_mut(&mut self) -> &mut Vec<u8> {
        if self.buffering { &mut self.held } else { &mut self.chunk }
    }

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
