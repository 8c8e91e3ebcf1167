//! The scenario file as it is written.

mod budget;
mod defaults;
mod expectation;
mod matrix;
mod message;
mod plugin;
mod step;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

pub use budget::{LeakCheckFile, LimitsFile, LintName};
pub use defaults::{DefaultsFile, IncludedFile};
pub use expectation::{
    CallOutExpectation, Expectation, LineExpectation, LogExpectation, Matching, StatusExpectation,
    TextExpectation, UpstreamExpectation,
};
pub use matrix::{ExceptFile, MatrixFile, WayName};
pub use message::{AnswerFile, Bytes, FaultName, Fields, GrpcFile, OneOrMany, ProtocolName, RequestFile};
pub use plugin::{
    ClusterFile, FailurePolicyName, FaultsFile, PluginFile, ProfileName, ReachabilityName, SharedDatumFile,
};
pub use step::{CaseFile, EndName, SaidFile, SentFile, StepFile};

/// One scenario: plugins, their configuration, what is around them, and what happens to them, step by step.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioFile {
    /// What the scenario shows, in one sentence.
    pub name: String,
    /// The filter: `jwt-auth` runs natively, as `dist/jwt-auth.wasm`, and as that module in Envoy.
    pub filter: Option<String>,
    /// A module of your own instead, relative to this file: `.wasm`, or WebAssembly text in `.wat`. It has no native target.
    pub module: Option<String>,
    /// The plugin's configuration; passed to it as JSON.
    pub config: Option<Value>,
    /// The plugin's configuration, byte for byte, instead of `config`.
    pub config_text: Option<String>,
    /// A manifest of Envoy, Istio or Envoy Gateway, relative to this file, instead of `config`: the configuration of the plugin in it. One of several
    /// is named behind `#`: `envoy.yaml#jwt-auth`.
    pub config_from: Option<String>,
    /// A chain of plugins instead of one, in the order of the request.
    #[serde(default)]
    pub plugins: Vec<PluginFile>,
    /// The time at the start, RFC 3339 in UTC: `2026-01-01T00:00:00Z`. Left out: the real time. Only simulated targets can
    /// set their clock; elsewhere a scenario with one is not run.
    pub clock: Option<String>,
    /// Worker threads (Envoy's `--concurrency`), each with VMs of its own. Left out: 1.
    pub workers: Option<u32>,
    /// What every random choice of a simulated target follows from. Left out: 0.
    pub seed: Option<u64>,
    /// Whose behaviour is simulated. Left out: Envoy's.
    pub profile: Option<ProfileName>,
    /// Whether the upstream behind the route can be reached. Left out: it can.
    pub upstream: Option<ReachabilityName>,
    /// The clusters that the plugins can call, by name.
    #[serde(default)]
    pub clusters: BTreeMap<String, ClusterFile>,
    /// What stands in shared data before the first VM starts.
    #[serde(default)]
    pub shared_data: Vec<SharedDatumFile>,
    /// What goes wrong beside what is scripted; a real Envoy cannot be made to.
    #[serde(default)]
    pub faults: FaultsFile,
    /// Files of variables, relative to this one: a YAML map from a name to any value, or a map with only the keys `vars` and
    /// `defaults`. Where several say something, it is the last that counts.
    #[serde(default)]
    pub include: Vec<String>,
    /// Variables. `${name}` in a text stands for its text; a text that is only `${name}` stands for its value.
    #[serde(default)]
    pub vars: BTreeMap<String, Value>,
    /// What holds where this scenario says nothing else; of use in a file that several include.
    #[serde(default)]
    pub defaults: DefaultsFile,
    /// Whether `portcullis test --matrix` plays this in other ways too. Left out: in all of them.
    pub matrix: Option<MatrixFile>,
    /// The plugin must refuse its configuration, and log a line that matches.
    pub config_error: Option<TextExpectation>,
    /// A module must not load, with a message that matches. Envoy says it in other words: there, any refusal counts.
    pub load_error: Option<TextExpectation>,
    /// A trap is only a line in the log and what becomes of the request. Left out: a trap fails the scenario.
    #[serde(default)]
    pub tolerate_traps: bool,
    /// Why a real Envoy cannot play this.
    pub not_on_envoy: Option<String>,
    /// What one call of a callback may take, by its name; under `any` what each may take that sets no limit of its own. It is
    /// checked where a module runs in the simulation.
    #[serde(default)]
    pub budget: BTreeMap<String, LimitsFile>,
    /// A file, relative to this one, with the fuel of each callback. It is compared where a module runs in the simulation.
    pub golden_fuel: Option<String>,
    /// Repeats all that is sent in one proxy: memory must not grow in the second half, and nothing may be left over.
    pub leak_check: Option<LeakCheckFile>,
    /// Warnings that are not told.
    #[serde(default)]
    pub allow: Vec<LintName>,
    /// For conformance cases: which row of the table of behaviours this is.
    pub row: Option<Value>,
    /// For conformance cases: what the specification says.
    pub spec: Option<Value>,
    /// For conformance cases: what Envoy does.
    pub envoy: Option<Value>,
    /// For conformance cases: how that was seen.
    pub observed: Option<Value>,
    /// What happens, in order.
    #[serde(default)]
    #[schemars(with = "Vec<StepFile>")]
    pub steps: Vec<Spanned<StepFile>>,
}
