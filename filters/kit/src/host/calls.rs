use std::time::Duration;

use crate::{Headers, HostError, pairs};

/// HTTP requests of the filter's own, through a cluster of the proxy.
pub trait CallOuts {
    /// Sends a request; the answer comes to [`HttpFilter::on_http_answer`](crate::HttpFilter::on_http_answer), whatever becomes of
    /// the stream that asked for it.
    ///
    /// # Errors
    /// The cluster is unknown or has no healthy host: then no answer will ever come.
    fn http_call(&mut self, call: &HttpCall<'_>) -> Result<CallId, HostError>;
}

/// A request of the filter's own.
#[derive(Clone, Copy, Debug)]
pub struct HttpCall<'a> {
    /// The proxy's name of the cluster.
    pub cluster: &'a str,
    /// `:method`.
    pub method: &'a str,
    /// `:authority`.
    pub authority: &'a str,
    /// `:path`.
    pub path: &'a str,
    /// Further headers, their names in lower case.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body; the proxy adds its length.
    pub body: &'a [u8],
    /// How long the answer may take. Envoy answers 504 itself when it takes longer.
    pub timeout: Duration,
}

impl HttpCall<'_> {
    /// All headers as an encoded block (see [`pairs`]).
    pub fn block(&self) -> Vec<u8> {
        let pseudo = [(":method", self.method), (":authority", self.authority), (":path", self.path)];
        let pseudo = pseudo.map(|(name, value)| (name, value.as_bytes()));
        pairs::encode(&[&pseudo[..], self.headers].concat())
    }

    /// The timeout in whole milliseconds, at least one: none at all would be no timeout.
    pub fn timeout_milliseconds(&self) -> u32 {
        u32::try_from(self.timeout.as_millis()).unwrap_or(u32::MAX).clamp(1, i32::MAX as u32)
    }
}

/// Which call an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId(pub u32);

/// The answer to a call. Envoy also answers by itself: 504 after the timeout, 503 where nobody listens, 502 for what is no HTTP.
#[derive(Debug, Default)]
pub struct HttpAnswer {
    /// The headers; none at all when the connection broke off.
    pub headers: Headers,
    /// The body, at most [`HttpFilter::MAX_ANSWER`](crate::HttpFilter::MAX_ANSWER) bytes of it.
    pub body: Vec<u8>,
    /// Whether the body was longer.
    pub truncated: bool,
}

impl HttpAnswer {
    /// `:status`; `None` when the connection broke off.
    pub fn status(&self) -> Option<u16> {
        std::str::from_utf8(self.headers.only(":status")?).ok()?.parse().ok()
    }
}
