use crate::Sim;

/// One VM with one plugin in it: what the proxy calls.
pub trait Plugin: Send {
    /// Makes one call; `None` for a callback that the plugin does not have, which counts as [`Callback::absent`].
    ///
    /// # Errors
    /// The plugin trapped: its VM is of no more use.
    fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap>;

    /// What the last call took; nothing where nobody counts, as in native code.
    fn cost(&self) -> Cost {
        Cost::default()
    }
}

impl<P: Plugin + ?Sized> Plugin for Box<P> {
    fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap> {
        (**self).call(sim, callback)
    }

    fn cost(&self) -> Cost {
        (**self).cost()
    }
}

/// What one callback took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Steps of the WebAssembly engine: the same in every run, on every machine. 0 where the engine does not count.
    pub fuel: u64,
    /// Hostcalls, those of WASI included.
    pub hostcalls: u64,
    /// Bytes that hostcalls took out of the plugin's memory.
    pub bytes_read: u64,
    /// Bytes that hostcalls put into the plugin's memory.
    pub bytes_written: u64,
    /// The size of the plugin's memory after the call, in bytes.
    pub memory: u64,
    /// By how much its memory has grown in the call, in bytes; it never shrinks.
    pub memory_growth: u64,
}

/// The end of a VM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trap {
    /// The export in which it happened, if that is not the callback itself.
    pub function: Option<&'static str>,
    /// Whether Envoy's line about it is in the log, for the guest went on and wrote others behind it.
    pub is_logged: bool,
    /// What happened and where, in several lines.
    pub message: String,
}

impl std::fmt::Display for Trap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Trap {}

/// One call of the proxy into a plugin. `context` is always the context that the call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the arguments of the export that each variant names")]
pub enum Callback {
    /// `_initialize`, or what the module has in its place.
    Start,
    /// `proxy_on_context_create`; the parent of a root context is 0.
    ContextCreate { context: u32, parent: u32 },
    /// `proxy_on_vm_start`.
    VmStart { context: u32, size: u32 },
    /// `proxy_on_configure`.
    Configure { context: u32, size: u32 },
    /// `proxy_on_tick`.
    Tick { context: u32 },
    /// `proxy_on_queue_ready`.
    QueueReady { context: u32, queue: u32 },
    /// `proxy_on_request_headers`.
    RequestHeaders { context: u32, count: u32, end_of_stream: bool },
    /// `proxy_on_request_body`.
    RequestBody { context: u32, size: u32, end_of_stream: bool },
    /// `proxy_on_request_trailers`.
    RequestTrailers { context: u32, count: u32 },
    /// `proxy_on_response_headers`.
    ResponseHeaders { context: u32, count: u32, end_of_stream: bool },
    /// `proxy_on_response_body`.
    ResponseBody { context: u32, size: u32, end_of_stream: bool },
    /// `proxy_on_response_trailers`.
    ResponseTrailers { context: u32, count: u32 },
    /// `proxy_on_new_connection`.
    NewConnection { context: u32 },
    /// `proxy_on_downstream_data`.
    DownstreamData { context: u32, size: u32, end_of_stream: bool },
    /// `proxy_on_upstream_data`.
    UpstreamData { context: u32, size: u32, end_of_stream: bool },
    /// `proxy_on_downstream_connection_close`; the peer is 1 for the proxy itself, 2 for the client.
    DownstreamConnectionClose { context: u32, peer: u32 },
    /// `proxy_on_upstream_connection_close`; the peer is 1 for the proxy itself, 2 for the upstream.
    UpstreamConnectionClose { context: u32, peer: u32 },
    /// `proxy_on_http_call_response`; nothing but zeros for a call-out that broke off.
    HttpCallResponse { context: u32, token: u32, headers: u32, body_size: u32, trailers: u32 },
    /// `proxy_on_grpc_receive_initial_metadata`.
    GrpcReceiveInitialMetadata { context: u32, token: u32, count: u32 },
    /// `proxy_on_grpc_receive`.
    GrpcReceive { context: u32, token: u32, size: u32 },
    /// `proxy_on_grpc_receive_trailing_metadata`.
    GrpcReceiveTrailingMetadata { context: u32, token: u32, count: u32 },
    /// `proxy_on_grpc_close`.
    GrpcClose { context: u32, token: u32, status: u32 },
    /// `proxy_on_done`.
    Done { context: u32 },
    /// `proxy_on_log`.
    Log { context: u32 },
    /// `proxy_on_delete`.
    Delete { context: u32 },
}

/// The export behind a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its name.
    pub name: &'static str,
    /// Its arguments at ABI 0.2.x.
    pub arguments: Arguments,
    /// Whether it returns a value.
    pub returns: bool,
}

/// The arguments of a callback: up to five, without an allocation; read as a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    values: [u32; 5],
    count: usize,
}

impl<const N: usize> From<[u32; N]> for Arguments {
    fn from(given: [u32; N]) -> Self {
        const { assert!(N <= 5, "no callback has more than five arguments") };
        let mut values = [0; 5];
        values.iter_mut().zip(given).for_each(|(value, given)| *value = given);
        Self { values, count: N }
    }
}

impl std::ops::Deref for Arguments {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        self.values.get(..self.count).unwrap_or_default()
    }
}

impl Callback {
    /// The exports behind all callbacks.
    pub const NAMES: [&'static str; 25] = [
        "_initialize",
        "proxy_on_context_create",
        "proxy_on_vm_start",
        "proxy_on_configure",
        "proxy_on_tick",
        "proxy_on_queue_ready",
        "proxy_on_request_headers",
        "proxy_on_request_body",
        "proxy_on_request_trailers",
        "proxy_on_response_headers",
        "proxy_on_response_body",
        "proxy_on_response_trailers",
        "proxy_on_new_connection",
        "proxy_on_downstream_data",
        "proxy_on_upstream_data",
        "proxy_on_downstream_connection_close",
        "proxy_on_upstream_connection_close",
        "proxy_on_http_call_response",
        "proxy_on_grpc_receive_initial_metadata",
        "proxy_on_grpc_receive",
        "proxy_on_grpc_receive_trailing_metadata",
        "proxy_on_grpc_close",
        "proxy_on_done",
        "proxy_on_log",
        "proxy_on_delete",
    ];

    /// The export that carries this callback.
    pub fn export(&self) -> Export {
        let (name, arguments, returns): (_, Arguments, _) = match *self {
            Self::Start => ("_initialize", [].into(), false),
            Self::ContextCreate { context, parent } => {
                ("proxy_on_context_create", [context, parent].into(), false)
            }
            Self::VmStart { context, size } => ("proxy_on_vm_start", [context, size].into(), true),
            Self::Configure { context, size } => ("proxy_on_configure", [context, size].into(), true),
            Self::Tick { context } => ("proxy_on_tick", [context].into(), false),
            Self::QueueReady { context, queue } => ("proxy_on_queue_ready", [context, queue].into(), false),
            Self::RequestHeaders { context, count, end_of_stream } => {
                ("proxy_on_request_headers", [context, count, u32::from(end_of_stream)].into(), true)
            }
            Self::RequestBody { context, size, end_of_stream } => {
                ("proxy_on_request_body", [context, size, u32::from(end_of_stream)].into(), true)
            }
            Self::RequestTrailers { context, count } => {
                ("proxy_on_request_trailers", [context, count].into(), true)
            }
            Self::ResponseHeaders { context, count, end_of_stream } => {
                ("proxy_on_response_headers", [context, count, u32::from(end_of_stream)].into(), true)
            }
            Self::ResponseBody { context, size, end_of_stream } => {
                ("proxy_on_response_body", [context, size, u32::from(end_of_stream)].into(), true)
            }
            Self::ResponseTrailers { context, count } => {
                ("proxy_on_response_trailers", [context, count].into(), true)
            }
            Self::NewConnection { context } => ("proxy_on_new_connection", [context].into(), true),
            Self::DownstreamData { context, size, end_of_stream } => {
                ("proxy_on_downstream_data", [context, size, u32::from(end_of_stream)].into(), true)
            }
            Self::UpstreamData { context, size, end_of_stream } => {
                ("proxy_on_upstream_data", [context, size, u32::from(end_of_stream)].into(), true)
            }
            Self::DownstreamConnectionClose { context, peer } => {
                ("proxy_on_downstream_connection_close", [context, peer].into(), false)
            }
            Self::UpstreamConnectionClose { context, peer } => {
                ("proxy_on_upstream_connection_close", [context, peer].into(), false)
            }
            Self::HttpCallResponse { context, token, headers, body_size, trailers } => {
                ("proxy_on_http_call_response", [context, token, headers, body_size, trailers].into(), false)
            }
            Self::GrpcReceiveInitialMetadata { context, token, count } => {
                ("proxy_on_grpc_receive_initial_metadata", [context, token, count].into(), false)
            }
            Self::GrpcReceive { context, token, size } => {
                ("proxy_on_grpc_receive", [context, token, size].into(), false)
            }
            Self::GrpcReceiveTrailingMetadata { context, token, count } => {
                ("proxy_on_grpc_receive_trailing_metadata", [context, token, count].into(), false)
            }
            Self::GrpcClose { context, token, status } => {
                ("proxy_on_grpc_close", [context, token, status].into(), false)
            }
            Self::Done { context } => ("proxy_on_done", [context].into(), true),
            Self::Log { context } => ("proxy_on_log", [context].into(), false),
            Self::Delete { context } => ("proxy_on_delete", [context].into(), false),
        };
        Export { name, arguments, returns }
    }

    /// What Envoy goes by when the plugin does not export this callback.
    pub fn absent(&self) -> u32 {
        // Start, configuration and done are answered with a bool, all else with an action, of which 0 is Continue.
        u32::from(matches!(self, Self::VmStart { .. } | Self::Configure { .. } | Self::Done { .. }))
    }

    /// The context that the call is about; 0, the VM's own, for [`Start`](Self::Start).
    pub fn context(&self) -> u32 {
        self.export().arguments.first().copied().unwrap_or_default()
    }
}
