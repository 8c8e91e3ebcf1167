//! What is shown of a request, and who it is from.

use portcullis_kit::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which values are shown. Of all others there is the name.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ShowConfig {
    /// Request headers, any case.
    pub(crate) request_headers: Vec<String>,
    /// Response headers and trailers, any case.
    pub(crate) response_headers: Vec<String>,
    /// Cookies, those that are set included.
    pub(crate) cookies: Vec<String>,
    /// Parameters of the query.
    pub(crate) query: Vec<String>,
    /// Fields of forms, where bodies are recorded.
    pub(crate) form: Vec<String>,
    /// Members of JSON, where bodies are recorded, `*` for all members or items: `[["order", "items", "*", "sku"]]`.
    pub(crate) json: Vec<Vec<String>>,
    /// Paths with secrets in their segments: the first that fits counts.
    pub(crate) paths: Vec<PathConfig>,
    /// What stands for a value that is not shown.
    pub(crate) hidden: Hidden,
    /// The key for `keyed`: at least 16 bytes in base64.
    pub(crate) key: Option<String>,
}

impl Default for ShowConfig {
    fn default() -> Self {
        Self {
            request_headers: ["accept", "content-length", "content-type", "user-agent"]
                .map(str::to_owned)
                .into(),
            response_headers: ["content-length", "content-type"].map(str::to_owned).into(),
            cookies: Vec::new(),
            query: Vec::new(),
            form: Vec::new(),
            json: Vec::new(),
            paths: Vec::new(),
            hidden: Hidden::NameOnly,
            key: None,
        }
    }
}

/// A path with secrets in it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PathConfig {
    /// Its form: `/reset/{token}`, or `/files/**`. What stands in braces is hidden, and so is what `**` stands for.
    pub(crate) template: String,
    /// Which of the names in braces are shown.
    #[serde(default)]
    pub(crate) show: Vec<String>,
}

/// What stands for a value that is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hidden {
    /// `[redacted]`.
    NameOnly,
    /// The same, but the scheme of credentials is shown: `Bearer [redacted]`.
    Masked,
    /// A part of its HMAC-SHA-256, by which equal values are found.
    Keyed,
}

/// Who a request is from, by tokens that jwt-auth has verified. The client's certificate needs no configuration.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IdentityConfig {
    /// Names of filter states: the `filter_state.payload` of providers in jwt-auth. The first that is there counts.
    pub(crate) tokens: Vec<String>,
    /// The `filter_state.failure` of providers in jwt-auth: what would have denied a request that passed nevertheless.
    pub(crate) failures: Vec<String>,
    /// Where the subject is in the payload.
    pub(crate) subject: Vec<String>,
    /// Where the tenant is, as in `[org, id]`; left out, there is none.
    pub(crate) tenant: Option<Vec<String>>,
    /// Where the client is that the token was issued to; left out, `azp` or `client_id`.
    pub(crate) client: Option<Vec<String>>,
    /// Where the session is.
    pub(crate) session: Vec<String>,
    /// Further claims that are recorded.
    pub(crate) claims: Vec<Vec<String>>,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            tokens: Vec::new(),
            failures: Vec::new(),
            subject: vec!["sub".to_owned()],
            tenant: None,
            client: None,
            session: vec!["sid".to_owned()],
            claims: Vec::new(),
        }
    }
}

/// Which bodies are recorded.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BodiesConfig {
    /// Of these types. Of JSON and of forms only what is shown can be read; others are recorded as they are.
    pub(crate) content_types: Vec<String>,
    /// So much of each body.
    pub(crate) max_size: Size,
    /// So much of all bodies that are on their way through a worker.
    pub(crate) max_held: Size,
}

impl Default for BodiesConfig {
    fn default() -> Self {
        Self {
            content_types: vec![
                "application/json".to_owned(),
                "application/x-www-form-urlencoded".to_owned(),
            ],
            max_size: Size::from_kib(4),
            max_held: Size::from_kib(8 << 10),
        }
    }
}
