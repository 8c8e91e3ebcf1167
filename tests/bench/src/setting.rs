use std::fmt;

use serde::{Deserialize, Serialize};

/// Under what circumstances cases are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) protocol: Protocol,
    pub(crate) upstream: Upstream,
    /// Envoy's `--concurrency`.
    pub(crate) workers: u32,
}

/// What clients speak; a real upstream is spoken to in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    /// HTTP/1.1: `GET`, a body of two bytes from a real upstream.
    Http1,
    /// HTTP/2: the same.
    Http2,
    /// A unary call over HTTP/2: a message there, a message and trailers back.
    Grpc,
}

/// Who answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Upstream {
    /// The router of Envoy itself.
    Direct,
    /// A server on loopback, whose CPU is not counted.
    Real,
}

impl Setting {
    /// The one of the short mode, and of all further cases.
    pub(crate) const FIRST: Self = Self::new(Protocol::Http1, Upstream::Direct, 1);

    /// Those of the full mode. There is no unary call that the router could answer.
    pub(crate) const ALL: [Self; 10] = [
        Self::FIRST,
        Self::new(Protocol::Http1, Upstream::Direct, 2),
        Self::new(Protocol::Http1, Upstream::Real, 1),
        Self::new(Protocol::Http1, Upstream::Real, 2),
        Self::new(Protocol::Http2, Upstream::Direct, 1),
        Self::new(Protocol::Http2, Upstream::Direct, 2),
        Self::new(Protocol::Http2, Upstream::Real, 1),
        Self::new(Protocol::Http2, Upstream::Real, 2),
        Self::new(Protocol::Grpc, Upstream::Real, 1),
        Self::new(Protocol::Grpc, Upstream::Real, 2),
    ];

    pub(crate) const fn new(protocol: Protocol, upstream: Upstream, workers: u32) -> Self {
        Self { protocol, upstream, workers }
    }

    /// The name by which metrics know the cluster behind the route.
    pub(crate) fn cluster_in_metrics(self) -> &'static str {
        match self.upstream {
            Upstream::Direct => "_",
            Upstream::Real => CLUSTER,
        }
    }
}

/// The cluster behind the route, where there is one.
pub(crate) const CLUSTER: &str = "upstream";

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Http1 => "HTTP/1.1",
            Protocol::Http2 => "HTTP/2",
            Protocol::Grpc => "gRPC",
        };
        let upstream = match self.upstream {
            Upstream::Direct => "direct response",
            Upstream::Real => "real upstream",
        };
        let s = if self.workers == 1 { "" } else { "s" };
        write!(f, "{protocol}, {upstream}, {} worker{s}", self.workers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_there_once_and_says_what_it_is() {
        let names: std::collections::BTreeSet<_> = Setting::ALL.iter().map(Setting::to_string).collect();
        assert_eq!(names.len(), Setting::ALL.len());
        assert_eq!(Setting::FIRST.to_string(), "HTTP/1.1, direct response, 1 worker");
        assert!(names.contains("gRPC, real upstream, 2 workers"));
    }
}
