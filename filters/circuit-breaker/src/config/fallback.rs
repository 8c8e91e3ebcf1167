use std::collections::BTreeMap;

use portcullis_kit::bucket::Rate;
use portcullis_kit::parts::OneOf;
use portcullis_kit::rules::MatchConfig;
use portcullis_kit::{GrpcStatus, Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a request gets that does not pass; exactly one of `snapshot`, `reroute` and `static` says what, the others under which
/// conditions. Where one fails, the next one is tried.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FallbackConfig {
    /// For which requests; left out, all.
    pub(crate) when: Option<MatchConfig>,
    /// All of these parts have to be one of their values, such as a verified claim.
    #[serde(default)]
    pub(crate) only: Vec<OneOf>,
    /// Only as long as so few requests are on their way through this worker.
    pub(crate) max_in_flight: Option<u32>,
    /// Only while the breaker has not passed requests for a certain time.
    pub(crate) time_open: Option<TimeOpenConfig>,
    /// How many requests it serves.
    pub(crate) budget: Option<BudgetConfig>,
    /// The last good response to the same request, of this worker.
    pub(crate) snapshot: Option<SnapshotConfig>,
    /// Another upstream.
    pub(crate) reroute: Option<RerouteConfig>,
    /// An answer that is written here.
    #[serde(rename = "static")]
    pub(crate) fixed: Option<StaticConfig>,
}

/// How long a breaker has been open.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimeOpenConfig {
    /// At least so long.
    #[serde(default)]
    pub(crate) min: Span,
    /// Less than this.
    pub(crate) max: Option<Span>,
}

/// How many requests a fallback serves, in all workers together.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetConfig {
    /// How many over time: `50/1s`.
    pub(crate) rate: Rate,
    /// How many at once; left out, the number in `rate`.
    pub(crate) burst: Option<u64>,
}

/// The last good response to the same request.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SnapshotConfig {
    /// The statuses of responses that are kept.
    pub(crate) statuses: Vec<String>,
    /// Their content types, without parameters; `image/*` for all of a kind.
    pub(crate) content_types: Vec<String>,
    /// How long a body may be.
    pub(crate) max_size: Size,
    /// How much memory all of them may take in each worker.
    pub(crate) memory: Size,
    /// For how long a response is still served after it has ceased to be fresh.
    pub(crate) max_stale: Span,
    /// How old a kept response has to be before a newer one takes its place.
    pub(crate) refresh: Span,
    /// Whether responses are kept that say nothing about how long they are fresh. A server that never thought of caches may answer each
    /// user something else.
    pub(crate) without_cache_control: bool,
    /// Whether requests with credentials are served, and their responses kept for everybody.
    pub(crate) with_credentials: bool,
    /// The headers that are credentials.
    pub(crate) credentials: Vec<String>,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            statuses: texts(&["200"]),
            content_types: texts(&["application/json", "text/*"]),
            max_size: Size::from_kib(64),
            memory: Size::from_kib(16 << 10),
            max_stale: Span::from_secs(300),
            refresh: Span::from_secs(1),
            without_cache_control: false,
            with_credentials: false,
            credentials: texts(&["authorization", "cookie", "proxy-authorization", "x-api-key"]),
        }
    }
}

/// Another upstream, by a header that Envoy's routes look at.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RerouteConfig {
    /// The header: the `cluster_header` of a route, or one that a route matches. A client's own one of this name is removed.
    pub(crate) header: String,
    /// Its value; under a `cluster_header` the name of the cluster.
    pub(crate) value: String,
}

/// An answer that is written here.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StaticConfig {
    /// The HTTP status, 200 to 599.
    pub(crate) status: u16,
    /// The status of gRPC.
    pub(crate) grpc_status: GrpcStatus,
    /// Headers, `content-type` too.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body; for gRPC the message. `{{breaker}}`, `{{state}}` and `{{retry_after}}` (in seconds) stand for what holds then.
    pub(crate) body: String,
}

impl Default for StaticConfig {
    fn default() -> Self {
        Self {
            status: 503,
            grpc_status: GrpcStatus::Unavailable,
            headers: BTreeMap::new(),
            body: String::new(),
        }
    }
}
