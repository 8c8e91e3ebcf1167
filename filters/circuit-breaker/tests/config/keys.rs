//! The mistakes of what has a breaker of its own.

use serde_json::{Value, json};

use crate::{assert_accepted, assert_refused, error, small, with};

const PARTS: &str = "client_address, header, cookie, query, path, path_template, method, host, grpc_method, claim, cluster, route, constant";

#[test]
fn each_mistake_of_a_key_has_its_error() {
    let key = |part: Value| with("/breakers/0/key/1", part);
    assert_refused(&[
        (key(json!({})), &format!("breakers[0].key[1]: names no part of a request; write one of {PARTS}")),
        (
            key(json!({"header": "a", "host": true})),
            "breakers[0].key[1]: names several parts; write each as an entry of its own",
        ),
        (key(json!({"cluster": false})), "breakers[0].key[1].cluster: false; write true or leave it out"),
        (
            key(json!({"header": ":path"})),
            "breakers[0].key[1].header: \":path\" is no header name; write one such as x-api-key",
        ),
        (
            key(json!({"path_template": []})),
            "breakers[0].key[1].path_template: empty, so nothing fits; write one such as /users/{id}",
        ),
        (
            key(json!({"path_template": ["/a", "/{x}y"]})),
            "breakers[0].key[1].path_template[1]: \"/{x}y\" is no template; write a path with {name} for a segment and ** at the end for all below, as in /users/{id}/**",
        ),
        (
            key(json!({"claim": {"filter_state": "", "path": ["a"]}})),
            "breakers[0].key[1].claim.filter_state: empty; name the filter_state.payload of jwt-auth",
        ),
        (
            key(json!({"claim": {"filter_state": "p", "path": []}})),
            "breakers[0].key[1].claim.path: empty; name the claim, as in [plan]",
        ),
    ]);
    for part in [
        json!({"client_address": {}}),
        json!({"cookie": "session"}),
        json!({"query": "tenant"}),
        json!({"path": true}),
    ] {
        let expected = "breakers[0].key[1]: has as many values as there are clients; write cluster, route, host, path_template, grpc_method, method, header, claim or constant";
        assert_eq!(error(&key(part)), expected);
    }
    for (member, value) in [("missing", json!("skip")), ("missing", json!("deny")), ("as", json!("tenant"))] {
        let error = error(&with(&format!("/breakers/0/key/1/{member}"), value));
        let expected = "keys of this filter have none; leave it out";
        assert_eq!(error, format!("breakers[0].key[1].{member}: {expected}"));
    }
    assert_accepted([small(json!({"key": []})), small(json!({"key": [{"header": "X-Tenant"}]}))]);
}

#[test]
fn what_is_known_is_what_the_key_can_be() {
    let known = |key: Value, known: Value| small(json!({"key": key, "known": known}));
    let two = || json!([{"host": true}, {"method": true}]);
    let long = "x".repeat(257);
    let longest = || "x".repeat(256);
    let empty = "breakers[0].known: empty, so that all share one; write some or leave it out";
    assert_refused(&[
        (small(json!({"known": []})), empty),
        (known(two(), json!([])), empty),
        (
            known(two(), json!(["a.example|GET", "a.example"])),
            "breakers[0].known[1]: \"a.example\" is no value of the key; write its 2 parts joined by |, up to 256 bytes",
        ),
        (
            known(two(), json!(["a.example|GET|b"])),
            "breakers[0].known[0]: \"a.example|GET|b\" is no value of the key; write its 2 parts joined by |, up to 256 bytes",
        ),
        (
            small(json!({"known": ["a", long]})),
            &format!("breakers[0].known[1]: {long:?} is no value of the key; write up to 256 bytes"),
        ),
        (
            known(two(), json!(["a.example|get"])),
            "breakers[0].known[0]: \"get\" never matches; write a method as it is on the wire: GET",
        ),
        (
            known(json!([{"grpc_method": true}]), json!(["shop.v1.Orders/Get"])),
            "breakers[0].known[0]: \"shop.v1.Orders/Get\" never matches; write a path that begins with /",
        ),
        (
            known(json!([{"path_template": ["/a/{b}"]}]), json!(["/a/{b}", "/a/c"])),
            "breakers[0].known[1]: \"/a/c\" never matches; write one of the templates as it stands there",
        ),
        (
            small(json!({"known": ["orders", ""]})),
            "breakers[0].known[1]: \"\" never matches; a part that is empty counts as missing; write what it may be",
        ),
        (
            small(json!({"known": ["a", "b", "a"]})),
            "breakers[0].known[2]: \"a\" is there twice; write it once",
        ),
        (
            // Hosts are compared in lower case.
            known(two(), json!(["A.example|GET", "a.Example|GET"])),
            "breakers[0].known[1]: \"a.example|GET\" is there twice; write it once",
        ),
    ]);
    assert_accepted([
        small(json!({"known": ["orders", longest()]})),
        // Where a request has none.
        small(json!({"known": ["-"]})),
        known(two(), json!(["-|-", "a.example|GET", "a.example|POST", "b.example|GET", "-|GET"])),
        known(json!([{"grpc_method": true}]), json!(["/shop.v1.Orders/Get", "-"])),
        known(json!([{"path_template": ["/a/{b}", "/c"]}]), json!(["/a/{b}", "/c", "-"])),
        // One part has what it has.
        known(json!([{"header": "x-tenant"}]), json!(["a|b", "a", "A"])),
        known(json!([{"claim": {"filter_state": "p", "path": ["plan"]}}]), json!(["gold"])),
    ]);
}

#[test]
fn keys_are_counted_where_there_are_any() {
    const NO_KEY: &str = "there is one breaker without a key; write a key or leave it out";
    const ALL: &str = "and those that are known are all that there are; leave it out";
    assert_refused(&[
        (small(json!({"max_keys": 0})), "breakers[0].max_keys: 0; write at least 1"),
        (small(json!({"key": [], "max_keys": 1})), &format!("breakers[0].max_keys: {NO_KEY}")),
        (small(json!({"key": [], "max_keys": 0})), &format!("breakers[0].max_keys: {NO_KEY}")),
        (small(json!({"key": [], "known": ["a"]})), &format!("breakers[0].known: {NO_KEY}")),
        (small(json!({"key": [], "known": []})), &format!("breakers[0].known: {NO_KEY}")),
        (
            small(json!({"key": [], "known": ["a"], "max_keys": 1})),
            &format!("breakers[0].max_keys: {NO_KEY}"),
        ),
        (small(json!({"known": ["a"], "max_keys": 1})), &format!("breakers[0].max_keys: 1, {ALL}")),
        (small(json!({"known": ["a"], "max_keys": 0})), &format!("breakers[0].max_keys: 0, {ALL}")),
        (with("/breakers/1/max_keys", json!(2)), &format!("breakers[1].max_keys: 2, {ALL}")),
    ]);
    let more_than_by_default: Vec<_> = (0..100).map(|at| format!("c{at}")).collect();
    assert_accepted([
        small(json!({"max_keys": 1})),
        small(json!({"key": [{"cluster": true}], "max_keys": 1})),
        small(json!({"known": more_than_by_default})),
    ]);
}
