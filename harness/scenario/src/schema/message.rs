use std::collections::BTreeMap;

use portcullis_kit::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// Headers, trailers or metadata, by name.
pub type Fields = BTreeMap<String, OneOrMany>;

/// A request.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestFile {
    /// The protocol. Left out: HTTP/1.1.
    pub protocol: Option<ProtocolName>,
    /// The worker thread that gets it. Left out: any. A real Envoy does not let anybody choose.
    pub worker: Option<u32>,
    /// The method. Left out: GET.
    pub method: Option<String>,
    /// Path and query. Left out: `/`.
    pub path: Option<String>,
    /// The host. Left out: `example.com`.
    pub host: Option<String>,
    /// Headers.
    #[serde(default)]
    pub headers: Fields,
    /// The body, whole or in pieces.
    pub body: Option<OneOrMany>,
    /// Trailers.
    pub trailers: Option<Fields>,
    /// The client goes away when it has waited so long for the answer. Left out: five seconds later than the upstream answers.
    pub leaves_after: Option<Span>,
}

/// What a server does with a request: it answers as `status`, `headers`, `body` and `trailers` say, or as `grpc` says, or
/// there is a `fault`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerFile {
    /// How long it takes for it. Left out: no time.
    pub after: Option<Span>,
    /// The status. Left out: 200.
    pub status: Option<u16>,
    /// Headers.
    #[serde(default)]
    pub headers: Fields,
    /// The body, whole or in pieces.
    pub body: Option<OneOrMany>,
    /// Trailers.
    pub trailers: Option<Fields>,
    /// It answers a gRPC call.
    pub grpc: Option<GrpcFile>,
    /// It does not answer, or not to the end.
    pub fault: Option<FaultName>,
}

/// The answer to a gRPC call.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrpcFile {
    /// Initial metadata.
    #[serde(default)]
    pub initial_metadata: Fields,
    /// Messages, without their frames.
    #[serde(default)]
    pub messages: Vec<Bytes>,
    /// The status. Left out: 0, OK.
    #[serde(default)]
    pub status: u32,
    /// `grpc-message`.
    #[serde(default)]
    pub message: String,
    /// Trailing metadata.
    #[serde(default)]
    pub trailing_metadata: Fields,
}

/// A way not to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultName {
    /// The request is kept and never answered.
    Timeout,
    /// The connection is closed instead of an answer.
    Reset,
    /// The connection is closed after the headers and the body that are given beside this.
    ResetMidBody,
    /// The answer is no HTTP.
    Malformed,
}

/// A protocol between client and proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProtocolName {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2.
    Http2,
}

/// A value, or several for a header that is repeated or a body in pieces.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a text (put a number in quotes), {hex: ff00}, {repeat: a, times: 9}, or a list of these"
)]
pub enum OneOrMany {
    /// One.
    One(Bytes),
    /// Several, in order.
    Many(Vec<Bytes>),
}

/// Bytes, as text or in a form that text cannot have.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a text (put a number in quotes), {hex: ff00} or {repeat: a, times: 9}"
)]
pub enum Bytes {
    /// UTF-8.
    Text(String),
    /// Any bytes: `{hex: ff00}`.
    Hex {
        /// Two digits per byte.
        hex: String,
    },
    /// A long text: `{repeat: a, times: 70000}`.
    Repeat {
        /// The text.
        repeat: String,
        /// How often.
        times: usize,
    },
}
