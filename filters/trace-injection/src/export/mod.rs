//! Spans as a collector takes them, by OTLP.

mod settings;

use portcullis_kit::Host;
use portcullis_kit::export::{Exporter, Partial, Payload};
use portcullis_proto::common::{InstrumentationScope, Resource};
use portcullis_proto::json;
use portcullis_proto::trace::{
    ExportTraceServiceRequest, ExportTraceServiceResponse, ResourceSpans, ScopeSpans, Span,
};
use prost::Message;

use crate::attribute::string;
use crate::config::Protocol;
pub(crate) use settings::Export;

/// The conventions that the attributes keep to.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.44.0";

/// The spans of a worker.
#[derive(Debug)]
pub(crate) struct Spans {
    protocol: Protocol,
    resource: Resource,
}

/// One that sends spans there.
pub(crate) fn exporter(export: &Export, host: &mut dyn Host) -> Exporter<Spans> {
    let attributes = export.resource.attributes(host);
    let attributes = attributes.iter().map(|(key, value)| string(key, value)).collect();
    let spans = Spans { protocol: export.protocol, resource: Resource { attributes } };
    Exporter::new(export.settings.clone(), spans)
}

impl Payload for Spans {
    type Item = Span;
    /// A span is known by its id to its backend, and to nobody else.
    type Mark = std::convert::Infallible;

    const WHO: &'static str = "trace-injection: the collector";
    const ITEMS: &'static str = "spans";

    fn size(&self, span: &Span) -> usize {
        span.encoded_len()
    }

    fn encode(&mut self, spans: Vec<Span>) -> Vec<u8> {
        let scope = InstrumentationScope {
            name: "portcullis".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, schema_url: SCHEMA.to_owned() }];
        let resource = Some(self.resource.clone());
        let schema_url = SCHEMA.to_owned();
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url }],
        };
        match self.protocol {
            Protocol::Grpc | Protocol::HttpProtobuf => request.encode_to_vec(),
            Protocol::HttpJson => json::trace(&request),
        }
    }

    /// A collector that says it has taken a batch has taken it, whatever else it says.
    fn partial(&self, body: &[u8]) -> Partial {
        if self.protocol == Protocol::HttpJson {
            return Partial::of_json(body, "rejectedSpans");
        }
        let said =
            ExportTraceServiceResponse::decode(body).ok().and_then(|response| response.partial_success);
        said.map(|said| Partial::new(said.rejected_spans, &said.error_message)).unwrap_or_default()
    }
}
