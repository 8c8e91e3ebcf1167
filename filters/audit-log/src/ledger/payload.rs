//! Records as the sink wants them.

use portcullis_kit::Host;
use portcullis_kit::export::{Partial, Payload};
use portcullis_proto::common::any_value::Value;
use portcullis_proto::common::{AnyValue, InstrumentationScope, Resource, string};
use portcullis_proto::json;
use portcullis_proto::logs::{
    ExportLogsServiceRequest, ExportLogsServiceResponse, LogRecord, ResourceLogs, ScopeLogs,
};
use prost::Message;

use crate::policy::Packing;
use crate::record::Loss;

/// The conventions that the attributes keep to.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.44.0";
/// What is around a record for a collector, at most.
const FRAME: usize = 512;

/// A record on its way.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) line: Vec<u8>,
    pub(crate) span: Span,
    /// The hash of the record before it; `None` for the first.
    pub(crate) previous: Option<[u8; 32]>,
    /// What it tells of, where it is about records that nobody gets.
    pub(crate) loss: Option<Loss>,
    /// What goes along to a collector of OpenTelemetry; the body is still to come.
    pub(crate) log: Option<Box<LogRecord>>,
}

/// Records in a row: the numbers of the first and the last, and the times of what they are about in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) since: u64,
    pub(crate) until: u64,
}

/// What is to be known of records that are lost.
#[derive(Debug)]
pub(crate) struct Mark {
    pub(crate) span: Span,
    /// The hash of the record before the first of them.
    pub(crate) previous: Option<[u8; 32]>,
    /// What they told of, which nobody knows now.
    pub(crate) losses: Vec<Loss>,
}

/// How records become a body.
#[derive(Debug)]
pub(crate) enum Records {
    Lines,
    Array,
    /// For a collector of OpenTelemetry.
    Otlp {
        resource: Resource,
        is_json: bool,
    },
}

impl Records {
    pub(crate) fn new(packing: &Packing, host: &mut dyn Host) -> Self {
        match packing {
            Packing::Lines => Self::Lines,
            Packing::Array => Self::Array,
            Packing::Otlp { resource, is_json } => {
                let attributes = resource.attributes(host);
                let attributes = attributes.iter().map(|(key, value)| string(key, value)).collect();
                Self::Otlp { resource: Resource { attributes }, is_json: *is_json }
            }
        }
    }
}

impl Payload for Records {
    type Item = Record;
    type Mark = Mark;

    const WHO: &'static str = "audit-log: the sink";
    const ITEMS: &'static str = "records";

    fn size(&self, record: &Record) -> usize {
        size(&record.line, record.log.as_deref(), matches!(self, Self::Otlp { is_json: true, .. }))
    }

    fn mark(&self, records: &[Record]) -> Option<Mark> {
        let (first, last) = (records.first()?.span, records.last()?.span);
        let since = records.iter().map(|record| record.span.since).min()?;
        let until = records.iter().map(|record| record.span.until).max()?;
        let span = Span { first: first.first, last: last.last, since, until };
        Some(Mark {
            span,
            previous: records.first()?.previous,
            losses: records.iter().filter_map(|record| record.loss).collect(),
        })
    }

    fn encode(&mut self, records: Vec<Record>) -> Vec<u8> {
        match self {
            Self::Lines => joined(&records, b"", b"\n", b"\n"),
            Self::Array => joined(&records, b"[", b",", b"]"),
            Self::Otlp { resource, is_json } => {
                let request = export(records, resource.clone());
                if *is_json { json::logs(&request) } else { request.encode_to_vec() }
            }
        }
    }

    /// Only who says that it is the records themselves refuses them. A key that is wrong or a path that is not there yet can be put right.
    fn is_retryable(&self, status: u16) -> bool {
        !matches!(status, 400 | 413 | 415 | 422)
    }

    /// Likewise: only INVALID_ARGUMENT says so.
    fn is_retryable_grpc(&self, status: u32) -> bool {
        status != 3
    }

    /// Some ten minutes: time to put a key right. What a firewall in front of the sink never lets pass must not hold up all else.
    fn most_objections(&self) -> u32 {
        24
    }

    fn partial(&self, body: &[u8]) -> Partial {
        match self {
            // Nobody has said what such an answer would look like.
            Self::Lines | Self::Array => Partial::default(),
            Self::Otlp { is_json: true, .. } => Partial::of_json(body, "rejectedLogRecords"),
            Self::Otlp { .. } => {
                let said = ExportLogsServiceResponse::decode(body).ok().and_then(|it| it.partial_success);
                said.map(|said| Partial::new(said.rejected_log_records, &said.error_message))
                    .unwrap_or_default()
            }
        }
    }
}

/// How long a record is in a body, at most.
pub(super) fn size(line: &[u8], log: Option<&LogRecord>, is_json: bool) -> usize {
    match log {
        // Its comma or newline.
        None => line.len() + 1,
        // The names of the members of JSON, and the escapes of what is JSON already.
        Some(log) if is_json => {
            let escapes = line.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count();
            line.len() + escapes + 2 * log.encoded_len() + FRAME
        }
        Some(log) => line.len() + log.encoded_len() + FRAME,
    }
}

fn joined(records: &[Record], before: &[u8], between: &[u8], behind: &[u8]) -> Vec<u8> {
    let size: usize = records.iter().map(|record| record.line.len() + 1).sum();
    let mut body = Vec::with_capacity(size + 2);
    body.extend_from_slice(before);
    for (index, record) in records.iter().enumerate() {
        if index > 0 {
            body.extend_from_slice(between);
        }
        body.extend_from_slice(&record.line);
    }
    body.extend_from_slice(behind);
    body
}

/// The lines stay as they are: as text they can be verified wherever they come to.
fn export(records: Vec<Record>, resource: Resource) -> ExportLogsServiceRequest {
    let log_records = records.into_iter().map(|record| {
        let line = String::from_utf8(record.line).unwrap_or_default();
        let body = Some(AnyValue { value: Some(Value::StringValue(line)) });
        LogRecord { body, ..record.log.map(|log| *log).unwrap_or_default() }
    });
    let scope =
        InstrumentationScope { name: "portcullis".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let log_records = log_records.collect();
    let scope_logs = vec![ScopeLogs { scope: Some(scope), log_records, schema_url: SCHEMA.to_owned() }];
    let schema_url = SCHEMA.to_owned();
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource: Some(resource), scope_logs, schema_url }],
    }
}
