use crate::wasi_constants::Constant;

/// When not every hostcall is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The module's start section runs, before there is anything behind its imports.
    Instantiating,
    /// `_initialize` runs, or `_start`.
    Starting,
    /// The host has called the guest's allocator.
    Allocating,
    /// A callback runs.
    Running,
}

/// A hostcall at a time when it is not allowed: an error that ends the VM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden(String);

impl Forbidden {
    pub(crate) fn new(name: &str, why: &str) -> Self {
        Self(format!("{name} was called: {why}"))
    }
}

impl std::fmt::Display for Forbidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Forbidden {}

/// What Emscripten's C library asks for.
const EMSCRIPTEN: [&str; 2] = ["emscripten_notify_memory_growth", "pthread_equal"];
/// The functions beside `proxy_*` that Envoy forbids to a module that starts.
const NOT_AT_START: [&str; 8] = [
    "envoy_resolve_dns",
    "fd_close",
    "fd_read",
    "fd_seek",
    "path_open",
    "proc_exit",
    "pthread_equal",
    "sched_yield",
];
/// All that Envoy allows to a module's allocator.
const IN_ALLOCATOR: [&str; 4] = ["proxy_log", "fd_write", "clock_time_get", "poll_oneoff"];

/// Whether a function works where there is no plugin yet.
fn needs_nothing(name: &str) -> bool {
    EMSCRIPTEN.contains(&name) || Constant::named(name).is_some_and(Constant::needs_nothing)
}

impl Phase {
    /// Why this import must not be called now; Envoy traps the VM (`restricted_callback`).
    pub(crate) fn forbids(self, name: &str) -> Option<&'static str> {
        match self {
            Self::Running => None,
            Self::Instantiating => (!needs_nothing(name)).then_some(
                "a module's start section cannot call the proxy, and Envoy crashes; use _initialize",
            ),
            Self::Starting => {
                let is_early =
                    (name.starts_with("proxy_") && name != "proxy_log") || NOT_AT_START.contains(&name);
                is_early.then_some(
                    "while the module starts, of the proxy's functions only proxy_log may be called; move this into on_vm_start or on_configure",
                )
            }
            Self::Allocating => (!IN_ALLOCATOR.contains(&name))
                .then_some("the module's allocator, called by the proxy, must not call the proxy back"),
        }
    }
}
