//! What spans say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What spans say. What HTTP and RPC conventions of OpenTelemetry require is always there.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpansConfig {
    /// What else; left out, `server.address`, `server.port`, `url.query` and `user_agent.original`.
    pub(crate) attributes: Option<Vec<Attribute>>,
    /// Paths of one form, for `http.route` and the name of the span: `/users/{id}`. Without one, the name is the method.
    #[serde(default)]
    pub(crate) routes: Vec<String>,
    /// Parameters of the query whose values are shown; of all others only the name is.
    #[serde(default)]
    pub(crate) query_values: Vec<String>,
    /// Request headers that become `http.request.header.NAME`; left out, `x-request-id`.
    pub(crate) request_headers: Option<Vec<String>>,
    /// Response headers that become `http.response.header.NAME`.
    #[serde(default)]
    pub(crate) response_headers: Vec<String>,
    /// Which answers of other filters of this suite become events.
    #[serde(default)]
    pub(crate) decisions: Decisions,
    /// Attributes under names of your own.
    #[serde(default)]
    pub(crate) extra: Vec<ExtraAttributeConfig>,
}

/// Which answers of other filters become events of the span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decisions {
    /// Denials.
    #[default]
    Denials,
    /// Also answers that are none, such as the fallbacks of circuit-breaker. It costs a hostcall for each span.
    All,
}

/// An attribute under a name of your own.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtraAttributeConfig {
    /// Its name.
    pub(crate) name: String,
    /// Where its value comes from.
    pub(crate) from: Origin,
}

/// Where the value of an attribute comes from.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// Always this.
    Value(String),
    /// An attribute of Envoy with text in it, such as `xds.route_name`; also a filter state, such as `wasm.NAME`. It is read when the request is
    /// over, and costs a hostcall for each span.
    Property(String),
}

/// An attribute of the HTTP conventions that is not required.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub(crate) enum Attribute {
    /// The client. It costs a hostcall for each span.
    #[serde(rename = "client.address")]
    ClientAddress,
    /// The version of HTTP. It costs a hostcall for each span.
    #[serde(rename = "network.protocol.version")]
    NetworkProtocolVersion,
    /// The host that was asked for.
    #[serde(rename = "server.address")]
    ServerAddress,
    /// The port that was asked for, where it was said.
    #[serde(rename = "server.port")]
    ServerPort,
    /// The query, its values hidden but those of `query_values`.
    #[serde(rename = "url.query")]
    UrlQuery,
    /// The client's software.
    #[serde(rename = "user_agent.original")]
    UserAgentOriginal,
}
