//! What Envoy provides to a module, by version of the ABI.

use crate::AbiVersion::{self, V0_1_0, V0_2_0, V0_2_1};

/// A function that a module can import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provided {
    /// Where it is imported from: `env`, or a name of WASI.
    pub module: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// What it takes, in order: `i` an i32, `I` an i64.
    pub parameters: &'static str,
}

impl Provided {
    /// Whether it returns an i32, as all do but two.
    pub fn returns(&self) -> bool {
        !WITHOUT_RESULT.contains(&self.name)
    }
}

/// Where the proxy's own functions are imported from.
const ENV: &str = "env";

/// The two names under which Envoy provides WASI.
const WASI_MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// The functions that return nothing; all others return an i32.
const WITHOUT_RESULT: [&str; 2] = ["emscripten_notify_memory_growth", "proc_exit"];

const ALL: &[AbiVersion] = &AbiVersion::ALL;

/// The functions of `env`, with what they take and the versions that have them; the last three are no part of the ABI.
const FUNCTIONS: [(&str, &str, &[AbiVersion]); 46] = [
    ("proxy_log", "iii", ALL),
    ("proxy_get_log_level", "i", &[V0_2_1]),
    ("proxy_get_status", "iii", ALL),
    ("proxy_get_configuration", "ii", &[V0_1_0]),
    ("proxy_set_property", "iiii", ALL),
    ("proxy_get_property", "iiii", ALL),
    ("proxy_continue_request", "", &[V0_1_0]),
    ("proxy_continue_response", "", &[V0_1_0]),
    ("proxy_continue_stream", "i", &[V0_2_0, V0_2_1]),
    ("proxy_close_stream", "i", &[V0_2_0, V0_2_1]),
    ("proxy_send_local_response", "iiiiiiii", ALL),
    ("proxy_clear_route_cache", "", &[V0_1_0]),
    ("proxy_get_shared_data", "iiiii", ALL),
    ("proxy_set_shared_data", "iiiii", ALL),
    ("proxy_register_shared_queue", "iii", ALL),
    ("proxy_resolve_shared_queue", "iiiii", ALL),
    ("proxy_dequeue_shared_queue", "iii", ALL),
    ("proxy_enqueue_shared_queue", "iii", ALL),
    ("proxy_get_header_map_value", "iiiii", ALL),
    ("proxy_add_header_map_value", "iiiii", ALL),
    ("proxy_replace_header_map_value", "iiiii", ALL),
    ("proxy_remove_header_map_value", "iii", ALL),
    ("proxy_get_header_map_pairs", "iii", ALL),
    ("proxy_set_header_map_pairs", "iii", ALL),
    ("proxy_get_header_map_size", "ii", ALL),
    ("proxy_get_buffer_status", "iii", ALL),
    ("proxy_get_buffer_bytes", "iiiii", ALL),
    ("proxy_set_buffer_bytes", "iiiii", ALL),
    ("proxy_http_call", "iiiiiiiiii", ALL),
    ("proxy_grpc_call", "iiiiiiiiiiii", ALL),
    ("proxy_grpc_stream", "iiiiiiiii", ALL),
    ("proxy_grpc_close", "i", ALL),
    ("proxy_grpc_cancel", "i", ALL),
    ("proxy_grpc_send", "iiii", ALL),
    ("proxy_set_tick_period_milliseconds", "i", ALL),
    ("proxy_get_current_time_nanoseconds", "i", ALL),
    ("proxy_define_metric", "iiii", ALL),
    ("proxy_increment_metric", "iI", ALL),
    ("proxy_record_metric", "iI", ALL),
    ("proxy_get_metric", "ii", ALL),
    ("proxy_set_effective_context", "i", ALL),
    ("proxy_done", "", ALL),
    ("proxy_call_foreign_function", "iiiiii", ALL),
    ("envoy_resolve_dns", "iii", ALL),
    ("pthread_equal", "ii", ALL),
    ("emscripten_notify_memory_growth", "i", ALL),
];

/// The functions of WASI, with what they take. The parameters are Envoy's: `path_link` and `path_symlink` have one less than in
/// WASI, so that a module that imports WASI's does not load.
const WASI: [(&str, &str); 45] = [
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "iIi"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("fd_pread", "iiiIi"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_prestat_get", "ii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiiIi"),
    ("fd_renumber", "ii"),
    ("fd_seek", "iIii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_link", "iiiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_exit", "i"),
    ("random_get", "ii"),
    ("sched_yield", ""),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// Everything that Envoy provides to a module of this version of the ABI.
pub fn all(abi: AbiVersion) -> impl Iterator<Item = Provided> {
    let own = FUNCTIONS.into_iter().filter(move |(_, _, versions)| versions.contains(&abi));
    let own = own.map(|(name, parameters, _)| Provided { module: ENV, name, parameters });
    let wasi = |module| WASI.into_iter().map(move |(name, parameters)| Provided { module, name, parameters });
    own.chain(WASI_MODULES.into_iter().flat_map(wasi))
}

/// The versions that have a function of `env`.
pub(crate) fn versions(name: &str) -> &'static [AbiVersion] {
    FUNCTIONS.iter().find(|(function, ..)| *function == name).map_or(&[], |(_, _, versions)| versions)
}

impl std::fmt::Display for Provided {
    /// Its signature as Envoy writes it: `i32 i64 -> i32`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parameters = self.parameters.chars().map(|kind| if kind == 'I' { "i64" } else { "i32" });
        let results = if self.returns() { "i32" } else { "void" };
        write!(f, "{} -> {results}", list(parameters))
    }
}

/// Types as Envoy writes them: `i32 i64`, or `void`.
pub(crate) fn list(types: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let types: Vec<_> = types.map(|kind| kind.to_string()).collect();
    if types.is_empty() { "void".to_owned() } else { types.join(" ") }
}
