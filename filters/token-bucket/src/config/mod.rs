//! The configuration as it is written.

mod limit;
mod reply;
mod service;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use limit::{
    AfterConfig, CostFrom, DelayConfig, EnforceConfig, Evicted, FailureMode, LimitConfig, Mode, RefundConfig,
    Scope, TierConfig,
};
pub(crate) use reply::{GrpcCode, ReplyConfig, Shown};
pub(crate) use service::ServiceConfig;

/// The configuration of the filter.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenBucketConfig {
    /// The limits that requests are under; all that apply must have tokens, or none is taken from any.
    pub(crate) limits: Vec<LimitConfig>,
    /// Who shares buckets: filters with the same domain and limits of the same name. Left out, it is the name of the plugin in Envoy.
    pub(crate) domain: Option<String>,
    /// The service that counts for several proxies; limits of `scope: global` need it.
    pub(crate) rate_limit_service: Option<ServiceConfig>,
    /// What a denied client is told.
    #[serde(default)]
    pub(crate) reply: ReplyConfig,
    /// Goes into the names of the metrics: `edge` for `portcullis_token_bucket_edge_NAME_allowed_total`.
    pub(crate) stat_prefix: Option<String>,
}
