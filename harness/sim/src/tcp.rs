//! TCP connections as seen from outside the proxy.

/// A TCP connection through the proxy, as a list of what its two ends do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    /// The worker thread that gets it; `None` for any.
    pub worker: Option<u32>,
    /// What happens, in order. After the last of it both ends close.
    pub steps: Vec<Said>,
}

/// One thing that an end of a connection does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The client sends this.
    ByClient(Vec<u8>),
    /// The upstream sends this.
    ByUpstream(Vec<u8>),
    /// The client closes.
    ClientCloses,
    /// The upstream closes.
    UpstreamCloses,
}

/// A TCP connection, as it was seen at its two ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpExchange {
    /// What the upstream received.
    pub to_upstream: Vec<u8>,
    /// What the client received.
    pub to_client: Vec<u8>,
    /// Whether the proxy closed the connection before either end did.
    pub closed_by_proxy: bool,
}
