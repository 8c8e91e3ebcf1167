//! Calls of gRPC.

use portcullis_kit::{Headers, HttpFilter};
use portcullis_proto::trace::Span;
use serde_json::{Value, json};

use super::{Sent, World, attributes, request, world};

impl World {
    fn call(
        &mut self,
        path: &str,
        response: &[(&str, &str)],
        trailers: Option<&[(&str, &str)]>,
    ) -> (Span, Value) {
        let (_, sent) = self.request(&request(&[
            (":method", "POST"),
            (":path", path),
            ("content-type", "application/grpc"),
        ]));
        let mut sent: Sent = sent;
        self.respond(&mut sent, response, trailers.is_none());
        if let Some(trailers) = trailers {
            let trailers: Headers = trailers.iter().copied().collect();
            self.filter.on_response_trailers((sent.id, &mut sent.stream), &trailers, &mut self.host);
        }
        self.end(sent);
        let span = self.taken().remove(0);
        let shown = attributes(&span.attributes);
        (span, shown)
    }
}

#[test]
fn a_grpc_call_is_told_by_its_method_and_its_status() {
    for (side, status, name, is_error) in [
        ("server", "0", "OK", false),
        ("server", "5", "NOT_FOUND", false),
        ("server", "13", "INTERNAL", true),
        ("server", "99", "UNKNOWN", true),
        ("client", "5", "NOT_FOUND", true),
        ("client", "0", "OK", false),
    ] {
        let mut world = world(&format!(", side: {side}, spans: {{attributes: []}}"));
        let trailers = [("grpc-status", status)];
        for (response, trailers) in [
            (vec![(":status", "200")], Some(&trailers[..])),
            (vec![(":status", "200"), ("grpc-status", status)], None),
        ] {
            let (span, shown) = world.call("/shop.v1.Orders/List", &response, trailers);
            assert_eq!(
                (shown["rpc.system.name"].as_str(), shown["rpc.method"].as_str()),
                (Some("grpc"), Some("shop.v1.Orders/List"))
            );
            assert_eq!(
                (shown["rpc.response.status_code"].as_str(), span.status.is_some()),
                (Some(name), is_error),
                "{side} {status}"
            );
            assert_eq!(shown.get("error.type").is_some(), is_error);
            assert_eq!(span.name, "shop.v1.Orders/List");
        }
    }
    let mut world = world(", spans: {attributes: []}");
    let (span, shown) = world.call("/no method?x", &[(":status", "503")], None);
    assert_eq!(
        shown,
        json!({
            "rpc.system.name": "grpc",
            "rpc.method": "_OTHER",
            "rpc.method_original": "no method",
            "rpc.response.status_code": "UNAVAILABLE",
            "error.type": "UNAVAILABLE",
        })
    );
    assert_eq!(span.name, "grpc");
    // What a server does not have is a name that a client has thought of.
    for (status, trailers) in [("200", Some(&[("grpc-status", "12")][..])), ("404", None)] {
        let (span, shown) = world.call("/a.B/Thought", &[(":status", status)], trailers);
        assert_eq!((span.name.as_str(), &shown["rpc.method"]), ("grpc", &json!("_OTHER")));
        assert_eq!(shown["rpc.method_original"], "a.B/Thought");
    }
    // A denial is no failure of a server.
    let (span, shown) = world.call("/a.B/C", &[(":status", "403")], None);
    assert_eq!((span.status, &shown["rpc.response.status_code"]), (None, &json!("PERMISSION_DENIED")));
    let (span, shown) = world.call("/a.B/C", &[(":status", "200")], Some(&[]));
    assert_eq!((shown["error.type"].as_str(), span.status.is_some()), (Some("UNKNOWN"), true));
}
