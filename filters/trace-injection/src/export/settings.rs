//! Where spans are sent, once it has been checked.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_kit::{ConfigError, Span, cluster_authority, is_further_header};

use crate::config::{ExportConfig, ExportHeaderConfig, Protocol, ResourceConfig};

/// A validated [`ExportConfig`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(super) cluster: String,
    pub(super) protocol: Protocol,
    pub(super) authority: String,
    pub(super) path: String,
    further: Vec<(String, String)>,
    pub(super) timeout: Duration,
    pub(crate) delay: Duration,
    pub(super) batch: usize,
    pub(super) queue: usize,
    pub(super) service_name: Option<String>,
    pub(super) attributes: BTreeMap<String, String>,
}

/// Who sends it, as OTLP wants it.
const USER_AGENT: &[u8] = concat!("portcullis/", env!("CARGO_PKG_VERSION")).as_bytes();

impl Settings {
    /// Those of each request.
    pub(super) fn headers(&self) -> Vec<(&str, &[u8])> {
        let kind = match self.protocol {
            Protocol::HttpJson => "application/json",
            Protocol::Grpc | Protocol::HttpProtobuf => "application/x-protobuf",
        };
        let further = self.further.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let ours = [("content-type", kind.as_bytes()), ("user-agent", USER_AGENT)];
        ours.into_iter().chain(further).collect()
    }
}

impl TryFrom<ExportConfig> for Settings {
    type Error = ConfigError;

    fn try_from(config: ExportConfig) -> Result<Self, ConfigError> {
        if config.cluster.is_empty() {
            return Err(ConfigError::at("cluster", "empty; write its name"));
        }
        let is_grpc = config.protocol == Protocol::Grpc;
        if is_grpc && config.path.is_some() {
            return Err(ConfigError::at(
                "path",
                "gRPC has one of its own; leave it out, or write protocol: http_protobuf",
            ));
        }
        if is_grpc && !config.headers.is_empty() {
            return Err(ConfigError::at(
                "headers",
                "a plugin sends none over gRPC; leave them out, or write protocol: http_protobuf",
            ));
        }
        let path = config.path.unwrap_or_else(|| "/v1/traces".to_owned());
        if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError::at(
                "path",
                format!("{path:?} is no path; write one such as /v1/traces"),
            ));
        }
        let further = headers(config.headers)?;
        let ResourceConfig { service_name, attributes } = config.resource;
        if service_name.as_deref() == Some("") {
            return Err(ConfigError::at("resource.service_name", "empty; write a name or leave it out"));
        }
        if let Some(key) = attributes.keys().find(|key| key.is_empty() || *key == "service.name") {
            let problem =
                format!("{key:?}; write a name such as deployment.environment.name, or service_name");
            return Err(ConfigError::at("resource.attributes", problem));
        }
        if config.batch == 0 || config.batch > 8192 {
            return Err(ConfigError::at("batch", format!("{}; write from 1 to 8192", config.batch)));
        }
        if config.queue < config.batch || config.queue > 65_536 {
            return Err(ConfigError::at(
                "queue",
                format!("{}; write from batch, which is {}, to 65536", config.queue, config.batch),
            ));
        }
        Ok(Self {
            authority: cluster_authority(config.authority, &config.cluster)?,
            cluster: config.cluster,
            protocol: config.protocol,
            path,
            further,
            timeout: within("timeout", config.timeout, Duration::from_millis(10), Duration::from_secs(120))?,
            delay: within("delay", config.delay, Duration::from_millis(100), Duration::from_secs(60))?,
            batch: config.batch as usize,
            queue: config.queue as usize,
            service_name,
            attributes,
        })
    }
}

fn headers(headers: Vec<ExportHeaderConfig>) -> Result<Vec<(String, String)>, ConfigError> {
    let checked = headers.into_iter().enumerate().map(|(index, header)| {
        let name = header.name.to_ascii_lowercase();
        let at = |member: &str, problem: String| {
            Err(ConfigError::at(format!("headers[{index}].{member}"), problem))
        };
        if !is_further_header(&name, &["host", "user-agent"]) {
            return at("name", format!("{name:?} is not a header for this; write one such as x-api-key"));
        }
        // It may be a secret.
        match header.value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            true => Ok((name, header.value)),
            false => at("value", "not in printable ASCII; write it so".to_owned()),
        }
    });
    checked.collect()
}

fn within(member: &str, span: Span, least: Duration, most: Duration) -> Result<Duration, ConfigError> {
    match (least..=most).contains(&span.0) {
        true => Ok(span.0),
        false => {
            Err(ConfigError::at(member, format!("{span}; write from {} to {}", Span(least), Span(most))))
        }
    }
}
