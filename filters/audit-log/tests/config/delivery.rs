//! Where records go, and how.

use serde_json::{Value, json};

use crate::{assert_accepted, assert_refused, error, small, with};

fn http(more: Value) -> Value {
    let mut config = small(json!({}));
    config["sink"]["http"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

fn otlp(more: Value) -> Value {
    let mut config = json!({"sink": {"otlp": {"cluster": "c"}}});
    config["sink"]["otlp"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

fn delivery(more: Value) -> Value {
    small(json!({"delivery": more}))
}

#[test]
fn each_member_of_a_sink_has_its_error() {
    assert_refused(&[
        (http(json!({"cluster": ""})), "sink.http.cluster: empty; write its name"),
        (http(json!({"path": "ingest"})), "sink.http.path: \"ingest\" is no path; write one such as /"),
        (
            http(json!({"authority": "a b"})),
            "sink.http.authority: \"a b\" is no host; write the one that the service knows, as in ratelimit.example",
        ),
        (
            http(json!({"headers": [{"name": "content-type", "value": "x"}]})),
            "sink.http.headers[0].name: \"content-type\" is not a header for this; write one such as x-api-key",
        ),
        (
            http(json!({"headers": [{"name": "x", "value": "a\nb"}]})),
            "sink.http.headers[0].value: not in printable ASCII; write it so",
        ),
        (http(json!({"timeout": "1ms"})), "sink.http.timeout: 1ms; write from 10ms to 2m"),
        (
            http(json!({"format": "xml"})),
            "sink.http.format: unknown variant `xml`, expected `json_lines` or `json_array`",
        ),
        (otlp(json!({"cluster": ""})), "sink.otlp.cluster: empty; write its name"),
        (otlp(json!({"timeout": "3m"})), "sink.otlp.timeout: 3m; write from 10ms to 2m"),
        (
            otlp(json!({"protocol": "http"})),
            "sink.otlp.protocol: unknown variant `http`, expected one of `grpc`, `http_protobuf`, `http_json`",
        ),
    ]);
    for (member, value) in [
        ("path", json!("/v1/logs")),
        ("headers", json!([{"name": "x-a", "value": "b"}])),
        ("compression", json!(true)),
    ] {
        let error = error(&otlp(json!({member: value})));
        assert!(error.starts_with(&format!("sink.otlp.{member}: ")), "{error}");
        assert!(error.ends_with("or write protocol: http_protobuf"), "{error}");
        assert_accepted([otlp(json!({member: value, "protocol": "http_protobuf"}))]);
    }
    for (name, value) in [("service_name", json!("")), ("attributes", json!({"": "x"}))] {
        let error = error(&otlp(json!({name: value})));
        assert!(error.starts_with("sink.otlp.") && error.contains("; write "), "{error}");
    }
}

#[test]
fn each_bound_of_the_delivery_is_named() {
    assert_refused(&[
        (delivery(json!({"wait": "9ms"})), "delivery.wait: 9ms; write from 10ms to 10s"),
        (delivery(json!({"wait": "11s"})), "delivery.wait: 11s; write from 10ms to 10s"),
        (delivery(json!({"delay": "99ms"})), "delivery.delay: 99ms; write from 100ms to 1m"),
        (delivery(json!({"delay": "61s"})), "delivery.delay: 61s; write from 100ms to 1m"),
        (delivery(json!({"batch": 0})), "delivery.batch: 0; write from 1 to 8192"),
        (delivery(json!({"batch": 8193})), "delivery.batch: 8193; write from 1 to 8192"),
        (
            delivery(json!({"mode": "always"})),
            "delivery.mode: unknown variant `always`, expected one of `best_effort`, `bounded_block`, `required`",
        ),
        (
            delivery(json!({"queue": "1 MB"})),
            "delivery.queue: \"1 MB\" is not a size; write a number and a unit, as in 512B, 128KiB, 1MiB",
        ),
    ]);
    // What one record takes up at most differs from sink to sink.
    let sinks = [
        (json!({"http": {"cluster": "c", "path": "/"}}), "64KiB"),
        (json!({"envoy_log": {}}), "64KiB"),
        (json!({"otlp": {"cluster": "c"}}), "128KiB"),
        (json!({"otlp": {"cluster": "c", "protocol": "http_protobuf"}}), "128KiB"),
        (json!({"otlp": {"cluster": "c", "protocol": "http_json"}}), "256KiB"),
    ];
    for (sink, least) in sinks {
        let with = |queue: &str| json!({"sink": sink, "delivery": {"queue": queue}});
        for queue in ["63KiB", "257MiB"] {
            let expected = format!("delivery.queue: {queue}; write from {least} to 256MiB");
            assert_eq!(error(&with(queue)), expected);
        }
        assert_accepted([with(least), with("256MiB")]);
    }
    assert_accepted([
        delivery(json!({"wait": "10ms", "delay": "100ms", "batch": 1, "queue": "256MiB"})),
        delivery(json!({"wait": "10s", "delay": "1m", "batch": 8192, "queue": "1MiB"})),
    ]);
}

#[test]
fn what_nobody_answers_cannot_be_required() {
    for mode in ["bounded_block", "required"] {
        let config = json!({"sink": {"envoy_log": {}}, "delivery": {"mode": mode}});
        let expected = "delivery.mode: nobody says whether a line of the log has arrived; write best_effort, or another sink";
        assert_eq!(error(&config), expected);
    }
}

#[test]
fn each_member_of_the_integrity_has_its_error() {
    assert_refused(&[
        (
            with("/integrity/checkpoint/records", json!(0)),
            "integrity.checkpoint.records: 0; write from 1 to 1000000",
        ),
        (
            with("/integrity/checkpoint/records", json!(1_000_001)),
            "integrity.checkpoint.records: 1000001; write from 1 to 1000000",
        ),
        (
            with("/integrity/checkpoint/interval", json!("999ms")),
            "integrity.checkpoint.interval: 999ms; write from 1s to 24h",
        ),
        (
            with("/integrity/checkpoint/interval", json!("25h")),
            "integrity.checkpoint.interval: 25h; write from 1s to 24h",
        ),
        (
            with("/schema", json!("ecs")),
            "integrity.record_integrity: ECS has none; write schema: ocsf-1.8, or leave it out: the chain is there in any case",
        ),
    ]);
    let two = with("/integrity/sign", json!({"hmac": crate::full::KEY, "ed25519": "x"}));
    assert!(error(&two).starts_with("integrity.sign"), "{}", error(&two));
}
