//! The configuration as it is written.

mod export;
mod sampling;
mod spans;

use portcullis_kit::rules::{MatchConfig, TextMatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use export::{ExportConfig, Protocol, ResourceConfig};
pub(crate) use sampling::{Parent, SamplerConfig, SamplingConfig};
pub(crate) use spans::{Attribute, Decisions, ExtraAttributeConfig, Origin, SpansConfig};

use crate::dialect::Dialect;

/// The configuration of the filter.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceInjectionConfig {
    /// On which side of the request the proxy stands.
    #[serde(default)]
    pub(crate) side: Side,
    /// Whose headers are read: the first that hold a trace count.
    #[serde(default = "w3c")]
    pub(crate) extract: Vec<Dialect>,
    /// Whose headers are written. Those that are read and not written are taken out.
    #[serde(default = "w3c")]
    pub(crate) inject: Vec<Dialect>,
    /// Which of the traces that requests bring along are continued; left out, all.
    pub(crate) trust: Option<TrustConfig>,
    /// What becomes of `baggage`.
    #[serde(default)]
    pub(crate) baggage: BaggageConfig,
    /// Which traces are recorded.
    #[serde(default)]
    pub(crate) sampling: SamplingConfig,
    /// Whether the proxy traces too.
    #[serde(default)]
    pub(crate) with_envoy_tracing: WithEnvoyTracing,
    /// For a filter that is loaded in a cluster and so runs once for each try: all tries have the same parent, and each an id of its own.
    #[serde(default)]
    pub(crate) each_try: bool,
    /// Whose clients are told in which trace their request was: `traceresponse`.
    #[serde(default)]
    pub(crate) traceresponse: TraceResponse,
    /// Whether the filter states `wasm.portcullis.trace_id`, `span_id` and `sampled` are set, for access logs and for filters behind this one.
    #[serde(default)]
    pub(crate) filter_state: bool,
    /// What the spans say.
    pub(crate) spans: Option<SpansConfig>,
    /// Where spans are sent; left out, there are none.
    pub(crate) export: Option<ExportConfig>,
    /// Who shares a sampler with a rate: filters with the same domain. Left out, it is the name of the plugin in Envoy.
    pub(crate) domain: Option<String>,
    /// Goes into the names of the metrics: `edge` for `portcullis_trace_injection_edge_started_total`.
    pub(crate) stat_prefix: Option<String>,
}

fn w3c() -> Vec<Dialect> {
    vec![Dialect::W3c]
}

/// On which side of a request the proxy stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    /// Requests come in, to a gateway or to the service beside it.
    #[default]
    Server,
    /// The service beside it sends requests out.
    Client,
}

/// Whose traces are continued.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustConfig {
    /// The first that fits counts.
    #[serde(default)]
    pub(crate) rules: Vec<TrustRuleConfig>,
    /// What holds for all others.
    pub(crate) otherwise: Treatment,
}

/// What holds for requests of one kind; all that is given has to fit.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustRuleConfig {
    /// Which requests they are, by what they ask for and by their headers.
    pub(crate) when: Option<MatchConfig>,
    /// Addresses that they come from, as Envoy sees them: `10.0.0.0/8`.
    pub(crate) addresses: Option<Vec<String>>,
    /// The URI in the client's certificate: `spiffe://cluster.local/ns/shop/sa/web`. Envoy has to have verified it.
    pub(crate) peers: Option<Vec<TextMatch>>,
    /// What becomes of their traces.
    pub(crate) parent: Treatment,
}

/// What becomes of a trace that a request brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Treatment {
    /// It goes on.
    Continue,
    /// Another one begins, and its span names this one.
    Link,
    /// Another one begins.
    Drop,
}

/// What becomes of baggage.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BaggageConfig {
    /// Of requests whose trace goes on, or who bring none and would be trusted; left out, all.
    pub(crate) trusted: Option<KeepConfig>,
    /// Of all others; left out, none.
    pub(crate) untrusted: Option<KeepConfig>,
}

/// Which members of baggage go on, as far as the limits of W3C Baggage allow.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeepConfig {
    /// All.
    All,
    /// None.
    Nothing,
    /// Those with these keys.
    Only(Vec<String>),
}

/// What the filter does beside a tracer of Envoy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WithEnvoyTracing {
    /// Its work: Envoy has no tracer, or one with `no_context_propagation`.
    #[default]
    Replace,
    /// What it does not: Envoy's tracer makes the spans and writes the headers of its dialect, and the filter those of others.
    Complement,
}

/// Which responses get `traceresponse`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TraceResponse {
    /// None.
    #[default]
    Never,
    /// Those to requests whose trace has begun here, or was decided about here.
    Started,
    /// All.
    Always,
}
