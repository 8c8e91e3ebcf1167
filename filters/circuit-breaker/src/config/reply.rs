use std::collections::BTreeMap;

use portcullis_kit::ReplyFormat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a client is told whom no fallback has served: 503, or UNAVAILABLE in gRPC, with `retry-after`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReplyConfig {
    /// The form of the body.
    pub(crate) format: ReplyFormat,
    /// Further headers.
    pub(crate) headers: BTreeMap<String, String>,
}

/// A response header that names the breaker and its state: `orders;state=open`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateHeaderConfig {
    /// The name of the header.
    pub(crate) name: String,
    /// Which responses have it.
    #[serde(default)]
    pub(crate) on: Shown,
}

/// Which responses have the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shown {
    /// Those to requests that did not pass.
    #[default]
    Denied,
    /// All to requests under a breaker.
    Always,
}
