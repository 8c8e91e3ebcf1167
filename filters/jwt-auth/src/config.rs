//! The configuration as it is written.

use portcullis_kit::rules::MatchConfig;
use portcullis_kit::{ReplyFormat, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Algorithm;
use crate::source::Source;

/// The configuration of jwt-auth as it is written.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtAuthConfig {
    /// The issuers whose tokens are accepted.
    pub(crate) providers: Vec<ProviderConfig>,
    /// What requests need, first match wins.
    #[serde(default)]
    pub(crate) rules: Vec<RuleConfig>,
    /// What a request needs that no rule matches.
    pub(crate) otherwise: Requirement,
    /// Whether denials are carried out.
    #[serde(default)]
    pub(crate) mode: Mode,
    /// What a denied client is told.
    #[serde(default)]
    pub(crate) reply: ReplyConfig,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderConfig {
    /// The name by which rules refer to it.
    pub(crate) name: String,
    /// The `iss` of its tokens, equal byte for byte.
    pub(crate) issuer: String,
    /// A token has to name one of these in `aud`. An empty list accepts any audience.
    pub(crate) audiences: Vec<String>,
    /// Its keys.
    pub(crate) jwks: JwksSource,
    /// The algorithms accepted. Left out: those of its keys.
    pub(crate) algorithms: Option<Vec<Algorithm>>,
    /// The `typ` values accepted, any case; a token without `typ` is then refused. Left out: `JWT`, `at+jwt` or none.
    pub(crate) types: Option<Vec<String>>,
    /// Where the token is. Left out: `Authorization: Bearer`.
    pub(crate) from: Option<Vec<Source>>,
    /// Whether the upstream gets the token too.
    #[serde(default)]
    pub(crate) forward: bool,
    /// How far the clocks of issuer and proxy may differ.
    #[serde(default = "default_skew")]
    pub(crate) clock_skew: Span,
    /// Whether a token without `exp` is refused.
    #[serde(default = "yes")]
    pub(crate) require_expiration: bool,
    /// Claims that the upstream gets as headers. Whatever a client sends under these names is removed from every request.
    #[serde(default)]
    pub(crate) claims_to_headers: Vec<ClaimToHeader>,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JwksSource {
    /// The JWK Set itself.
    Inline(Jwks),
}

/// A JWK Set (RFC 7517 section 5); unknown members are allowed, as the RFC asks.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Jwks {
    /// The keys.
    pub(crate) keys: Vec<Map<String, Value>>,
}

impl std::fmt::Debug for Jwks {
    /// Shows how many keys there are, and nothing of them: some are shared secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.keys.len())
    }
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClaimToHeader {
    /// The claim: a member of the payload.
    pub(crate) claim: String,
    /// The header.
    pub(crate) header: String,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleConfig {
    /// Which requests.
    #[serde(rename = "match")]
    pub(crate) matches: MatchConfig,
    /// What they need.
    pub(crate) require: Requirement,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Requirement {
    /// No token; one that is there is not looked at.
    None,
    /// Nobody passes.
    Deny,
    /// A token of this provider.
    Provider(String),
    /// A token of any of these providers.
    Any(Vec<String>),
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

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplyConfig {
    /// The form of the body.
    #[serde(default)]
    pub(crate) format: ReplyFormat,
    /// The `realm` of the challenge (RFC 9110 section 11.5).
    #[serde(default = "default_realm")]
    pub(crate) realm: String,
}

impl Default for ReplyConfig {
    fn default() -> Self {
        Self { format: ReplyFormat::default(), realm: default_realm() }
    }
}

fn default_skew() -> Span {
    Span::from_secs(60)
}

fn default_realm() -> String {
    "portcullis".into()
}

const fn yes() -> bool {
    true
}
