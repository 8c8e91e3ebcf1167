//! Configurations that are accepted, and those that are refused, with the one line that says why.

use portcullis_circuit_breaker::CircuitBreaker;
use portcullis_kit::testing::{config, refusals};
use serde_json::{Value, json};

#[path = "config/breakers.rs"]
mod breakers;
#[path = "config/contradictions.rs"]
mod contradictions;
#[path = "config/fallbacks.rs"]
mod fallbacks;
#[path = "config/full.rs"]
mod full;
#[path = "config/keys.rs"]
mod keys;
#[path = "config/schema.rs"]
mod schema;

use full::full;

/// The full configuration with the value at a JSON pointer replaced, or a member added there.
fn with(pointer: &str, value: Value) -> Value {
    config::with(full(), pointer, value)
}

/// The full configuration without one member.
fn without(pointer: &str) -> Value {
    config::without(full(), pointer)
}

/// The smallest configuration, whose breaker has these members besides.
fn small(more: Value) -> Value {
    let mut breaker = json!({"name": "all", "trip": {"error_ratio": 0.5}});
    breaker.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"breakers": [breaker]})
}

fn error(config: &Value) -> String {
    refusals::error::<CircuitBreaker>(config)
}

fn is_accepted(config: &Value) -> bool {
    refusals::is_accepted::<CircuitBreaker>(config)
}

fn assert_refused(cases: &[(Value, &str)]) {
    refusals::assert_refused::<CircuitBreaker>(cases);
}

fn assert_accepted(cases: impl IntoIterator<Item = Value>) {
    refusals::assert_accepted::<CircuitBreaker>(cases);
}

#[test]
fn the_full_configuration_and_the_smallest_are_accepted() {
    assert_accepted([
        full(),
        small(json!({})),
        json!({"breakers": [{"name": "a", "throttle": {}}]}),
        json!({"breakers": [{"name": "a", "mode": "forced_open"}]}),
        json!({"breakers": [{"name": "a", "mode": "disabled"}]}),
    ]);
}

/// So many breakers, each for one path.
fn many(count: usize) -> Vec<Value> {
    let breaker = |at| json!({"name": format!("b{at}"), "when": {"path": {"exact": format!("/{at}")}}, "max_keys": 1, "trip": {"error_count": 1}});
    (0..count).map(breaker).collect()
}

#[test]
fn each_member_outside_of_the_breakers_has_its_error() {
    let (none, long) = (json!({"breakers": []}), "x".repeat(65));
    let long_stat =
        format!("stat_prefix: {long:?}; write up to 64 lower-case letters, digits and underscores");
    assert_refused(&[
        (none, "breakers: 0 breakers; write from 1 to 64"),
        (json!({"breakers": many(65)}), "breakers: 65 breakers; write from 1 to 64"),
        (with("/domain", json!("")), "domain: empty; write a name or leave it out"),
        (
            with("/stat_prefix", json!("my-edge")),
            "stat_prefix: \"my-edge\"; write up to 64 lower-case letters, digits and underscores",
        ),
        (
            with("/stat_prefix", json!("")),
            "stat_prefix: \"\"; write up to 64 lower-case letters, digits and underscores",
        ),
        (with("/stat_prefix", json!(long)), &long_stat),
        (
            with("/reply/format", json!("html")),
            "reply.format: unknown variant `html`, expected `problem_json` or `text`",
        ),
        (
            with("/state_header/on", json!("open")),
            "state_header.on: unknown variant `open`, expected `denied` or `always`",
        ),
    ]);
    assert_accepted([json!({"breakers": many(64)}), with("/stat_prefix", json!("x".repeat(64)))]);
}

#[test]
fn each_header_that_is_not_for_this_is_named() {
    const FIXED: [&str; 10] = [
        "connection",
        "Content-Length",
        "Content-Type",
        "grpc-message",
        "Grpc-Status",
        "keep-alive",
        "TE",
        "trailer",
        "transfer-encoding",
        "Upgrade",
    ];
    let reply = |headers: Value| with("/reply/headers", headers);
    for name in FIXED.into_iter().chain(["Retry-After", "", "a b", ":status"]) {
        let expected = format!("reply.headers.{name}: not a header for this; write one such as x-denied-by");
        assert_eq!(error(&reply(json!({name: "1"}))), expected);
    }
    for name in
        FIXED.into_iter().chain(["Retry-After", "Set-Cookie", "location", "", "a b", ":status", "a\n"])
    {
        let expected =
            format!("state_header.name: {name:?} is not a header for this; write one such as x-circuit");
        assert_eq!(error(&with("/state_header/name", json!(name))), expected);
    }
    assert_refused(&[
        (
            reply(json!({"a\nb": "1"})),
            "reply.headers.a\\nb: not a header for this; write one such as x-denied-by",
        ),
        (
            reply(json!({"X-A": "1", "x-a": "1"})),
            "reply.headers.x-a: is there in another case as well; write it once",
        ),
        (reply(json!({"x-a": "\n"})), "reply.headers.x-a: not printable ASCII; write a plain value"),
        (reply(json!({"x-a": "ä"})), "reply.headers.x-a: not printable ASCII; write a plain value"),
    ]);
    assert_accepted([
        reply(json!({})),
        reply(
            json!({"X-A": "", "x-b": "\t ~", "cache-control": "no-store", "location": "/", "set-cookie": "a=b"}),
        ),
        with("/state_header/name", json!("X-Circuit")),
        with("/state_header/name", json!("content-language")),
    ]);
}

#[test]
fn workers_tell_each_other_at_least_once_in_a_bucket() {
    const BUCKET: &str = ", the shortest bucket of a window";
    let sync = |sync: &str, more: Value| config::with(small(more), "/sync", json!(sync));
    for (config, expected) in [
        (sync("9ms", json!({})), "9ms; write from 10ms to 1s"),
        (sync("0s", json!({})), "0s; write from 10ms to 1s"),
        (sync("1001ms", json!({})), "1001ms; write from 10ms to 1s"),
        (sync("51ms", json!({"window": "1s", "bucket": "50ms"})), "51ms; write from 10ms to 50ms"),
        (sync("51ms", json!({"window": "500ms"})), "51ms; write from 10ms to 50ms"),
        (with("/sync", json!("1001ms")), "1001ms; write from 10ms to 1s"),
    ] {
        assert_eq!(error(&config), format!("sync: {expected}{BUCKET}"));
    }
    assert_refused(&[
        (sync("11s", json!({"window_calls": 10})), "sync: 11s; write from 10ms to 10s"),
        (sync("9ms", json!({"window_calls": 10})), "sync: 9ms; write from 10ms to 10s"),
        (
            sync("1", json!({})),
            "sync: \"1\" is not a duration; write a number and a unit, as in 250ms, 10s, 5m, 1h",
        ),
    ]);
    assert_accepted([
        sync("10ms", json!({})),
        sync("1s", json!({})),
        sync("10ms", json!({"window": "600ms", "bucket": "10ms"})),
        sync("50ms", json!({"window": "500ms"})),
        sync("10ms", json!({"window_calls": 10})),
        sync("10s", json!({"window_calls": 10})),
        // Left out, it is no longer than it may be.
        small(json!({"window": "600ms", "bucket": "10ms"})),
        small(json!({"window_calls": 10})),
        without("/sync"),
    ]);
}

#[test]
fn names_and_numbers_of_breakers_are_bounded() {
    const NAME: &str = "; write up to 64 lower-case letters, digits, _ and -";
    let long = "x".repeat(65);
    for name in ["", "Upstreams", "a b", "a/b", &long] {
        assert_eq!(error(&small(json!({"name": name}))), format!("breakers[0].name: {name:?}{NAME}"));
    }
    let known = |count: usize| json!({"known": (0..count).map(|at| format!("c{at}")).collect::<Vec<_>>()});
    for (config, keys) in [
        (small(json!({"max_keys": 1024})), "1025"),
        (small(json!({"max_keys": u32::MAX})), "4294967296"),
        (with("/breakers/0/max_keys", json!(922)), "1025"),
        (small(known(1024)), "1025"),
    ] {
        let expected = format!(
            "breakers: {keys} breakers by max_keys, and one more each for all other values; write at most 1024 in all"
        );
        assert_eq!(error(&config), expected);
    }
    assert_refused(&[
        (
            with("/breakers/1/name", json!("upstreams")),
            "breakers[1].name: \"upstreams\" would be counted together with \"upstreams\"; give each a name of its own",
        ),
        (
            with("/breakers/1/name", json!("upstreams_half")),
            "breakers[1].name: \"upstreams_half\" would be counted together with \"upstreams\"; give each a name of its own",
        ),
        (
            with("/breakers/1/name", json!("left_alone")),
            "breakers[4].name: \"left-alone\" would be counted together with \"left_alone\"; give each a name of its own",
        ),
    ]);
    assert_accepted([
        small(json!({"name": "x".repeat(64)})),
        small(json!({"max_keys": 1})),
        small(json!({"max_keys": 1023})),
        small(known(1023)),
        // Of the others, one has two values that are known, and three have 32.
        with("/breakers/0/max_keys", json!(921)),
    ]);
}

#[test]
fn members_that_must_be_there_are_named() {
    for (pointer, expected) in [
        ("/breakers", "missing field `breakers`"),
        ("/breakers/0/name", "breakers[0]: missing field `name`"),
        ("/breakers/0/trip/slow_ratio/ratio", "breakers[0].trip.slow_ratio: missing field `ratio`"),
        (
            "/breakers/0/trip/slow_ratio/max_latency",
            "breakers[0].trip.slow_ratio: missing field `max_latency`",
        ),
        ("/breakers/0/key/7/claim/path", "breakers[0].key[7].claim: missing field `path`"),
        ("/breakers/0/key/7/claim/filter_state", "breakers[0].key[7].claim: missing field `filter_state`"),
        ("/breakers/0/when/headers/0/name", "breakers[0].when.headers[0]: missing field `name`"),
        ("/breakers/0/fallback/1/only/0/of", "breakers[0].fallback[1].only[0]: missing field `of`"),
        ("/breakers/0/fallback/1/only/0/in", "breakers[0].fallback[1].only[0]: missing field `in`"),
        ("/breakers/0/fallback/1/budget/rate", "breakers[0].fallback[1].budget: missing field `rate`"),
        ("/breakers/0/fallback/1/reroute/header", "breakers[0].fallback[1].reroute: missing field `header`"),
        ("/breakers/0/fallback/1/reroute/value", "breakers[0].fallback[1].reroute: missing field `value`"),
        ("/state_header/name", "state_header: missing field `name`"),
    ] {
        assert_eq!(error(&without(pointer)), expected);
    }
}

#[test]
fn an_unknown_member_is_refused_wherever_it_stands() {
    // There any name is one.
    let objects = refusals::assert_known_members::<CircuitBreaker>(&full(), |pointer| {
        pointer == "/reply/headers" || pointer.ends_with("/static/headers")
    });
    assert!(objects > 60, "{objects}");
}

#[test]
fn a_member_of_another_type_is_refused_with_its_path() {
    refusals::assert_types::<CircuitBreaker>(&full());
}

#[test]
fn what_is_not_a_json_object_is_refused() {
    refusals::assert_json::<CircuitBreaker>(&full(), "domain");
}
