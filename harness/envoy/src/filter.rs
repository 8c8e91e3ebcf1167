use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_sim::{FailurePolicy, PluginSetup};
use serde_json::{Map, Value, json};

use crate::bootstrap::EXTENSIONS;

/// A filter before the last one of its chain.
#[derive(Clone, Debug)]
pub enum Filter {
    /// A plugin: this module in V8, set up like this.
    Wasm(PathBuf, PluginSetup),
    /// Any other HTTP filter, as Envoy reads it.
    Other(Value),
}

/// In what kind of a chain a plugin stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chain {
    Http,
    Network,
}

impl Filter {
    /// A plugin with this configuration, and everything else as it is by default.
    pub fn wasm(module: &Path, configuration: impl Into<Vec<u8>>) -> Self {
        let plugin = PluginSetup { configuration: configuration.into(), ..PluginSetup::default() };
        Self::Wasm(module.to_owned(), plugin)
    }

    /// The filter as Envoy reads it; `None` for an HTTP filter in a network chain.
    pub(crate) fn to_json(&self, chain: Chain) -> Option<Value> {
        let kind = match chain {
            Chain::Http => "http",
            Chain::Network => "network",
        };
        match self {
            Self::Wasm(module, plugin) => Some(json!({
                "name": format!("envoy.filters.{kind}.wasm"),
                "typed_config": {
                    "@type": format!("{EXTENSIONS}.filters.{kind}.wasm.v3.Wasm"),
                    "config": config(module, plugin),
                },
            })),
            Self::Other(filter) => (chain == Chain::Http).then(|| filter.clone()),
        }
    }

    fn plugin(&self) -> Option<&PluginSetup> {
        match self {
            Self::Wasm(_, plugin) => Some(plugin),
            Self::Other(_) => None,
        }
    }
}

/// All that Envoy writes before the log lines of these filters' plugins, the longest first.
///
/// It writes what is not empty of name, root id and VM id for a stream, no name for a root context, and nothing while
/// the VM starts.
pub(crate) fn log_prefixes(filters: &[Filter]) -> Vec<String> {
    let plugins = filters.iter().filter_map(Filter::plugin);
    let known = plugins.flat_map(|plugin| {
        let all = [plugin.name.as_str(), plugin.root_id.as_str(), plugin.vm_id.as_str()];
        [prefix(&all), prefix(&[&plugin.root_id, &plugin.vm_id]), prefix(&[])]
    });
    let distinct: BTreeSet<String> = known.collect();
    let mut prefixes: Vec<String> = distinct.into_iter().collect();
    prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.len()));
    prefixes
}

fn prefix(parts: &[&str]) -> String {
    let parts: String = parts.iter().filter(|part| !part.is_empty()).map(|part| format!(" {part}")).collect();
    format!("wasm log{parts}: ")
}

/// Envoy's `PluginConfig`.
fn config(module: &Path, plugin: &PluginSetup) -> Value {
    let allowed = plugin.capabilities.iter().map(|name| (name.clone(), json!({})));
    json!({
        "name": plugin.name,
        "root_id": plugin.root_id,
        "failure_policy": match plugin.failure_policy {
            FailurePolicy::Closed => "FAIL_CLOSED",
            FailurePolicy::Open => "FAIL_OPEN",
            FailurePolicy::Reload => "FAIL_RELOAD",
        },
        "allow_on_headers_stop_iteration": plugin.allow_on_headers_stop_iteration,
        "configuration": verbatim(&plugin.configuration),
        "vm_config": {
            "vm_id": plugin.vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": module } },
            "configuration": verbatim(&plugin.vm_configuration),
            "environment_variables": { "key_values": plugin.environment },
        },
        // An empty map restricts nothing.
        "capability_restriction_config": { "allowed_capabilities": allowed.collect::<Map<_, _>>() },
    })
}

/// Envoy hands the value of both types to the plugin as it is; a `StringValue` holds UTF-8 only.
fn verbatim(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": text }),
        Err(_) => {
            let value = STANDARD.encode(bytes);
            json!({ "@type": "type.googleapis.com/google.protobuf.BytesValue", "value": value })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(name: &str, root_id: &str, vm_id: &str) -> Filter {
        let setup = PluginSetup {
            name: name.to_owned(),
            root_id: root_id.to_owned(),
            vm_id: vm_id.to_owned(),
            ..PluginSetup::default()
        };
        Filter::Wasm(PathBuf::from("/m.wasm"), setup)
    }

    #[test]
    fn every_prefix_is_known_and_the_longest_comes_first() {
        let prefixes = log_prefixes(&[plugin("n", "r", "v"), plugin("", "", ""), plugin("", "r", "v")]);
        assert_eq!(prefixes, ["wasm log n r v: ", "wasm log r v: ", "wasm log: "]);
    }

    #[test]
    fn a_plugin_has_what_it_is_set_up_with() {
        let setup = PluginSetup {
            configuration: b"{\"a\": 1}\n".to_vec(),
            vm_configuration: vec![0xff, 0],
            failure_policy: FailurePolicy::Reload,
            capabilities: BTreeSet::from(["proxy_log".to_owned()]),
            ..PluginSetup::default()
        };
        let filter = Filter::Wasm(PathBuf::from("/m.wasm"), setup).to_json(Chain::Network).unwrap();
        let config = &filter["typed_config"]["config"];
        assert_eq!(filter["name"], "envoy.filters.network.wasm");
        assert_eq!(config["failure_policy"], "FAIL_RELOAD");
        assert_eq!(config["configuration"]["value"], "{\"a\": 1}\n");
        assert_eq!(config["vm_config"]["code"]["local"]["filename"], "/m.wasm");
        assert_eq!(config["vm_config"]["configuration"]["value"], "/wA=");
        assert_eq!(
            config["capability_restriction_config"]["allowed_capabilities"],
            json!({ "proxy_log": {} })
        );
    }
}
