//! The configuration as it is written.

mod delivery;
mod integrity;
mod rules;
mod show;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use delivery::{
    DeliveryConfig, FormatConfig, HeaderConfig, HttpConfig, Mode, OtlpConfig, Protocol, SinkConfig,
};
pub(crate) use integrity::{CheckpointConfig, IntegrityConfig, SignConfig};
pub(crate) use rules::{
    Activity, DuplicatesConfig, FingerprintConfig, Level, OperationConfig, RecordingConfig, RuleConfig, Stage,
};
pub(crate) use show::{BodiesConfig, Hidden, IdentityConfig, PathConfig, ShowConfig};

/// The configuration of the filter.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditLogConfig {
    /// Where records go.
    pub(crate) sink: SinkConfig,
    /// How they get there, and what happens where they do not.
    #[serde(default)]
    pub(crate) delivery: DeliveryConfig,
    /// The schema of the records.
    #[serde(default)]
    pub(crate) schema: SchemaConfig,
    /// What is recorded of which requests: the first rule that fits counts.
    #[serde(default)]
    pub(crate) rules: Vec<RuleConfig>,
    /// What is recorded of all others.
    #[serde(default)]
    pub(crate) otherwise: RecordingConfig,
    /// Who a request is from.
    #[serde(default)]
    pub(crate) identity: IdentityConfig,
    /// Which values are shown; all others are hidden.
    #[serde(default)]
    pub(crate) show: ShowConfig,
    /// Which bodies are recorded at the level `bodies`, and how much of them.
    #[serde(default)]
    pub(crate) bodies: BodiesConfig,
    /// What requests are called by which the API is used. gRPC methods have their names already.
    #[serde(default)]
    pub(crate) operations: Vec<OperationConfig>,
    /// A digest of what was asked for, by which equal requests are found; left out, there is none.
    pub(crate) fingerprint: Option<FingerprintConfig>,
    /// Denials that are like one just recorded are counted, and become one record; left out, each has its own.
    pub(crate) duplicates: Option<DuplicatesConfig>,
    /// What makes it evident that records were tampered with.
    #[serde(default)]
    pub(crate) integrity: IntegrityConfig,
    /// Which filters tell each other of their chains: those with the same domain. Left out, it is the name of the plugin in Envoy.
    pub(crate) domain: Option<String>,
    /// Goes into the names of the metrics: `edge` for `portcullis_audit_log_edge_recorded_total`.
    pub(crate) stat_prefix: Option<String>,
}

/// The schema of the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub(crate) enum SchemaConfig {
    /// OCSF 1.5.0, which most of what reads OCSF accepts.
    #[default]
    #[serde(rename = "ocsf-1.5")]
    Ocsf15,
    /// OCSF 1.8.0.
    #[serde(rename = "ocsf-1.8")]
    Ocsf18,
    /// The Elastic Common Schema.
    #[serde(rename = "ecs")]
    Ecs,
}
