//! Which members of the schema, and which of its values, the full configuration has.

use std::collections::BTreeSet;

use portcullis_kit::testing::schema;
use portcullis_trace_injection::TraceInjectionConfig;
use serde_json::{Value, json};

use crate::full::full;
use crate::{exporting, is_accepted, with};

fn schema() -> Value {
    schemars::schema_for!(TraceInjectionConfig).to_value()
}

fn all() -> BTreeSet<String> {
    schema::all(&schema(), "TraceInjectionConfig")
}

fn found(config: &Value) -> BTreeSet<String> {
    schema::found(config, &schema(), "TraceInjectionConfig")
}

#[test]
fn the_full_configuration_has_every_member_of_the_schema() {
    let (all, found) = (all(), found(&full()));
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
    assert_eq!(all().difference(&found).collect::<Vec<_>>(), [""; 0]);
}
