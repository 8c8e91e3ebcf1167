//! TCP connections, as seen from outside the proxy and by its network filters.

use std::collections::BTreeMap;

use crate::stream::StreamInfo;

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

/// What the proxy holds for one TCP connection.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// What the attributes tell about it.
    pub(crate) info: StreamInfo,
    pub(crate) filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    /// In the order of the setup; a plugin that is dead and fails open has none.
    pub(crate) filters: Vec<NetworkFilter>,
    /// What the client has sent and no filter has let go.
    pub(crate) from_client: Vec<u8>,
    /// What the upstream has sent and no filter has let go.
    pub(crate) from_upstream: Vec<u8>,
    pub(crate) seen: TcpExchange,
    /// Whether not all filters have let the connection through yet, so that nothing is read.
    pub(crate) is_held: bool,
    pub(crate) client_closed: bool,
    pub(crate) upstream_closed: bool,
    /// Whether the upstream closed first, so that the client closes the connection and not the proxy.
    pub(crate) is_client_last: bool,
    pub(crate) is_closed: bool,
    /// Whether both ends have gone while a plugin held the connection, unnoticed.
    pub(crate) is_deserted: bool,
    /// Whether both ends are gone.
    pub(crate) is_over: bool,
}

/// One plugin's part in a TCP connection.
#[derive(Debug, Default)]
pub(crate) struct NetworkFilter {
    pub(crate) vm: usize,
    pub(crate) root: u32,
    pub(crate) context: u32,
    /// Whether the VM knows the context.
    pub(crate) is_created: bool,
    /// Whether its callback about the client's data runs.
    pub(crate) downstream_open: bool,
    /// Whether its callback about the upstream's data runs.
    pub(crate) upstream_open: bool,
}
