use prost::Message;

use crate::vm::Context;
use crate::{Hostcall, Refusal, Sim};

/// The filter state that Envoy 1.40 makes out of any text (`StreamInfo::FilterState::ObjectFactory`); for other keys it has no
/// factory, or one that wants an address.
const TEXT_STATE: [&str; 9] = [
    "envoy.hashable_string",
    "envoy.network.network_namespace",
    "envoy.network.upstream_server_name",
    "envoy.network.upstream_subject_alt_names",
    "envoy.ratelimit.hits_addend",
    "envoy.string",
    "envoy.tcp_proxy.cluster",
    "envoy.tcp_proxy.per_connection_idle_timeout_ms",
    "envoy.upstream.dynamic_host",
];

/// The argument of `set_envoy_filter_state`, as far as it matters here: one stream is all there is to live for.
#[derive(Clone, PartialEq, Eq, Message)]
struct SetFilterState {
    #[prost(string, tag = "1")]
    path: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// The argument of `declare_property`, as far as it matters here.
#[derive(Clone, PartialEq, Eq, Message)]
struct DeclareProperty {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bool, tag = "4")]
    readonly: bool,
}

/// Those that do something to the proxy.
const OWN: [&[u8]; 3] = [b"clear_route_cache", b"declare_property", b"set_envoy_filter_state"];

/// A foreign function that needs nothing of the proxy but its arguments.
pub type ForeignFunction = fn(&[u8]) -> Hostcall<Vec<u8>>;

impl Sim {
    /// Makes a foreign function known to every plugin.
    pub fn register_foreign_function(&mut self, name: &'static str, function: ForeignFunction) {
        self.foreign_functions.insert(name, function);
    }

    /// `proxy_call_foreign_function`; `None` from a function that has no result, where another's may be empty.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown name; else whatever the function gives.
    pub fn call_foreign_function(&mut self, function: &[u8], arguments: &[u8]) -> Hostcall<Option<Vec<u8>>> {
        let result = match function {
            b"clear_route_cache" => self.clear_route_cache().map(|()| None),
            b"declare_property" => self.declare_property(arguments).map(|()| None),
            b"set_envoy_filter_state" => self.set_envoy_filter_state(arguments).map(|()| None),
            name => self
                .registered(name)
                .ok_or_else(|| Refusal::not_found("no foreign function of this name is registered"))
                .and_then(|function| function(arguments).map(Some)),
        };
        self.note("proxy_call_foreign_function", &[&function, &arguments], result)
    }

    /// Whether there is a foreign function of this name.
    pub fn has_foreign_function(&self, name: &[u8]) -> bool {
        OWN.contains(&name) || self.registered(name).is_some()
    }

    fn registered(&self, name: &[u8]) -> Option<&ForeignFunction> {
        self.foreign_functions.get(std::str::from_utf8(name).ok()?)
    }

    /// What is declared in the root context holds for `proxy_set_property` in every stream; in a stream it holds for nobody.
    fn declare_property(&mut self, arguments: &[u8]) -> Hostcall<()> {
        let declared = DeclareProperty::decode(arguments).map_err(not_a_message)?;
        let id = self.context_id();
        if let Some(root) = self.vm_mut().and_then(|vm| vm.root_mut(id))
            && root.declared.insert(declared.name.into_bytes(), declared.readonly).is_some()
        {
            return Err(Refusal::bad_argument("this property has been declared before"));
        }
        Ok(())
    }

    fn set_envoy_filter_state(&mut self, arguments: &[u8]) -> Hostcall<()> {
        let state = SetFilterState::decode(arguments).map_err(not_a_message)?;
        if !TEXT_STATE.contains(&state.path.as_str()) {
            let reason = format!("Envoy has no factory for filter state {:?} that takes a text", state.path);
            return Err(Refusal::not_found(reason));
        }
        let Some(Context::Stream { .. }) = self.context() else {
            return Err(Refusal::not_found("only a stream has filter state; this is no stream"));
        };
        if let Some((stream, _)) = self.stream_mut() {
            stream.filter_state.insert(state.path.into_bytes(), state.value.into_bytes());
        }
        Ok(())
    }

    /// There is one route, so that picking it anew changes nothing that can be seen.
    fn clear_route_cache(&mut self) -> Hostcall<()> {
        let stream = self.stream().ok_or_else(|| Refusal::bad_argument("only a stream has a route"));
        stream.map(|_| ())
    }
}

fn not_a_message(error: prost::DecodeError) -> Refusal {
    Refusal::bad_argument(format!("the argument is not the message of this function: {error}"))
}
