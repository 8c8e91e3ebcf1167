use std::collections::BTreeMap;

use portcullis_kit::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{AnswerFile, Bytes, Expectation, RequestFile};

/// One step: a request or several at once, a TCP connection, time that passes, or only a look at what has come of all that.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepFile {
    /// What the step shows.
    pub name: Option<String>,
    /// A request to send.
    pub request: Option<RequestFile>,
    /// What the upstream does with it. Left out: status 200 without a body.
    pub upstream: Option<AnswerFile>,
    /// Requests to send at the same time, each over a connection of its own.
    #[serde(default)]
    pub concurrent: Vec<SentFile>,
    /// What the two ends of a TCP connection do, in order. After the last of it both ends close.
    #[serde(default)]
    pub tcp: Vec<SaidFile>,
    /// The worker thread that gets the TCP connection. Left out: any.
    pub worker: Option<u32>,
    /// Time to let pass.
    pub advance: Option<Span>,
    /// What must hold afterwards.
    #[serde(default)]
    pub expect: Expectation,
    /// The step is played once for each of these.
    #[serde(default)]
    pub cases: Vec<CaseFile>,
}

/// One row of a table: a step with variables of its own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// What it shows.
    pub name: Option<String>,
    /// Variables, over those of the scenario.
    #[serde(default)]
    pub vars: BTreeMap<String, Value>,
    /// In place of the step's `request`.
    pub request: Option<RequestFile>,
    /// In place of the step's `upstream`.
    pub upstream: Option<AnswerFile>,
    /// In place of the step's `expect`.
    pub expect: Option<Expectation>,
}

/// One of several requests that are sent at the same time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SentFile {
    /// What it shows.
    pub name: Option<String>,
    /// The request.
    pub request: RequestFile,
    /// What the upstream does with it. Left out: status 200 without a body.
    pub upstream: Option<AnswerFile>,
    /// What must hold of this exchange.
    #[serde(default)]
    pub expect: Expectation,
}

/// One thing that an end of a TCP connection does.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SaidFile {
    /// The client sends this.
    Client(Bytes),
    /// The upstream sends this.
    Upstream(Bytes),
    /// An end closes.
    Close(EndName),
}

/// An end of a TCP connection.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndName {
    /// Before the proxy.
    Client,
    /// Behind the proxy.
    Upstream,
}
