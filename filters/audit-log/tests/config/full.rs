use serde_json::{Value, json};

/// A signing key, for tests only.
pub(crate) const SIGNING: &str =
    "PRIVATE+KEY+audit.example+KEYID+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH";
/// 32 bytes in base64.
pub(crate) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A configuration that has every member but those of another kind of sink.
pub(crate) fn full() -> Value {
    json!({
        "sink": {"http": http()},
        "delivery": {"mode": "bounded_block", "wait": "100ms", "delay": "500ms", "batch": 256, "queue": "8MiB"},
        "schema": "ocsf-1.8",
        "rules": rules(),
        "otherwise": {"level": "metadata", "denied": "headers", "sample": 0.25, "stages": ["response_complete"]},
        "identity": {
            "tokens": ["jwt.payload", "other"],
            "failures": ["jwt.failure"],
            "subject": ["sub"],
            "tenant": ["org", "id"],
            "client": ["azp"],
            "session": ["sid"],
            "claims": [["plan"], ["org", "name"]],
        },
        "show": show(),
        "bodies": {"content_types": ["application/json", "text/plain"], "max_size": "4KiB", "max_held": "8MiB"},
        "operations": [
            {"when": {"path": {"prefix": "/orders/"}, "methods": ["DELETE"]}, "name": "orders.cancel", "activity": "delete"},
        ],
        "fingerprint": {"headers": ["idempotency-key"], "query": true, "body": true},
        "duplicates": {"window": "30s", "max_keys": 100},
        "integrity": {
            "record_integrity": true,
            "checkpoint": {"records": 500, "interval": "30s", "log": true},
            "sign": {"hmac": KEY},
        },
        "domain": "edge",
        "stat_prefix": "edge",
    })
}

fn http() -> Value {
    json!({
        "cluster": "outbound|443||siem.example",
        "path": "/ingest",
        "authority": "siem.example:443",
        "headers": [{"name": "X-Api-Key", "value": "a secret"}],
        "format": "json_lines",
        "compression": true,
        "timeout": "5s",
    })
}

/// The other kind of sink, with every member.
pub(crate) fn otlp() -> Value {
    json!({
        "cluster": "collector",
        "protocol": "http_json",
        "authority": "collector.example:4318",
        "path": "/v1/logs?x=y",
        "headers": [{"name": "x-api-key", "value": "a secret"}],
        "compression": false,
        "timeout": "5s",
        "service_name": "edge",
        "attributes": {"deployment.environment.name": "test"},
    })
}

fn rules() -> Value {
    json!([
        {
            "name": "payments",
            "when": {
                "host": "*.example.com",
                "path": {"prefix": "/pay/"},
                "methods": ["POST"],
                "headers": [{"name": "x-env", "value": {"exact": "test"}}],
            },
            "level": "bodies",
            "denied": "bodies",
            "stages": ["request_received", "response_complete"],
        },
        {
            "name": "orders",
            "when": {"grpc": {"service": "shop.v1.Orders", "method": "List"}, "route": "main", "cluster": "orders"},
            "level": "headers",
            "sample": 0.5,
        },
        {"name": "health", "when": {"path": {"regex": "/healthz?"}}, "level": "none"},
    ])
}

fn show() -> Value {
    json!({
        "request_headers": ["X-Env", "accept"],
        "response_headers": ["content-type"],
        "cookies": ["lang"],
        "query": ["page"],
        "form": ["item"],
        "json": [["order", "items", "*", "sku"]],
        "paths": [{"template": "/reset/{token}/{step}", "show": ["step"]}, {"template": "/files/**"}],
        "hidden": "keyed",
        "key": KEY,
    })
}
