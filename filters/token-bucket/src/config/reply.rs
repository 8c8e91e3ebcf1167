use std::collections::BTreeMap;

use portcullis_kit::ReplyFormat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a denied client is told.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReplyConfig {
    /// The HTTP status, 400 to 599.
    pub(crate) status: u16,
    /// The status of gRPC.
    pub(crate) grpc_status: GrpcCode,
    /// The form of the body.
    pub(crate) format: ReplyFormat,
    /// Further headers of every denial.
    pub(crate) headers: BTreeMap<String, String>,
    /// Where `RateLimit` and `RateLimit-Policy` are shown (draft-ietf-httpapi-ratelimit-headers-10).
    pub(crate) ratelimit: Shown,
    /// Where `x-ratelimit-limit`, `-remaining` and `-reset` are shown (draft 03, as Envoy writes them).
    pub(crate) x_ratelimit: Shown,
}

impl Default for ReplyConfig {
    fn default() -> Self {
        Self {
            status: 429,
            grpc_status: GrpcCode::ResourceExhausted,
            format: ReplyFormat::default(),
            headers: BTreeMap::new(),
            ratelimit: Shown::Denied,
            x_ratelimit: Shown::Never,
        }
    }
}

/// Which responses have a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shown {
    /// None.
    Never,
    /// Denials.
    Denied,
    /// All.
    Always,
}

/// What gRPC calls a limit that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GrpcCode {
    /// 8.
    ResourceExhausted,
    /// 14, as Envoy has it unless told otherwise; clients may retry it.
    Unavailable,
}
