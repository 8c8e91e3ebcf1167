use std::collections::BTreeMap;

use portcullis_kit::ReplyFormat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReplyConfig {
    /// The form of the body.
    pub(crate) format: ReplyFormat,
    /// The `realm` of the challenge (RFC 9110 section 11.5).
    pub(crate) realm: String,
    /// Where clients learn how to get a token: the `resource_metadata` of the challenge (RFC 9728 section 5.1).
    pub(crate) resource_metadata: Option<String>,
    /// Whether denials say nothing: no body and no challenge.
    pub(crate) bare: bool,
    /// Further headers of every denial.
    pub(crate) headers: BTreeMap<String, String>,
    /// Another answer for some denials, by code: `portcullis_jwt_missing`.
    pub(crate) overrides: BTreeMap<String, Override>,
}

/// Another answer for one denial; what is left out stays as it is.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Override {
    /// The HTTP status, 400 to 599.
    pub(crate) status: Option<u16>,
    /// The body as it is sent, `text/plain` unless `content_type` says otherwise.
    pub(crate) body: Option<String>,
    /// The `content-type` of `body`.
    pub(crate) content_type: Option<String>,
}

impl Default for ReplyConfig {
    fn default() -> Self {
        Self {
            format: ReplyFormat::default(),
            realm: "portcullis".into(),
            resource_metadata: None,
            bare: false,
            headers: BTreeMap::new(),
            overrides: BTreeMap::new(),
        }
    }
}
