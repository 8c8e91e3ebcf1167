//! Whose traces go on, by what Envoy says of the sender.

use portcullis_kit::HttpFilter;

use super::World;

const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Whether the trace of a request from there goes on.
fn goes_on(rule: &str, attribute: &str, value: Option<&str>) -> bool {
    let mut world =
        World::new(&format!("{{trust: {{rules: [{{{rule}, parent: continue}}], otherwise: drop}}}}"));
    if let Some(value) = value {
        world.host.properties.insert(attribute.to_owned(), value.into());
    }
    let upstream = world.round_trip(&[("traceparent", SENT)], "200");
    world.filter.on_tick(&mut world.host);
    let is_counted = world.metric("untrusted") == 1;
    let is_same = upstream.only("traceparent") == Some(SENT.as_bytes());
    assert_ne!(is_same, is_counted, "{rule} {value:?}");
    is_same
}

#[test]
fn a_peer_is_known_by_the_uri_of_its_certificate() {
    let rule = "peers: [{prefix: 'spiffe://mesh/ns/shop/'}, {exact: 'spiffe://mesh/ns/a/sa/b'}]";
    let by = |uri| goes_on(rule, "connection.uri_san_peer_certificate", uri);
    assert!(by(Some("spiffe://mesh/ns/shop/sa/web")) && by(Some("spiffe://mesh/ns/a/sa/b")));
    for stranger in [None, Some(""), Some("spiffe://mesh/ns/a/sa/bc"), Some("x-spiffe://mesh/ns/shop/sa/web")]
    {
        assert!(!by(stranger), "{stranger:?}");
    }
}

#[test]
fn a_client_is_known_by_the_network_that_it_is_in() {
    let by = |address| goes_on("addresses: [10.0.0.0/8, 'fd00::/8']", "source.address", address);
    assert!(by(Some("10.1.2.3:4711")) && by(Some("[fd00::1]:4711")));
    for stranger in [None, Some(""), Some("11.1.2.3:4711"), Some("[2001:db8::1]:4711")] {
        assert!(!by(stranger), "{stranger:?}");
    }
}

#[test]
fn all_that_is_given_has_to_fit() {
    let rule = "addresses: [10.0.0.0/8], when: {headers: [{name: x-inside}]}";
    assert!(!goes_on(rule, "source.address", Some("10.1.2.3:4711")), "the header is not there");
}
