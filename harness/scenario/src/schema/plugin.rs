use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{AnswerFile, Bytes};

/// One plugin of a chain.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginFile {
    /// One of our filters.
    pub filter: Option<String>,
    /// A module instead, relative to the scenario file: `.wasm`, or WebAssembly text in `.wat`.
    pub module: Option<String>,
    /// Envoy's `name`.
    #[serde(default)]
    pub name: String,
    /// Envoy's `root_id`.
    #[serde(default)]
    pub root_id: String,
    /// Envoy's `vm_config.vm_id`, which shared data and queues are keyed by. Plugins of the same module, `vm_id` and
    /// `vm_config_text` share a VM.
    #[serde(default)]
    pub vm_id: String,
    /// Envoy's `vm_config.configuration`, byte for byte.
    #[serde(default)]
    pub vm_config_text: String,
    /// The plugin's configuration; passed to it as JSON.
    pub config: Option<Value>,
    /// The plugin's configuration, byte for byte, instead of `config`.
    pub config_text: Option<String>,
    /// A manifest of Envoy, Istio or Envoy Gateway, relative to this file, instead of `config`: the configuration of the plugin in it. One of several
    /// is named behind `#`: `envoy.yaml#jwt-auth`.
    pub config_from: Option<String>,
    /// What becomes of requests when the VM has died. Left out: they are answered with 503.
    #[serde(default)]
    pub failure_policy: FailurePolicyName,
    /// Envoy's `allow_on_headers_stop_iteration`.
    #[serde(default)]
    pub allow_on_headers_stop_iteration: bool,
    /// The functions that the plugin may import and export; left out: all.
    #[serde(default)]
    pub capabilities: BTreeSet<String>,
    /// Environment variables of the VM.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

/// What becomes of requests when a plugin's VM has died.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailurePolicyName {
    /// They are answered with 503.
    #[default]
    Closed,
    /// They go on without the plugin.
    Open,
    /// A new VM is started, not more often than a back-off allows; until then as `closed`.
    Reload,
}

/// Whose behaviour is simulated.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileName {
    /// Envoy 1.40, bug for bug.
    Envoy,
    /// The proxy-wasm specification 0.2.1. A real Envoy does not play this.
    Spec,
}

/// Whether a cluster can be reached.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReachabilityName {
    /// There is a host and it accepts connections.
    #[default]
    Healthy,
    /// There is no host that is healthy.
    NoHealthyHost,
    /// The host refuses connections.
    ConnectError,
}

/// A cluster that plugins can call.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterFile {
    /// Whether it can be reached. Left out: it can.
    #[serde(default)]
    pub reachability: ReachabilityName,
    /// One for each call, in order; the last one answers all further calls. Left out: status 200 without a body.
    #[serde(default)]
    pub answers: Vec<AnswerFile>,
}

/// One entry of shared data.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SharedDatumFile {
    /// The VM id whose key space it is in. Left out: the empty one.
    #[serde(default)]
    pub vm_id: String,
    /// The key.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
}

/// What goes wrong beside what is scripted.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FaultsFile {
    /// How many writes with a CAS number find that somebody else has just written the same value.
    pub cas_conflicts: u32,
    /// How many of a hundred call-outs are reset, by chance that follows from the seed.
    pub call_outs_percent: u8,
    /// How many of a hundred requests the upstream resets, likewise.
    pub upstream_percent: u8,
}
