//! Records.

use opentelemetry_proto::tonic::collector::logs::v1 as collector;
use opentelemetry_proto::tonic::logs::v1 as otlp;
use portcullis_proto::{json, logs as ours};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message;

use crate::common::{
    assert_service, attribute, bytes, resource, say_more_of_attributes, say_more_of_resource,
    say_more_of_scope, scope, text, their_attributes, their_resource, their_scope, their_value, value,
};

proptest! {
    #[test]
    fn requests(request in request()) {
        let mut theirs = their_request(&request);
        let decoded = collector::ExportLogsServiceRequest::decode(&*request.encode_to_vec()).unwrap();
        prop_assert_eq!(&decoded, &theirs);
        let decoded = ours::ExportLogsServiceRequest::decode(&*theirs.encode_to_vec()).unwrap();
        prop_assert_eq!(&decoded, &request);
        // What we have no fields for is skipped.
        theirs.resource_logs.iter_mut().for_each(say_more);
        let decoded = ours::ExportLogsServiceRequest::decode(&*theirs.encode_to_vec()).unwrap();
        prop_assert_eq!(&decoded, &request);
    }

    #[test]
    fn requests_in_json(request in request()) {
        let read: collector::ExportLogsServiceRequest = serde_json::from_slice(&json::logs(&request)).unwrap();
        prop_assert_eq!(read, their_request(&request));
    }

    #[test]
    fn responses(response in response()) {
        let theirs = their_response(&response);
        let decoded = collector::ExportLogsServiceResponse::decode(&*response.encode_to_vec()).unwrap();
        prop_assert_eq!(&decoded, &theirs);
        let mut bytes = theirs.encode_to_vec();
        let decoded = ours::ExportLogsServiceResponse::decode(&*bytes).unwrap();
        prop_assert_eq!(&decoded, &response);
        // A field that OTLP may get one day is skipped: number 15, a varint.
        bytes.extend([15 << 3, 1]);
        let decoded = ours::ExportLogsServiceResponse::decode(&*bytes).unwrap();
        prop_assert_eq!(&decoded, &response);
    }
}

#[test]
fn text_that_is_no_utf_8_does_not_cost_the_number_of_refused_records() {
    let partial = ours::ExportLogsPartialSuccess { rejected_log_records: 3, error_message: vec![0xff] };
    let response = ours::ExportLogsServiceResponse { partial_success: Some(partial) };
    let bytes = response.encode_to_vec();
    assert_eq!(ours::ExportLogsServiceResponse::decode(&*bytes).unwrap(), response);
    assert!(collector::ExportLogsServiceResponse::decode(&*bytes).is_err());
}

#[test]
fn names_and_numbers_of_severities_and_of_the_service() {
    assert_service(ours::SERVICE, ours::METHOD);
    let names = (-1..30).filter_map(|number| {
        let name = ours::SeverityNumber::try_from(number).ok()?.as_str_name();
        assert_eq!(name, otlp::SeverityNumber::try_from(number).unwrap().as_str_name());
        Some(name)
    });
    assert_eq!(names.count(), 7, "six classes, and none");
}

#[test]
fn what_a_record_does_not_say_is_not_in_its_json() {
    let said = |record| {
        let logs = ours::ScopeLogs { log_records: vec![record], ..Default::default() };
        let logs = ours::ResourceLogs { scope_logs: vec![logs], ..Default::default() };
        let written = json::logs(&ours::ExportLogsServiceRequest { resource_logs: vec![logs] });
        let mut all: serde_json::Value = serde_json::from_slice(&written).unwrap();
        all["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0].take()
    };
    let least = serde_json::json!({
        "timeUnixNano": "0", "observedTimeUnixNano": "0", "severityNumber": 0, "severityText": "", "body": null, "attributes": [],
    });
    assert_eq!(said(ours::LogRecord::default()), least);
    let some = ours::LogRecord {
        time_unix_nano: u64::MAX,
        trace_id: vec![0x0a; 16],
        span_id: vec![0xb0; 8],
        flags: 1,
        event_name: "audit".to_owned(),
        ..Default::default()
    };
    let told = said(some);
    assert_eq!(told["timeUnixNano"], "18446744073709551615");
    assert_eq!((&told["traceId"], &told["spanId"]), (&"0a".repeat(16).into(), &"b0".repeat(8).into()));
    assert_eq!((&told["flags"], &told["eventName"]), (&1.into(), &"audit".into()));
}

prop_compose! {
    fn record()(
        (time_unix_nano, observed_time_unix_nano) in any::<(u64, u64)>(),
        severity_number: i32,
        (severity_text, event_name) in (text(), text()),
        body in option::of(value()),
        attributes in vec(attribute(), 0..3),
        dropped_attributes_count: u32,
        flags: u32,
        (trace_id, span_id) in (bytes(), bytes()),
    ) -> ours::LogRecord {
        ours::LogRecord {
            time_unix_nano, observed_time_unix_nano, severity_number, severity_text, body, attributes,
            dropped_attributes_count, flags, trace_id, span_id, event_name,
        }
    }
}

prop_compose! {
    fn scope_logs()(
        scope in option::of(scope()),
        log_records in vec(record(), 0..3),
        schema_url in text(),
    ) -> ours::ScopeLogs {
        ours::ScopeLogs { scope, log_records, schema_url }
    }
}

prop_compose! {
    fn resource_logs()(
        resource in option::of(resource()),
        scope_logs in vec(scope_logs(), 0..3),
        schema_url in text(),
    ) -> ours::ResourceLogs {
        ours::ResourceLogs { resource, scope_logs, schema_url }
    }
}

prop_compose! {
    fn request()(resource_logs in vec(resource_logs(), 0..3)) -> ours::ExportLogsServiceRequest {
        ours::ExportLogsServiceRequest { resource_logs }
    }
}

prop_compose! {
    fn partial_success()(rejected_log_records: i64, error_message in text()) -> ours::ExportLogsPartialSuccess {
        ours::ExportLogsPartialSuccess { rejected_log_records, error_message: error_message.into() }
    }
}

prop_compose! {
    fn response()(partial_success in option::of(partial_success())) -> ours::ExportLogsServiceResponse {
        ours::ExportLogsServiceResponse { partial_success }
    }
}

fn their_record(record: &ours::LogRecord) -> otlp::LogRecord {
    otlp::LogRecord {
        time_unix_nano: record.time_unix_nano,
        observed_time_unix_nano: record.observed_time_unix_nano,
        severity_number: record.severity_number,
        severity_text: record.severity_text.clone(),
        body: record.body.as_ref().map(their_value),
        attributes: their_attributes(&record.attributes),
        dropped_attributes_count: record.dropped_attributes_count,
        flags: record.flags,
        trace_id: record.trace_id.clone(),
        span_id: record.span_id.clone(),
        event_name: record.event_name.clone(),
    }
}

fn their_request(request: &ours::ExportLogsServiceRequest) -> collector::ExportLogsServiceRequest {
    let scope_logs = |logs: &ours::ScopeLogs| otlp::ScopeLogs {
        scope: logs.scope.as_ref().map(their_scope),
        log_records: logs.log_records.iter().map(their_record).collect(),
        schema_url: logs.schema_url.clone(),
    };
    let resource_logs = |logs: &ours::ResourceLogs| otlp::ResourceLogs {
        resource: logs.resource.as_ref().map(their_resource),
        scope_logs: logs.scope_logs.iter().map(scope_logs).collect(),
        schema_url: logs.schema_url.clone(),
    };
    collector::ExportLogsServiceRequest {
        resource_logs: request.resource_logs.iter().map(resource_logs).collect(),
    }
}

/// Sets what we have no fields for.
fn say_more(logs: &mut otlp::ResourceLogs) {
    logs.resource.iter_mut().for_each(say_more_of_resource);
    for logs in &mut logs.scope_logs {
        logs.scope.iter_mut().for_each(say_more_of_scope);
        for record in &mut logs.log_records {
            say_more_of_attributes(&mut record.attributes);
        }
    }
}

fn their_response(response: &ours::ExportLogsServiceResponse) -> collector::ExportLogsServiceResponse {
    let partial = |partial: &ours::ExportLogsPartialSuccess| collector::ExportLogsPartialSuccess {
        rejected_log_records: partial.rejected_log_records,
        error_message: String::from_utf8(partial.error_message.clone()).unwrap(),
    };
    collector::ExportLogsServiceResponse { partial_success: response.partial_success.as_ref().map(partial) }
}
