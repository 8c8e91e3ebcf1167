use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a request needs to pass.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Requirement {
    /// No token; one that is there is not looked at.
    None,
    /// Nobody passes.
    Deny,
    /// A token of this provider.
    Provider(String),
    /// A token of this provider for other audiences than the provider's.
    ProviderAndAudiences(ProviderAndAudiences),
    /// One of these, the first that is met. All providers named directly look for one token together: two are one too many.
    Any(Vec<Self>),
    /// Each of these; every provider looks for its own token.
    All(Vec<Self>),
    /// A token may be missing; one that is there must be right. By itself it is for the tokens of all providers, in `any` for
    /// those named beside it.
    AllowMissing,
    /// A token may be missing or wrong; a right one counts. Nobody is kept out: for services that decide by themselves.
    AllowMissingOrFailed,
    /// The claims of a token are handed on unchecked, for a service that checks them itself. Nobody is kept out.
    ExtractOnly(ExtractOnly),
    /// One of `requirements`.
    Named(String),
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderAndAudiences {
    /// The provider.
    pub(crate) provider: String,
    /// A token has to name one of these in `aud`, instead of the provider's.
    pub(crate) audiences: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtractOnly {
    /// The provider whose places, claim headers and outputs are used.
    pub(crate) provider: String,
    /// The header that says `false` to whoever takes the claims for checked.
    #[serde(default = "default_status_header")]
    pub(crate) status_header: String,
}

fn default_status_header() -> String {
    "x-jwt-signature-verified".into()
}
