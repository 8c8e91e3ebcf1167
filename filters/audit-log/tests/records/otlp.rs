//! What a collector of OpenTelemetry gets beside the records.

use portcullis_proto::common::{KeyValue, any_value};
use portcullis_proto::logs::{ExportLogsServiceRequest, LogRecord};
use prost::Message;
use serde_json::{Value, json};

use crate::common::recorder::Recorder;
use crate::common::{Exchange, NOW, recorder};

fn collected(protocol: &str) -> Recorder {
    let otlp = json!({"cluster": "collector", "protocol": protocol, "service_name": "edge", "attributes": {"ring": "canary"}});
    recorder(json!({"sink": {"otlp": otlp}, "identity": {"tokens": ["jwt"]}}))
}

fn records(recorder: &Recorder) -> (Vec<KeyValue>, Vec<LogRecord>) {
    let call = &recorder.sink.calls.last().unwrap().call;
    let export = ExportLogsServiceRequest::decode(call.body.as_slice()).unwrap();
    let logs = &export.resource_logs[0];
    (logs.resource.clone().unwrap().attributes, logs.scope_logs[0].log_records.clone())
}

fn attributes(attributes: &[KeyValue]) -> Value {
    let value = |it: &KeyValue| match it.value.clone().unwrap().value.unwrap() {
        any_value::Value::StringValue(text) => json!(text),
        any_value::Value::IntValue(number) => json!(number),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(|it| (it.key.clone(), value(it))).collect()
}

#[test]
fn a_request_is_a_log_record_in_its_trace() {
    let mut recorder = collected("grpc");
    recorder.record(&Exchange::plain().by("alice"));
    let lines = recorder.lines();
    let call = &recorder.sink.calls[0].call;
    assert_eq!(
        call.headers,
        [(":path".into(), "/opentelemetry.proto.collector.logs.v1.LogsService/Export".into())]
    );
    let (resource, logs) = records(&recorder);
    let [genesis, log] = logs.try_into().unwrap();
    assert_eq!(attributes(&resource)["service.name"], "edge");
    assert_eq!(attributes(&resource)["ring"], "canary");
    assert_eq!((log.event_name.as_str(), log.severity_number, log.flags), ("portcullis.audit.request", 9, 1));
    assert_eq!(log.time_unix_nano, NOW * 1_000_000_000);
    assert_eq!(log.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes());
    assert_eq!(log.span_id, 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
    let expected = json!({
        "client.address": "198.51.100.7", "enduser.id": "alice", "http.request.method": "GET",
        "http.response.status_code": 200, "portcullis.audit.decision": "allowed", "server.address": "shop.example",
        "url.path": "/orders/7",
    });
    assert_eq!(attributes(&log.attributes), expected);
    assert_eq!(genesis.event_name, "portcullis.audit.genesis");
    assert_eq!((genesis.attributes.len(), genesis.trace_id.len()), (0, 0));
    assert_eq!(lines.len(), 2);
}

#[test]
fn denials_and_failures_are_warnings() {
    for (exchange, severity, decision, filter) in [
        (Exchange::denied(), 13, "denied", json!("token-bucket")),
        (Exchange::gone(), 13, "failed", Value::Null),
        (Exchange::answered(200, "portcullis_circuit_open"), 9, "answered", json!("circuit-breaker")),
    ] {
        let mut recorder = collected("http_protobuf");
        recorder.record(&exchange);
        recorder.settle();
        let log = records(&recorder).1.remove(1);
        let attributes = attributes(&log.attributes);
        assert_eq!(log.severity_number, severity);
        assert_eq!(attributes["portcullis.audit.decision"], decision);
        assert_eq!(attributes.get("portcullis.audit.filter").unwrap_or(&Value::Null), &filter);
    }
}

#[test]
fn json_says_the_same() {
    let mut recorder = collected("http_json");
    recorder.record(&Exchange::plain());
    let lines = recorder.lines();
    let call = &recorder.sink.calls[0].call;
    assert!(call.headers.contains(&(":path".into(), "/v1/logs".into())), "{:?}", call.headers);
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    let log = &body["resourceLogs"][0]["scopeLogs"][0]["logRecords"][1];
    assert_eq!(log["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(log["body"]["stringValue"], lines[1]);
}
