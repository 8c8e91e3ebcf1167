//! OTLP as JSON: protobuf's JSON, but with ids in hexadecimal and enumerations as numbers.

use portcullis_proto::trace::any_value::Value as Any;
use portcullis_proto::trace::span::{Event, Link};
use portcullis_proto::trace::{ExportTraceServiceRequest, KeyValue, ResourceSpans, ScopeSpans, Span};
use serde_json::{Value, json};

pub(super) fn request(request: &ExportTraceServiceRequest) -> Vec<u8> {
    json!({"resourceSpans": list(&request.resource_spans, resource_spans)}).to_string().into_bytes()
}

fn resource_spans(of: &ResourceSpans) -> Value {
    let resource =
        of.resource.as_ref().map(|resource| json!({"attributes": list(&resource.attributes, attribute)}));
    json!({
        "resource": resource,
        "scopeSpans": list(&of.scope_spans, scope_spans),
        "schemaUrl": of.schema_url,
    })
}

fn scope_spans(of: &ScopeSpans) -> Value {
    let scope = of.scope.as_ref().map(|scope| json!({"name": scope.name, "version": scope.version}));
    json!({"scope": scope, "spans": list(&of.spans, span), "schemaUrl": of.schema_url})
}

fn span(span: &Span) -> Value {
    json!({
        "traceId": hex(&span.trace_id),
        "spanId": hex(&span.span_id),
        "traceState": span.trace_state,
        "parentSpanId": hex(&span.parent_span_id),
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano.to_string(),
        "endTimeUnixNano": span.end_time_unix_nano.to_string(),
        "attributes": list(&span.attributes, attribute),
        "events": list(&span.events, event),
        "links": list(&span.links, link),
        "status": span.status.as_ref().map_or_else(|| json!({}), |status| json!({"code": status.code})),
    })
}

fn event(event: &Event) -> Value {
    json!({
        "timeUnixNano": event.time_unix_nano.to_string(),
        "name": event.name,
        "attributes": list(&event.attributes, attribute),
    })
}

fn link(link: &Link) -> Value {
    json!({
        "traceId": hex(&link.trace_id),
        "spanId": hex(&link.span_id),
        "traceState": link.trace_state,
        "flags": link.flags,
    })
}

fn attribute(attribute: &KeyValue) -> Value {
    let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
    json!({"key": attribute.key, "value": value.map(any)})
}

fn any(value: &Any) -> Value {
    match value {
        Any::StringValue(text) => json!({"stringValue": text}),
        Any::BoolValue(value) => json!({"boolValue": value}),
        Any::IntValue(number) => json!({"intValue": number.to_string()}),
        Any::DoubleValue(number) => json!({"doubleValue": number}),
        Any::ArrayValue(array) => {
            let values = array.values.iter().filter_map(|value| value.value.as_ref());
            json!({"arrayValue": {"values": values.map(any).collect::<Vec<_>>()}})
        }
    }
}

fn list<T>(items: &[T], shown: impl Fn(&T) -> Value) -> Vec<Value> {
    items.iter().map(shown).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
