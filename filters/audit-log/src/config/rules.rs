//! What is recorded of which requests.

use portcullis_kit::Span;
use portcullis_kit::rules::MatchConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is recorded of requests of one kind.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleConfig {
    /// Stands in their records.
    pub(crate) name: String,
    /// Which requests they are, as the upstream got them.
    pub(crate) when: MatchConfig,
    /// How much is recorded of those that were let through.
    pub(crate) level: Level,
    /// How much of those that were denied; left out, as much as of others, and at least `metadata`.
    pub(crate) denied: Option<DeniedLevel>,
    /// Which share is recorded of those that were let through and succeeded, from 0 to 1; left out, all.
    pub(crate) sample: Option<f64>,
    /// When there is a record; left out, when the response is complete.
    pub(crate) stages: Option<Vec<Stage>>,
}

/// What is recorded of all other requests.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RecordingConfig {
    /// How much is recorded of those that were let through.
    pub(crate) level: Level,
    /// How much of those that were denied; left out, as much as of others, and at least `metadata`.
    pub(crate) denied: Option<DeniedLevel>,
    /// Which share is recorded of those that were let through and succeeded, from 0 to 1; left out, all.
    pub(crate) sample: Option<f64>,
    /// When there is a record; left out, when the response is complete.
    pub(crate) stages: Option<Vec<Stage>>,
}

impl Default for RecordingConfig {
    fn default() -> Self {
        Self { level: Level::Metadata, denied: None, sample: None, stages: None }
    }
}

/// How much is recorded of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// Nothing.
    None,
    /// Who, what, where from, when, what came of it and why.
    Metadata,
    /// Also the headers.
    Headers,
    /// Also the bodies.
    Bodies,
}

/// How much is recorded of a denied request: there is always a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeniedLevel {
    /// Who, what, where from, when, what came of it and why.
    Metadata,
    /// Also the headers.
    Headers,
    /// Also the bodies.
    Bodies,
}

impl From<DeniedLevel> for Level {
    fn from(level: DeniedLevel) -> Self {
        match level {
            DeniedLevel::Metadata => Self::Metadata,
            DeniedLevel::Headers => Self::Headers,
            DeniedLevel::Bodies => Self::Bodies,
        }
    }
}

/// When there is a record of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Its headers have come, and nothing is decided.
    RequestReceived,
    /// It is over.
    ResponseComplete,
}

/// What requests of one kind are called.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationConfig {
    /// Which requests they are.
    pub(crate) when: MatchConfig,
    /// The name of the operation: `orders.cancel`.
    pub(crate) name: String,
    /// What it does; left out, what the method says.
    pub(crate) activity: Option<Activity>,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Activity {
    /// It makes something.
    Create,
    /// It changes nothing.
    Read,
    /// It changes something.
    Update,
    /// It removes something.
    Delete,
    /// Something else.
    Other,
}

/// What goes into the digest of a request, besides its method, its host and its path.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FingerprintConfig {
    /// These headers.
    pub(crate) headers: Vec<String>,
    /// The whole query.
    pub(crate) query: bool,
    /// The body, as much of it as there was.
    pub(crate) body: bool,
}

/// Which denials count as the same.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DuplicatesConfig {
    /// For how long they are counted after one has been recorded.
    pub(crate) window: Span,
    /// How many different ones are kept apart on each worker; what comes on top gets records of its own.
    #[serde(default = "keys")]
    pub(crate) max_keys: u32,
}

fn keys() -> u32 {
    1024
}
