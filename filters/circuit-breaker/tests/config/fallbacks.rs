//! The mistakes of one fallback.

use serde_json::{Value, json};

use crate::{assert_accepted, assert_refused, error, small, with};

/// The smallest configuration with one fallback, of which one member is replaced or added.
fn fallback(fallback: Value) -> Value {
    small(json!({"fallback": [fallback]}))
}

/// A fallback with a condition.
fn condition(member: &str, value: Value) -> Value {
    crate::config::with(fallback(json!({"static": {}})), &format!("/breakers/0/fallback/0/{member}"), value)
}

#[test]
fn a_fallback_does_one_thing() {
    const PATH: &str = "breakers[0].fallback[0]";
    let none = format!("{PATH}: does nothing; write one of snapshot, reroute and static");
    let several = format!(
        "{PATH}: does several things; write each as an entry of its own, in the order in which they are tried"
    );
    let reroute = json!({"header": "x-fallback", "value": "standby"});
    assert_refused(&[
        (fallback(json!({})), &none),
        (fallback(json!({"max_in_flight": 1})), &none),
        (fallback(json!({"static": {}, "snapshot": {}})), &several),
        (fallback(json!({"static": {}, "reroute": reroute})), &several),
        (fallback(json!({"snapshot": {}, "reroute": reroute, "static": {}})), &several),
    ]);
    assert_accepted([
        fallback(json!({"static": {}})),
        fallback(json!({"snapshot": {}})),
        fallback(json!({"reroute": reroute})),
        small(json!({"fallback": []})),
        // One for each kind of request.
        small(json!({"fallback": [{"when": {"methods": ["GET"]}, "static": {}}, {"static": {}}]})),
    ]);
}

#[test]
fn each_mistake_of_a_condition_has_its_error() {
    const PATH: &str = "breakers[0].fallback[0]";
    const RATE: &str =
        "a number of tokens and a time, as in 100/1s, 5/10m, 1/24h; at least 1 in 8784h, at most 1 in 1ns";
    let rate = format!("{PATH}.budget.rate: \"0/1s\" is not a rate; write {RATE}");
    let burst = |problem: &str| format!("{PATH}.budget.burst: {problem}");
    let fewer = "and so many come in no less than a hundred years; write fewer";
    for (member, value, expected) in [
        (
            "max_in_flight",
            json!(0),
            format!("{PATH}.max_in_flight: 0, and it would never serve; write at least 1"),
        ),
        ("time_open", json!({"min": "25h"}), format!("{PATH}.time_open.min: 25h; write at most 24h")),
        ("time_open", json!({"max": "25h"}), format!("{PATH}.time_open.max: 25h; write at most 24h")),
        ("budget", json!({"rate": "0/1s"}), rate),
        ("budget", json!({"rate": "1/1s", "burst": 0}), burst("0; write at least 1")),
        (
            "budget",
            json!({"rate": "1/1s", "burst": 3_162_240_001_u64}),
            burst(&format!("3162240001, {fewer}")),
        ),
        (
            "budget",
            json!({"rate": "1/1s", "burst": u64::MAX}),
            burst(&format!("18446744073709551615, {fewer}")),
        ),
    ] {
        assert_eq!(error(&condition(member, value)), expected);
    }
    for (time_open, max) in [
        (json!({"max": "0s"}), "0s"),
        (json!({"min": "1m", "max": "1m"}), "1m"),
        (json!({"min": "2m", "max": "61s"}), "61s"),
    ] {
        let expected = "no longer than min, and it would never serve; write a longer time";
        assert_eq!(
            error(&condition("time_open", time_open)),
            format!("{PATH}.time_open.max: {max}, {expected}")
        );
    }
    let last = [
        ("max_in_flight", json!(1)),
        ("time_open", json!({})),
        ("time_open", json!({"min": "24h"})),
        ("time_open", json!({"min": "0s", "max": "24h"})),
        ("time_open", json!({"max": "1ns"})),
        ("budget", json!({"rate": "1/24h"})),
        ("budget", json!({"rate": "1/1s", "burst": 1})),
        ("budget", json!({"rate": "1/1s", "burst": 3_162_240_000_u64})),
        ("only", json!([])),
    ];
    assert_accepted(last.map(|(member, value)| condition(member, value)));
}

#[test]
fn each_mistake_of_whom_it_is_for_has_its_error() {
    const PATH: &str = "breakers[0].fallback[0].only[0]";
    let only = |of: Value, values: Value| condition("only", json!([{"of": of, "in": values}]));
    for (of, values, expected) in [
        (json!({"header": "x"}), json!([]), "in: empty, so nobody is meant; write what the part may be"),
        (
            json!({"header": "x"}),
            json!(["a", ""]),
            "in[1]: \"\" never matches; a part that is empty counts as missing; write what it may be",
        ),
        (
            json!({"method": true}),
            json!(["get"]),
            "in[0]: \"get\" never matches; write a method as it is on the wire: GET",
        ),
        (
            json!({"path": true}),
            json!(["api"]),
            "in[0]: \"api\" never matches; write a path that begins with /",
        ),
        (
            json!({"path_template": ["/a/{b}"]}),
            json!(["/a/b"]),
            "in[0]: \"/a/b\" never matches; write one of the templates as it stands there",
        ),
        (
            json!({"client_address": {}}),
            json!(["10.0.0.1/8"]),
            "in[0]: \"10.0.0.1/8\" is no network; write one such as 10.0.0.0/8 or 2001:db8::/32, no bits set behind the prefix",
        ),
        (
            json!({"client_address": {"v4_prefix": 33}}),
            json!(["10.0.0.0/8"]),
            "of.client_address.v4_prefix: 33; write at most 32, the length of an address",
        ),
        (
            json!({"client_address": {"v6_prefix": 129}}),
            json!(["10.0.0.0/8"]),
            "of.client_address.v6_prefix: 129; write at most 128, the length of an address",
        ),
        (json!({"cookie": ""}), json!(["a"]), "of.cookie: empty; write the name"),
        (json!({"query": ""}), json!(["a"]), "of.query: empty; write the name"),
        (
            json!({"cookie": "a", "query": "b"}),
            json!(["a"]),
            "of: names several parts; write each as an entry of its own",
        ),
    ] {
        assert_eq!(error(&only(of, values)), format!("{PATH}.{expected}"));
    }
    for (member, value) in [("missing", json!({"default": "-"})), ("as", json!("tenant"))] {
        let error = error(&only(json!({"header": "x", member: value}), json!(["a"])));
        assert!(
            error.starts_with(&format!("{PATH}.of.{member}: ")) && error.ends_with("; leave it out"),
            "{error}"
        );
    }
}

#[test]
fn each_mistake_of_a_snapshot_has_its_error() {
    const PATH: &str = "breakers[0].fallback[0].snapshot";
    let snapshot = |snapshot: Value| fallback(json!({"snapshot": snapshot}));
    for (settings, expected) in [
        (json!({"max_size": "0B"}), "max_size: 0B; write at least 1B, and no more than memory, 16MiB"),
        (json!({"max_size": "17MiB"}), "max_size: 17MiB; write at least 1B, and no more than memory, 16MiB"),
        (json!({"memory": "1KiB"}), "max_size: 64KiB; write at least 1B, and no more than memory, 1KiB"),
        (
            json!({"max_size": "64"}),
            "max_size: \"64\" is not a size; write a number and a unit, as in 512B, 128KiB, 1MiB",
        ),
        (json!({"statuses": []}), "statuses: empty, so nothing would be kept; write some"),
        (
            json!({"statuses": ["200", "20x"]}),
            "statuses[1]: \"20x\" is no status; write one as 404, 5xx or 500-599",
        ),
        (json!({"content_types": []}), "content_types: empty, so nothing would be kept; write some"),
        (
            json!({"credentials": []}),
            "credentials: empty, and everybody would get what anybody has got; name headers, or write with_credentials: true",
        ),
        (json!({"max_stale": "25h"}), "max_stale: 25h; write at most 24h"),
        (json!({"refresh": "25h"}), "refresh: 25h; write at most 24h"),
    ] {
        assert_eq!(error(&snapshot(settings)), format!("{PATH}.{expected}"));
    }
    for statuses in [json!(["1xx"]), json!(["101"]), json!(["204"]), json!(["204-206"]), json!(["304"])] {
        let expected = "statuses: none among them that has something to keep; write one such as 200";
        assert_eq!(error(&snapshot(json!({"statuses": statuses}))), format!("{PATH}.{expected}"));
    }
    for kind in
        ["", "json", "*", "*/*", "*/json", "text/", "/json", "text/*+x", "text/html; charset=utf-8", "a/b/c"]
    {
        let expected = format!(
            "{kind:?} is no content type; write one without parameters, such as application/json, or image/* for all of a kind"
        );
        let error = error(&snapshot(json!({"content_types": ["text/html", kind]})));
        assert_eq!(error, format!("{PATH}.content_types[1]: {expected}"));
    }
    for name in ["", "x y", ":authority", "cookie:"] {
        let expected = format!("{name:?} is no header name; write one such as authorization");
        let error = error(&snapshot(json!({"credentials": ["cookie", name]})));
        assert_eq!(error, format!("{PATH}.credentials[1]: {expected}"));
    }
    let last = [
        json!({"memory": "256MiB", "max_size": "256MiB"}),
        json!({"memory": "1B", "max_size": "1B"}),
        json!({"max_stale": "24h", "refresh": "24h"}),
        json!({"max_stale": "0s", "refresh": "0s"}),
        json!({"content_types": ["application/problem+json", "IMAGE/*"]}),
        json!({"statuses": ["200-203", "205", "207-303", "305-599"]}),
        json!({"credentials": [], "with_credentials": true}),
    ];
    assert_accepted(last.map(snapshot));
}

#[test]
fn each_mistake_of_a_reroute_has_its_error() {
    const PATH: &str = "breakers[0].fallback[0].reroute";
    let reroute =
        |header: &str, value: &str| fallback(json!({"reroute": {"header": header, "value": value}}));
    for header in [
        "",
        "a b",
        ":path",
        ":authority",
        "host",
        "Authorization",
        "Cookie",
        "proxy-authorization",
        "connection",
        "Content-Length",
        "content-type",
        "grpc-message",
        "grpc-status",
        "keep-alive",
        "TE",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "X-Envoy-Retry-On",
        "x-forwarded-for",
        "x-request-id",
    ] {
        let expected =
            format!("{PATH}.header: {header:?} is not a header for this; write one such as x-fallback");
        assert_eq!(error(&reroute(header, "standby")), expected);
    }
    for value in ["", "a b", "a\n", "ä"] {
        let expected = format!(
            "{PATH}.value: {value:?}; write printable ASCII without blanks, such as the name of a cluster"
        );
        assert_eq!(error(&reroute("x-fallback", value)), expected);
    }
    assert_accepted([
        reroute("X-Fallback", "outbound|443||standby.example"),
        reroute("x", "!~"),
        reroute("x-envoy", "a"),
        reroute("x-forwarded", "a"),
        reroute("x-request", "a"),
    ]);
}

#[test]
fn each_mistake_of_a_static_answer_has_its_error() {
    const PATH: &str = "breakers[0].fallback[0].static";
    const PLACES: &str = "write {{breaker}}, {{state}} or {{retry_after}}";
    let fixed = |fixed: Value| fallback(json!({"static": fixed}));
    let body = |body: &str| fixed(json!({"body": body}));
    for status in [0, 100, 199, 600] {
        let expected = format!("{PATH}.status: {status}; write a status from 200 to 599");
        assert_eq!(error(&fixed(json!({"status": status}))), expected);
    }
    for (text, expected) in [
        ("{{", "{{ without }} behind it"),
        ("{{state}} {{breaker }", "{{ without }} behind it"),
        ("{{}}", "{{}}, which stands for nothing"),
        ("{{Breaker}}", "{{Breaker}}, which stands for nothing"),
        ("{{state}}{{ nosuch }}", "{{nosuch}}, which stands for nothing"),
        ("{{a\nb\"}}", "{{a\\nb\\\"}}, which stands for nothing"),
        (
            "{{abcdefghijklmnopqrstuvwxyz0123456789}}",
            "{{abcdefghijklmnopqrstuvwxyz0123}}, which stands for nothing",
        ),
    ] {
        assert_eq!(error(&body(text)), format!("{PATH}.body: has {expected}; {PLACES}"));
    }
    assert_refused(&[(body(&"x".repeat(65_537)), &format!("{PATH}.body: 65537 bytes; write at most 65536"))]);
    for status in [204, 205, 304] {
        let expected = format!("{PATH}.body: there is none with status {status}; leave it out");
        assert_eq!(error(&fixed(json!({"status": status, "body": "{{state}}"}))), expected);
        assert_accepted([fixed(json!({"status": status})), fixed(json!({"status": status, "body": ""}))]);
    }
    assert!(error(&with("/breakers/0/fallback/2/static/grpc_status", json!("ok"))).contains("`ok`"));
    assert_accepted([
        fixed(json!({"status": 200})),
        fixed(json!({"status": 599})),
        fixed(json!({"status": 206, "body": "a"})),
        body(&"x".repeat(65_536)),
        body("{ {state} } {{ state }} }}"),
    ]);
}

#[test]
fn each_mistake_of_the_headers_of_a_static_answer_has_its_error() {
    const PATH: &str = "breakers[0].fallback[0].static";
    let fixed = |fixed: Value| fallback(json!({"static": fixed}));
    assert_refused(&[
        (
            fixed(json!({"headers": {"content-length": "1"}})),
            &format!("{PATH}.headers.content-length: not a header for this; write one such as x-denied-by"),
        ),
        (
            fixed(json!({"headers": {"a b": "1"}})),
            &format!("{PATH}.headers.a b: not a header for this; write one such as x-denied-by"),
        ),
        (
            fixed(json!({"headers": {"x-a": "ä"}})),
            &format!("{PATH}.headers.x-a: not printable ASCII; write a plain value"),
        ),
    ]);
    for name in ["content-type", "Content-Type"] {
        let expected = format!("{PATH}.headers.{name}: not printable ASCII; write a plain value");
        assert_eq!(error(&fixed(json!({"headers": {name: "\n"}}))), expected);
    }
    for name in ["x-a", "content-type"] {
        let expected = format!("{PATH}.headers.{name}: is there in another case as well; write it once");
        let other = name.to_ascii_uppercase();
        assert_eq!(error(&fixed(json!({"headers": {name: "a", other: "b"}}))), expected);
    }
    for name in ["connection", "Grpc-Status", "grpc-message", "keep-alive", "te", "trailer", "upgrade"] {
        let expected = format!("{PATH}.headers.{name}: not a header for this; write one such as x-denied-by");
        assert_eq!(error(&fixed(json!({"headers": {name: "1"}}))), expected);
    }
    assert_accepted([fixed(
        json!({"headers": {"Content-Type": "text/html; charset=utf-8", "retry-after": "60"}}),
    )]);
}
