//! What is recorded of which requests.

use serde_json::{Value, json};

use crate::{assert_accepted, assert_refused, error, small, with};

fn rule(name: &str) -> Value {
    json!({"name": name, "when": {}, "level": "metadata"})
}

#[test]
fn each_member_of_a_rule_has_its_error() {
    let long = "x".repeat(65);
    let long_name = format!("rules[0].name: {long:?}; write up to 64 lower-case letters, digits, _ and -");
    assert_refused(&[
        (
            with("/rules/0/name", json!("")),
            "rules[0].name: \"\"; write up to 64 lower-case letters, digits, _ and -",
        ),
        (with("/rules/0/name", json!(long)), &long_name),
        (
            with("/rules/1/name", json!("payments")),
            "rules[1].name: \"payments\" would be counted together with \"payments\"; give each a name of its own",
        ),
        (
            with("/rules/0/when/methods", json!(["get"])),
            "rules[0].when.methods: \"get\" is no method; write it as it is on the wire: GET",
        ),
        (
            with("/rules/0/level", json!("all")),
            "rules[0].level: unknown variant `all`, expected one of `none`, `metadata`, `headers`, `bodies`",
        ),
        (
            with("/rules/0/denied", json!("none")),
            "rules[0].denied: unknown variant `none`, expected one of `metadata`, `headers`, `bodies`",
        ),
        (with("/rules/0/sample", json!(1.5)), "rules[0].sample: 1.5; write a share from 0 to 1, as in 0.1"),
        (
            with("/rules/0/stages", json!(["request_received"])),
            "rules[0].stages: without response_complete nobody learns what has become of a request; add it",
        ),
        (
            with("/rules/0/stages", json!([])),
            "rules[0].stages: without response_complete nobody learns what has become of a request; add it",
        ),
        (
            with("/otherwise/sample", json!(-0.1)),
            "otherwise.sample: -0.1; write a share from 0 to 1, as in 0.1",
        ),
    ]);
    let many = |count: usize| {
        small(json!({"rules": (0..count).map(|it| rule(&format!("r{it}"))).collect::<Vec<_>>()}))
    };
    assert_eq!(error(&many(257)), "rules: 257 of them; write at most 256");
    assert_accepted([many(256), with("/otherwise/sample", json!(0)), with("/otherwise/sample", json!(1))]);
}

#[test]
fn each_member_of_an_operation_has_its_error() {
    assert_refused(&[
        (
            with("/operations/0/name", json!("")),
            "operations[0].name: write a name of up to 256 bytes, as in orders.cancel",
        ),
        (
            with("/operations/0/name", json!("x".repeat(257))),
            "operations[0].name: write a name of up to 256 bytes, as in orders.cancel",
        ),
        (
            with("/operations/0/when/path", json!({"exact": "orders"})),
            "operations[0].when.path: \"orders\" never matches; write a path that begins with / and has no . or .. segments, //, ;, \\, ? or #",
        ),
        (
            with("/operations/0/activity", json!("cancel")),
            "operations[0].activity: unknown variant `cancel`, expected one of `create`, `read`, `update`, `delete`, `other`",
        ),
    ]);
}

#[test]
fn each_bound_of_duplicates_is_named() {
    assert_refused(&[
        (with("/duplicates/window", json!("999ms")), "duplicates.window: 999ms; write from 1s to 1h"),
        (with("/duplicates/window", json!("2h")), "duplicates.window: 2h; write from 1s to 1h"),
        (with("/duplicates/max_keys", json!(0)), "duplicates.max_keys: 0; write from 1 to 65536"),
        (with("/duplicates/max_keys", json!(65_537)), "duplicates.max_keys: 65537; write from 1 to 65536"),
    ]);
}

#[test]
fn each_header_of_a_fingerprint_is_one() {
    let expected = "fingerprint.headers[1]: \"a b\" is no header name; write one such as idempotency-key";
    assert_eq!(error(&with("/fingerprint/headers", json!(["x-a", "a b"]))), expected);
}
