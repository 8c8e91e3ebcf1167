//! Requests and responses as seen from outside the proxy.

use std::time::Duration;

use crate::setup::{Answer, AnswerKind};

/// Envoy's default route timeout.
pub(crate) const ROUTE_TIMEOUT: Duration = Duration::from_secs(15);

/// A header list as it stands on the wire: names in lower case, values as bytes, order and repetition kept.
pub type HeaderList = Vec<(Vec<u8>, Vec<u8>)>;

/// A request as a client sends it, or as the upstream receives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Pseudo-headers (`:method`, `:path`, `:authority`, `:scheme`) first.
    pub headers: HeaderList,
    /// The body in the pieces in which it is sent; none for a request without a body.
    pub body: Vec<Vec<u8>>,
    /// Trailers; none for a request without trailers.
    pub trailers: Option<HeaderList>,
}

/// A response as the upstream sends it, or as the client receives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers without `:status`.
    pub headers: HeaderList,
    /// The body in the pieces in which it is sent; none for a response without a body.
    pub body: Vec<Vec<u8>>,
    /// Trailers; none for a response without trailers.
    pub trailers: Option<HeaderList>,
}

/// The protocol between client and proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1: a body ends with an empty piece of its own.
    #[default]
    Http1,
    /// HTTP/2: the last piece of a body ends it.
    Http2,
}

/// One request through the proxy, as seen from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// What the client received; `None` when the stream was reset or is still paused.
    pub client: Option<Response>,
    /// What the upstream received; `None` when the request never got there.
    pub upstream: Option<Request>,
    /// Envoy's `response_code_details`: `via_upstream`, or the code of a local reply.
    pub details: Option<String>,
}

/// One request on its way to a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sending {
    /// Between client and proxy.
    pub protocol: Protocol,
    /// The worker thread that gets it; `None` for any. A real Envoy does not let anybody choose.
    pub worker: Option<u32>,
    /// What the client sends.
    pub request: Request,
    /// What the upstream does with it, if it is asked.
    pub upstream: Answer,
    /// How long the client waits; `None` for a while longer than the upstream takes.
    pub patience: Option<Duration>,
}

impl Sending {
    /// How long the client waits.
    pub fn patience(&self) -> Duration {
        /// Longer than everything but an upstream.
        const PATIENCE: Duration = Duration::from_secs(5);
        let slowness = match self.upstream.kind {
            AnswerKind::Timeout => ROUTE_TIMEOUT,
            _ => self.upstream.after.min(ROUTE_TIMEOUT),
        };
        self.patience.unwrap_or_else(|| PATIENCE.saturating_add(slowness))
    }
}

/// A request that a plugin has made by `proxy_http_call`, `proxy_grpc_call` or `proxy_grpc_stream`, as the cluster received it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOut {
    /// The cluster.
    pub cluster: String,
    /// What it received. A gRPC call is a POST to `/service/method` whose messages are framed.
    pub request: Request,
}

/// One line of the proxy's log that the plugin wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its level.
    pub level: log::Level,
    /// Its text, without the proxy's prefix.
    pub message: String,
}
