//! Which members of the schema, and which of its values, the full configuration has.

use std::collections::BTreeSet;

use portcullis_circuit_breaker::CircuitBreakerConfig;
use portcullis_kit::testing::schema;
use serde_json::{Value, json};

use crate::full::full;
use crate::{is_accepted, with};

/// No configuration of this filter has them: they are for the keys of limits.
const ELSEWHERE: [&str; 5] =
    ["Missing.default", "Missing=deny", "Missing=skip", "PartConfig.as", "PartConfig.missing"];

fn schema() -> Value {
    schemars::schema_for!(CircuitBreakerConfig).to_value()
}

fn all() -> BTreeSet<String> {
    schema::all(&schema(), "CircuitBreakerConfig")
}

fn found(config: &Value) -> BTreeSet<String> {
    schema::found(config, &schema(), "CircuitBreakerConfig")
}

#[test]
fn the_full_configuration_has_every_member_of_the_schema() {
    let (all, found) = (all(), found(&full()));
    let missing: Vec<_> = all.difference(&found).filter(|name| !name.contains('=')).collect();
    let elsewhere: Vec<_> = ELSEWHERE.iter().filter(|name| !name.contains('=')).collect();
    assert_eq!(missing, elsewhere);
    assert!(all.len() > 130, "only {}: has the form of the schema changed?", all.len());
}

#[test]
fn every_value_that_is_one_of_several_is_accepted() {
    let mut found = found(&full());
    let schema = schema();
    for (part, pointer) in [
        ("Mode", "/breakers/0/mode"),
        ("Measure", "/breakers/0/latency"),
        ("Shown", "/state_header/on"),
        ("ReplyFormat", "/reply/format"),
        ("GrpcStatus", "/breakers/0/errors/grpc/0"),
        ("GrpcStatus", "/breakers/0/ignore/grpc/0"),
        ("GrpcStatus", "/breakers/0/fallback/2/static/grpc_status"),
    ] {
        for value in schema["$defs"][part]["oneOf"].as_array().unwrap() {
            let config = with(pointer, value["const"].clone());
            assert!(is_accepted(&config), "{pointer}: {value}");
            found.extend(self::found(&config));
        }
        assert!(!is_accepted(&with(pointer, json!("nosuch"))), "{pointer}");
    }
    let all = all();
    assert_eq!(all.difference(&found).collect::<Vec<_>>(), ELSEWHERE.iter().collect::<Vec<_>>());
}
