//! Configurations that are accepted, and those that are refused, with the one line that says why.

use portcullis_kit::testing::{config, refusals};
use portcullis_trace_injection::TraceInjection;
use serde_json::{Value, json};

#[path = "config/contradictions.rs"]
mod contradictions;
#[path = "config/full.rs"]
mod full;
#[path = "config/schema.rs"]
mod schema;
#[path = "config/spans.rs"]
mod spans;
#[path = "config/traces.rs"]
mod traces;

use full::full;

/// The full configuration with the value at a JSON pointer replaced, or a member added there.
fn with(pointer: &str, value: Value) -> Value {
    config::with(full(), pointer, value)
}

/// The full configuration without one member.
fn without(pointer: &str) -> Value {
    config::without(full(), pointer)
}

/// The smallest configuration with spans, with these members besides.
fn exporting(more: Value) -> Value {
    let mut config = json!({"export": {"cluster": "c"}});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

fn error(config: &Value) -> String {
    refusals::error::<TraceInjection>(config)
}

fn is_accepted(config: &Value) -> bool {
    refusals::is_accepted::<TraceInjection>(config)
}

fn assert_refused(cases: &[(Value, &str)]) {
    refusals::assert_refused::<TraceInjection>(cases);
}

fn assert_accepted(cases: impl IntoIterator<Item = Value>) {
    refusals::assert_accepted::<TraceInjection>(cases);
}

#[test]
fn the_full_configuration_and_the_smallest_are_accepted() {
    assert_accepted([full(), json!({}), exporting(json!({})), exporting(json!({"spans": {}}))]);
}

#[test]
fn members_that_must_be_there_are_named() {
    for (pointer, expected) in [
        ("/trust/otherwise", "trust: missing field `otherwise`"),
        ("/trust/rules/0/parent", "trust.rules[0]: missing field `parent`"),
        ("/trust/rules/0/when/headers/0/name", "trust.rules[0].when.headers[0]: missing field `name`"),
        ("/sampling/rules/0/when", "sampling.rules[0]: missing field `when`"),
        ("/sampling/rules/0/sampler", "sampling.rules[0]: missing field `sampler`"),
        ("/sampling/rules/1/sampler/rate/rate", "sampling.rules[1].sampler.rate: missing field `rate`"),
        ("/spans/extra/0/name", "spans.extra[0]: missing field `name`"),
        ("/spans/extra/0/from", "spans.extra[0]: missing field `from`"),
        ("/export/cluster", "export: missing field `cluster`"),
        ("/export/headers/0/name", "export.headers[0]: missing field `name`"),
        ("/export/headers/0/value", "export.headers[0]: missing field `value`"),
    ] {
        assert_eq!(error(&without(pointer)), expected);
    }
}

/// Whether any name is a member there.
fn has_any_name(pointer: &str) -> bool {
    pointer == "/export/resource/attributes"
}

#[test]
fn an_unknown_member_is_refused_wherever_it_stands() {
    let objects = refusals::assert_known_members::<TraceInjection>(&full(), has_any_name);
    assert!(objects > 30, "{objects}");
}

#[test]
fn a_member_of_another_type_is_refused_with_its_path() {
    refusals::assert_types::<TraceInjection>(&full());
}

#[test]
fn no_list_is_taken_for_an_object() {
    refusals::assert_no_lists::<TraceInjection>(&full(), has_any_name);
}

#[test]
fn what_is_not_a_json_object_is_refused() {
    refusals::assert_json::<TraceInjection>(&full(), "domain");
}
