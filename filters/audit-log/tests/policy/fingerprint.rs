//! A digest by which equal requests are found.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::common::checks::audit;
use crate::common::{Exchange, recorder};

fn fingerprint(config: &Value, exchange: &Exchange) -> Value {
    let config = json!({"fingerprint": config, "show": {"paths": [{"template": "/orders/{id}"}]}});
    audit(&recorder(config).of(exchange))["fingerprint"].clone()
}

fn digest(text: &str) -> Value {
    json!(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

#[test]
fn it_is_the_digest_of_what_was_asked_for() {
    let exchange =
        Exchange::plain().method("POST").header(":authority", "Shop.Example:8443").header("x-b", "1");
    assert_eq!(fingerprint(&json!({}), &exchange), digest("POST\nshop.example\n/orders/{id}\n"));
    let exchange = exchange.and_header("x-b", "2").header("x-a", "3").body("text/plain", &[b"a ", b"text"]);
    let found = fingerprint(&json!({"headers": ["X-B", "x-a"], "query": true, "body": true}), &exchange);
    let body = digest("a text");
    let expected = format!(
        "POST\nshop.example\n/orders/{{id}}\n?page=2\nx-a: 3\nx-b: 1\nx-b: 2\n{}\n",
        body.as_str().unwrap()
    );
    assert_eq!(found, digest(&expected));
}

#[test]
fn nobody_gets_one_who_has_not_asked_for_it() {
    let record = recorder(json!({})).of(&Exchange::plain());
    assert_eq!(audit(&record)["fingerprint"], Value::Null);
}

#[test]
fn the_whole_body_counts_however_much_of_it_is_kept() {
    let config = |bodies: Value| json!({"fingerprint": {"body": true}, "bodies": bodies, "otherwise": {"level": "bodies"}});
    let exchange = |last: &str| Exchange::plain().body("text/plain", &[b"0123456789", last.as_bytes()]);
    let of = |bodies: Value, last: &str| {
        audit(&recorder(config(bodies)).of(&exchange(last)))["fingerprint"].clone()
    };
    let whole = of(json!({}), "a");
    assert_eq!(of(json!({"max_size": "1B", "max_held": "1B"}), "a"), whole);
    assert_ne!(of(json!({"max_size": "1B", "max_held": "1B"}), "b"), whole);
}

#[test]
fn a_request_whose_body_was_not_seen_has_none_of_it() {
    let mut recorder = recorder(json!({"fingerprint": {"body": true}}));
    recorder.log_only(&Exchange::denied().body("text/plain", &[b"a text"]));
    let [record] = recorder.requests().try_into().unwrap();
    let empty = digest("");
    let expected = format!("GET\nshop.example\n/orders/7\n{}\n", empty.as_str().unwrap());
    assert_eq!(audit(&record)["fingerprint"], digest(&expected));
}
