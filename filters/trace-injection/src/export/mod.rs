//! Spans as a collector takes them, by OTLP.

mod settings;

use portcullis_kit::Host;
use portcullis_kit::export::{Exporter, Partial, Payload};
use portcullis_proto::common::{InstrumentationScope, Resource};
use portcullis_proto::json;
use portcullis_proto::trace::{
    ExportTraceServiceRequest, ExportTraceServiceResponse, ResourceSpans, ScopeSpans, Span,
};
use portcullis_proto::wire::{bytes, field_len};
use prost::Message;

use crate::attribute::string;
use crate::config::Protocol;
pub(crate) use settings::Export;

/// The conventions that the attributes keep to.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.44.0";

/// The fields of the messages in which spans are: `ExportTraceServiceRequest.resource_spans`, `ResourceSpans.scope_spans` and
/// `ScopeSpans.spans`.
const RESOURCE_SPANS: u8 = 1;
const SCOPE_SPANS: u8 = 2;
const SPANS: u8 = 2;

/// The spans of a worker.
#[derive(Debug)]
pub(crate) struct Spans {
    protocol: Protocol,
    /// The messages without the spans: of the scope that they are from, and of the resource.
    scope: ScopeSpans,
    resource: ResourceSpans,
}

/// One that sends spans there.
pub(crate) fn exporter(export: &Export, host: &mut dyn Host) -> Exporter<Spans> {
    let attributes = export.resource.attributes(host);
    let attributes = attributes.iter().map(|(key, value)| string(key, value)).collect();
    let schema_url = SCHEMA.to_owned();
    let scope =
        InstrumentationScope { name: "portcullis".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let scope = ScopeSpans { scope: Some(scope), schema_url: schema_url.clone(), ..ScopeSpans::default() };
    let resource = Some(Resource { attributes });
    let resource = ResourceSpans { resource, schema_url, ..ResourceSpans::default() };
    Exporter::new(export.settings.clone(), Spans { protocol: export.protocol, scope, resource })
}

impl Payload for Spans {
    /// A message of OTLP.
    type Item = Vec<u8>;
    /// A span is known by its id to its backend, and to nobody else.
    type Mark = std::convert::Infallible;

    const WHO: &'static str = "trace-injection: the collector";
    const ITEMS: &'static str = "spans";

    fn size(&self, span: &Vec<u8>) -> usize {
        span.len()
    }

    fn encode(&mut self, spans: Vec<Vec<u8>>) -> Vec<u8> {
        match self.protocol {
            Protocol::Grpc | Protocol::HttpProtobuf => self.message(&spans),
            Protocol::HttpJson => self.json(&spans),
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

impl Spans {
    fn message(&self, spans: &[Vec<u8>]) -> Vec<u8> {
        let mut scope = self.scope.encode_to_vec();
        scope.reserve(spans.iter().map(|span| field_len(span.len())).sum());
        spans.iter().for_each(|span| bytes(SPANS, span, &mut scope));
        let mut resource = self.resource.encode_to_vec();
        bytes(SCOPE_SPANS, &scope, &mut resource);
        let mut request = Vec::new();
        bytes(RESOURCE_SPANS, &resource, &mut request);
        request
    }

    fn json(&self, spans: &[Vec<u8>]) -> Vec<u8> {
        // They are our own, and none fails.
        let spans = spans.iter().filter_map(|span| Span::decode(span.as_slice()).ok()).collect();
        let scope_spans = vec![ScopeSpans { spans, ..self.scope.clone() }];
        let resource_spans = vec![ResourceSpans { scope_spans, ..self.resource.clone() }];
        json::trace(&ExportTraceServiceRequest { resource_spans })
    }
}
