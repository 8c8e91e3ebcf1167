//! How each kind of sink is spoken to.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::checks::verified;
use crate::common::recorder::Recorder;
use crate::common::{Exchange, recorder};

fn sent(sink: &Value) -> (Recorder, Vec<(String, String)>) {
    let mut recorder = recorder(json!({"sink": sink}));
    recorder.record(&Exchange::plain());
    recorder.pass_seconds(1);
    let headers = recorder.sink.calls[0].call.headers.clone();
    recorder.settle();
    (recorder, headers)
}

fn header(headers: &[(String, String)], name: &str) -> Option<String> {
    headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone())
}

#[test]
fn a_server_gets_a_post_with_what_is_configured() {
    let http = json!({
        "cluster": "outbound|443||siem.example", "path": "/ingest?key=1", "headers": [{"name": "X-Api-Key", "value": "k 1"}], "timeout": "3s"
    });
    let (recorder, headers) = sent(&json!({"http": http}));
    let names = [":method", ":authority", ":path", "content-type", "x-api-key", "content-encoding"];
    let expected = ["POST", "siem.example", "/ingest?key=1", "application/x-ndjson", "k 1"];
    let found: Vec<_> = names.iter().filter_map(|name| header(&headers, name)).collect();
    assert_eq!(found, expected);
    let call = &recorder.sink.calls[0].call;
    assert_eq!((call.cluster.as_str(), call.timeout), ("outbound|443||siem.example", Duration::from_secs(3)));
    assert!(call.body.ends_with(b"}\n"));
}

#[test]
fn a_list_is_json_as_a_whole() {
    let (recorder, headers) = sent(
        &json!({"http": {"cluster": "siem", "path": "/", "format": "json_array", "authority": "a.example"}}),
    );
    assert_eq!(header(&headers, "content-type").unwrap(), "application/json");
    assert_eq!(header(&headers, ":authority").unwrap(), "a.example");
    let body: Value = serde_json::from_slice(&recorder.sink.calls[0].call.body).unwrap();
    assert_eq!(body.as_array().unwrap().len(), 2);
}

#[test]
fn a_body_is_compressed_where_the_proxy_can() {
    let sink = json!({"http": {"cluster": "siem", "path": "/", "compression": true}});
    let (recorder, headers) = sent(&sink);
    assert_eq!(header(&headers, "content-encoding"), None, "this one cannot");
    assert_eq!(recorder.logged("WARN").len(), 1);
    let mut recorder = crate::common::recorder(json!({"sink": sink}));
    recorder.host.foreign.insert("compress", |bytes| Ok([b"{\"z\":1}\n", bytes].concat()));
    recorder.is_verified = false;
    recorder.record(&Exchange::plain());
    recorder.pass_seconds(1);
    let call = &recorder.sink.calls[0].call;
    assert_eq!(header(&call.headers, "content-encoding").as_deref(), Some("deflate"));
    assert!(call.body.starts_with(b"{\"z\":1}\n{"));
}

#[test]
fn a_collector_over_http_has_its_path_and_its_type() {
    for (protocol, content_type) in
        [("http_protobuf", "application/x-protobuf"), ("http_json", "application/json")]
    {
        let otlp = json!({"cluster": "collector", "protocol": protocol, "headers": [{"name": "x-key", "value": "k"}]});
        let (_, headers) = sent(&json!({"otlp": otlp}));
        assert_eq!(header(&headers, "content-type").unwrap(), content_type);
        assert_eq!(
            (header(&headers, ":path"), header(&headers, "x-key")),
            (Some("/v1/logs".into()), Some("k".into()))
        );
    }
    let otlp = json!({"cluster": "collector", "protocol": "http_protobuf", "path": "/other"});
    let (_, headers) = sent(&json!({"otlp": otlp}));
    assert_eq!(header(&headers, ":path").unwrap(), "/other");
}

#[test]
fn in_the_log_records_stand_behind_a_mark() {
    let mut recorder = recorder(json!({"sink": {"envoy_log": {}}}));
    recorder.record_times(3, &Exchange::plain());
    recorder.pass_seconds(1);
    assert!(recorder.sink.calls.is_empty());
    let lines: Vec<_> =
        recorder.host.log.iter().filter(|line| line.starts_with("INFO: portcullis-audit {")).collect();
    assert_eq!(lines.len(), 4);
    let lines: Vec<_> = lines.iter().map(|line| line.split_once("portcullis-audit ").unwrap().1).collect();
    let summary = verified(lines.iter().copied(), &recorder.trust);
    assert_eq!(summary.chains[0].records, 4);
    assert_eq!(recorder.counter("recorded"), 3);
}
