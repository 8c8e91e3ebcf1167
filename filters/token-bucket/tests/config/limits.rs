//! The mistakes of one member of a limit.

use serde_json::{Value, json};

use crate::{assert_refused, error, small, with};

const RATE: &str =
    "a number of tokens and a time, as in 100/1s, 5/10m, 1/24h; at least 1 in 8784h, at most 1 in 1ns";
const PARTS: &str = "client_address, header, cookie, query, path, path_template, method, host, grpc_method, claim, cluster, route, constant";

#[test]
fn each_mistake_of_a_rate_has_its_error() {
    for text in ["0/1s", "10/0s", "10rps", "2/1ns", "1/9000h", "-1/1s", "1.5/1s", "", "1/1s/1s"] {
        let expected = format!("limits[0].rate: {text:?} is not a rate; write {RATE}");
        assert_eq!(error(&with("/limits/0/rate", json!(text))), expected);
        let expected = format!("limits[0].tiers[1].rate: {text:?} is not a rate; write {RATE}");
        assert_eq!(error(&with("/limits/0/tiers/1/rate", json!(text))), expected);
    }
    let number = format!("limits[0].rate: invalid type: integer `10`, expected {RATE}");
    let overflow = format!("limits[0].rate: (14 bytes) is not a rate; write {RATE}");
    assert_refused(&[
        (with("/limits/0/rate", json!(10)), &number),
        (with("/limits/0/rate", json!("99999999999/1h")), &overflow),
        (
            small(json!({"burst": 0})),
            "limits[0].burst: 0, and no request would ever pass; write how many tokens the bucket holds",
        ),
        (
            with("/limits/0/tiers/0/burst", json!(0)),
            "limits[0].tiers[0].burst: 0, and no request would ever pass; write how many tokens the bucket holds",
        ),
        (
            with("/limits/0/burst", json!(u64::MAX)),
            "limits[0].burst: 18446744073709551615 at 100/1s take more than 100 years to come; write a smaller burst or a faster rate",
        ),
        (
            with(
                "/limits/0/tiers/1",
                json!({"of": {"header": "x"}, "in": ["a"], "rate": "1/8760h", "burst": 1000}),
            ),
            "limits[0].tiers[1].burst: 1000 at 1/8760h take more than 100 years to come; write a smaller burst or a faster rate",
        ),
        (
            small(json!({"burst": 50, "cost": 51})),
            "limits[0].cost: 51, and no request would ever pass; write at most its burst, 50",
        ),
        (
            with("/limits/0/cost_from/max", json!(0)),
            "limits[0].cost_from.max: 0; write a number from 1 to 1000000000",
        ),
        (
            with("/limits/0/cost_from/max", json!(1_000_000_001)),
            "limits[0].cost_from.max: 1000000001; write a number from 1 to 1000000000",
        ),
        (
            with("/limits/0/cost_from/header", json!("a b")),
            "limits[0].cost_from.header: \"a b\" is no header name; write one such as x-cost",
        ),
        (with("/limits/0/max_keys", json!(0)), "limits[0].max_keys: 0; write a number from 1 to 16777216"),
        (
            with("/limits/0/max_keys", json!(16_777_217)),
            "limits[0].max_keys: 16777217; write a number from 1 to 16777216",
        ),
    ]);
}

#[test]
fn each_mistake_of_a_part_has_its_error() {
    let none = |path: &str| format!("{path}: names no part of a request; write one of {PARTS}");
    let key = |part: Value| with("/limits/0/key/1", part);
    assert_refused(&[
        (key(json!({})), &none("limits[0].key[1]")),
        (with("/limits/0/exempt/1/of", json!({})), &none("limits[0].exempt[1].of")),
        (with("/limits/0/tiers/0/of", json!({})), &none("limits[0].tiers[0].of")),
        (with("/limits/0/enforce/by", json!({})), &none("limits[0].enforce.by")),
        (
            key(json!({"header": "a", "cookie": "b"})),
            "limits[0].key[1]: names several parts; write each as an entry of its own",
        ),
        (
            with("/limits/0/tiers/1/of", json!({"method": true, "host": true})),
            "limits[0].tiers[1].of: names several parts; write each as an entry of its own",
        ),
        (key(json!({"path": false})), "limits[0].key[1].path: false; write true or leave it out"),
        (
            key(json!({"header": ":path"})),
            "limits[0].key[1].header: \":path\" is no header name; write one such as x-api-key",
        ),
        (key(json!({"cookie": ""})), "limits[0].key[1].cookie: empty; write the name"),
        (key(json!({"query": ""})), "limits[0].key[1].query: empty; write the name"),
        (
            key(json!({"path_template": []})),
            "limits[0].key[1].path_template: empty, so nothing fits; write one such as /users/{id}",
        ),
        (
            key(json!({"path_template": ["/a", "/{x}y"]})),
            "limits[0].key[1].path_template[1]: \"/{x}y\" is no template; write a path with {name} for a segment and ** at the end for all below, as in /users/{id}/**",
        ),
        (
            key(json!({"claim": {"filter_state": "", "path": ["a"]}})),
            "limits[0].key[1].claim.filter_state: empty; name the filter_state.payload of jwt-auth",
        ),
        (
            key(json!({"claim": {"filter_state": "p", "path": []}})),
            "limits[0].key[1].claim.path: empty; name the claim, as in [plan]",
        ),
        (
            key(json!({"client_address": {"v4_prefix": 33}})),
            "limits[0].key[1].client_address.v4_prefix: 33; write at most 32, the length of an address",
        ),
        (
            key(json!({"client_address": {"v6_prefix": 129}})),
            "limits[0].key[1].client_address.v6_prefix: 129; write at most 128, the length of an address",
        ),
        (
            key(json!({"method": true, "missing": "nobody"})),
            "limits[0].key[1].missing: unknown variant `nobody`, expected one of `skip`, `deny`, `default`",
        ),
        (
            with("/limits/0/exempt/1/of/missing", json!("deny")),
            "limits[0].exempt[1].of.missing: only a part of a key has it; leave it out",
        ),
        (
            with("/limits/0/enforce/by/as", json!("user")),
            "limits[0].enforce.by.as: only a part of a key has it; leave it out",
        ),
        (
            with("/limits/0/exempt/1/in", json!([])),
            "limits[0].exempt[1].in: empty, so nobody is meant; write what the part may be",
        ),
        (
            with("/limits/0/tiers/0/in", json!([])),
            "limits[0].tiers[0].in: empty, so nobody is meant; write what the part may be",
        ),
    ]);
    for text in ["10.0.0.1/8", "10.0.0.0/33", "10.0.0/8", "localhost", "10.0.0.0/", "2001:db8::1/32", ""] {
        let expected = format!(
            "limits[0].exempt[0].in[1]: {text:?} is no network; write one such as 10.0.0.0/8 or 2001:db8::/32, no bits set behind the prefix"
        );
        assert_eq!(error(&with("/limits/0/exempt/0/in/1", json!(text))), expected);
    }
}

#[test]
fn each_mistake_of_a_response_or_a_share_has_its_error() {
    let after = |after: Value| with("/limits/0/after/1", after);
    let one = "limits[0].after[1]: not exactly one of header, bytes and statuses; write one entry for each";
    assert_refused(&[
        (after(json!({"tokens": 1})), one),
        (after(json!({"header": "a", "bytes": "1KiB", "tokens": 1})), one),
        (
            after(json!({"header": "a", "tokens": 0})),
            "limits[0].after[1].tokens: 0; write a number from 1 to 1000000000",
        ),
        (
            after(json!({"header": "", "tokens": 1})),
            "limits[0].after[1].header: \"\" is no header name; write one such as x-cost",
        ),
        (
            after(json!({"bytes": "0B", "tokens": 1})),
            "limits[0].after[1].bytes: 0B; write how many bytes one token is for",
        ),
        (
            after(json!({"bytes": "64", "tokens": 1})),
            "limits[0].after[1].bytes: \"64\" is not a size; write a number and a unit, as in 512B, 128KiB, 1MiB",
        ),
        (
            with("/limits/0/refund", json!({})),
            "limits[0].refund: never happens; write statuses, or unanswered: true",
        ),
        (
            with("/limits/0/enforce/percent", json!(101)),
            "limits[0].enforce.percent: 101; write a number from 0 to 100",
        ),
        (
            with("/limits/0/delay/max", json!("5")),
            "limits[0].delay.max: \"5\" is not a duration; write a number and a unit, as in 250ms, 10s, 5m, 1h",
        ),
    ]);
    for text in ["40x", "600", "99", "5xx-599", "500-400", "", "all"] {
        let expected =
            |path: &str| format!("{path}: {text:?} is no status; write one as 404, 5xx or 500-599");
        let after = with("/limits/0/after/2/statuses/1", json!(text));
        assert_eq!(error(&after), expected("limits[0].after[2].statuses[1]"));
        let refund = with("/limits/0/refund/statuses/0", json!(text));
        assert_eq!(error(&refund), expected("limits[0].refund.statuses[0]"));
    }
}
