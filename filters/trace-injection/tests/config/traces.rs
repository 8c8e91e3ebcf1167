//! The mistakes of what is read, written, trusted and sampled.

use serde_json::{Value, json};

use crate::{assert_accepted, assert_refused, error, exporting, with, without};

#[test]
fn each_mistake_of_dialects_has_its_error() {
    for member in ["extract", "inject"] {
        let of = |value: Value| error(&json!({member: value}));
        assert_eq!(of(json!([])), format!("{member}: empty; write at least one, as in [w3c]"));
        assert_eq!(
            of(json!(["w3c", "b3", "w3c"])),
            format!("{member}[2]: stands there already; write it once")
        );
        assert_eq!(
            of(json!(["b3", "zipkin"])),
            format!(
                "{member}[1]: unknown variant `zipkin`, expected one of `w3c`, `b3`, `b3_multi`, `jaeger`, `xray`, `datadog`, `gcp`"
            )
        );
        assert_eq!(of(json!("w3c")), format!("{member}: invalid type: string \"w3c\", expected a list"));
    }
    assert_accepted([json!({"extract": ["gcp"], "inject": ["xray"]})]);
}

#[test]
fn each_value_that_is_none_is_named() {
    assert_refused(&[
        (json!({"side": "both"}), "side: unknown variant `both`, expected `server` or `client`"),
        (
            json!({"with_envoy_tracing": "none"}),
            "with_envoy_tracing: unknown variant `none`, expected `replace` or `complement`",
        ),
        (
            json!({"traceresponse": "yes"}),
            "traceresponse: unknown variant `yes`, expected one of `never`, `started`, `always`",
        ),
        (json!({"each_try": "yes"}), "each_try: invalid type: string \"yes\", expected a boolean"),
        (json!({"filter_state": 1}), "filter_state: invalid type: integer `1`, expected a boolean"),
        (json!({"domain": ""}), "domain: empty; write a name or leave it out"),
        (
            with("/stat_prefix", json!("my-edge")),
            "stat_prefix: \"my-edge\"; write up to 64 lower-case letters, digits and underscores",
        ),
        (
            with("/stat_prefix", json!("")),
            "stat_prefix: \"\"; write up to 64 lower-case letters, digits and underscores",
        ),
    ]);
}

#[test]
fn each_mistake_of_trust_has_its_error() {
    let rule = |member: &str, value: Value| with(&format!("/trust/rules/0/{member}"), value);
    assert_refused(&[
        (
            rule("addresses", json!(["10.0.0.0/8", "10/8"])),
            "trust.rules[0].addresses[1]: \"10/8\" is no network; write one such as 10.0.0.0/8",
        ),
        (
            rule("addresses", json!(["10.0.0.1/8"])),
            "trust.rules[0].addresses[0]: \"10.0.0.1/8\" is no network; write one such as 10.0.0.0/8",
        ),
        (
            rule("addresses", json!([])),
            "trust.rules[0].addresses: empty, so nothing matches; write at least one",
        ),
        (rule("addresses", json!(vec!["10.0.0.0/8"; 65])), "trust.rules[0].addresses: 65; write at most 64"),
        (rule("peers", json!([])), "trust.rules[0].peers: empty, so nothing matches; write at least one"),
        (rule("peers", json!(vec![json!({"exact": "a"}); 65])), "trust.rules[0].peers: 65; write at most 64"),
        (
            rule("peers", json!([{"exact": "a"}, {"regex": "("}])),
            "trust.rules[0].peers[1].regex: \"(\" is not an expression: found open group without closing ')'",
        ),
        (
            rule("peers", json!([{"suffix": "a"}])),
            "trust.rules[0].peers[0]: unknown variant `suffix`, expected one of `exact`, `prefix`, `regex`",
        ),
        (
            rule("parent", json!("trust")),
            "trust.rules[0].parent: unknown variant `trust`, expected one of `continue`, `link`, `drop`",
        ),
        (
            rule("when", json!({"path": {"exact": "api"}})),
            "trust.rules[0].when.path: \"api\" never matches; write a path that begins with / and has no . or .. segments, //, ;, \\, ? or #",
        ),
        (
            rule("when", json!({"methods": []})),
            "trust.rules[0].when.methods: empty, so nothing matches; name a method or leave the member out",
        ),
        (
            with("/trust/rules/1", json!({"parent": "continue"})),
            "trust.rules[1]: is for everybody, so that nothing behind it ever counts; write when, addresses or peers, or otherwise alone",
        ),
        (
            with("/trust/otherwise", json!("deny")),
            "trust.otherwise: unknown variant `deny`, expected one of `continue`, `link`, `drop`",
        ),
    ]);
    let many = |count: usize| {
        let rules = vec![json!({"when": {"methods": ["GET"]}, "parent": "link"}); count];
        exporting(json!({"trust": {"rules": rules, "otherwise": "drop"}}))
    };
    assert_eq!(error(&many(65)), "trust.rules: 65; write at most 64");
    assert_accepted([
        many(64),
        rule("addresses", json!(["192.0.2.1", "2001:db8::1", "0.0.0.0/0", "::/0"])),
        rule("peers", json!([{"prefix": "spiffe://"}])),
        with("/trust/rules", json!([])),
        without("/trust/rules"),
    ]);
}

#[test]
fn each_mistake_of_baggage_has_its_error() {
    for member in ["trusted", "untrusted"] {
        let keep = |value: Value| error(&with(&format!("/baggage/{member}"), value));
        let expected = [
            (json!("some"), "unknown variant `some`, expected one of `all`, `nothing`, `only`"),
            (json!({"but": []}), "unknown variant `but`, expected one of `all`, `nothing`, `only`"),
        ];
        for (value, expected) in expected {
            assert_eq!(keep(value), format!("baggage.{member}: {expected}"));
        }
        for (value, expected) in [
            (json!([]), ": empty, so nothing matches; write at least one"),
            (json!(vec!["a"; 65]), ": 65; write at most 64"),
            (json!(["tenant", ""]), "[1]: \"\" is no key of baggage; write one such as tenant"),
            (json!(["a=b"]), "[0]: \"a=b\" is no key of baggage; write one such as tenant"),
        ] {
            assert_eq!(keep(json!({"only": value})), format!("baggage.{member}.only{expected}"));
        }
        assert_eq!(
            keep(json!("only")),
            format!(
                "baggage.{member}.only: invalid type: a name alone, expected an object with it as its only member"
            )
        );
        assert_accepted([
            with(&format!("/baggage/{member}"), json!({"only": vec!["a"; 64]})),
            with(&format!("/baggage/{member}"), json!("all")),
        ]);
    }
}

#[test]
fn each_mistake_of_samplers_has_its_error() {
    const SHARE: &str = "; write a share from 2^-56 to 1, or never";
    const RATE: &str = "; write a number of tokens and a time, as in 100/1s, 5/10m, 1/24h; at least 1 in 8784h, at most 1 in 1ns";
    for pointer in ["/sampling/sampler", "/sampling/rules/1/sampler"] {
        let path = if pointer.contains("rules") { "sampling.rules[1].sampler" } else { "sampling.sampler" };
        let of = |value: Value| error(&with(pointer, value));
        for (share, shown) in [
            (json!(0), "0"),
            (json!(1.5), "1.5"),
            (json!(-0.1), "-0.1"),
            (json!(1e-18), "0.000000000000000001"),
        ] {
            assert_eq!(of(json!({"probability": share})), format!("{path}.probability: {shown}{SHARE}"));
        }
        for (value, expected) in [
            (
                json!("sometimes"),
                ": unknown variant `sometimes`, expected one of `always`, `never`, `probability`, `rate`",
            ),
            (
                json!("probability"),
                ".probability: invalid type: a name alone, expected an object with it as its only member",
            ),
            (json!({"probability": "0.1"}), ".probability: invalid type: string \"0.1\", expected a number"),
            (json!({"rate": "10/1s"}), ".rate: invalid type: string \"10/1s\", expected an object"),
            (json!({"rate": {}}), ".rate: missing field `rate`"),
            (json!({"rate": {"rate": "10/1s", "burst": 0}}), ".rate.burst: 0; write at least 1"),
            (
                json!({"rate": {"rate": "1/1h", "burst": 10_000_000}}),
                ".rate.burst: 10000000, and so many come in no less than a hundred years; write fewer",
            ),
            (json!({"always": true}), ".always: invalid type: boolean `true`, expected nothing behind it"),
            (
                json!({"probability": 0.5, "rate": {"rate": "1/1s"}}),
                ": invalid value: map, expected an object with one member",
            ),
        ] {
            assert_eq!(of(value), format!("{path}{expected}"));
        }
        assert_eq!(
            of(json!({"rate": {"rate": "10"}})),
            format!("{path}.rate.rate: \"10\" is not a rate{RATE}")
        );
        assert_accepted([
            with(pointer, json!({"probability": 1})),
            with(pointer, json!({"probability": 1.387_778_780_781_445_7e-17})),
            with(pointer, json!({"rate": {"rate": "1/1h"}})),
        ]);
    }
}

#[test]
fn each_mistake_of_sampling_has_its_error() {
    let rule = |member: &str, value: Value| with(&format!("/sampling/rules/0/{member}"), value);
    let many = |count: usize| {
        let rule = json!({"when": {"methods": ["GET"]}, "sampler": "never"});
        json!({"sampling": {"rules": vec![rule; count]}})
    };
    assert_refused(&[
        (many(65), "sampling.rules: 65; write at most 64"),
        (
            with("/sampling/parent", json!("both")),
            "sampling.parent: unknown variant `both`, expected `follow` or `ignore`",
        ),
        (
            rule("parent", json!("both")),
            "sampling.rules[0].parent: unknown variant `both`, expected `follow` or `ignore`",
        ),
        (
            rule("when", json!({"host": "a.example:80"})),
            "sampling.rules[0].when.host: \"a.example:80\" is not a host; write api.example.com or *.example.com, without a port",
        ),
    ]);
    assert_accepted([many(0), many(64)]);
}
