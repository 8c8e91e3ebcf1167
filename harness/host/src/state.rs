use portcullis_sim::Sim;
use wasmtime::{Memory, StoreLimits, StoreLimitsBuilder, TypedFunc};

/// Envoy's `PROXY_WASM_HOST_MAX_WASM_MEMORY_SIZE_BYTES`.
const MEMORY: usize = 1 << 30;
/// No module comes near it; the engine would allocate what is asked for.
const TABLE_ELEMENTS: usize = 10_000_000;

/// What the hostcalls of one VM work on.
pub(crate) struct State {
    /// The proxy; the real one is here only while a callback runs.
    pub(crate) sim: Sim,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<TypedFunc<u32, u32>>,
    pub(crate) limits: StoreLimits,
    pub(crate) phase: Phase,
    /// The code of a `proc_exit`, which does not end a module in Envoy.
    pub(crate) exited: Option<u32>,
}

/// When not every hostcall is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// `_initialize` runs, or `_start`.
    Starting,
    /// The host has called the guest's allocator.
    Allocating,
    /// A callback runs.
    Running,
}

impl State {
    pub(crate) fn new() -> Self {
        let limits = StoreLimitsBuilder::new().memory_size(MEMORY).table_elements(TABLE_ELEMENTS).build();
        Self {
            sim: Sim::default(),
            memory: None,
            allocate: None,
            limits,
            phase: Phase::Running,
            exited: None,
        }
    }
}

impl Phase {
    /// Why this import must not be called now; Envoy traps the VM (`restricted_callback`).
    pub(crate) fn forbids(self, name: &str) -> Option<&'static str> {
        match self {
            Self::Running => None,
            Self::Starting if name.starts_with("proxy_") && name != "proxy_log" => Some(
                "while the module starts only proxy_log may be called; move this into on_vm_start or on_configure",
            ),
            Self::Starting => None,
            Self::Allocating
                if matches!(name, "proxy_log" | "fd_write" | "clock_time_get" | "poll_oneoff") =>
            {
                None
            }
            Self::Allocating => {
                Some("the module's allocator, called by the proxy, must not call the proxy back")
            }
        }
    }
}
