//! Members each of which would do, and that do not go together.

use serde_json::{Value, json};

use crate::{assert_accepted, assert_refused, error, exporting};

/// Beside a tracer of Envoy, with these members besides.
fn complement(more: Value) -> Value {
    let mut config = json!({"with_envoy_tracing": "complement", "inject": ["b3"]});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

#[test]
fn beside_a_tracer_the_filter_does_nothing_that_envoy_does() {
    let drop = json!({"rules": [{"addresses": ["10.0.0.0/8"], "parent": "continue"}], "otherwise": "drop"});
    let rule = json!({"when": {"methods": ["GET"]}, "sampler": "never"});
    for (member, value) in [
        ("export", json!({"cluster": "c"})),
        ("spans", json!({})),
        ("trust", drop),
        ("sampling", json!({"sampler": "always"})),
        ("sampling", json!({"rules": [rule]})),
        ("sampling", json!({"parent": "ignore"})),
        ("sampling", json!({"errors": true})),
        ("each_try", json!(true)),
        ("traceresponse", json!("started")),
        ("traceresponse", json!("always")),
        ("filter_state", json!(true)),
    ] {
        let expected = "Envoy's tracer has done this before the filter runs; leave it out, or write with_envoy_tracing: replace";
        assert_eq!(error(&complement(json!({member: value}))), format!("{member}: {expected}"));
    }
    let expected = "baggage.untrusted: Envoy's tracer has done this before the filter runs; leave it out, or write with_envoy_tracing: replace";
    assert_eq!(error(&complement(json!({"baggage": {"untrusted": "all"}}))), expected);
    assert_accepted([
        complement(json!({})),
        complement(
            json!({"baggage": {"trusted": {"only": ["tenant"]}}, "stat_prefix": "edge", "domain": "edge"}),
        ),
        complement(json!({"extract": ["w3c", "b3"], "inject": ["w3c", "b3"]})),
        complement(
            json!({"traceresponse": "never", "filter_state": false, "each_try": false, "sampling": {}}),
        ),
    ]);
}

#[test]
fn beside_a_tracer_there_is_something_to_convert() {
    const NOTHING: &str = "inject: the same as extract, and nothing would change; write the dialects that Envoy's tracer does not write, as in [b3]";
    assert_refused(&[
        (json!({"with_envoy_tracing": "complement"}), NOTHING),
        (complement(json!({"extract": ["b3"]})), NOTHING),
    ]);
}

#[test]
fn what_spans_are_for_needs_spans() {
    let link = json!({"rules": [{"addresses": ["10.0.0.0/8"], "parent": "link"}], "otherwise": "drop"});
    let otherwise = json!({"rules": [{"addresses": ["10.0.0.0/8"], "parent": "drop"}], "otherwise": "link"});
    for (member, value, expected) in [
        ("trust", link, "trust: link needs a span that links; write export, or drop in its place"),
        ("trust", otherwise, "trust: link needs a span that links; write export, or drop in its place"),
        (
            "sampling",
            json!({"errors": true}),
            "sampling.errors: true, and there are no spans; write export, or leave it out",
        ),
        ("spans", json!({}), "spans: there are none; write export, or leave it out"),
        ("spans", json!({"routes": ["/a"]}), "spans: there are none; write export, or leave it out"),
    ] {
        let config = json!({member: value});
        assert_eq!(error(&config), expected);
        assert_accepted([exporting(config)]);
    }
}

#[test]
fn baggage_of_those_who_are_not_trusted_needs_some() {
    let config = json!({"baggage": {"untrusted": "all"}});
    assert_eq!(error(&config), "baggage.untrusted: everybody is trusted; write trust, or leave it out");
}

#[test]
fn tries_are_on_the_side_of_clients() {
    assert_refused(&[(
        json!({"each_try": true}),
        "each_try: true, and tries are made on the client's side; write side: client",
    )]);
    assert_accepted([json!({"each_try": true, "side": "client"}), json!({"each_try": false})]);
}

/// A filter in a cluster that reads one ends Envoy 1.40.
#[test]
fn no_filter_in_a_cluster_reads_an_address() {
    let tries = |more: Value| {
        let mut config = exporting(json!({"each_try": true, "side": "client"}));
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    const SENDER: &str = "trust.rules: a filter that runs for each try does not see who has sent the request; leave out addresses and peers";
    for member in [json!({"addresses": ["10.0.0.0/8"]}), json!({"peers": [{"prefix": "spiffe://a/"}]})] {
        let mut rule = json!({"parent": "continue"});
        rule.as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
        let headers = json!({"when": {"headers": [{"name": "x-a"}]}, "parent": "continue"});
        assert_refused(&[(tries(json!({"trust": {"rules": [headers, rule], "otherwise": "drop"}})), SENDER)]);
    }
    for path in ["source.address", "source.port", "destination.address", "destination.port"] {
        let spans = json!({"extra": [{"name": "a", "from": {"property": path}}]});
        let expected = format!(
            "spans.extra[0].from.property: {path:?} cannot be read by a filter that runs for each try; leave it out"
        );
        assert_eq!(error(&tries(json!({"spans": spans}))), expected);
        assert_accepted([exporting(json!({"spans": spans}))]);
    }
    let client = json!({"spans": {"attributes": ["client.address"]}});
    assert!(error(&tries(client)).starts_with("spans.attributes: client.address"));
    let of_headers = json!({"rules": [{"when": {"headers": [{"name": "x-a"}]}, "parent": "continue"}], "otherwise": "link"});
    assert_accepted([
        tries(json!({})),
        tries(json!({"trust": of_headers, "traceresponse": "always", "filter_state": true})),
        tries(json!({"spans": {"extra": [{"name": "a", "from": {"property": "upstream.address"}}]}})),
    ]);
}
