use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// What must hold after a step; what is left out may be anything.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The status that the client gets.
    pub status: Option<StatusExpectation>,
    /// The client gets no response: the stream is reset, or still paused.
    #[serde(default)]
    pub no_response: bool,
    /// Envoy's `response_code_details`: `via_upstream`, or the code of a denial.
    pub details: Option<TextExpectation>,
    /// Headers that the client gets; a repeated header is compared as one value joined by `, `.
    #[serde(default)]
    pub headers: BTreeMap<String, TextExpectation>,
    /// The body that the client gets.
    pub body: Option<TextExpectation>,
    /// Trailers that the client gets.
    #[serde(default)]
    pub trailers: BTreeMap<String, TextExpectation>,
    /// What the upstream gets.
    pub upstream: Option<UpstreamExpectation>,
    /// Of a TCP connection: what the upstream gets, whole.
    pub to_upstream: Option<TextExpectation>,
    /// Of a TCP connection: what the client gets, whole.
    pub to_client: Option<TextExpectation>,
    /// Of a TCP connection: whether the proxy closes it before either end does.
    pub closed_by_proxy: Option<bool>,
    /// Counters and gauges since the plugin was loaded.
    #[serde(default)]
    pub metrics: BTreeMap<String, u64>,
    /// Lines that the plugin has logged since it was loaded, in any order, among others.
    #[serde(default)]
    pub logs: Vec<LogExpectation>,
    /// Exactly the lines that the plugins have logged since the previous step, in order. What they logged at the start is
    /// seen only by a first step that does nothing itself.
    pub log: Option<Vec<LogExpectation>>,
    /// Exactly the requests that the plugins have sent to clusters since the previous step, in order; as with `log` for those
    /// sent at the start.
    pub call_outs: Option<Vec<CallOutExpectation>>,
    /// A file, relative to this one, that holds all of the step as text: what client and upstream get, and what is logged and
    /// sent to clusters since the previous step. `BLESS=1` in the environment writes it.
    pub golden: Option<String>,
}

/// A status, or the variable that has it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a number from 0 to 65535, or \"${variable}\"")]
pub enum StatusExpectation {
    /// This.
    Is(u16),
    /// That of a variable: `"${status}"`.
    Variable(String),
}

/// What the upstream gets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamExpectation {
    /// Whether the request gets there at all. Left out: yes.
    pub called: Option<bool>,
    /// Headers, `:path` and `:authority` among them.
    #[serde(default)]
    pub headers: BTreeMap<String, TextExpectation>,
    /// The body.
    pub body: Option<TextExpectation>,
    /// Trailers.
    #[serde(default)]
    pub trailers: BTreeMap<String, TextExpectation>,
}

/// A request that a cluster gets from a plugin.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallOutExpectation {
    /// The cluster.
    pub cluster: Option<String>,
    /// Headers, `:method`, `:path` and `:authority` among them.
    #[serde(default)]
    pub headers: BTreeMap<String, TextExpectation>,
    /// The body; that of a gRPC call with its frames.
    pub body: Option<TextExpectation>,
    /// Trailers.
    #[serde(default)]
    pub trailers: BTreeMap<String, TextExpectation>,
}

/// A line of the log: its text, or its level and text.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a text, {level: .., message: ..}, {contains: ..}, {json: ..}, {json_path: ..} or {regex: ..}"
)]
pub enum LogExpectation {
    /// Level and text.
    Line(LineExpectation),
    /// The text, at any level.
    Message(TextExpectation),
}

/// A line of the log.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineExpectation {
    /// The level: `error`, `warn`, `info`, `debug`, `trace`.
    pub level: Option<String>,
    /// The text.
    pub message: TextExpectation,
}

/// How a text must be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a text (put a number in quotes), {absent: true}, {contains: ..}, {json: ..}, {json_path: ..} or {regex: ..}"
)]
pub enum TextExpectation {
    /// Equal.
    Exact(String),
    /// One of the other ways.
    Matching(Matching),
}

/// Ways in which a text can match other than being equal.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Matching {
    /// It is not there at all: `{absent: true}`. False: it is there.
    Absent(bool),
    /// It holds this text.
    Contains(String),
    /// It is JSON with this value.
    Json(Value),
    /// It is JSON with these values at these places (RFC 6901): `{json_path: {"/a/0": 1}}`.
    JsonPath(BTreeMap<String, Value>),
    /// This expression matches somewhere in it.
    Regex(String),
}
