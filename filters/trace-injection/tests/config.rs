//! Configurations that are accepted, and those that are refused, with the one line that says why.

use portcullis_kit::HttpFilter;
use portcullis_kit::testing::config;
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
    match TraceInjection::configure(config.to_string().as_bytes()) {
        Ok(_) => panic!("accepted: {config}"),
        Err(error) => error.to_string(),
    }
}

fn is_accepted(config: &Value) -> bool {
    TraceInjection::configure(config.to_string().as_bytes()).is_ok()
}

fn assert_refused(cases: &[(Value, &str)]) {
    for (config, expected) in cases {
        assert_eq!(error(config), *expected);
    }
}

fn assert_accepted(cases: impl IntoIterator<Item = Value>) {
    for config in cases {
        let error = TraceInjection::configure(config.to_string().as_bytes()).err();
        assert_eq!(error, None, "{config}");
    }
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

/// Pointers to all objects of the full configuration that have members of their own.
fn objects() -> Vec<String> {
    let mut pointers = config::objects(&full());
    // There any name is one.
    pointers.retain(|pointer| pointer != "/export/resource/attributes");
    pointers
}

#[test]
fn an_unknown_member_is_refused_wherever_it_stands() {
    let pointers = objects();
    assert!(pointers.len() > 30, "{pointers:?}");
    for pointer in pointers {
        for member in ["aaa_unknown", "zzz_unknown"] {
            let error = error(&with(&format!("{pointer}/{member}"), json!(1)));
            assert!(!error.contains('\n') && error.len() < 500, "{pointer}: {error}");
            let names_it = error.contains(member) || error.contains("expected an object with one member");
            assert!(names_it, "{pointer}: {error}");
        }
    }
}

#[test]
fn a_member_of_another_type_is_refused_with_its_path() {
    for pointer in config::objects(&full()) {
        let members = full().pointer(&pointer).unwrap().as_object().unwrap().clone();
        for member in members.keys() {
            let error = error(&with(&format!("{pointer}/{member}"), json!(-0.5)));
            let (path, problem) = error.split_once(": ").unwrap();
            // A name may have dots in it.
            let path = path.strip_suffix(member.as_str()).unwrap_or_else(|| panic!("{member}: {error}"));
            let path = path.replace(['[', '.'], "/").replace(']', "");
            let expected = format!("{pointer}/");
            assert_eq!(format!("/{path}").replace("//", "/"), expected, "{error}");
            assert!(problem.contains(", expected ") || problem.contains("-0.5; write "), "{error}");
        }
    }
}

#[test]
fn no_list_is_taken_for_an_object() {
    for pointer in objects() {
        let list = if pointer.is_empty() { json!([]) } else { with(&pointer, json!([])) };
        let error = error(&list);
        assert!(!error.contains('\n') && error.contains("an object"), "{pointer}: {error}");
    }
}

#[test]
fn what_is_not_a_json_object_is_refused() {
    for (text, expected) in
        [("", "empty; "), ("{", "not JSON: "), ("7", "invalid type: integer `7`, expected an object")]
    {
        let error = TraceInjection::configure(text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let twice = full().to_string().replacen('{', "{\"domain\":\"other\",", 1);
    let error = TraceInjection::configure(twice.as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with("not JSON: duplicate member `domain`"), "{error}");
}
