//! The configuration as it is written.

mod provider;
mod reply;
mod requirement;

use std::collections::BTreeMap;

use portcullis_kit::Size;
use portcullis_kit::rules::MatchConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ConditionConfig;
pub(crate) use provider::{
    ClaimToHeader, FilterStateConfig, JwksSource, PayloadHeader, ProviderConfig, RevocationConfig,
};
pub(crate) use reply::{Override, ReplyConfig};
pub(crate) use requirement::{ExtractOnly, ProviderAndAudiences, Requirement};

/// The configuration of jwt-auth as it is written.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtAuthConfig {
    /// The issuers whose tokens are accepted.
    pub(crate) providers: Vec<ProviderConfig>,
    /// Requirements by name, for rules that share one.
    #[serde(default)]
    pub(crate) requirements: BTreeMap<String, Requirement>,
    /// What requests need, first match wins.
    #[serde(default)]
    pub(crate) rules: Vec<RuleConfig>,
    /// What a request needs that no rule matches, by a text that an earlier filter has left for it.
    pub(crate) by_filter_state: Option<ByFilterState>,
    /// What a request needs that no rule matches.
    pub(crate) otherwise: Requirement,
    /// Whether a CORS preflight (OPTIONS with Origin and Access-Control-Request-Method) passes without a token: browsers send none.
    #[serde(default)]
    pub(crate) bypass_cors_preflight: bool,
    /// Whether denials are carried out.
    #[serde(default)]
    pub(crate) mode: Mode,
    /// What a denied client is told.
    #[serde(default)]
    pub(crate) reply: ReplyConfig,
    /// The memory that seen tokens may take in each worker.
    #[serde(default)]
    pub(crate) cache: CacheConfig,
    /// Goes into the names of the metrics: `edge` for `portcullis_jwt_auth_edge_allowed_total`.
    pub(crate) stat_prefix: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleConfig {
    /// Which requests.
    #[serde(rename = "match")]
    pub(crate) matches: MatchConfig,
    /// What they need.
    pub(crate) require: Requirement,
    /// What the claims of their tokens have to say besides.
    pub(crate) authorize: Option<ConditionConfig>,
}

/// A requirement chosen by the filter state of the request.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ByFilterState {
    /// The name of the filter state; `wasm.tier` for what another plugin has set as the property `tier`.
    pub(crate) name: String,
    /// What each text asks for. A request without the filter state, or with another text, falls to `otherwise`.
    pub(crate) requires: BTreeMap<String, Requirement>,
}

/// How much memory seen tokens may take in each worker.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CacheConfig {
    /// For tokens whose signature was right. `0B` remembers none.
    pub(crate) verified: Size,
    /// For tokens whose signature was wrong, so that the same one again costs no cryptography. `0B` remembers none.
    pub(crate) rejected: Size,
    /// Longer tokens are not remembered.
    pub(crate) max_token: Size,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { verified: Size(1 << 20), rejected: Size(256 << 10), max_token: Size(8 << 10) }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Denials are carried out.
    #[default]
    Enforce,
    /// Denials are counted and logged, and the request passes.
    Shadow,
}
