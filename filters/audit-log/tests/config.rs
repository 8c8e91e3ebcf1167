//! Configurations that are accepted, and those that are refused, with the one line that says why.

use portcullis_audit_log::AuditLog;
use portcullis_kit::testing::{config, refusals};
use serde_json::{Value, json};

#[path = "config/delivery.rs"]
mod delivery;
#[path = "config/full.rs"]
mod full;
#[path = "config/recording.rs"]
mod recording;
#[path = "config/schema.rs"]
mod schema;
#[path = "config/secrets.rs"]
mod secrets;
#[path = "config/showing.rs"]
mod showing;

use full::full;

/// The full configuration with the value at a JSON pointer replaced, or a member added there.
fn with(pointer: &str, value: Value) -> Value {
    config::with(full(), pointer, value)
}

/// The smallest configuration, with these members besides.
fn small(more: Value) -> Value {
    let mut config = json!({"sink": {"http": {"cluster": "c", "path": "/"}}});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

fn error(config: &Value) -> String {
    refusals::error::<AuditLog>(config)
}

fn assert_refused(cases: &[(Value, &str)]) {
    refusals::assert_refused::<AuditLog>(cases);
}

fn assert_accepted(configs: impl IntoIterator<Item = Value>) {
    refusals::assert_accepted::<AuditLog>(configs);
}

#[test]
fn the_full_configuration_and_the_smallest_are_accepted() {
    let sinks = [
        json!({"http": {"cluster": "c", "path": "/"}}),
        json!({"otlp": {"cluster": "c"}}),
        json!({"envoy_log": {}}),
    ];
    assert_accepted([full()].into_iter().chain(sinks.map(|sink| json!({"sink": sink}))));
}

#[test]
fn members_that_must_be_there_are_named() {
    for (pointer, expected) in [
        ("/sink", "missing field `sink`"),
        ("/sink/http/cluster", "sink.http: missing field `cluster`"),
        ("/sink/http/path", "sink.http: missing field `path`"),
        ("/sink/http/headers/0/name", "sink.http.headers[0]: missing field `name`"),
        ("/sink/http/headers/0/value", "sink.http.headers[0]: missing field `value`"),
        ("/rules/0/name", "rules[0]: missing field `name`"),
        ("/rules/0/when", "rules[0]: missing field `when`"),
        ("/rules/0/level", "rules[0]: missing field `level`"),
        ("/show/paths/0/template", "show.paths[0]: missing field `template`"),
        ("/operations/0/when", "operations[0]: missing field `when`"),
        ("/operations/0/name", "operations[0]: missing field `name`"),
        ("/duplicates/window", "duplicates: missing field `window`"),
    ] {
        assert_eq!(error(&config::without(full(), pointer)), expected);
    }
    assert_eq!(error(&json!({"sink": {"otlp": {}}})), "sink.otlp: missing field `cluster`");
}

#[test]
fn an_unknown_member_is_refused_wherever_it_stands() {
    let objects = refusals::assert_known_members::<AuditLog>(&full(), |_| false);
    assert!(objects > 25, "{objects}");
    let otlp = json!({"sink": {"otlp": full::otlp()}});
    refusals::assert_known_members::<AuditLog>(&otlp, |pointer| pointer == "/sink/otlp/attributes");
    refusals::assert_known_members::<AuditLog>(&json!({"sink": {"envoy_log": {}}}), |_| false);
}

#[test]
fn a_member_of_another_type_is_refused_with_its_path() {
    refusals::assert_types::<AuditLog>(&full());
    refusals::assert_types::<AuditLog>(&json!({"sink": {"otlp": full::otlp()}}));
}

#[test]
fn no_list_is_taken_for_an_object() {
    refusals::assert_no_lists::<AuditLog>(&full(), |_| false);
    refusals::assert_no_lists::<AuditLog>(&json!({"sink": {"otlp": full::otlp()}}), |_| false);
}

#[test]
fn what_is_not_a_json_object_is_refused() {
    refusals::assert_json::<AuditLog>(&full(), "domain");
}

#[test]
fn there_is_one_sink() {
    let two = json!({"sink": {"envoy_log": {}, "otlp": {"cluster": "c"}}});
    for config in [two, json!({"sink": {}}), json!({"sink": "envoy_log"}), json!({"sink": {"syslog": {}}})] {
        let error = error(&config);
        let (path, problem) = error.split_once(": ").unwrap();
        assert!(path.starts_with("sink") && problem.contains("expected "), "{error}");
    }
}

#[test]
fn members_on_their_own_have_their_errors() {
    let long = "x".repeat(65);
    let long_prefix =
        format!("stat_prefix: {long:?}; write up to 64 lower-case letters, digits and underscores");
    assert_refused(&[
        (with("/domain", json!("")), "domain: empty; write a name or leave it out"),
        (
            with("/stat_prefix", json!("my-edge")),
            "stat_prefix: \"my-edge\"; write up to 64 lower-case letters, digits and underscores",
        ),
        (with("/stat_prefix", json!(long)), &long_prefix),
        (
            with("/schema", json!("ocsf")),
            "schema: unknown variant `ocsf`, expected one of `ocsf-1.5`, `ocsf-1.8`, `ecs`",
        ),
    ]);
}
