use portcullis_kit::Span;
use portcullis_kit::rules::TextMatch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::introspection::{FailureMode, IntrospectionConfig};
use crate::remote::{DiscoveryConfig, FetchedConfig, RemoteJwksConfig};
use crate::revocation::RevocationList;
use crate::source::Source;
use crate::{Algorithm, ConditionConfig, SenderConstraintConfig};

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderConfig {
    /// The name by which rules refer to it.
    pub(crate) name: String,
    /// The `iss` of its tokens, equal byte for byte. One of `issuer`, `issuers` and `issuer_prefix` has to be there.
    pub(crate) issuer: Option<String>,
    /// Any of these as `iss`.
    pub(crate) issuers: Option<Vec<String>>,
    /// Any `iss` that begins so: `https://login.example/tenants/`. Whoever can get a token of one of them can get in.
    pub(crate) issuer_prefix: Option<String>,
    /// A token has to name one of these in `aud`. An empty list accepts any audience.
    pub(crate) audiences: Vec<String>,
    /// The `sub` has to be like one of these. Left out: any, or none.
    pub(crate) subjects: Option<Vec<TextMatch>>,
    /// Its keys. Write this or `introspection`.
    pub(crate) jwks: Option<JwksSource>,
    /// The authorization server that is asked about each token (RFC 7662), for tokens that say nothing by themselves.
    pub(crate) introspection: Option<IntrospectionConfig>,
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
    /// Whether a token without `exp` is refused. Left out: yes, unless there is `introspection`.
    pub(crate) require_expiration: Option<bool>,
    /// How far away `exp` may be. A token without `exp` is then refused.
    pub(crate) max_lifetime: Option<Span>,
    /// Claims that the upstream gets as headers. Whatever a client sends under these names is removed from every request.
    #[serde(default)]
    pub(crate) claims_to_headers: Vec<ClaimToHeader>,
    /// The header in which the upstream gets the whole payload in base64url.
    pub(crate) payload_header: Option<PayloadHeader>,
    /// What filters after this one and access logs get to see, as filter state.
    #[serde(default)]
    pub(crate) filter_state: FilterStateConfig,
    /// What the claims of a token have to say besides, for every request that it lets pass.
    pub(crate) authorize: Option<ConditionConfig>,
    /// Tokens that are refused although they are signed and have not expired.
    pub(crate) revocation: Option<RevocationConfig>,
    /// How clients show that a token is theirs. Left out: a token that is bound to a key of its holder is refused.
    pub(crate) sender_constraint: Option<SenderConstraintConfig>,
    /// Whether Envoy picks the route anew after a token was accepted, for routes that match on filter state. A changed header has
    /// that effect by itself.
    #[serde(default)]
    pub(crate) clear_route_cache: bool,
}

/// Where the keys are.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JwksSource {
    /// The JWK Set itself.
    Inline(Jwks),
    /// Behind a URI.
    Remote(RemoteJwksConfig),
    /// Where the metadata of the issuer say.
    Discovery(DiscoveryConfig),
}

/// Lists of tokens that are refused.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevocationConfig {
    /// A list in the configuration.
    pub(crate) inline: Option<RevocationList>,
    /// A list behind a URI: JSON with the members of `inline`.
    pub(crate) remote: Option<FetchedConfig>,
    /// What becomes of tokens while there is no list to be had.
    #[serde(default)]
    pub(crate) failure_mode: FailureMode,
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
    /// The claim: a member of the payload, whose name may have dots in it. Write this or `path`.
    pub(crate) claim: Option<String>,
    /// The claim inside of objects: `[realm_access, roles]`.
    pub(crate) path: Option<Vec<String>>,
    /// The header.
    pub(crate) header: String,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayloadHeader {
    /// Its name.
    pub(crate) name: String,
    /// Whether the base64url is padded with `=`.
    #[serde(default)]
    pub(crate) padded: bool,
}

/// Names of filter state: `user` is `wasm.user` in Envoy, `%FILTER_STATE(wasm.user:PLAIN)%` in an access log. Left out: not set.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FilterStateConfig {
    /// The payload of an accepted token, as JSON.
    pub(crate) payload: Option<String>,
    /// The header of an accepted token, as JSON.
    pub(crate) header: Option<String>,
    /// Why a token of this provider was refused, also where the request may pass without one: `{"code", "message"}` as JSON.
    pub(crate) failure: Option<String>,
    /// Claims whose text is a list divided by spaces, such as `scope`: they become JSON lists in `payload`.
    pub(crate) space_delimited_claims: Vec<String>,
}

fn default_skew() -> Span {
    Span::from_secs(60)
}
