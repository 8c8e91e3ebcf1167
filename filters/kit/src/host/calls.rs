use std::time::Duration;

use crate::{Headers, HostError, pairs};

/// Requests of the filter's own, through a cluster of the proxy.
pub trait CallOuts {
    /// Sends a request; the answer comes to [`HttpFilter::on_http_answer`](crate::HttpFilter::on_http_answer), whatever becomes of
    /// the stream that asked for it.
    ///
    /// # Errors
    /// The cluster is unknown or has no healthy host: then no answer will ever come.
    fn http_call(&mut self, call: &HttpCall<'_>) -> Result<CallId, HostError>;

    /// Sends a gRPC request of one message; the answer comes to
    /// [`HttpFilter::on_grpc_answer`](crate::HttpFilter::on_grpc_answer) in the same way.
    ///
    /// # Errors
    /// The cluster is unknown, or has no healthy host. Envoy may then still report the failure of a call that nobody knows of.
    fn grpc_call(&mut self, call: &GrpcCall<'_>) -> Result<CallId, HostError>;
}

/// An HTTP request of the filter's own.
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

    /// The timeout as the proxy takes it.
    pub fn timeout_milliseconds(&self) -> u32 {
        whole_milliseconds(self.timeout)
    }
}

/// A gRPC request of one message.
#[derive(Clone, Copy, Debug)]
pub struct GrpcCall<'a> {
    /// The proxy's name of the cluster.
    pub cluster: &'a str,
    /// `:authority`. Envoy would send the name of the cluster, which in Istio is none that a server takes.
    pub authority: &'a str,
    /// The full name of the service: `envoy.service.ratelimit.v3.RateLimitService`.
    pub service: &'a str,
    /// The name of the method.
    pub method: &'a str,
    /// The message, without its frame.
    pub message: &'a [u8],
    /// How long the answer may take.
    pub timeout: Duration,
}

impl GrpcCall<'_> {
    /// The cluster as the proxy takes it: an `envoy.config.core.v3.GrpcService` with `envoy_grpc.cluster_name` and `authority`. Envoy takes a
    /// name alone as well, but one that happens to be such a message, as `a12345678` is, ends the process.
    pub fn target(&self) -> Vec<u8> {
        let mut envoy_grpc = delimited(1, self.cluster.as_bytes());
        envoy_grpc.extend(delimited(2, self.authority.as_bytes()));
        delimited(1, &envoy_grpc)
    }

    /// The timeout as the proxy takes it.
    pub fn timeout_milliseconds(&self) -> u32 {
        whole_milliseconds(self.timeout)
    }
}

/// The bytes as a field of a protobuf message.
fn delimited(number: u8, bytes: &[u8]) -> Vec<u8> {
    let (mut field, mut length) = (vec![number << 3 | 2], bytes.len());
    while length > 0x7f {
        field.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
        length >>= 7;
    }
    field.push(u8::try_from(length).unwrap_or_default());
    field.extend_from_slice(bytes);
    field
}

/// At least one: none at all would be no timeout.
fn whole_milliseconds(timeout: Duration) -> u32 {
    u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX).clamp(1, i32::MAX as u32)
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

/// The answer to a gRPC call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrpcAnswer {
    /// The message, without its frame.
    Message(Vec<u8>),
    /// The status of the failure (<https://grpc.io/docs/guides/status-codes/>): 14 where nobody listens, 4 or 14 after the timeout.
    /// A message longer than [`HttpFilter::MAX_ANSWER`](crate::HttpFilter::MAX_ANSWER) counts as 8.
    Status(u32),
}

impl HttpAnswer {
    /// `:status`; `None` when the connection broke off.
    pub fn status(&self) -> Option<u16> {
        std::str::from_utf8(self.headers.only(":status")?).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_of_any_length_is_field_one_of_field_one() {
        let target = |cluster: &str| {
            let (authority, service, method, timeout) = ("a", "s", "m", Duration::ZERO);
            GrpcCall { cluster, authority, service, method, message: &[], timeout }.target()
        };
        assert_eq!(target("echo"), b"\x0a\x09\x0a\x04echo\x12\x01a");
        assert!(target(&"a".repeat(200)).starts_with(b"\x0a\xce\x01\x0a\xc8\x01aaa"));
    }
}
