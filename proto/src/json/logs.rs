use std::num::NonZero;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::{Hex, Json, List, Text, object};
use crate::logs::{ExportLogsServiceRequest, LogRecord, ResourceLogs, ScopeLogs};

object!(ExportLogsServiceRequest: |it| { "resourceLogs": List(&it.resource_logs) });

object!(ResourceLogs: |it| {
    "resource": it.resource.as_ref().map(Json),
    "scopeLogs": List(&it.scope_logs),
    "schemaUrl": it.schema_url,
});

object!(ScopeLogs: |it| {
    "scope": it.scope.as_ref().map(Json),
    "logRecords": List(&it.log_records),
    "schemaUrl": it.schema_url,
});

object!(LogRecord: |it| {
    "timeUnixNano": Text(it.time_unix_nano),
    "observedTimeUnixNano": Text(it.observed_time_unix_nano),
    "severityNumber": it.severity_number,
    "severityText": it.severity_text,
    "body": it.body.as_ref().map(Json),
    "attributes": List(&it.attributes);
    and
    "droppedAttributesCount": NonZero::new(it.dropped_attributes_count),
    "flags": NonZero::new(it.flags),
    "traceId": id(&it.trace_id),
    "spanId": id(&it.span_id),
    "eventName": (!it.event_name.is_empty()).then_some(&it.event_name),
});

/// Most records are of no trace.
fn id(bytes: &[u8]) -> Option<Text<Hex<'_>>> {
    (!bytes.is_empty()).then_some(Text(Hex(bytes)))
}
