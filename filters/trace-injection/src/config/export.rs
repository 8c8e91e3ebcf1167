//! Where spans are sent.

use portcullis_kit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where spans are sent, by OTLP.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportConfig {
    /// Envoy's name of the cluster of the collector.
    pub(crate) cluster: String,
    /// How it is spoken to.
    #[serde(default)]
    pub(crate) protocol: Protocol,
    /// The host that it knows itself by; left out, the cluster's name, or in Istio the host in it.
    pub(crate) authority: Option<String>,
    /// The path over HTTP; left out, `/v1/traces`.
    pub(crate) path: Option<String>,
    /// Further headers over HTTP, such as a key.
    #[serde(default)]
    pub(crate) headers: Vec<ExportHeaderConfig>,
    /// How long the collector may take.
    #[serde(default = "timeout")]
    pub(crate) timeout: Span,
    /// How long a span waits for others, at most.
    #[serde(default = "delay")]
    pub(crate) delay: Span,
    /// How many spans are sent at once, at most; as many are sent without waiting.
    #[serde(default = "batch")]
    pub(crate) batch: u32,
    /// How many spans each worker keeps, at most, those included that are under way; what comes on top is dropped and counted.
    #[serde(default = "queue")]
    pub(crate) queue: u32,
    /// Who the spans are from.
    #[serde(default)]
    pub(crate) resource: ResourceConfig,
}

/// A header of the export.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportHeaderConfig {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
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

/// Who the spans are from. What Envoy knows of itself, in Istio also the pod, its namespace and what it belongs to, is added.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResourceConfig {
    /// `service.name`; left out, the cluster of Envoy's node, which Istio sets to the name of the workload.
    pub(crate) service_name: Option<String>,
    /// Further attributes; they win over what Envoy knows.
    #[serde(default)]
    pub(crate) attributes: std::collections::BTreeMap<String, String>,
}

fn timeout() -> Span {
    Span::from_secs(30)
}

fn delay() -> Span {
    Span::from_secs(5)
}

fn batch() -> u32 {
    512
}

fn queue() -> u32 {
    2048
}
