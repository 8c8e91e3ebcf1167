//! Configurations that are refused, and the one line that says why.

use portcullis_jwt_auth::JwtAuth;
use portcullis_kit::HttpFilter;
use portcullis_kit::testing::{config, refusals};
use serde_json::{Value, json};

#[path = "config/full.rs"]
mod full;

use full::{ec_key, full};

/// The full configuration with the value at a JSON pointer replaced, or a member added there.
fn with(pointer: &str, value: Value) -> Value {
    config::with(full(), pointer, value)
}

/// The full configuration without one member.
fn without(pointer: &str) -> Value {
    config::without(full(), pointer)
}

/// The full configuration whose first key has one member more, or another one.
fn with_key(member: &str, value: Value) -> Value {
    with(&format!("/providers/0/jwks/inline/keys/0/{member}"), value)
}

fn error(config: &Value) -> String {
    refusals::error::<JwtAuth>(config)
}

fn is_accepted(config: &Value) -> bool {
    refusals::is_accepted::<JwtAuth>(config)
}

#[test]
fn the_full_configuration_and_the_smallest_are_accepted() {
    assert!(is_accepted(&full()));
    let provider = json!({
        "name": "shop",
        "issuer": "https://issuer.example",
        "audiences": [],
        "jwks": {"inline": {"keys": [ec_key()]}},
    });
    assert!(is_accepted(&json!({"providers": [provider], "otherwise": "none"})));
}

fn assert_refused(cases: &[(Value, &str)]) {
    refusals::assert_refused::<JwtAuth>(cases);
}

#[test]
fn each_member_of_a_provider_has_its_error() {
    assert_refused(&[
        (with("/providers", json!([])), "providers: empty; name at least one issuer and its keys"),
        (
            with("/providers/1/name", json!("shop")),
            "providers[1].name: \"shop\" is the name of another provider too; give each its own",
        ),
        (
            with("/providers/0/name", json!("")),
            "providers[0].name: empty; write the text that rules refer to",
        ),
        (with("/providers/0/issuer", json!("")), "providers[0].issuer: empty; write the iss of the tokens"),
        (
            with("/providers/0/algorithms", json!([])),
            "providers[0].algorithms: empty, so no token could pass; name one or leave the member out",
        ),
        (
            with("/providers/0/types", json!([])),
            "providers[0].types: empty, so no token could pass; name one or leave the member out",
        ),
        (
            with("/providers/0/clock_skew", json!("60")),
            "providers[0].clock_skew: \"60\" is not a duration; write a number and a unit, as in 250ms, 10s, 5m, 1h",
        ),
        (
            with("/providers/0/clock_skew", json!("-5s")),
            "providers[0].clock_skew: \"-5s\" is not a duration; write a number and a unit, as in 250ms, 10s, 5m, 1h",
        ),
    ]);
}

#[test]
fn each_place_of_tokens_and_claims_has_its_error() {
    assert_refused(&[
        (
            with("/providers/0/from", json!([])),
            "providers[0].from: empty, so no token could pass; name one or leave the member out",
        ),
        (
            with("/providers/0/from/0/header/name", json!("bad header")),
            "providers[0].from[0].header.name: \"bad header\" is not a header for this; write one such as x-jwt-sub",
        ),
        (
            with("/providers/0/from/0/header/name", json!(":path")),
            "providers[0].from[0].header.name: \":path\" is not a header for this; write one such as x-jwt-sub",
        ),
        (
            with("/providers/0/from/1/query", json!("a b")),
            "providers[0].from[1]: \"a b\" is not a name; write letters, digits and -._~",
        ),
        (
            with("/providers/0/from/2/cookie", json!("")),
            "providers[0].from[2]: \"\" is not a name; write letters, digits and -._~",
        ),
        (
            with("/providers/0/claims_to_headers/0/header", json!("Host")),
            "providers[0].claims_to_headers[0].header: \"Host\" is not a header for this; write one such as x-jwt-sub",
        ),
        (
            with(
                "/providers/0/claims_to_headers",
                json!([{"claim": "sub", "header": "x-id"}, {"claim": "jti", "header": "X-Id"}]),
            ),
            "providers[0].claims_to_headers[1].header: \"x-id\" already carries another claim; name another header",
        ),
        (
            with_key("d", json!("AQAB")),
            "providers[0].jwks.inline.keys[0].d: a private key; remove it here, and replace the key pair wherever this text has been",
        ),
    ]);
}

#[test]
fn each_member_of_rules_and_reply_has_its_error() {
    assert_refused(&[
        (
            with("/otherwise", json!({"provider": "shopp"})),
            "otherwise.provider: \"shopp\" is no provider; there is shop, fetched, discovered, asked, partner",
        ),
        (
            with("/rules/2/require", json!({"any": []})),
            "rules[2].require.any: empty, so nobody could pass; name providers, or write deny",
        ),
        (
            with("/rules/2/require", json!({"any": [{"provider": "shop"}, {"provider": "Shop"}]})),
            "rules[2].require.any[1].provider: \"Shop\" is no provider; there is shop, fetched, discovered, asked, partner",
        ),
        (
            with("/rules/2/match/host", json!("example.com:443")),
            "rules[2].match.host: \"example.com:443\" is not a host; write api.example.com or *.example.com, without a port",
        ),
        (
            with("/rules/2/match/methods", json!([])),
            "rules[2].match.methods: empty, so nothing matches; name a method or leave the member out",
        ),
        (
            with("/rules/0/match/path", json!({"prefix": "/a/../b"})),
            "rules[0].match.path: \"/a/../b\" never matches; write a path that begins with / and has no . or .. segments, //, ;, \\, ? or #",
        ),
        (
            with("/reply/realm", json!("my \"shop\"")),
            "reply.realm: \"my \\\"shop\\\"\"; write printable ASCII without \" and \\",
        ),
    ]);
}

#[test]
fn members_that_must_be_there_are_named() {
    for (pointer, expected) in [
        ("/providers", "missing field `providers`"),
        ("/otherwise", "missing field `otherwise`"),
        ("/providers/0/name", "providers[0]: missing field `name`"),
        (
            "/providers/0/issuer",
            "providers[0].issuer: missing; write the iss of the tokens, in issuers several",
        ),
        ("/providers/0/audiences", "providers[0]: missing field `audiences`"),
        ("/providers/0/jwks", "providers[0].jwks: missing; write where its keys are, or introspection"),
        ("/providers/0/jwks/inline/keys", "providers[0].jwks.inline: missing field `keys`"),
        ("/rules/0/match", "rules[0]: missing field `match`"),
        ("/rules/0/require", "rules[0]: missing field `require`"),
    ] {
        assert_eq!(error(&without(pointer)), expected);
    }
}

#[test]
fn what_is_not_a_json_object_is_refused() {
    const AS_JSON: &str =
        "pass the configuration as a JSON object, in Envoy as a google.protobuf.StringValue";
    for (text, expected) in [
        ("", format!("empty; {AS_JSON}").as_str()),
        (" \n", &format!("empty; {AS_JSON}")),
        ("{", &format!("not JSON: EOF while parsing an object at line 1 column 1; {AS_JSON}")),
        ("7", "invalid type: integer `7`, expected an object"),
        ("null", "invalid type: null, expected an object"),
    ] {
        let error = JwtAuth::configure(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error, expected, "{text:?}");
    }
    let twice = full().to_string().replacen('{', "{\"mode\":\"enforce\",", 1);
    let error = JwtAuth::configure(twice.as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with("not JSON: duplicate member `mode`"), "{error}");
}

#[test]
fn an_unknown_member_is_refused_wherever_it_stands() {
    // A JWK may have any (RFC 7517 section 4).
    let objects = refusals::assert_known_members::<JwtAuth>(&full(), |pointer| pointer.contains("/inline"));
    assert!(objects > 20, "{objects}");
}

#[test]
fn a_jwk_and_a_jwk_set_may_have_members_that_nobody_knows() {
    assert!(is_accepted(&with_key("x5t", json!("AAAA"))));
    assert!(is_accepted(&with_key("unknown", json!({"a": [1]}))));
    assert!(is_accepted(&with("/providers/0/jwks/inline/unknown", json!(1))));
}

#[test]
fn rules_by_route_are_for_a_filter_that_changes_nothing() {
    for by_route in [json!({"route": "main"}), json!({"cluster": "upstream"})] {
        let rules = json!([{"match": by_route, "require": "none"}]);
        let with = |forward: bool, claims: Value| {
            json!({
                "providers": [{
                    "name": "shop",
                    "issuer": "https://issuer.example",
                    "audiences": ["orders"],
                    "jwks": {"inline": {"keys": [ec_key()]}},
                    "forward": forward,
                    "claims_to_headers": claims,
                }],
                "rules": rules,
                "otherwise": "deny",
            })
        };
        let refused = "rules[0].match: route and cluster cannot be trusted once headers change";
        assert!(is_accepted(&with(true, json!([]))));
        assert!(error(&with(false, json!([]))).starts_with(refused));
        assert!(error(&with(true, json!([{"claim": "sub", "header": "x-sub"}]))).starts_with(refused));
    }
}
