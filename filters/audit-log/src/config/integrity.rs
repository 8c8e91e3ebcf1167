//! What makes it evident that records were tampered with.

use portcullis_kit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What makes it evident that records were tampered with. That they form a chain needs no configuration.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IntegrityConfig {
    /// Whether the links of the chain are the `record_integrity` of OCSF 1.9, which is not released yet.
    pub(crate) record_integrity: bool,
    /// When there is a checkpoint.
    pub(crate) checkpoint: CheckpointConfig,
    /// What vouches for checkpoints; left out, nothing does, and whoever can write the whole log can write it anew.
    pub(crate) sign: Option<SignConfig>,
}

/// When there is a checkpoint: a record that says how many records there are, and a digest of them all.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CheckpointConfig {
    /// After so many records.
    pub(crate) records: u32,
    /// After so long, also where there were none.
    pub(crate) interval: Span,
    /// Whether it also goes into Envoy's log: what leaves the host another way shows later what was cut off here.
    pub(crate) log: bool,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { records: 1000, interval: Span::from_secs(60), log: false }
    }
}

/// What vouches for checkpoints.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SignConfig {
    /// Signatures by this key: `PRIVATE+KEY+audit.example+c74f20a3+Ac...`, the form of C2SP signed notes.
    Ed25519(String),
    /// HMACs by keys of which each follows from the one before, and not the other way round, beginning with this one: 32 bytes in base64 or hexadecimal digits. The
    /// memory of the worker does not have those of earlier checkpoints; this configuration does.
    Hmac(String),
}
