use std::num::NonZero;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::{Hex, Json, List, Text, object};
use crate::trace::span::{Event, Link};
use crate::trace::{ExportTraceServiceRequest, ResourceSpans, ScopeSpans, Span, Status};

object!(ExportTraceServiceRequest: |it| { "resourceSpans": List(&it.resource_spans) });

object!(ResourceSpans: |it| {
    "resource": it.resource.as_ref().map(Json),
    "scopeSpans": List(&it.scope_spans),
    "schemaUrl": it.schema_url,
});

object!(ScopeSpans: |it| {
    "scope": it.scope.as_ref().map(Json),
    "spans": List(&it.spans),
    "schemaUrl": it.schema_url,
});

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
    "status": Json(&it.status.clone().unwrap_or_default());
    and
    "droppedAttributesCount": NonZero::new(it.dropped_attributes_count),
});

object!(Status: |it| {
    "code": it.code;
    and
    "message": (!it.message.is_empty()).then_some(&it.message),
});

object!(Event: |it| {
    "timeUnixNano": Text(it.time_unix_nano),
    "name": it.name,
    "attributes": List(&it.attributes),
});

object!(Link: |it| {
    "traceId": Text(Hex(&it.trace_id)),
    "spanId": Text(Hex(&it.span_id)),
    "traceState": it.trace_state,
    "flags": it.flags;
    and
    "attributes": (!it.attributes.is_empty()).then_some(List(&it.attributes)),
});
