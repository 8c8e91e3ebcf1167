//! Records as the filter writes them.

use portcullis_audit_chain::canonical;
use serde_json::{Value, json};

pub(crate) const CHAIN: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

pub(crate) fn text(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    canonical::value(&mut out, value);
    out
}

pub(crate) fn common(more: Value) -> Value {
    let mut record = json!({
        "metadata": {
            "log_provider": "web.shop",
            "product": {"name": "Portcullis", "vendor_name": "Portcullis", "version": "0.1.0"},
            "sequence": 17, "tenant_uid": "acme", "uid": format!("{CHAIN}-17"), "version": "1.5.0",
        },
        "severity_id": 1, "time": 1790000000000_u64,
        "unmapped": {"integrity": {"chain": CHAIN, "hash": HASH, "previous": HASH, "sequence": 17}},
    });
    lay_over(&mut record, more);
    record
}

pub(crate) fn lay_over(value: &mut Value, more: Value) {
    match (value, more) {
        (Value::Object(members), Value::Object(more)) => {
            for (name, more) in more {
                lay_over(members.entry(name).or_insert(Value::Null), more);
            }
        }
        (value, more) => *value = more,
    }
}

/// A GET request at the level `metadata`, with a token, a client certificate and a place in a trace.
pub(crate) fn get() -> Value {
    common(json!({
        "action_id": 1, "activity_id": 3, "category_uid": 4, "class_uid": 4002, "disposition_id": 1, "duration": 12,
        "actor": {
            "app_uid": "web", "idp": {"uid": "https://idp.example"},
            "session": {"issuer": "https://idp.example", "uid": "s-1"}, "user": {"uid": "alice"},
        },
        "dst_endpoint": {"ip": "10.0.0.7", "port": 8080, "svc_name": "backend"},
        "end_time": 1790000000012_u64,
        "http_request": {
            "body_length": 0, "http_method": "GET", "uid": "0f2dbbd8-6c7c-4d0b-9d6a-6f7b8b6d1a52",
            "url": {"hostname": "shop.example", "path": "/orders/7", "query_string": "page=2&token=[redacted]", "scheme": "https"},
            "user_agent": "curl/8", "version": "HTTP/1.1", "x_forwarded_for": ["1.2.3.4"],
        },
        "http_response": {"body_length": 512, "code": 200},
        "metadata": {"profiles": ["host", "security_control", "trace"]},
        "src_endpoint": {"ip": "192.0.2.1", "port": 4711, "svc_name": "spiffe://td/ns/a/sa/b"},
        "start_time": 1790000000000_u64, "status_code": "200", "status_detail": "via_upstream", "status_id": 1,
        "tls": {"sni": "shop.example", "version": "TLSv1.3"},
        "trace": {
            "span": {"end_time": 1790000000012_u64, "start_time": 1790000000000_u64, "uid": "00f067aa0ba902b7"},
            "uid": "0af7651916cd43dd8448eb211c80319c",
        },
        "traffic": {"bytes_in": 120, "bytes_out": 640}, "type_uid": 400203,
        "unmapped": {"audit": {"cluster": "backend", "level": "metadata", "route": "orders", "rule": "payments"}},
    }))
}

/// As much as there can be: headers, cookies, bodies, a denial.
pub(crate) fn bodies() -> Value {
    let mut record = get();
    let body = json!({"content_type": "application/json", "size": 5000, "text": "{\"a\":\"[redacted]\"}", "truncated": true});
    let header =
        json!([{"name": "accept", "value": "*/*"}, {"name": "authorization", "value": "Bearer [redacted]"}]);
    lay_over(
        &mut record,
        json!({
            "action_id": 2, "activity_name": "Get", "count": 3, "message": "denied",
            "api": {"operation": "shop.v1.Orders/List", "service": {"name": "shop.v1.Orders"}},
            "firewall_rule": {"name": "payments", "rate_limit": 10, "uid": "7"},
            "http_cookies": [{"name": "s", "value": "hmac-sha256:00112233445566778899aabbccddeeff"}],
            "http_request": {"http_headers": header, "referrer": "https://shop.example/", "url": {"port": 8443, "url_string": "x:1"}},
            "http_response": {"content_type": "text/plain", "http_headers": header, "latency": 7, "message": "0"},
            "src_endpoint": {"hostname": "a", "name": "b", "uid": "c"},
            "tls": {"cipher": "TLS_AES_128_GCM_SHA256"},
            "trace": {"span": {"parent_uid": "00f067aa0ba902b8"}},
            "unmapped": {"audit": {
                "attempts": 2, "cookies": header,
                "decisions": [{"action": "denied", "filter": "jwt-auth", "reason": "jwt_expired"}],
                "fingerprint": HASH, "flags": "UF,URX", "grpc_status": 16, "method": "PURGE",
                "peer": {"subject": "CN=a", "uri": "spiffe://td/ns/a/sa/b"},
                "request_body": body, "response_body": body, "response_trailers": header, "sample": "0.1",
                "set_cookies": header, "stage": "request_received", "tls": {"sni": "a", "version": "TLSv1.3"}, "truncated": 2,
            }},
        }),
    );
    record
}

pub(crate) fn of_the_log(audit: Value) -> Value {
    common(json!({
        "activity_id": 99, "activity_name": "Checkpoint", "category_uid": 1, "class_uid": 1008, "count": 2,
        "end_time": 1790000000012_u64, "log_name": "portcullis.audit", "log_provider": "Portcullis", "log_type_id": 2,
        "start_time": 1790000000000_u64, "type_uid": 100899, "unmapped": {"audit": audit},
    }))
}

pub(crate) fn chain_records() -> Vec<Value> {
    let root = "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=";
    let note = format!("portcullis.audit/{CHAIN}\n17\n{root}\n\n— audit.example c3Vwcm9zYQ==\n");
    let node = json!({"cluster": "c", "id": "n", "namespace": "s", "pod": "p"});
    let audits = [
        json!({"config": HASH, "filter": "audit-log", "key": "audit.example", "kind": "genesis", "node": node,
            "previous_chain": CHAIN, "reason": "restart", "version": "0.1.0"}),
        json!({"kind": "checkpoint", "note": note, "root": root, "size": 17}),
        json!({"epoch": 3, "kind": "checkpoint", "mac": HASH, "root": root, "size": 17}),
        json!({"first_sequence": 3, "kind": "loss", "last_sequence": 9, "reason": "refused"}),
        json!({"kind": "stop", "reason": "removed"}),
        json!({"chain": CHAIN, "hash": HASH, "kind": "abandoned", "sequence": 4}),
    ];
    audits.into_iter().map(of_the_log).collect()
}

/// The same in the words of OCSF.
pub(crate) fn attested() -> Value {
    let mut record = get();
    record["unmapped"].as_object_mut().unwrap().remove("integrity");
    let fingerprint = json!({"algorithm_id": 3, "encoding_id": 1, "serialization_id": 2, "value": HASH});
    record["attestation_list"] = json!([{
        "authority_uid": "web", "chain_uid": CHAIN, "fingerprint": fingerprint,
        "prev_event": {"fingerprint": fingerprint, "type_uid": 400203, "uid": format!("{CHAIN}-16")},
    }]);
    record
}

pub(crate) fn samples() -> Vec<Value> {
    let mut samples = chain_records();
    samples.extend([get(), bodies(), attested()]);
    samples
}
