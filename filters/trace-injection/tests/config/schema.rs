//! Which members of the schema, and which of its values, the full configuration has.

use std::collections::BTreeSet;

use portcullis_trace_injection::TraceInjectionConfig;
use serde_json::{Value, json};

use crate::full::full;
use crate::{exporting, is_accepted, with};

fn schema() -> Value {
    schemars::schema_for!(TraceInjectionConfig).to_value()
}

/// All members, as `Part.member`, and all values of those that are one of several, as `Part=value`.
fn all(schema: &Value) -> BTreeSet<String> {
    let root = ("TraceInjectionConfig", schema);
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
    walk(config, ("TraceInjectionConfig", &schema), &schema, &mut found);
    found
}

#[test]
fn the_full_configuration_has_every_member_of_the_schema() {
    let (all, found) = (all(&schema()), found(&full()));
    let missing: Vec<_> = all.difference(&found).filter(|name| !name.contains('=')).collect();
    assert_eq!(missing, [""; 0]);
    assert!(all.len() > 90, "only {}: has the form of the schema changed?", all.len());
}

/// A configuration with one value somewhere.
type Place = fn(Value) -> Value;

#[test]
fn every_value_that_is_one_of_several_is_accepted() {
    let mut found = found(&full());
    let schema = schema();
    let places: [(&str, Place); 11] = [
        ("Side", |value| exporting(json!({"side": value}))),
        ("Dialect", |value| exporting(json!({"extract": [value], "inject": ["w3c", "gcp"]}))),
        ("Dialect", |value| exporting(json!({"inject": [value]}))),
        ("Treatment", |value| with("/trust/otherwise", value)),
        ("Treatment", |value| with("/trust/rules/0/parent", value)),
        ("Parent", |value| with("/sampling/parent", value)),
        ("TraceResponse", |value| with("/traceresponse", value)),
        ("Protocol", |value| exporting(json!({"export": {"cluster": "c", "protocol": value}}))),
        ("Decisions", |value| with("/spans/decisions", value)),
        ("Attribute", |value| with("/spans/attributes", json!([value]))),
        ("WithEnvoyTracing", |value| json!({"with_envoy_tracing": value, "inject": ["b3"]})),
    ];
    let named: [(&str, Place); 2] = [
        ("KeepConfig", |value| with("/baggage/untrusted", value)),
        ("SamplerConfig", |value| with("/sampling/sampler", value)),
    ];
    for (part, place) in places.into_iter().chain(named) {
        for value in schema["$defs"][part]["oneOf"].as_array().unwrap() {
            let Some(value) = value["const"].as_str() else { continue };
            let config = place(json!(value));
            assert!(is_accepted(&config), "{config}");
            found.extend(self::found(&config));
        }
        assert!(!is_accepted(&place(json!("nosuch"))), "{part}");
    }
    assert_eq!(all(&schema).difference(&found).collect::<Vec<_>>(), [""; 0]);
}
