//! Which members of the schema, and which of its values, the full configuration has.

use std::collections::BTreeSet;

use portcullis_circuit_breaker::CircuitBreakerConfig;
use serde_json::{Value, json};

use crate::full::full;
use crate::{is_accepted, with};

/// No configuration of this filter has them: they are for the keys of limits.
const ELSEWHERE: [&str; 5] =
    ["Missing.default", "Missing=deny", "Missing=skip", "PartConfig.as", "PartConfig.missing"];

fn schema() -> Value {
    schemars::schema_for!(CircuitBreakerConfig).to_value()
}

/// All members, as `Part.member`, and all values of those that are one of several, as `Part=value`.
fn all(schema: &Value) -> BTreeSet<String> {
    let root = ("CircuitBreakerConfig", schema);
    let parts = schema["$defs"].as_object().unwrap().iter().map(|(name, part)| (name.as_str(), part));
    parts.chain([root]).flat_map(|(name, part)| names(name, part)).collect()
}

fn names(name: &str, part: &Value) -> Vec<String> {
    let choices = part["oneOf"].as_array().into_iter().flatten();
    let values = choices.clone().filter_map(|choice| choice["const"].as_str());
    let values = values.map(|value| format!("{name}={value}"));
    let members = choices.chain([part]).filter_map(|it| it["properties"].as_object()).flatten();
    members.map(|(member, _)| format!("{name}.{member}")).chain(values).collect()
}

/// Walks a value and its schema side by side, and notes what it has of it.
fn walk(value: &Value, (name, part): (&str, &Value), schema: &Value, found: &mut BTreeSet<String>) {
    if let Some(name) = part["$ref"].as_str().and_then(|it| it.strip_prefix("#/$defs/")) {
        return walk(value, (name, &schema["$defs"][name]), schema, found);
    }
    let choices = ["oneOf", "anyOf"].into_iter().filter_map(|of| part[of].as_array()).flatten();
    choices.for_each(|choice| walk(value, (name, choice), schema, found));
    if let Some(text) = value.as_str().filter(|text| part["const"].as_str() == Some(text)) {
        found.insert(format!("{name}={text}"));
    }
    for item in value.as_array().into_iter().flatten() {
        walk(item, (name, &part["items"]), schema, found);
    }
    for (member, value) in value.as_object().into_iter().flatten() {
        let inner = &part["properties"][member];
        if !inner.is_null() {
            found.insert(format!("{name}.{member}"));
            walk(value, (name, inner), schema, found);
        }
    }
}

fn found(config: &Value) -> BTreeSet<String> {
    let (schema, mut found) = (schema(), BTreeSet::new());
    walk(config, ("CircuitBreakerConfig", &schema), &schema, &mut found);
    found
}

#[test]
fn the_full_configuration_has_every_member_of_the_schema() {
    let (all, found) = (all(&schema()), found(&full()));
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
    let all = all(&schema);
    assert_eq!(all.difference(&found).collect::<Vec<_>>(), ELSEWHERE.iter().collect::<Vec<_>>());
}
