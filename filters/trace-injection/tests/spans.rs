//! What spans say, by the conventions of OpenTelemetry, and whose traces they are in.

use portcullis_kit::{CallId, GrpcAnswer, Headers, HttpFilter};
use portcullis_proto::common::KeyValue;
use portcullis_proto::common::any_value::Value as Any;
use portcullis_proto::trace::Span;
use serde_json::{Value, json};

#[path = "common/mod.rs"]
mod common;
#[path = "spans/grpc.rs"]
mod grpc;
#[path = "spans/tries.rs"]
mod tries;
#[path = "spans/trust.rs"]
mod trust;

use common::{Sent, World};

const IDS: &str = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

impl World {
    /// The spans of the last call, which the collector takes.
    fn taken(&mut self) -> Vec<Span> {
        let spans = self.sent();
        let call = CallId(u32::try_from(self.host.calls.len() * 4).unwrap());
        self.filter.on_grpc_answer(call, &GrpcAnswer::Message(Vec::new()), &mut self.host);
        spans
    }
}

/// Attributes as JSON.
fn attributes(list: &[KeyValue]) -> Value {
    fn value(any: &Any) -> Value {
        match any {
            Any::StringValue(text) => json!(text),
            Any::IntValue(number) => json!(number),
            Any::ArrayValue(array) => {
                array.values.iter().map(|it| value(it.value.as_ref().unwrap())).collect::<Vec<_>>().into()
            }
            other => panic!("{other:?}"),
        }
    }
    let keys: std::collections::BTreeSet<_> = list.iter().map(|it| &it.key).collect();
    assert_eq!(keys.len(), list.len(), "a key is there twice: {list:?}");
    list.iter()
        .map(|it| (it.key.clone(), value(it.value.as_ref().unwrap().value.as_ref().unwrap())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn text(headers: &Headers, name: &str) -> String {
    String::from_utf8(headers.only(name).unwrap_or_default().to_vec()).unwrap()
}

fn world(more: &str) -> World {
    World::new(&format!("{{export: {{cluster: c, batch: 1, queue: 1}}{more}}}"))
}

fn request<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [
        (":method", "GET"),
        (":path", "/a?q=1&page=2&flag"),
        (":scheme", "https"),
        (":authority", "u:p@a.example:8443"),
    ];
    let is_other = |name: &str| more.iter().all(|(it, _)| *it != name);
    usual.into_iter().filter(|(name, _)| is_other(name)).chain(more.iter().copied()).collect()
}

fn span(world: &mut World, headers: &[(&str, &str)], status: &str) -> (Span, Value) {
    world.round_trip(headers, status);
    let span = world.taken().remove(0);
    let shown = attributes(&span.attributes);
    (span, shown)
}

#[test]
fn a_server_span_is_about_what_came_in() {
    let mut world = world("");
    let headers =
        request(&[("user-agent", "curl/8"), ("x-request-id", "r1"), ("authorization", "Bearer s3cret")]);
    let (span, shown) = span(&mut world, &headers, "200");
    assert_eq!(
        shown,
        json!({
            "http.request.method": "GET",
            "url.path": "/a",
            "url.scheme": "https",
            "url.query": "q=REDACTED&page=REDACTED&REDACTED",
            "server.address": "a.example",
            "server.port": 8443,
            "user_agent.original": "curl/8",
            "http.request.header.x-request-id": ["r1"],
            "http.response.status_code": 200,
        })
    );
    assert_eq!((span.name.as_str(), span.kind, span.status), ("GET", 2, None));
    assert_eq!(span.end_time_unix_nano - span.start_time_unix_nano, 7_000_000);
    assert_eq!((span.parent_span_id.len(), span.flags), (0, 0x103));
}

#[test]
fn a_client_span_is_about_what_goes_out() {
    let mut world = world(", side: client, spans: {query_values: [page], attributes: []}");
    let (span, shown) = span(&mut world, &request(&[]), "404");
    assert_eq!(
        shown,
        json!({
            "http.request.method": "GET",
            "url.full": "https://a.example:8443/a?q=REDACTED&page=2&REDACTED",
            "server.address": "a.example",
            "server.port": 8443,
            "http.response.status_code": 404,
            "error.type": "404",
        })
    );
    assert_eq!((span.kind, span.status.unwrap().code), (3, 2));
}

#[test]
fn what_may_be_a_secret_in_a_query_is_hidden() {
    let mut world = world(", spans: {attributes: [url.query], query_values: [page]}");
    for (query, expected) in [
        ("page=1&x=2", "page=1&x=REDACTED"),
        ("c2VjcmV0MQ=", "REDACTED"),
        ("dG9rZW4tMTI==", "REDACTED"),
        ("page=1;token=abc", "page=REDACTED"),
        ("x;y=1", "REDACTED"),
        ("page&&page=", "page&&page="),
        ("a=b=c", "a=REDACTED"),
    ] {
        let (_, shown) = span(&mut world, &request(&[(":path", &format!("/?{query}"))]), "200");
        assert_eq!(shown["url.query"], expected, "{query}");
    }
}

#[test]
fn names_are_few() {
    let mut world = world(", spans: {routes: ['/users/{id}', '/files/**'], attributes: []}");
    for (method, path, name, route) in [
        ("GET", "/users/7", "GET /users/{id}", Some("/users/{id}")),
        ("PUT", "/files/a/b?x=1", "PUT /files/**", Some("/files/**")),
        ("GET", "/other/7", "GET", None),
        ("GET", "/users/..;/7", "GET", None),
        ("FETCH", "/users/7", "HTTP /users/{id}", Some("/users/{id}")),
    ] {
        let (span, shown) = span(&mut world, &request(&[(":method", method), (":path", path)]), "200");
        assert_eq!(
            (span.name.as_str(), shown.get("http.route")),
            (name, route.map(|it| json!(it)).as_ref()),
            "{path}"
        );
        let original = (method == "FETCH").then(|| json!("FETCH"));
        assert_eq!(shown.get("http.request.method_original"), original.as_ref());
    }
}

#[test]
fn the_parent_is_the_one_that_the_request_names_and_the_upstream_is_told_the_span() {
    let mut world = world("");
    let traceparent = format!("00-{IDS}-01");
    let headers = request(&[("traceparent", &traceparent), ("tracestate", "a=1")]);
    let upstream = world.round_trip(&headers, "200");
    let span = world.taken().remove(0);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(
        text(&upstream, "traceparent"),
        format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id))
    );
    assert_eq!(format!("{}-{}", hex(&span.trace_id), hex(&span.parent_span_id)), IDS);
    assert_eq!((span.trace_state.as_str(), span.flags), ("a=1", 0x301));
}

#[test]
fn an_untrusted_trace_is_linked() {
    let mut world =
        world(", trust: {rules: [{when: {headers: [{name: x-inside}]}, parent: continue}], otherwise: link}");
    let traceparent = format!("00-{IDS}-03");
    let outside = request(&[("traceparent", &traceparent), ("tracestate", "a=1"), ("baggage", "a=1")]);
    let upstream = world.round_trip(&outside, "200");
    let span = world.taken().remove(0);
    assert_ne!(text(&upstream, "traceparent")[3..35], traceparent[3..35]);
    assert_eq!((upstream.first("tracestate"), upstream.first("baggage")), (None, None));
    assert_eq!(
        (span.links.len(), span.links[0].trace_state.as_str(), span.links[0].flags),
        (1, "a=1", 0x303)
    );
    assert_eq!(span.links[0].span_id, [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
    let inside = request(&[("x-inside", "1"), ("traceparent", &traceparent)]);
    let upstream = world.round_trip(&inside, "200");
    assert_eq!(text(&upstream, "traceparent")[3..35], traceparent[3..35]);
    assert!(world.taken().len() == 1 && world.metric("untrusted") == 0);
}

/// A request whose response has no end, with what Envoy says of it.
fn broken_off(world: &mut World, status: Option<&str>, (flags, details): (u64, &str)) -> (Span, Value) {
    let (_, mut sent) = world.request(&request(&[]));
    if let Some(status) = status {
        world.respond(&mut sent, &[(":status", status)], false);
    }
    world.host.properties.insert("response.flags".into(), flags.to_le_bytes().to_vec());
    world.host.properties.insert("response.code_details".into(), details.into());
    world.end(sent);
    let span = world.taken().remove(0);
    let shown = attributes(&span.attributes);
    (span, shown)
}

#[test]
fn a_response_that_breaks_off_is_an_error_unless_the_client_has_gone() {
    for (side, status, said, error) in [
        (
            "server",
            Some("200"),
            (1 << 23, "upstream_reset_after_response_started{protocol_error}"),
            Some("upstream_reset_after_response_started"),
        ),
        ("server", Some("200"), (1 << 14, "downstream_remote_disconnect"), None),
        ("server", None, (1 << 14, "downstream_remote_disconnect"), None),
        ("client", None, (1 << 14, "downstream_remote_disconnect"), Some("downstream_remote_disconnect")),
        ("client", None, (0, ""), Some("no_response")),
    ] {
        let mut world = world(&format!(", side: {side}"));
        let (span, shown) = broken_off(&mut world, status, said);
        assert_eq!(shown.get("error.type"), error.map(|it| json!(it)).as_ref(), "{said:?}");
        assert_eq!(span.status.is_some(), error.is_some());
        assert_eq!(shown.get("http.response.status_code").is_some(), status.is_some());
    }
}

#[test]
fn a_tunnel_is_a_success_however_it_ends() {
    for (method, status) in [("GET", "101"), ("CONNECT", "200")] {
        let mut world = world("");
        let (_, mut sent) = world.request(&request(&[(":method", method)]));
        world.respond(&mut sent, &[(":status", status)], false);
        world.host.properties.insert("response.flags".into(), (1_u64 << 23).to_le_bytes().to_vec());
        world.end(sent);
        assert_eq!(world.taken()[0].status, None, "{method}");
    }
}

#[test]
fn the_values_of_a_header_share_the_room_of_one() {
    let mut world = world(", spans: {request_headers: [x-a], attributes: []}");
    let long = "a".repeat(700);
    world.round_trip(&request(&[("x-a", &long), ("x-a", &long), ("x-a", &long)]), "200");
    let shown = attributes(&world.taken()[0].attributes);
    let lengths =
        shown["http.request.header.x-a"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().len());
    assert_eq!(lengths.collect::<Vec<_>>(), [700, 324]);
}

#[test]
fn a_denial_by_another_filter_is_an_event() {
    let mut world = world("");
    for (details, events) in [("portcullis_jwt_expired", 1), ("via_upstream", 0)] {
        world.host.properties.insert("response.code_details".into(), details.into());
        let (span, _) = span(&mut world, &request(&[]), "401");
        assert_eq!(span.events.len(), events, "{details}");
        assert!(span.status.is_none());
        if let Some(event) = span.events.first() {
            assert_eq!(event.name, "portcullis.denied");
            assert_eq!(attributes(&event.attributes), json!({"portcullis.code": details}));
        }
    }
}

#[test]
fn an_answer_in_the_upstream_s_place_is_an_event_where_it_is_wanted() {
    for (more, events) in [("", 0), (", spans: {decisions: all}", 1)] {
        let mut world = world(more);
        world.host.properties.insert("response.code_details".into(), "portcullis_circuit_open".into());
        let (span, _) = span(&mut world, &request(&[]), "200");
        assert_eq!(span.events.iter().filter(|event| event.name == "portcullis.answered").count(), events);
    }
}

#[test]
fn only_failures_of_traces_that_are_not_recorded_are_sent() {
    let mut world = world(", sampling: {sampler: never, errors: true}");
    let upstream = world.round_trip(&request(&[]), "200");
    assert!(text(&upstream, "traceparent").ends_with("-02"));
    assert_eq!(world.host.calls.len(), 0);
    let (span, _) = span(&mut world, &request(&[]), "503");
    assert_eq!(span.flags & 1, 0);
}

#[test]
fn long_values_and_bytes_are_made_fit() {
    let mut world = world(", spans: {request_headers: [x-a]}");
    let long = "\u{e9}".repeat(1000);
    let headers: Headers =
        [(":method", &b"GET"[..]), (":path", long.as_bytes()), ("x-a", b"\xff1"), ("x-a", b"2")]
            .into_iter()
            .collect();
    let (id, mut stream) = (portcullis_kit::StreamId(99), Default::default());
    let mut request = headers;
    world.filter.on_request_headers((id, &mut stream), &mut request, &mut world.host).unwrap();
    let mut sent = Sent { id, stream };
    world.respond(&mut sent, &[(":status", "200")], true);
    world.end(sent);
    let shown = attributes(&world.taken()[0].attributes);
    assert_eq!(shown["http.request.header.x-a"], json!(["\u{fffd}1", "2"]));
    assert_eq!(shown["url.path"].as_str().unwrap().len(), 1024);
}

#[test]
fn attributes_of_ones_own_are_text() {
    let mut world = world(
        ", spans: {attributes: [client.address, network.protocol.version], request_headers: [], response_headers: [x-b], extra: [{name: ring, from: {value: '1'}}, {name: route, from: {property: xds.route_name}}, {name: state, from: {property: wasm.a.b}}, {name: flags, from: {property: response.flags}}, {name: none, from: {property: xds.none}}]}",
    );
    for (path, value) in [
        ("source.address", &b"192.0.2.1:4711"[..]),
        ("request.protocol", b"HTTP/1.1"),
        ("xds.route_name", b"main"),
        ("a.b", b"s"),
        ("response.flags", &[2, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        world.host.properties.insert(path.to_owned(), value.to_vec());
    }
    let (_, mut sent) = world.request(&request(&[(":path", "/")]));
    world.respond(&mut sent, &[(":status", "200"), ("x-b", "1")], true);
    world.end(sent);
    assert_eq!(
        attributes(&world.taken()[0].attributes),
        json!({
            "http.request.method": "GET",
            "url.path": "/",
            "url.scheme": "https",
            "http.response.header.x-b": ["1"],
            "http.response.status_code": 200,
            "client.address": "192.0.2.1",
            "network.protocol.version": "1.1",
            "ring": "1",
            "route": "main",
            "state": "s",
        })
    );
}
