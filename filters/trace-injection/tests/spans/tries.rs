//! Tries of one request, each with a span of its own.

use serde_json::json;

use super::{IDS, attributes, request, text, world};

#[test]
fn tries_have_one_parent_and_count() {
    let mut world = world(", side: client, each_try: true, spans: {attributes: []}");
    let traceparent = format!("00-{IDS}-01");
    let mut sent = traceparent.clone();
    for resent in 0..3_u64 {
        world
            .host
            .properties
            .insert("upstream.request_attempt_count".into(), (resent + 1).to_le_bytes().to_vec());
        // Each try finds what the one before has written.
        let upstream = world.round_trip(&request(&[("traceparent", &sent)]), "503");
        assert_ne!(text(&upstream, "traceparent"), sent);
        sent = text(&upstream, "traceparent");
        let span = world.taken().remove(0);
        assert_eq!(span.parent_span_id, [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
        let count = (resent > 0).then(|| json!(resent));
        assert_eq!(attributes(&span.attributes).get("http.request.resend_count"), count.as_ref());
    }
}

#[test]
fn a_try_that_the_router_makes_again_ends_with_its_status() {
    let mut world = world(", side: client, each_try: true");
    let (_, mut sent) = world.request(&request(&[]));
    world.respond(&mut sent, &[(":status", "503")], false);
    world.end(sent);
    assert_eq!(attributes(&world.taken()[0].attributes)["error.type"], "503");
}
