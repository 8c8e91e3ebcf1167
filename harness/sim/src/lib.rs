//! Envoy in a struct.

/// Requests and responses as seen from outside the proxy.
pub mod http;
