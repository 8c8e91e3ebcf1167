//! Rules, levels, and requests that can be read in two ways.

use serde_json::{Value, json};

use crate::common::checks::audit;
use crate::common::recorder::Recorder;
use crate::common::{Exchange, recorder};

fn rules() -> Recorder {
    recorder(json!({
        "rules": [
            {"name": "health", "when": {"path": {"exact": "/healthz"}}, "level": "none"},
            {"name": "orders", "when": {"path": {"prefix": "/orders/"}}, "level": "headers"},
            {"name": "late", "when": {"path": {"prefix": "/orders/"}, "methods": ["DELETE"]}, "level": "bodies"},
            {"name": "pay", "when": {"path": {"prefix": "/pay/"}}, "level": "metadata", "denied": "bodies"},
            {"name": "quiet", "when": {"path": {"prefix": "/quiet/"}}, "level": "bodies", "denied": "metadata", "sample": 0.0},
        ],
        "otherwise": {"level": "none", "denied": "headers"},
    }))
}

/// The rule and the level of the record of a request, if there is one.
fn recorded(exchange: &Exchange) -> Option<(Value, Value)> {
    let mut recorder = rules();
    recorder.record(exchange);
    let requests = recorder.requests();
    let found = requests.first().map(|it| (audit(it)["rule"].clone(), audit(it)["level"].clone()));
    assert!(requests.len() <= 1);
    found
}

#[test]
fn the_first_rule_that_fits_counts() {
    let denied = |path: &str| Exchange::denied().path(path);
    let failed = |path: &str| Exchange::answered(503, "no_healthy_upstream").path(path);
    for (exchange, expected) in [
        (Exchange::plain().path("/orders/7"), Some(("orders", "headers"))),
        (Exchange::plain().path("/orders/7").method("DELETE"), Some(("orders", "headers"))),
        (denied("/orders/7"), Some(("orders", "headers"))),
        (Exchange::plain().path("/healthz?a=b"), None),
        (failed("/healthz"), None),
        (denied("/healthz"), Some(("health", "metadata"))),
        (Exchange::plain().path("/pay/7"), Some(("pay", "metadata"))),
        (denied("/pay/7"), Some(("pay", "bodies"))),
        (Exchange::plain().path("/quiet/7"), None),
        (failed("/quiet/7"), Some(("quiet", "bodies"))),
        (denied("/quiet/7"), Some(("quiet", "metadata"))),
    ] {
        let expected = expected.map(|(rule, level)| (json!(rule), json!(level)));
        assert_eq!(recorded(&exchange), expected, "{exchange:?}");
    }
    assert_eq!(recorded(&Exchange::plain().path("/other")), None);
    assert_eq!(recorded(&denied("/other")), Some((Value::Null, json!("headers"))));
}

#[test]
fn a_request_that_can_be_read_in_two_ways_falls_under_the_strictest() {
    for path in [
        "/healthz/../pay/7",
        "/healthz;x",
        "//healthz",
        "/%68ealthz%2f",
        "\\healthz",
        "/quiet/%2e%2e/pay",
        "/a\u{1}b",
    ] {
        let exchange = Exchange::plain().path(path).body("application/json", &[b"{}"]);
        assert_eq!(recorded(&exchange), Some((Value::Null, json!("bodies"))), "{path}");
        let denied = Exchange { attributes: Exchange::denied().attributes, ..exchange };
        assert_eq!(recorded(&denied), Some((Value::Null, json!("bodies"))), "{path}");
    }
    // An escape of what need not be escaped is no other path.
    assert_eq!(recorded(&Exchange::plain().path("/%68ealthz")), None);
}

#[test]
fn a_host_that_can_be_read_in_two_ways_does_so_where_hosts_count() {
    let by_host = |exchange: &Exchange| {
        let rule = json!({"name": "internal", "when": {"host": "internal.example"}, "level": "none"});
        let mut recorder = recorder(json!({"rules": [rule], "otherwise": {"level": "metadata"}}));
        recorder.record(exchange);
        recorder.requests().len()
    };
    assert_eq!(by_host(&Exchange::plain().header(":authority", "internal.example:80")), 0);
    for authority in ["a@internal.example", "internal.example:80:80", "internal.example%2e", ""] {
        assert_eq!(by_host(&Exchange::plain().header(":authority", authority)), 1, "{authority}");
    }
    let twice = Exchange::plain()
        .header(":authority", "internal.example")
        .and_header(":authority", "internal.example");
    assert_eq!(by_host(&twice), 1);
    assert_eq!(by_host(&Exchange { request: None, ..Exchange::plain() }), 1);
}

#[test]
fn rules_see_routes_and_headers_and_methods_of_grpc() {
    let rule = |name: &str, when: Value| json!({"name": name, "when": when, "level": "metadata"});
    let config = json!({
        "rules": [
            rule("route", json!({"route": "admin"})),
            rule("cluster", json!({"cluster": "vault"})),
            rule("grpc", json!({"grpc": {"service": "shop.v1.Orders"}})),
            rule("header", json!({"headers": [{"name": "x-env", "value": {"exact": "test"}}]})),
        ],
        "otherwise": {"level": "none", "denied": "metadata"},
    });
    let mut recorder = recorder(config);
    for (exchange, rule) in [
        (Exchange::plain().text("xds.route_name", "admin"), Some("route")),
        (Exchange::plain().text("xds.cluster_name", "vault"), Some("cluster")),
        (Exchange::grpc(0), Some("grpc")),
        (Exchange::plain().header("x-env", "test"), Some("header")),
        (Exchange::plain(), None),
    ] {
        recorder.record(&exchange);
        let rules: Vec<_> = recorder.requests().iter().map(|it| audit(it)["rule"].clone()).collect();
        assert_eq!(rules, rule.map(|rule| json!(rule)).into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn without_rules_everything_is_recorded() {
    let mut recorder = recorder(json!({}));
    let all =
        [Exchange::plain(), Exchange::denied(), Exchange::gone(), Exchange::malformed(), Exchange::grpc(0)];
    all.iter().for_each(|exchange| recorder.log_only(exchange));
    assert_eq!(recorder.requests().len(), all.len());
    assert_eq!(recorder.counter("recorded"), all.len() as u64);
}
