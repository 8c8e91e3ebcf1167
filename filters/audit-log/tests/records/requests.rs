//! A request, as HTTP Activity of OCSF has it.

use serde_json::{Value, json};

use crate::common::checks::audit;
use crate::common::recorder::recorder_at;
use crate::common::{Exchange, NOW, recorder};

/// What the record of this request says.
fn of(exchange: &Exchange) -> Value {
    recorder(json!({})).of(exchange)
}

fn number(number: u64) -> Vec<u8> {
    number.to_le_bytes().into()
}

#[test]
fn a_plain_get_is_short_and_says_everything() {
    let mut recorder = recorder(json!({}));
    recorder.record(&Exchange::plain());
    let lines = recorder.lines();
    let [genesis, line] = lines.as_slice() else { panic!("{lines:?}") };
    assert!(line.len() <= 1229, "{} bytes: {line}", line.len());
    let mut record: Value = serde_json::from_str(line).unwrap();
    let genesis: Value = serde_json::from_str(genesis).unwrap();
    let integrity = record["unmapped"].as_object_mut().unwrap().remove("integrity").unwrap();
    assert_eq!(integrity["previous"], genesis["unmapped"]["integrity"]["hash"]);
    assert_eq!(integrity["sequence"], 1);
    let expected = json!({
        "action_id": 1, "activity_id": 3, "category_uid": 4, "class_uid": 4002, "disposition_id": 1,
        "dst_endpoint": {"ip": "10.0.0.7", "port": 8080, "svc_name": "backend"},
        "duration": 12,
        "http_request": {
            "http_method": "GET", "uid": "4f1c6f3a-2b3c-4d5e-8f90-a1b2c3d4e5f6",
            "url": {"hostname": "shop.example", "path": "/orders/7", "query_string": "page=[redacted]", "scheme": "https"},
            "user_agent": "curl/8.5.0", "version": "HTTP/1.1", "x_forwarded_for": ["198.51.100.7"],
        },
        "http_response": {"body_length": 512, "code": 200},
        "metadata": {
            "product": {"name": "Portcullis", "version": env!("CARGO_PKG_VERSION")},
            "profiles": ["security_control", "trace"], "sequence": 1,
            "uid": format!("{}-1", "00".repeat(16)), "version": "1.5.0",
        },
        "severity_id": 1, "src_endpoint": {"ip": "198.51.100.7", "port": 40000},
        "status_detail": "via_upstream", "status_id": 1, "time": NOW * 1000,
        "trace": {
            "span": {"end_time": NOW * 1000 + 12, "start_time": NOW * 1000, "uid": "b7ad6b7169203331"},
            "uid": "0af7651916cd43dd8448eb211c80319c",
        },
        "type_uid": 400_203,
        "unmapped": {"audit": {"level": "metadata", "route": "orders"}},
    });
    assert_eq!(record, expected);
}

#[test]
fn the_service_is_the_cluster_of_the_node() {
    let mut host = portcullis_kit::testing::TestHost::at(NOW);
    host.properties.insert("xds.node.cluster".into(), b"web.shop".to_vec());
    let mut recorder = recorder_at(json!({}), host);
    let record = recorder.of(&Exchange::plain());
    assert_eq!(record["metadata"]["log_provider"], "web.shop");
}

#[test]
fn who_has_decided_and_which_route_was_taken_is_there() {
    let exchange = Exchange::plain()
        .number("response.flags", 0x8020)
        .number("upstream.request_attempt_count", 3)
        .without("upstream.address");
    let record = of(&exchange);
    let expected = json!({"attempts": 3, "cluster": "backend", "flags": "UF,URX", "level": "metadata", "route": "orders"});
    assert_eq!(*audit(&record), expected);
    assert_eq!(record["dst_endpoint"], Value::Null);
}

#[test]
fn each_method_has_its_activity() {
    for (method, activity) in [
        ("CONNECT", 1),
        ("DELETE", 2),
        ("GET", 3),
        ("HEAD", 4),
        ("OPTIONS", 5),
        ("POST", 6),
        ("PUT", 7),
        ("TRACE", 8),
    ] {
        let record = of(&Exchange::plain().method(method));
        assert_eq!(
            (&record["activity_id"], &record["type_uid"]),
            (&json!(activity), &json!(400_200 + activity))
        );
        assert_eq!(record["http_request"]["http_method"], method);
        assert_eq!(record["activity_name"], Value::Null, "{method}");
    }
}

#[test]
fn a_method_that_the_schema_does_not_have_is_named_elsewhere() {
    for (schema, method, activity) in [
        ("ocsf-1.5", "PATCH", 99),
        ("ocsf-1.8", "PATCH", 9),
        ("ocsf-1.8", "PROPFIND", 99),
        ("ocsf-1.5", "get", 99),
    ] {
        let record = recorder(json!({"schema": schema})).of(&Exchange::plain().method(method));
        assert_eq!(record["metadata"]["version"], format!("{}.0", schema.strip_prefix("ocsf-").unwrap()));
        assert_eq!(record["activity_id"], activity, "{method}");
        let is_named = activity == 99;
        assert_eq!(record["activity_name"], if is_named { json!(method) } else { Value::Null });
        assert_eq!(record["http_request"]["http_method"], if is_named { Value::Null } else { json!(method) });
    }
    let long = of(&Exchange::plain().method(&"M".repeat(1000)));
    assert_eq!(long["activity_name"], format!("{}\u{2026}", "M".repeat(32)));
    assert_eq!(audit(&long)["truncated"], 1);
}

#[test]
fn addresses_are_addresses_and_what_is_none_is_a_name() {
    for (text, expected) in [
        ("198.51.100.7:40000", json!({"ip": "198.51.100.7", "port": 40000})),
        ("[2001:db8::1]:40000", json!({"ip": "2001:db8::1", "port": 40000})),
        ("2001:db8::1", json!({"ip": "2001:db8::1"})),
        ("192.0.2.1:0", json!({"ip": "192.0.2.1", "port": 0})),
        ("192.0.2.1", json!({"ip": "192.0.2.1"})),
        ("/var/run/app.sock", json!({"name": "/var/run/app.sock"})),
        ("@abstract:7", json!({"name": "@abstract:7"})),
        ("", Value::Null),
    ] {
        let record = of(&Exchange::plain().from(text).text("upstream.address", text));
        assert_eq!(record["src_endpoint"], expected, "{text}");
        let mut upstream = expected;
        if let Some(members) = upstream.as_object_mut() {
            members.insert("svc_name".into(), json!("backend"));
        }
        assert_eq!(record["dst_endpoint"], upstream, "{text}");
    }
}

#[test]
fn only_addresses_count_among_those_that_a_request_has_come_by() {
    let exchange = Exchange::plain()
        .header("x-forwarded-for", "unknown, 192.0.2.1:80,2001:db8::7")
        .and_header("x-forwarded-for", "[::1], 192.0.2.2 ,")
        .and_header("x-forwarded-for", b"\xff, 192.0.2.3");
    let record = of(&exchange);
    assert_eq!(record["http_request"]["x_forwarded_for"], json!(["2001:db8::7", "192.0.2.2", "192.0.2.3"]));
    assert_eq!(audit(&record)["truncated"], 1, "that some are left out is told");
    assert_eq!(audit(&of(&Exchange::plain()))["truncated"], Value::Null);
    let many: Vec<_> = (0..50).map(|number| format!("10.0.0.{number}")).collect();
    let record = of(&Exchange::plain().header("x-forwarded-for", many.join(", ")));
    assert_eq!(record["http_request"]["x_forwarded_for"], json!(many[40..]), "the nearest ones");
    let record = of(&Exchange::plain().without_header("x-forwarded-for"));
    assert_eq!(record["http_request"]["x_forwarded_for"], Value::Null);
}

#[test]
fn tls_and_the_peer_of_a_mesh_are_there() {
    let exchange = Exchange::plain()
        .text("connection.tls_version", "TLSv1.3")
        .text("connection.requested_server_name", "shop.example")
        .text("connection.uri_san_peer_certificate", "spiffe://td/ns/a/sa/b")
        .text("connection.subject_peer_certificate", r"CN=client,OU=a,O=Test\, Inc")
        .text("connection.dns_san_peer_certificate", "client.example")
        .text("connection.sha256_peer_certificate_digest", "df08");
    let record = of(&exchange);
    assert_eq!(record["tls"], json!({"sni": "shop.example", "version": "TLSv1.3"}));
    assert_eq!(record["src_endpoint"]["svc_name"], "spiffe://td/ns/a/sa/b");
    let subject = r"CN=client,OU=a,O=Test\, Inc";
    let peer = json!({"digest": "df08", "dns": "client.example", "subject": subject, "uri": "spiffe://td/ns/a/sa/b"});
    assert_eq!(audit(&record)["peer"], peer);
    // Without a version OCSF takes no TLS.
    let record = of(&exchange.without("connection.tls_version"));
    assert_eq!(record["tls"], Value::Null);
}

#[test]
fn hosts_have_no_credentials_and_ports_of_their_own() {
    for (authority, host, port) in [
        ("shop.example", "shop.example", None),
        ("shop.example:8443", "shop.example", Some(8443)),
        ("user:pass@shop.example:8443", "shop.example", Some(8443)),
        ("a@b@shop.example", "shop.example", None),
        ("[2001:db8::1]:443", "[2001:db8::1]", Some(443)),
        ("[2001:db8::1]", "[2001:db8::1]", None),
        ("shop.example:99999", "shop.example:99999", None),
    ] {
        let url = of(&Exchange::plain().header(":authority", authority))["http_request"]["url"].clone();
        assert_eq!((&url["hostname"], &url["port"]), (&json!(host), &json!(port)), "{authority}");
    }
    let long = of(&Exchange::plain().header(":authority", "h".repeat(1000)));
    assert_eq!(long["http_request"]["url"]["hostname"], format!("{}\u{2026}", "h".repeat(255)));
}

#[test]
fn a_tunnel_has_no_path() {
    let exchange = Exchange::plain().method("CONNECT").header(":authority", "db.example:5432");
    let url = of(&exchange.without_header(":path"))["http_request"]["url"].clone();
    let expected =
        json!({"hostname": "db.example", "port": 5432, "scheme": "https", "url_string": "db.example"});
    assert_eq!(url, expected);
}

#[test]
fn what_cannot_be_read_is_left_out() {
    let mut recorder = recorder(json!({}));
    recorder.log_only(&Exchange::malformed());
    recorder.log_only(&Exchange { request: None, response: None, attributes: vec![], ..Exchange::plain() });
    let [malformed, nothing] = recorder.requests().try_into().unwrap();
    assert_eq!(malformed["http_request"], json!({"version": "HTTP/1.1"}));
    assert_eq!(malformed["http_response"]["code"], 400);
    assert_eq!(malformed["activity_id"], 0);
    assert_eq!(malformed["status_detail"], "http1.codec_error");
    assert_eq!(audit(&malformed)["flags"], "DPE");
    assert_eq!(audit(&malformed)["decisions"][0]["filter"], "envoy");
    // The class wants one, be there anything in it or not.
    assert_eq!((&nothing["http_request"], &nothing["src_endpoint"]), (&json!({}), &Value::Null));
    assert_eq!((&nothing["time"], &nothing["type_uid"]), (&json!(NOW * 1000), &json!(400_200)));
}

#[test]
fn bytes_that_are_no_text_are_recorded_nonetheless() {
    let exchange = Exchange::plain().path(b"/a\xff\"\\\x01b?c\xfe=1").header("user-agent", b"\x7f\xc3\x28");
    let request = of(&exchange)["http_request"].clone();
    assert_eq!(request["url"]["path"], "/a\u{fffd}\"\\\u{1}b");
    assert_eq!(request["url"]["query_string"], "[redacted]");
    assert_eq!(request["user_agent"], "\u{7f}\u{fffd}(");
}

#[test]
fn long_paths_end_with_an_ellipsis() {
    let record = of(&Exchange::plain().path(format!("/{}", "\u{fc}".repeat(4000))));
    let path = record["http_request"]["url"]["path"].as_str().unwrap();
    assert!(path.ends_with("\u{fc}\u{2026}") && (2040..=2051).contains(&path.len()), "{}", path.len());
    assert_eq!(audit(&record)["truncated"], 1);
}

#[test]
fn numbers_are_what_every_reader_of_json_can_hold() {
    let exchange = Exchange::plain()
        .attribute("response.size", number(u64::MAX >> 1))
        .attribute("request.size", number((1 << 53) + 1))
        .attribute("request.time", number(u64::MAX >> 1))
        .attribute("request.duration", (-1_i64).to_le_bytes());
    let record = of(&exchange);
    assert_eq!(record["http_response"]["body_length"], 9_223_372_036_854_775_807_u64 as f64);
    assert_eq!(record["http_request"]["body_length"], (1_u64 << 53) as f64);
    assert_eq!(record["duration"], Value::Null, "a negative one is none");
    assert_eq!(record["time"], (u64::MAX >> 1) / 1_000_000);
}
