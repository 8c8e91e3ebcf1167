//! The scenario file as it is written.

use std::collections::BTreeMap;

use portcullis_kit::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

/// One scenario: a plugin, its configuration, and what happens to it, step by step.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioFile {
    /// What the scenario shows, in one sentence.
    pub name: String,
    /// The filter: `jwt-auth` runs natively, as `dist/jwt-auth.wasm`, and as that module in Envoy.
    pub filter: Option<String>,
    /// A module of your own instead, relative to this file; it has no native target.
    pub module: Option<String>,
    /// The time at the start, RFC 3339 in UTC: `2026-01-01T00:00:00Z`. Left out: the real time. Only simulated targets can
    /// set their clock; elsewhere a scenario with one is not run.
    pub clock: Option<String>,
    /// Files of variables, relative to this one: a YAML map from a name to any value.
    #[serde(default)]
    pub include: Vec<String>,
    /// Variables. `${name}` in a text stands for its text; a text that is only `${name}` stands for its value.
    #[serde(default)]
    pub vars: BTreeMap<String, Value>,
    /// The plugin's configuration; passed to it as JSON.
    pub config: Option<Value>,
    /// The plugin's configuration, byte for byte, instead of `config`.
    pub config_text: Option<String>,
    /// The plugin must refuse its configuration, and log a line that matches.
    pub config_error: Option<TextExpectation>,
    /// What happens, in order.
    #[serde(default)]
    #[schemars(with = "Vec<StepFile>")]
    pub steps: Vec<Spanned<StepFile>>,
}

/// One step: a request, time that passes, or a look at the metrics and logs so far.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepFile {
    /// What the step shows.
    pub name: Option<String>,
    /// A request to send.
    pub request: Option<RequestFile>,
    /// What the upstream answers to it. Left out: status 200 without a body.
    pub upstream: Option<ResponseFile>,
    /// Time to let pass.
    pub advance: Option<Span>,
    /// What must hold afterwards.
    #[serde(default)]
    pub expect: Expectation,
}

/// A request.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestFile {
    /// The protocol. Left out: HTTP/1.1.
    #[serde(default)]
    pub protocol: ProtocolName,
    /// The method. Left out: GET.
    pub method: Option<String>,
    /// Path and query. Left out: `/`.
    pub path: Option<String>,
    /// The host. Left out: `example.com`.
    pub host: Option<String>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, OneOrMany>,
    /// The body, whole or in pieces.
    pub body: Option<OneOrMany>,
    /// Trailers.
    pub trailers: Option<BTreeMap<String, OneOrMany>>,
}

/// A response of the upstream.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseFile {
    /// The status. Left out: 200.
    pub status: Option<u16>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, OneOrMany>,
    /// The body, whole or in pieces.
    pub body: Option<OneOrMany>,
    /// Trailers.
    pub trailers: Option<BTreeMap<String, OneOrMany>>,
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

/// What must hold after a step; what is left out may be anything.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The status that the client gets.
    pub status: Option<u16>,
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
    /// Counters and gauges since the plugin was loaded.
    #[serde(default)]
    pub metrics: BTreeMap<String, u64>,
    /// Lines that the plugin has logged since it was loaded, in any order.
    #[serde(default)]
    pub logs: Vec<LogExpectation>,
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

/// A line of the log.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogExpectation {
    /// The level: `error`, `warn`, `info`, `debug`, `trace`.
    pub level: Option<String>,
    /// The text.
    pub message: TextExpectation,
}

/// How a text must be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a text (put a number in quotes), {absent: true}, {contains: ..}, {json: ..} or {regex: ..}"
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
    /// This expression matches somewhere in it.
    Regex(String),
}
