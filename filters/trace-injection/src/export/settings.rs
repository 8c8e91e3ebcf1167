//! Where spans are sent, once it has been checked.

use portcullis_kit::export::{Carrier, Destination, Resource, Settings};
use portcullis_kit::{ConfigError, Size, Span};
use portcullis_proto::trace::{METHOD, SERVICE};

use crate::config::{ExportConfig, Protocol, ResourceConfig};

/// For how long a batch is sent again and again.
const PATIENCE: Span = Span::from_secs(300);
const PATH: &str = "/v1/traces";

/// A validated [`ExportConfig`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Export {
    pub(crate) settings: Settings,
    pub(super) protocol: Protocol,
    pub(super) resource: Resource,
}

impl TryFrom<ExportConfig> for Export {
    type Error = ConfigError;

    fn try_from(config: ExportConfig) -> Result<Self, ConfigError> {
        let ResourceConfig { service_name, attributes } = config.resource;
        let resource = Resource::new(service_name, attributes).map_err(|error| error.under("resource"))?;
        let carrier = match config.protocol {
            Protocol::Grpc => Carrier::Grpc { service: SERVICE, method: METHOD },
            Protocol::HttpProtobuf => Carrier::Http { content_type: "application/x-protobuf", path: PATH },
            Protocol::HttpJson => Carrier::Http { content_type: "application/json", path: PATH },
        };
        let destination = Destination {
            cluster: config.cluster,
            authority: config.authority,
            carrier,
            path: config.path,
            headers: config.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            timeout: config.timeout,
            delay: config.delay,
            batch: config.batch,
            batch_bytes: Size::from_kib(1 << 10),
            queue: config.queue,
            queue_bytes: Size::from_kib(32 << 10),
            patience: Some(PATIENCE),
            compression: false,
        };
        Ok(Self { settings: Settings::try_from(destination)?, protocol: config.protocol, resource })
    }
}
