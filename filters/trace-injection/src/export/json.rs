//! OTLP as JSON: protobuf's JSON, but with ids in hexadecimal and enumerations as numbers.

use std::fmt;

use portcullis_proto::trace::any_value::Value;
use portcullis_proto::trace::span::{Event, Link};
use portcullis_proto::trace::{
    AnyValue, ExportTraceServiceRequest, KeyValue, ResourceSpans, ScopeSpans, Span,
};
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

/// The request as JSON.
pub(super) fn request(request: &ExportTraceServiceRequest) -> Vec<u8> {
    // Writing to memory cannot fail, and all keys are texts.
    serde_json::to_vec(&Json(request)).unwrap_or_default()
}

/// A message as JSON shows it.
struct Json<'a, T>(&'a T);

/// Several of them.
struct List<'a, T>(&'a [T]);

/// Something as text: 64-bit numbers, which JSON's readers may round, and ids.
struct Text<T>(T);

struct Hex<'a>(&'a [u8]);

impl<'a, T> Serialize for List<'a, T>
where
    Json<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Json))
    }
}

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Shows a message as an object of these members.
macro_rules! object {
    ($message:ty: |$it:ident| { $($name:literal: $value:expr),+ $(,)? }) => {
        impl Serialize for Json<'_, $message> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $it = self.0;
                let mut object = serializer.serialize_struct("", [$($name),+].len())?;
                $(object.serialize_field($name, &$value)?;)+
                object.end()
            }
        }
    };
}

object!(ExportTraceServiceRequest: |it| { "resourceSpans": List(&it.resource_spans) });

object!(ResourceSpans: |it| {
    "resource": it.resource.as_ref().map(Json),
    "scopeSpans": List(&it.scope_spans),
    "schemaUrl": it.schema_url,
});

object!(portcullis_proto::trace::Resource: |it| { "attributes": List(&it.attributes) });

object!(ScopeSpans: |it| {
    "scope": it.scope.as_ref().map(Json),
    "spans": List(&it.spans),
    "schemaUrl": it.schema_url,
});

object!(portcullis_proto::trace::InstrumentationScope: |it| { "name": it.name, "version": it.version });

object!(Span: |it| {
    "traceId": Text(Hex(&it.trace_id)),
    "spanId": Text(Hex(&it.span_id)),
    "traceState": it.trace_state,
    "parentSpanId": Text(Hex(&it.parent_span_id)),
    "flags": it.flags,
    "name": it.name,
    "kind": it.kind,
    "startTimeUnixNano": Text(it.start_time_unix_nano),
    "endTimeUnixNano": Text(it.end_time_unix_nano),
    "attributes": List(&it.attributes),
    "events": List(&it.events),
    "links": List(&it.links),
    "status": Json(&it.status.clone().unwrap_or_default()),
});

object!(portcullis_proto::trace::Status: |it| { "code": it.code });

object!(Event: |it| {
    "timeUnixNano": Text(it.time_unix_nano),
    "name": it.name,
    "attributes": List(&it.attributes),
});

object!(Link: |it| {
    "traceId": Text(Hex(&it.trace_id)),
    "spanId": Text(Hex(&it.span_id)),
    "traceState": it.trace_state,
    "flags": it.flags,
});

object!(KeyValue: |it| { "key": it.key, "value": it.value.as_ref().map(Json) });

impl Serialize for Json<'_, AnyValue> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// An object with one member, which says what it is.
        #[derive(Serialize)]
        enum One<'a> {
            #[serde(rename = "stringValue")]
            String(&'a str),
            #[serde(rename = "boolValue")]
            Bool(bool),
            #[serde(rename = "intValue")]
            Int(Text<i64>),
            #[serde(rename = "doubleValue")]
            Double(f64),
            #[serde(rename = "arrayValue")]
            Array { values: List<'a, AnyValue> },
        }
        let one = self.0.value.as_ref().map(|value| match value {
            Value::StringValue(text) => One::String(text),
            Value::BoolValue(value) => One::Bool(*value),
            Value::IntValue(number) => One::Int(Text(*number)),
            Value::DoubleValue(number) => One::Double(*number),
            Value::ArrayValue(array) => One::Array { values: List(&array.values) },
        });
        one.serialize(serializer)
    }
}
