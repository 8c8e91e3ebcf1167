use serde_json::{Value, json};

/// A configuration that has every member.
pub(crate) fn full() -> Value {
    json!({
        "side": "server",
        "extract": ["w3c", "b3", "b3_multi", "jaeger", "xray", "datadog", "gcp"],
        "inject": ["w3c", "b3"],
        "trust": trust(),
        "baggage": {"trusted": {"only": ["tenant", "locale"]}, "untrusted": "nothing"},
        "sampling": sampling(),
        "with_envoy_tracing": "replace",
        "each_try": false,
        "traceresponse": "started",
        "filter_state": true,
        "spans": spans(),
        "export": export(),
        "domain": "edge",
        "stat_prefix": "edge",
    })
}

fn trust() -> Value {
    json!({
        "rules": [
            {
                "when": {
                    "host": "*.example.com",
                    "path": {"prefix": "/api/"},
                    "methods": ["GET", "POST"],
                    "headers": [{"name": "x-env", "value": {"exact": "test"}}],
                },
                "addresses": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"],
                "peers": [{"exact": "spiffe://a/b"}, {"prefix": "spiffe://c/"}, {"regex": "spiffe://[de]/.*"}],
                "parent": "continue",
            },
            {
                "when": {
                    "grpc": {"service": "shop.v1.Orders", "method": "List"},
                    "route": "main",
                    "cluster": "orders",
                },
                "parent": "link",
            },
        ],
        "otherwise": "drop",
    })
}

fn sampling() -> Value {
    json!({
        "rules": [
            {"when": {"path": {"exact": "/healthz"}}, "sampler": "never", "parent": "ignore"},
            {"when": {"methods": ["POST"]}, "sampler": {"rate": {"rate": "10/1s", "burst": 20}}},
        ],
        "sampler": {"probability": 0.1},
        "parent": "follow",
        "errors": true,
    })
}

fn spans() -> Value {
    json!({
        "attributes": [
            "client.address",
            "network.protocol.version",
            "server.address",
            "server.port",
            "url.query",
            "user_agent.original",
        ],
        "routes": ["/users/{id}", "/files/**"],
        "query_values": ["page"],
        "request_headers": ["x-request-id", "X-Tenant"],
        "response_headers": ["content-type"],
        "decisions": "all",
        "extra": [
            {"name": "deployment.ring", "from": {"value": "canary"}},
            {"name": "envoy.route", "from": {"property": "xds.route_name"}},
            {"name": "tenant", "from": {"property": "wasm.my.tenant"}},
        ],
    })
}

fn export() -> Value {
    json!({
        "cluster": "outbound|4318||collector.example",
        "protocol": "http_json",
        "authority": "collector.example:4318",
        "path": "/v1/traces?x=y",
        "headers": [{"name": "X-Api-Key", "value": "a secret"}],
        "timeout": "10s",
        "delay": "1s",
        "batch": 100,
        "queue": 1000,
        "resource": {"service_name": "edge", "attributes": {"deployment.environment.name": "test"}},
    })
}
