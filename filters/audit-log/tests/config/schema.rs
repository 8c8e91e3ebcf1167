//! Which members of the schema, and which of its values, the full configuration has.

use std::collections::BTreeSet;

use portcullis_audit_log::{AuditLog, AuditLogConfig};
use portcullis_kit::testing::{refusals, schema};
use serde_json::{Value, json};

use crate::full::{full, otlp};
use crate::{small, with};

fn schema() -> Value {
    schemars::schema_for!(AuditLogConfig).to_value()
}

fn all() -> BTreeSet<String> {
    schema::all(&schema(), "AuditLogConfig")
}

fn found(config: &Value) -> BTreeSet<String> {
    schema::found(config, &schema(), "AuditLogConfig")
}

/// What the configurations of all kinds of sinks and keys have.
fn found_in_all() -> BTreeSet<String> {
    let others = [
        json!({"sink": {"otlp": otlp()}}),
        json!({"sink": {"envoy_log": {}}}),
        with("/integrity/sign", json!({"ed25519": "..."})),
        with("/rules/0/when/path", json!({"exact": "/"})),
    ];
    [full()].iter().chain(&others).flat_map(found).collect()
}

#[test]
fn the_full_configurations_have_every_member_of_the_schema() {
    let (all, found) = (all(), found_in_all());
    let missing: Vec<_> = all.difference(&found).filter(|name| !name.contains('=')).collect();
    assert_eq!(missing, [""; 0]);
    assert!(all.len() > 100, "only {}: has the form of the schema changed?", all.len());
}

/// A configuration with one value somewhere.
type Place = fn(Value) -> Value;

#[test]
fn every_value_that_is_one_of_several_is_accepted() {
    let mut found = found_in_all();
    let schema = schema();
    let places: [(&str, Place); 13] = [
        ("FormatConfig", |value| with("/sink/http/format", value)),
        ("Protocol", |value| json!({"sink": {"otlp": {"cluster": "c", "protocol": value}}})),
        ("Mode", |value| with("/delivery/mode", value)),
        ("SchemaConfig", |value| small(json!({"schema": value}))),
        ("Level", |value| with("/rules/0/level", value)),
        ("Level", |value| with("/otherwise/level", value)),
        ("DeniedLevel", |value| with("/rules/0/denied", value)),
        ("DeniedLevel", |value| with("/otherwise/denied", value)),
        ("Stage", |value| with("/rules/0/stages", json!([value, "response_complete"]))),
        ("Stage", |value| with("/otherwise/stages", json!(["response_complete", value]))),
        ("Activity", |value| with("/operations/0/activity", value)),
        ("Hidden", |value| match value == "keyed" {
            true => with("/show/hidden", value),
            false => small(json!({"show": {"hidden": value}})),
        }),
        ("Hidden", |value| {
            let key = (value == "keyed").then_some(crate::full::KEY);
            small(json!({"show": {"hidden": value, "key": key}}))
        }),
    ];
    for (part, place) in places {
        for value in schema["$defs"][part]["oneOf"].as_array().unwrap() {
            let Some(value) = value["const"].as_str() else { continue };
            let config = place(json!(value));
            refusals::assert_accepted::<AuditLog>([config.clone()]);
            found.extend(self::found(&config));
        }
        assert!(!refusals::is_accepted::<AuditLog>(&place(json!("nosuch"))), "{part}");
    }
    assert_eq!(all().difference(&found).collect::<Vec<_>>(), [""; 0]);
}
