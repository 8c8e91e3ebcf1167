//! The same in the Elastic Common Schema.

use serde_json::{Value, json};

use crate::common::checks::{audit, kind};
use crate::common::{Exchange, recorder};

/// What the record of this request says, without its integrity.
fn of(exchange: &Exchange) -> Value {
    let mut recorder =
        recorder(json!({"schema": "ecs", "identity": {"tokens": ["jwt"], "tenant": ["tenant"]}}));
    recorder.record(exchange);
    let mut record = recorder.requests().remove(0);
    let integrity = record["portcullis"].as_object_mut().unwrap().remove("integrity").unwrap();
    assert_eq!((&integrity["sequence"], integrity["hash"].as_str().unwrap().len()), (&json!(1), 64));
    record
}

#[test]
fn a_plain_get_says_everything() {
    let expected = json!({
        "@timestamp": "2026-09-21T14:13:20.000Z",
        "destination": {"address": "10.0.0.7", "ip": "10.0.0.7", "port": 8080},
        "ecs": {"version": "9.4.0"},
        "event": {
            "action": "get", "category": ["network", "web"], "dataset": "portcullis.audit", "duration": 12_345_678,
            "end": "2026-09-21T14:13:20.012Z", "id": format!("{}-1", "00".repeat(16)), "kind": "event", "outcome": "success",
            "reason": "via_upstream", "sequence": 1, "start": "2026-09-21T14:13:20.000Z", "type": ["access", "allowed"],
        },
        "http": {
            "request": {"body": {"bytes": 0}, "id": "4f1c6f3a-2b3c-4d5e-8f90-a1b2c3d4e5f6", "method": "GET"},
            "response": {"body": {"bytes": 512}, "status_code": 200}, "version": "1.1",
        },
        "portcullis": {"audit": {"cluster": "backend", "forwarded_for": ["198.51.100.7"], "level": "metadata", "route": "orders"}},
        "related": {"ip": ["198.51.100.7"]},
        "source": {"address": "198.51.100.7", "ip": "198.51.100.7", "port": 40000},
        "span": {"id": "b7ad6b7169203331"},
        "trace": {"id": "0af7651916cd43dd8448eb211c80319c"},
        "url": {"domain": "shop.example", "path": "/orders/7", "query": "page=[redacted]", "scheme": "https"},
        "user_agent": {"original": "curl/8.5.0"},
    });
    assert_eq!(of(&Exchange::plain()), expected);
}

#[test]
fn who_it_is_and_what_it_does_has_its_places() {
    let payload =
        json!({"iss": "https://idp.example", "sub": "alice", "tenant": "acme", "azp": "web", "sid": "s-1"})
            .to_string();
    let exchange = Exchange::grpc(0)
        .text("jwt", &payload)
        .text("connection.tls_version", "TLSv1.3")
        .text("connection.requested_server_name", "shop.example")
        .text("connection.subject_peer_certificate", "CN=client");
    let record = of(&exchange);
    assert_eq!((&record["user"], &record["organization"]), (&json!({"id": "alice"}), &json!({"id": "acme"})));
    assert_eq!(record["related"]["user"], json!(["alice"]));
    let others =
        ["client_id", "issuer", "session"].map(|name| audit(&record)[name].as_str().unwrap().to_owned());
    assert_eq!(others, ["web", "https://idp.example", "s-1"]);
    assert_eq!(record["event"]["action"], "shop.v1.Orders/List");
    assert_eq!(record["event"]["category"], json!(["api", "network", "web"]));
    assert_eq!(record["http"]["version"], "2");
    let tls = json!({
        "client": {"server_name": "shop.example", "subject": "CN=client"}, "version": "1.3", "version_protocol": "tls"
    });
    assert_eq!(record["tls"], tls);
    let ipv6 = of(&Exchange::plain().from("[2001:db8::1]:1").text("upstream.address", "/run/a.sock"));
    assert_eq!(ipv6["source"], json!({"address": "2001:db8::1", "ip": "2001:db8::1", "port": 1}));
    assert_eq!(ipv6["destination"], json!({"address": "/run/a.sock"}));
}

#[test]
fn outcomes_are_told_in_its_words() {
    for (exchange, outcome, kinds, reason) in [
        (Exchange::plain(), "success", json!(["access", "allowed"]), "via_upstream"),
        (Exchange::answered(500, "via_upstream"), "failure", json!(["access", "allowed"]), "via_upstream"),
        (Exchange::denied(), "failure", json!(["access", "denied"]), "rate_limit_exceeded"),
        (
            Exchange::answered(503, "no_healthy_upstream"),
            "failure",
            json!(["access", "error"]),
            "no_healthy_upstream",
        ),
        (Exchange::answered(200, "direct_response"), "success", json!(["access"]), "direct_response"),
        (Exchange::gone(), "failure", json!(["access", "error"]), "downstream_remote_disconnect"),
        (Exchange::grpc(7), "failure", json!(["access", "allowed"]), "via_upstream"),
    ] {
        let event = of(&exchange)["event"].clone();
        assert_eq!(
            (&event["outcome"], &event["type"], &event["reason"]),
            (&json!(outcome), &kinds, &json!(reason))
        );
    }
}

#[test]
fn a_request_without_a_header_map_has_what_is_known() {
    let record = of(&Exchange { request: None, ..Exchange::plain() });
    assert_eq!((&record["url"], &record["event"]["action"]), (&Value::Null, &Value::Null));
    assert_eq!(record["http"]["response"]["status_code"], 200);
}

#[test]
fn what_the_log_says_of_itself_is_an_event_too() {
    let config = json!({"schema": "ecs", "integrity": {"checkpoint": {"records": 2}}});
    let mut recorder = recorder(config);
    recorder.record(&Exchange::plain());
    let [genesis, _, checkpoint] = recorder.records().try_into().unwrap();
    assert_eq!((kind(&genesis), kind(&checkpoint)), (Some("genesis"), Some("checkpoint")));
    assert_eq!(genesis["event"]["type"], json!(["start"]));
    assert_eq!(checkpoint["event"]["type"], json!(["info"]));
    assert_eq!(
        (&genesis["event"]["category"], &genesis["event"]["outcome"]),
        (&json!(["process"]), &json!("success"))
    );
    assert_eq!(audit(&checkpoint)["size"], 2);
}
