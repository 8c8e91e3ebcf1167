//! Where records go, once it has been checked.

use portcullis_kit::export::{Carrier, Destination, Resource, Settings};
use portcullis_kit::{ConfigError, Size};
use portcullis_proto::logs;

use crate::config::{
    DeliveryConfig, FormatConfig, HeaderConfig, HttpConfig, OtlpConfig, Protocol, SinkConfig,
};

/// The longest batch, but for a record that is longer: servers of gRPC take 4 MiB.
const BATCH_BYTES: Size = Size::from_kib(1 << 10);
/// Between these the room for records is: the least is that for a few; they are longer for a collector.
const LEAST_QUEUE: Size = Size::from_kib(64);
const MOST_QUEUE: Size = Size::from_kib(256 << 10);
/// How many records a worker keeps at most, however short they are.
const MOST_RECORDS: u32 = 65_536;

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sink {
    /// To a server.
    Server(Box<(Settings, Packing)>),
    /// Into the proxy's log.
    Log,
}

/// How several records become one body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Lines,
    Array,
    /// By OTLP; in JSON or in protobuf.
    Otlp {
        resource: Resource,
        is_json: bool,
    },
}

impl Sink {
    pub(super) fn new(config: SinkConfig, delivery: &DeliveryConfig) -> Result<Self, ConfigError> {
        let least = match &config {
            SinkConfig::Otlp(otlp) if otlp.protocol == Protocol::HttpJson => Size(4 * LEAST_QUEUE.0),
            SinkConfig::Otlp(_) => Size(2 * LEAST_QUEUE.0),
            _ => LEAST_QUEUE,
        };
        if !(least..=MOST_QUEUE).contains(&delivery.queue) {
            let problem = format!("{}; write from {least} to {MOST_QUEUE}", delivery.queue);
            return Err(ConfigError::at("delivery.queue", problem));
        }
        let (member, destination, packing) = match config {
            SinkConfig::EnvoyLog(_) => return Ok(Self::Log),
            SinkConfig::Http(http) => ("sink.http", of_http(&http, delivery), packing(http.format)),
            SinkConfig::Otlp(otlp) => ("sink.otlp", of_otlp(&otlp, delivery), of_collector(otlp)?),
        };
        let settings = Settings::try_from(destination).map_err(|error| renamed(error, member))?;
        Ok(Self::Server(Box::new((settings, packing))))
    }
}

fn packing(format: FormatConfig) -> Packing {
    match format {
        FormatConfig::JsonLines => Packing::Lines,
        FormatConfig::JsonArray => Packing::Array,
    }
}

fn of_collector(config: OtlpConfig) -> Result<Packing, ConfigError> {
    let resource = Resource::new(config.service_name, config.attributes);
    let resource = resource.map_err(|error| error.under("sink.otlp"))?;
    Ok(Packing::Otlp { resource, is_json: config.protocol == Protocol::HttpJson })
}

fn of_http(config: &HttpConfig, delivery: &DeliveryConfig) -> Destination {
    let content_type = match config.format {
        FormatConfig::JsonLines => "application/x-ndjson",
        FormatConfig::JsonArray => "application/json",
    };
    Destination {
        cluster: config.cluster.clone(),
        authority: config.authority.clone(),
        carrier: Carrier::Http { content_type, path: "/" },
        path: Some(config.path.clone()),
        headers: headers(&config.headers),
        timeout: config.timeout,
        compression: config.compression,
        ..queue(delivery)
    }
}

fn of_otlp(config: &OtlpConfig, delivery: &DeliveryConfig) -> Destination {
    let carrier = match config.protocol {
        Protocol::Grpc => Carrier::Grpc { service: logs::SERVICE, method: logs::METHOD },
        Protocol::HttpProtobuf => Carrier::Http { content_type: "application/x-protobuf", path: "/v1/logs" },
        Protocol::HttpJson => Carrier::Http { content_type: "application/json", path: "/v1/logs" },
    };
    Destination {
        cluster: config.cluster.clone(),
        authority: config.authority.clone(),
        carrier,
        path: config.path.clone(),
        headers: headers(&config.headers),
        timeout: config.timeout,
        compression: config.compression,
        ..queue(delivery)
    }
}

/// What does not depend on who the server is. Records are kept until they are taken, or refused.
fn queue(delivery: &DeliveryConfig) -> Destination {
    Destination {
        cluster: String::new(),
        authority: None,
        carrier: Carrier::Http { content_type: "", path: "/" },
        path: None,
        headers: Vec::new(),
        timeout: delivery.delay,
        delay: delivery.delay,
        batch: delivery.batch,
        // A batch is full before the queue is.
        batch_bytes: BATCH_BYTES.min(Size(delivery.queue.0 / 4)),
        queue: MOST_RECORDS,
        queue_bytes: delivery.queue,
        patience: None,
        compression: false,
    }
}

fn headers(headers: &[HeaderConfig]) -> Vec<(String, String)> {
    headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect()
}

/// A mistake where it was made: what says how records are delivered stands elsewhere than what says where.
fn renamed(error: ConfigError, member: &str) -> ConfigError {
    match error.path.as_str() {
        "delay" | "batch" | "queue" => error.under("delivery"),
        "queue_bytes" => ConfigError::at("delivery.queue", error.problem),
        _ => error.under(member),
    }
}
