//! Configurations that are refused, and the one line that says why.

use portcullis_kit::HttpFilter;
use portcullis_kit::testing::{config, refusals};
use portcullis_token_bucket::TokenBucket;
use serde_json::{Value, json};

#[path = "config/full.rs"]
mod full;
#[path = "config/limits.rs"]
mod limits;

use full::full;

/// The full configuration with the value at a JSON pointer replaced, or a member added there.
fn with(pointer: &str, value: Value) -> Value {
    config::with(full(), pointer, value)
}

/// The full configuration without one member.
fn without(pointer: &str) -> Value {
    config::without(full(), pointer)
}

/// The smallest configuration, whose limit has these members besides.
fn small(more: Value) -> Value {
    let mut limit = json!({"name": "all", "rate": "10/1s"});
    limit.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"limits": [limit]})
}

/// The same with a limit that the service counts.
fn global(more: Value) -> Value {
    let mut config = small(json!({"scope": "global", "key": [{"constant": "all"}]}));
    config["limits"][0].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config["rate_limit_service"] = json!({"cluster": "ratelimit", "domain": "shop"});
    config
}

fn error(config: &Value) -> String {
    refusals::error::<TokenBucket>(config)
}

fn is_accepted(config: &Value) -> bool {
    refusals::is_accepted::<TokenBucket>(config)
}

fn assert_refused(cases: &[(Value, &str)]) {
    refusals::assert_refused::<TokenBucket>(cases);
}

#[test]
fn the_full_configuration_and_the_smallest_are_accepted() {
    assert_eq!(TokenBucket::configure(full().to_string().as_bytes()).err(), None);
    assert!(is_accepted(&small(json!({}))));
    assert!(is_accepted(&global(json!({}))));
}

#[test]
fn members_that_contradict_each_other_are_named() {
    assert_refused(&[
        (
            small(json!({"lease": 3})),
            "limits[0].lease: only scope: leased has it; change the scope or leave it out",
        ),
        (
            small(json!({"ahead": 3})),
            "limits[0].ahead: only scope: global has it; change the scope or leave it out",
        ),
        (
            small(json!({"scope": "leased", "lease": 11})),
            "limits[0].lease: 11; write a number from 1 to the burst, at most 1048576",
        ),
        (
            small(json!({"scope": "leased", "lease": 0})),
            "limits[0].lease: 0; write a number from 1 to the burst, at most 1048576",
        ),
        (
            small(json!({"max_keys": 10})),
            "limits[0].max_keys: there is one bucket without a key; write a key or leave it out",
        ),
        (
            global(json!({"max_keys": 10})),
            "limits[0].max_keys: the rate limit service keeps the buckets; leave it out",
        ),
        (
            global(json!({"key": []})),
            "limits[0].key: empty, and the rate limit service needs a descriptor; write key: [{constant: all}] for one bucket of all",
        ),
        (
            global(json!({"delay": {"max": "1s"}})),
            "limits[0].delay: the rate limit service does not say when tokens come; leave it out, or change the scope",
        ),
        (
            global(json!({"refund": {"unanswered": true}})),
            "limits[0].refund: the rate limit service takes nothing back; leave it out, or change the scope",
        ),
        (
            with("/limits/0/mode", json!("shadow")),
            "limits[0].enforce: nothing is enforced in mode: shadow; leave out one of the two",
        ),
    ]);
    for (config, path) in [
        (small(json!({"start": 11})), "limits[0].start: "),
        (with("/limits/0/start", json!(201)), "limits[0].start: "),
        (global(json!({"ahead": 0})), "limits[0].ahead: "),
        (global(json!({"ahead": 1_048_577})), "limits[0].ahead: "),
        (small(json!({"delay": {"max": "61s"}})), "limits[0].delay.max: "),
    ] {
        let error = error(&config);
        assert!(error.starts_with(path) && error.contains("; write "), "{error}");
    }
}

#[test]
fn limits_that_contradict_the_others_or_the_service_are_named() {
    assert_refused(&[
        (
            without("/rate_limit_service"),
            "limits[2].scope: global, and there is no rate_limit_service; name its cluster there",
        ),
        (
            with("/limits/2", json!({"name": "c", "rate": "1/1s"})),
            "rate_limit_service: no limit has scope: global, so nobody would ask it; write one or leave it out",
        ),
        (
            with("/limits/1/name", json!("per-client")),
            "limits[1].name: \"per-client\" would be counted together with \"per-client\"; give each a name of its own",
        ),
        (
            with("/limits/1/name", json!("per_client")),
            "limits[1].name: \"per_client\" would be counted together with \"per-client\"; give each a name of its own",
        ),
        (
            with("/limits/1/name", json!("per-client-shadow")),
            "limits[1].name: \"per-client-shadow\" would be counted together with \"per-client\"; give each a name of its own",
        ),
    ]);
}

#[test]
fn each_member_outside_of_the_limits_has_its_error() {
    const NAME: &str = "; write up to 64 lower-case letters, digits, _ and -";
    let many: Vec<_> = (0..65).map(|at| json!({"name": format!("l{at}"), "rate": "1/1s"})).collect();
    let long = "x".repeat(65);
    assert_refused(&[
        (json!({"limits": []}), "limits: 0 limits; write from 1 to 64"),
        (json!({"limits": many}), "limits: 65 limits; write from 1 to 64"),
        (small(json!({"name": ""})), &format!("limits[0].name: \"\"{NAME}")),
        (small(json!({"name": "Per Client"})), &format!("limits[0].name: \"Per Client\"{NAME}")),
        (small(json!({"name": long})), &format!("limits[0].name: {long:?}{NAME}")),
        (with("/domain", json!("")), "domain: empty; write a name or leave it out"),
        (
            with("/stat_prefix", json!("my-edge")),
            "stat_prefix: \"my-edge\"; write up to 64 lower-case letters, digits and underscores",
        ),
        (with("/rate_limit_service/cluster", json!("")), "rate_limit_service.cluster: empty; write its name"),
        (with("/rate_limit_service/domain", json!("")), "rate_limit_service.domain: empty; write its name"),
        (
            with("/rate_limit_service/timeout", json!("0s")),
            "rate_limit_service.timeout: 0s; write a time from 1ms to 10s",
        ),
        (
            with("/rate_limit_service/timeout", json!("11s")),
            "rate_limit_service.timeout: 11s; write a time from 1ms to 10s",
        ),
        (
            with("/rate_limit_service/max_waiting", json!(0)),
            "rate_limit_service.max_waiting: 0, and nobody could ask; write at least 1",
        ),
        (
            with("/reply/status", json!(200)),
            "reply.status: 200; write a status from 400 to 599, a denial is nothing else",
        ),
        (
            with("/reply/grpc_status", json!("ok")),
            "reply.grpc_status: unknown variant `ok`, expected `resource_exhausted` or `unavailable`",
        ),
        (
            with("/reply/headers", json!({"retry-after": "1"})),
            "reply.headers.retry-after: not a header for this; write one such as x-denied-by",
        ),
        (
            with("/reply/headers", json!({"x-a": "\n"})),
            "reply.headers.x-a: not printable ASCII; write a plain value",
        ),
        (
            with("/limits/0/when/host", json!("example.com:443")),
            "limits[0].when.host: \"example.com:443\" is not a host; write api.example.com or *.example.com, without a port",
        ),
        (
            with("/limits/0/when/methods", json!([])),
            "limits[0].when.methods: empty, so nothing matches; name a method or leave the member out",
        ),
    ]);
}

#[test]
fn members_that_must_be_there_are_named() {
    for (pointer, expected) in [
        ("/limits", "missing field `limits`"),
        ("/limits/0/name", "limits[0]: missing field `name`"),
        ("/limits/0/rate", "limits[0]: missing field `rate`"),
        ("/limits/0/cost_from/header", "limits[0].cost_from: missing field `header`"),
        ("/limits/0/cost_from/max", "limits[0].cost_from: missing field `max`"),
        ("/limits/0/exempt/0/of", "limits[0].exempt[0]: missing field `of`"),
        ("/limits/0/exempt/0/in", "limits[0].exempt[0]: missing field `in`"),
        ("/limits/0/tiers/0/of", "limits[0].tiers[0]: missing field `of`"),
        ("/limits/0/tiers/0/in", "limits[0].tiers[0]: missing field `in`"),
        ("/limits/0/tiers/0/rate", "limits[0].tiers[0]: missing field `rate`"),
        ("/limits/0/delay/max", "limits[0].delay: missing field `max`"),
        ("/limits/0/after/0/tokens", "limits[0].after[0]: missing field `tokens`"),
        ("/limits/0/enforce/percent", "limits[0].enforce: missing field `percent`"),
        ("/rate_limit_service/cluster", "rate_limit_service: missing field `cluster`"),
        ("/rate_limit_service/domain", "rate_limit_service: missing field `domain`"),
    ] {
        assert_eq!(error(&without(pointer)), expected);
    }
}

#[test]
fn an_unknown_member_is_refused_wherever_it_stands() {
    // There any name is one.
    let objects =
        refusals::assert_known_members::<TokenBucket>(&full(), |pointer| pointer == "/reply/headers");
    assert!(objects > 40, "{objects}");
}

#[test]
fn what_is_not_a_json_object_is_refused() {
    refusals::assert_json::<TokenBucket>(&full(), "domain");
}
