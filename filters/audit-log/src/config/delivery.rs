//! Where records go, and how.

use portcullis_kit::{Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where records go.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SinkConfig {
    /// To whoever takes JSON by `POST`.
    Http(HttpConfig),
    /// To a collector of OpenTelemetry.
    Otlp(OtlpConfig),
    /// Into Envoy's log, at the level `info`. Nobody says whether they have arrived there.
    EnvoyLog(EnvoyLogConfig),
}

/// Envoy's log.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvoyLogConfig {}

/// Whoever takes JSON by `POST`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpConfig {
    /// Envoy's name of its cluster.
    pub(crate) cluster: String,
    /// The path.
    pub(crate) path: String,
    /// The host that it knows itself by; left out, the cluster's name, or in Istio the host in it.
    pub(crate) authority: Option<String>,
    /// Further headers, such as a key.
    #[serde(default)]
    pub(crate) headers: Vec<HeaderConfig>,
    /// How several records become one body.
    #[serde(default)]
    pub(crate) format: FormatConfig,
    /// Whether bodies are compressed, where the proxy can do that (`content-encoding: deflate`).
    #[serde(default)]
    pub(crate) compression: bool,
    /// How long it may take.
    #[serde(default = "timeout")]
    pub(crate) timeout: Span,
}

/// How several records become one body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FormatConfig {
    /// One on each line (`application/x-ndjson`).
    #[default]
    JsonLines,
    /// A list of them (`application/json`).
    JsonArray,
}

/// A collector of OpenTelemetry.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OtlpConfig {
    /// Envoy's name of its cluster.
    pub(crate) cluster: String,
    /// How it is spoken to.
    #[serde(default)]
    pub(crate) protocol: Protocol,
    /// The host that it knows itself by; left out, the cluster's name, or in Istio the host in it.
    pub(crate) authority: Option<String>,
    /// The path over HTTP; left out, `/v1/logs`.
    pub(crate) path: Option<String>,
    /// Further headers over HTTP, such as a key.
    #[serde(default)]
    pub(crate) headers: Vec<HeaderConfig>,
    /// Whether bodies over HTTP are compressed, where the proxy can do that (`content-encoding: deflate`).
    #[serde(default)]
    pub(crate) compression: bool,
    /// How long it may take.
    #[serde(default = "timeout")]
    pub(crate) timeout: Span,
    /// `service.name`; left out, the cluster of Envoy's node, which Istio sets to the name of the workload.
    pub(crate) service_name: Option<String>,
    /// Further attributes of the resource; they win over what Envoy knows.
    #[serde(default)]
    pub(crate) attributes: std::collections::BTreeMap<String, String>,
}

/// How a collector is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Protocol {
    /// gRPC; the cluster has to speak HTTP/2.
    #[default]
    Grpc,
    /// Protobuf over HTTP.
    HttpProtobuf,
    /// JSON over HTTP.
    HttpJson,
}

/// A header of the requests to a sink.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderConfig {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
}

/// How records get to the sink.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DeliveryConfig {
    /// What happens where there is no room for a record.
    pub(crate) mode: Mode,
    /// For how long a request waits for room, where it does.
    pub(crate) wait: Span,
    /// How long a record waits for others, at most.
    pub(crate) delay: Span,
    /// How many records are sent at once, at most; as many are sent without waiting.
    pub(crate) batch: u32,
    /// What the records of each worker take up, at most, those included that are under way.
    pub(crate) queue: Size,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            mode: Mode::BestEffort,
            wait: Span(std::time::Duration::from_millis(200)),
            delay: Span::from_secs(1),
            batch: 512,
            queue: Size::from_kib(16 << 10),
        }
    }
}

/// What happens where there is no room for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// The request passes; that its record is lost is counted and recorded.
    BestEffort,
    /// The request waits for room for a while, then it passes likewise.
    BoundedBlock,
    /// The request is denied: nothing passes that is not recorded.
    Required,
}

fn timeout() -> Span {
    Span::from_secs(10)
}
