//! What Envoy looks for among the exports of a module.

use self::Occasion::{Always, Asked, Content, Never, Tcp};
use crate::AbiVersion;
use crate::abi_version::MARKER;

/// An export that the proxy calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Under which name it is looked for.
    pub name: &'static str,
    /// How many i32 it takes.
    pub parameters: usize,
    /// Whether it returns one.
    pub returns: bool,
}

/// When Envoy calls a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// At the start, and for every HTTP request that gets to the plugin.
    Always,
    /// For a request or response that has a body, trailers, or metadata of HTTP/2.
    Content,
    /// For a connection of TCP.
    Tcp,
    /// After the module has asked for it; and one callback where the module is a stats sink.
    Asked,
    /// Never: Envoy checks its signature alone.
    Never,
}

/// The callbacks of all versions, as they are at 0.2.1.
const CALLBACKS: [(&str, usize, bool, Occasion); 30] = [
    ("proxy_on_context_create", 2, false, Always),
    ("proxy_on_vm_start", 2, true, Always),
    ("proxy_validate_configuration", 2, true, Never),
    ("proxy_on_configure", 2, true, Always),
    ("proxy_on_tick", 1, false, Asked),
    ("proxy_on_queue_ready", 2, false, Asked),
    ("proxy_on_new_connection", 1, true, Tcp),
    ("proxy_on_downstream_data", 3, true, Tcp),
    ("proxy_on_upstream_data", 3, true, Tcp),
    ("proxy_on_downstream_connection_close", 2, false, Tcp),
    ("proxy_on_upstream_connection_close", 2, false, Tcp),
    ("proxy_on_request_headers", 3, true, Always),
    ("proxy_on_request_body", 3, true, Content),
    ("proxy_on_request_trailers", 2, true, Content),
    ("proxy_on_request_metadata", 2, true, Content),
    ("proxy_on_response_headers", 3, true, Always),
    ("proxy_on_response_body", 3, true, Content),
    ("proxy_on_response_trailers", 2, true, Content),
    ("proxy_on_response_metadata", 2, true, Content),
    ("proxy_on_http_call_response", 5, false, Asked),
    ("proxy_on_grpc_receive_initial_metadata", 3, false, Asked),
    ("proxy_on_grpc_receive", 3, false, Asked),
    ("proxy_on_grpc_receive_trailing_metadata", 3, false, Asked),
    ("proxy_on_grpc_close", 3, false, Asked),
    ("proxy_on_foreign_function", 3, false, Asked),
    ("proxy_on_done", 1, true, Always),
    ("proxy_on_log", 1, false, Always),
    ("proxy_on_delete", 1, false, Always),
    ("envoy_on_resolve_dns", 3, false, Asked),
    ("envoy_on_stats_update", 2, false, Asked),
];

/// What Envoy uses to start a module and to give it memory.
const LIFECYCLE: [(&str, usize, bool); 6] = [
    ("malloc", 1, true),
    ("proxy_on_memory_allocate", 1, true),
    ("_initialize", 0, false),
    ("_start", 0, false),
    ("main", 2, true),
    ("__main_void", 0, true),
];

/// The export that is the module's memory.
pub(crate) const MEMORY: &str = "memory";

/// The exports that give memory; Envoy takes the first of them that is there, the specification the last.
pub const ALLOCATORS: [&str; 2] = ["malloc", "proxy_on_memory_allocate"];

/// A callback of this name in this version; `None` where Envoy does not look for it.
pub fn callback(abi: AbiVersion, name: &str) -> Option<Signature> {
    let (name, parameters, returns, _) = CALLBACKS.into_iter().find(|(callback, ..)| *callback == name)?;
    let parameters = match (abi, name) {
        (AbiVersion::V0_1_0, "proxy_on_foreign_function") => return None,
        // The end of the stream came later.
        (AbiVersion::V0_1_0, "proxy_on_request_headers" | "proxy_on_response_headers") => 2,
        _ => parameters,
    };
    Some(Signature { name, parameters, returns })
}

/// Every function that Envoy looks for in a module of this version.
pub fn all(abi: AbiVersion) -> impl Iterator<Item = Signature> {
    let lifecycle = LIFECYCLE.into_iter();
    let lifecycle = lifecycle.map(|(name, parameters, returns)| Signature { name, parameters, returns });
    CALLBACKS.into_iter().filter_map(move |(name, ..)| callback(abi, name)).chain(lifecycle)
}

/// When Envoy calls a callback of this name in this version; `None` where it does not look for it.
pub(crate) fn occasion(abi: AbiVersion, name: &str) -> Option<Occasion> {
    let name = callback(abi, name)?.name;
    CALLBACKS.into_iter().find(|(callback, ..)| *callback == name).map(|(.., occasion)| occasion)
}

/// A name that Envoy looks for, in a module of whatever version.
pub(crate) fn known(name: &str) -> Option<&'static str> {
    let callbacks = CALLBACKS.iter().map(|(known, ..)| *known);
    let mut names = callbacks.chain(LIFECYCLE.iter().map(|(known, ..)| *known)).chain([MEMORY]);
    names.find(|known| *known == name)
}

/// Whether an export serves to start the module, to give it memory, or to say what it is.
pub(crate) fn is_lifecycle(name: &str) -> bool {
    name == MEMORY || name.starts_with(MARKER) || LIFECYCLE.iter().any(|(known, ..)| *known == name)
}

/// Whether `capability_restriction_config` can withhold this callback or this import: the names of the ABI and of WASI,
/// and neither what starts a module nor what is Envoy's own.
pub fn is_capability(name: &str) -> bool {
    let is_exempt = ["pthread_equal", "emscripten_notify_memory_growth"].contains(&name);
    !is_exempt && !name.starts_with("envoy_") && !is_lifecycle(name)
}
