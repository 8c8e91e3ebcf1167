//! The mistakes of what spans say and of where they go.

use serde_json::{Value, json};

use crate::{assert_accepted, assert_refused, error, exporting, with};

#[test]
fn each_mistake_of_attributes_has_its_error() {
    assert_refused(&[
        (
            with("/spans/attributes", json!(["url.path"])),
            "spans.attributes[0]: unknown variant `url.path`, expected one of `client.address`, `network.protocol.version`, `server.address`, `server.port`, `url.query`, `user_agent.original`",
        ),
        (
            exporting(json!({"side": "client", "spans": {"attributes": ["client.address"]}})),
            "spans.attributes: client.address on the client's side, where it is the service itself; leave it out",
        ),
        (
            with("/spans/routes", json!(["/a", "b"])),
            "spans.routes[1]: \"b\" is no template; write a path with {name} for a segment and ** at the end for all below, as in /users/{id}/**",
        ),
        (with("/spans/routes", json!(vec!["/a"; 65])), "spans.routes: 65; write at most 64"),
        (with("/spans/query_values", json!(vec!["a"; 65])), "spans.query_values: 65; write at most 64"),
    ]);
    for name in ["", "a=b", "a&b", "a#b"] {
        let expected =
            format!("spans.query_values: {name:?} is no parameter of a query; write a name such as page");
        assert_eq!(error(&with("/spans/query_values", json!(["page", name]))), expected);
    }
    assert_accepted([
        with("/spans/attributes", json!([])),
        with("/spans/routes", json!([])),
        with("/spans/routes", json!(["/", "/**", "/a/{b}/c/**"])),
        with("/spans/query_values", json!(vec!["a"; 64])),
    ]);
}

#[test]
fn each_header_that_is_not_to_be_shown_is_named() {
    for member in ["request_headers", "response_headers"] {
        let of = |names: Value| error(&with(&format!("/spans/{member}"), names));
        for name in ["", "a b", ":path", "a\n"] {
            let expected =
                format!("spans.{member}[1]: {name:?} is no header name; write one such as x-request-id");
            assert_eq!(of(json!(["x-a", name])), expected);
        }
        for name in [
            "Authorization",
            "cookie",
            "Set-Cookie",
            "dpop",
            "proxy-authorization",
            "x-forwarded-client-cert",
        ] {
            let expected = format!(
                "spans.{member}[0]: {:?} holds what nobody but its receiver may know; leave it out",
                name.to_lowercase()
            );
            assert_eq!(of(json!([name])), expected);
        }
        assert_eq!(
            of(json!(["x-a", "X-A"])),
            format!("spans.{member}[1]: \"x-a\" stands there already; write it once")
        );
        let many = |count: usize| json!((0..count).map(|at| format!("x-{at}")).collect::<Vec<_>>());
        assert_eq!(of(many(65)), format!("spans.{member}: 65; write at most 64"));
        assert_accepted([
            with(&format!("/spans/{member}"), many(64)),
            with(&format!("/spans/{member}"), json!([])),
        ]);
    }
}

#[test]
fn each_mistake_of_attributes_of_ones_own_has_its_error() {
    let extra = |name: &str, from: Value| with("/spans/extra/1", json!({"name": name, "from": from}));
    let value = || json!({"value": "x"});
    let long = "n".repeat(129);
    for name in ["", "a b", "a\n", "é", &long] {
        let expected = format!(
            "spans.extra[1].name: {name:?}; write up to 128 letters, digits and dots, as in deployment.ring"
        );
        assert_eq!(error(&extra(name, value())), expected);
    }
    for (name, ours) in [
        ("http.route", "http."),
        ("http.request.header.x-request-id", "http."),
        ("url.path", "url."),
        ("client.address", "client."),
        ("server.port", "server."),
        ("error.type", "error."),
        ("network.protocol.version", "network."),
        ("rpc.method", "rpc."),
        ("user_agent.original", "user_agent."),
        ("portcullis.code", "portcullis."),
    ] {
        let expected = format!(
            "spans.extra[1].name: {name:?}; what begins with {ours} is the filter's; write another name"
        );
        assert_eq!(error(&extra(name, value())), expected);
    }
    assert_refused(&[
        (
            extra("deployment.ring", value()),
            "spans.extra[1]: \"deployment.ring\" stands there already; write it once",
        ),
        (
            extra("a", json!({"value": "x".repeat(1025)})),
            "spans.extra[1].from.value: 1025 bytes; write at most 1024",
        ),
        (
            extra("a", json!({"header": "x"})),
            "spans.extra[1].from: unknown variant `header`, expected `value` or `property`",
        ),
        (
            extra("a", json!("property")),
            "spans.extra[1].from.property: invalid type: a name alone, expected an object with it as its only member",
        ),
    ]);
    let many = |count: usize| {
        let all = (0..count).map(|at| json!({"name": format!("a.{at}"), "from": value()}));
        with("/spans/extra", json!(all.collect::<Vec<_>>()))
    };
    assert_eq!(error(&many(65)), "spans.extra: 65; write at most 64");
    assert_accepted([
        many(64),
        extra("a", json!({"value": ""})),
        extra("a", json!({"value": "x".repeat(1024)})),
        extra(&"n".repeat(128), value()),
    ]);
}

#[test]
fn each_property_that_is_none_is_named() {
    let property = |path: &str| with("/spans/extra/1", json!({"name": "a", "from": {"property": path}}));
    let of = |path: &str| {
        let error = error(&property(path));
        error.strip_prefix("spans.extra[1].from.property: ").unwrap_or(&error).to_owned()
    };
    for path in ["", "xds", "wasm"] {
        assert_eq!(of(path), format!("{path:?}; write a path such as xds.route_name or wasm.NAME"));
    }
    for path in ["wasm.", ".", "xds.", ".route_name", "xds..route_name"] {
        assert_eq!(of(path), format!("{path:?} has an empty part; write a path such as xds.route_name"));
    }
    for path in [
        "request.path",
        "request.query",
        "request.headers.cookie",
        "response.headers.set-cookie",
        "response.trailers.x",
    ] {
        let expected = format!(
            "{path:?} is not there when a request is over; write a path such as xds.route_name; for headers there are request_headers and response_headers"
        );
        assert_eq!(of(path), expected);
    }
    assert_accepted(
        [
            "xds.route_name",
            "wasm.a",
            "wasm.a.b",
            "upstream.address",
            "source.address",
            "response.code_details",
        ]
        .map(property),
    );
}

/// An export with these members besides.
fn export(more: Value) -> Value {
    let mut export = json!({"cluster": "c"});
    export.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"export": export})
}

#[test]
fn each_mistake_of_the_collector_has_its_error() {
    const HOST: &str = "write the one that the service knows, as in ratelimit.example";
    assert_refused(&[
        (json!({"export": {}}), "export: missing field `cluster`"),
        (export(json!({"cluster": ""})), "export.cluster: empty; write its name"),
        (
            export(json!({"protocol": "http"})),
            "export.protocol: unknown variant `http`, expected one of `grpc`, `http_protobuf`, `http_json`",
        ),
        (
            export(json!({"path": "/x"})),
            "export.path: gRPC has one of its own; leave it out, or write protocol: http_protobuf",
        ),
        (
            export(json!({"headers": [{"name": "x-api-key", "value": "x"}]})),
            "export.headers: a plugin sends none over gRPC; leave them out, or write protocol: http_protobuf",
        ),
        (export(json!({"authority": "a b"})), &format!("export.authority: \"a b\" is no host; {HOST}")),
        (export(json!({"authority": ""})), &format!("export.authority: \"\" is no host; {HOST}")),
        (
            export(json!({"cluster": "a b"})),
            &format!("export.authority: missing, and \"a b\" in the name of the cluster is no host; {HOST}"),
        ),
    ]);
    for path in ["", "v1/traces", "/v1 traces", "/v1/\n"] {
        let expected = format!("export.path: {path:?} is no path; write one such as /v1/traces");
        assert_eq!(error(&with("/export/path", json!(path))), expected);
    }
    assert_accepted([
        export(json!({})),
        export(json!({"cluster": "a b", "authority": "a.example"})),
        export(json!({"cluster": "outbound|4317||collector.example"})),
        export(json!({"protocol": "http_protobuf", "path": "/"})),
    ]);
}

#[test]
fn each_mistake_of_its_headers_has_its_error() {
    let header = |name: &str, value: &str| with("/export/headers/0", json!({"name": name, "value": value}));
    for name in ["", "a b", ":path", "Host", "content-type", "Content-Length", "te", "connection"] {
        let expected = format!(
            "export.headers[0].name: {:?} is not a header for this; write one such as x-api-key",
            name.to_lowercase()
        );
        assert_eq!(error(&header(name, "x")), expected);
    }
    for value in ["a\n", "é", "\t"] {
        assert_eq!(
            error(&header("x-api-key", value)),
            "export.headers[0].value: not in printable ASCII; write it so"
        );
    }
    assert_accepted([header("authorization", "Bearer x"), header("x-empty", "")]);
}

#[test]
fn each_bound_of_the_export_is_named() {
    const SPAN: &str = "is not a duration; write a number and a unit, as in 250ms, 10s, 5m, 1h";
    assert_refused(&[
        (export(json!({"timeout": "9ms"})), "export.timeout: 9ms; write from 10ms to 2m"),
        (export(json!({"timeout": "121s"})), "export.timeout: 121s; write from 10ms to 2m"),
        (export(json!({"timeout": "5"})), &format!("export.timeout: \"5\" {SPAN}")),
        (export(json!({"delay": "99ms"})), "export.delay: 99ms; write from 100ms to 1m"),
        (export(json!({"delay": "61s"})), "export.delay: 61s; write from 100ms to 1m"),
        (export(json!({"batch": 0})), "export.batch: 0; write from 1 to 8192"),
        (export(json!({"batch": 8193, "queue": 9000})), "export.batch: 8193; write from 1 to 8192"),
        (
            export(json!({"batch": -1})),
            "export.batch: invalid value: integer `-1`, expected a whole number from 0 to 4294967295",
        ),
        (export(json!({"queue": 511})), "export.queue: 511; write from batch, which is 512, to 65536"),
        (export(json!({"queue": 65_537})), "export.queue: 65537; write from batch, which is 512, to 65536"),
        (
            export(json!({"batch": 20, "queue": 19})),
            "export.queue: 19; write from batch, which is 20, to 65536",
        ),
    ]);
    assert_accepted([
        export(json!({"timeout": "10ms", "delay": "100ms", "batch": 1, "queue": 1})),
        export(json!({"timeout": "2m", "delay": "1m", "batch": 8192, "queue": 65_536})),
    ]);
}

#[test]
fn each_mistake_of_the_resource_has_its_error() {
    let resource = |more: Value| export(json!({"resource": more}));
    assert_refused(&[
        (
            resource(json!({"service_name": ""})),
            "export.resource.service_name: empty; write a name or leave it out",
        ),
        (
            resource(json!({"attributes": {"": "x"}})),
            "export.resource.attributes: \"\"; write a name such as deployment.environment.name, or service_name",
        ),
        (
            resource(json!({"attributes": {"service.name": "x"}})),
            "export.resource.attributes: \"service.name\"; write a name such as deployment.environment.name, or service_name",
        ),
        (
            resource(json!({"attributes": {"a": 1}})),
            "export.resource.attributes.a: invalid type: integer `1`, expected a string",
        ),
    ]);
    assert_accepted([resource(json!({})), resource(json!({"service_name": "a b", "attributes": {"a": ""}}))]);
}
