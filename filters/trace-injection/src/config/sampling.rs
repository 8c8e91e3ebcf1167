//! Which traces are recorded.

use portcullis_kit::bucket::Rate;
use portcullis_kit::rules::MatchConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which traces are recorded.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SamplingConfig {
    /// For requests of some kinds, such as health checks; the first that fits counts.
    #[serde(default)]
    pub(crate) rules: Vec<SamplingRuleConfig>,
    /// Who decides about all others; left out, `always`.
    pub(crate) sampler: Option<SamplerConfig>,
    /// Whether what the sender has decided holds for them.
    #[serde(default)]
    pub(crate) parent: Parent,
    /// Whether the span of a request that fails is sent although its trace is not recorded. Then every request gets a span, which most
    /// throw away.
    #[serde(default)]
    pub(crate) errors: bool,
}

/// Who decides about requests of one kind.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SamplingRuleConfig {
    /// Which requests.
    pub(crate) when: MatchConfig,
    /// Who decides.
    pub(crate) sampler: SamplerConfig,
    /// Whether what the sender has decided holds.
    #[serde(default)]
    pub(crate) parent: Parent,
}

/// What the decision of the sender is worth, debugging included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Parent {
    /// It holds; the sampler decides where there is none.
    #[default]
    Follow,
    /// The sampler decides anew.
    Ignore,
}

/// Who decides whether a trace is recorded.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SamplerConfig {
    /// It is.
    Always,
    /// It is not.
    Never,
    /// A share of all, from 2^-56 to 1: the same one for all who sample by the random bits of the trace id.
    Probability(f64),
    /// So many in a time, in all workers together.
    Rate(RateConfig),
}

/// So many in a time.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateConfig {
    /// How many: `100/1s`.
    pub(crate) rate: Rate,
    /// How many at once; left out, as many as the rate says.
    pub(crate) burst: Option<u64>,
}
