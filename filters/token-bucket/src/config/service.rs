use portcullis_kit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A service that speaks `envoy.service.ratelimit.v3` over gRPC.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceConfig {
    /// The Envoy cluster, of HTTP/2; in Istio `outbound|8081||ratelimit.infra.svc.cluster.local`.
    pub(crate) cluster: String,
    /// The host that it is asked as, `:authority`; left out, it is the cluster, in Istio what stands behind its last `|`.
    pub(crate) authority: Option<String>,
    /// The `domain` of the service's own configuration.
    pub(crate) domain: String,
    /// How long an answer may take.
    #[serde(default = "timeout")]
    pub(crate) timeout: Span,
    /// How many calls of one worker may be under way; `failure_mode` holds for further requests.
    #[serde(default = "max_waiting")]
    pub(crate) max_waiting: u32,
}

/// As in Envoy's `envoy.filters.http.ratelimit`.
const fn timeout() -> Span {
    Span(std::time::Duration::from_millis(20))
}

fn max_waiting() -> u32 {
    1000
}
