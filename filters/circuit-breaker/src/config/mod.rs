//! The configuration as it is written.

mod breaker;
mod fallback;
mod reply;

use portcullis_kit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use breaker::{
    BackoffConfig, BreakerConfig, ErrorsConfig, HalfOpenConfig, IgnoreConfig, Measure, Mode, SlowConfig,
    ThrottleConfig, TripConfig,
};
pub(crate) use fallback::{FallbackConfig, RerouteConfig, SnapshotConfig, StaticConfig, TimeOpenConfig};
pub(crate) use reply::{ReplyConfig, Shown, StateHeaderConfig};

/// The configuration of the filter.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CircuitBreakerConfig {
    /// The breakers; a request is under the first whose `when` it fits, and under none if it fits no one's.
    pub(crate) breakers: Vec<BreakerConfig>,
    /// Who shares breakers: filters with the same domain and breakers of the same name. Left out, it is the name of the plugin in Envoy.
    pub(crate) domain: Option<String>,
    /// How often workers tell each other what they have counted; from 10ms to a bucket of the shortest window. Left out, 100ms, or that
    /// bucket where it is shorter.
    pub(crate) sync: Option<Span>,
    /// What a client is told whom no fallback has served.
    #[serde(default)]
    pub(crate) reply: ReplyConfig,
    /// A response header that names the breaker and its state.
    pub(crate) state_header: Option<StateHeaderConfig>,
    /// Goes into the names of the metrics: `edge` for `portcullis_circuit_breaker_edge_NAME_opened_total`.
    pub(crate) stat_prefix: Option<String>,
}
