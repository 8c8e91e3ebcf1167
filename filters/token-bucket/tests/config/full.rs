use serde_json::{Value, json};

/// A configuration that has every member.
pub(crate) fn full() -> Value {
    json!({
        "limits": [
            {
                "name": "per-client",
                "rate": "100/1s",
                "burst": 200,
                "cost": 1,
                "cost_from": {"header": "x-cost", "max": 50},
                "key": [
                    {"client_address": {"v4_prefix": 24, "v6_prefix": 56, "trusted_hops": 1}, "missing": "deny"},
                    {"header": "x-api-key", "missing": {"default": "none"}, "as": "api_key"},
                    {"cookie": "session", "missing": "skip"},
                    {"query": "tenant"},
                    {"path": true},
                    {"path_template": ["/users/{id}", "/files/**"]},
                    {"method": true},
                    {"host": true},
                    {"grpc_method": true},
                    {"claim": {"filter_state": "wasm.payload", "path": ["realm", "plan"]}},
                    {"cluster": true},
                    {"route": true},
                    {"constant": "edge"},
                ],
                "max_keys": 1000,
                "when": {
                    "host": "*.example.com",
                    "path": {"prefix": "/api/"},
                    "methods": ["GET", "POST"],
                    "headers": [{"name": "x-env", "value": {"exact": "test"}}],
                },
                "exempt": [
                    {"of": {"client_address": {}}, "in": ["10.0.0.0/8", "2001:db8::/32"]},
                    {"of": {"header": "x-internal"}, "in": ["yes"]},
                ],
                "tiers": [
                    {"of": {"claim": {"filter_state": "wasm.payload", "path": ["plan"]}}, "in": ["gold"], "rate": "1000/1s", "burst": 2000},
                    {"of": {"header": "x-plan"}, "in": ["free"], "rate": "50/1s"},
                ],
                "scope": "process",
                "start": 150,
                "evicted": "remembered",
                "delay": {"max": "500ms", "max_waiting": 100},
                "after": [
                    {"header": "x-tokens", "tokens": 100},
                    {"bytes": "64KiB", "tokens": 20},
                    {"statuses": ["404", "5xx", "301-303"], "tokens": 5},
                ],
                "refund": {"statuses": ["503"], "unanswered": true},
                "mode": "enforce",
                "enforce": {"percent": 50, "by": {"header": "x-user"}},
                "failure_mode": "local",
            },
            {
                "name": "leased",
                "rate": "10/1m",
                "when": {"grpc": {"service": "shop.v1.Orders", "method": "List"}, "route": "main", "cluster": "orders"},
                "scope": "leased",
                "lease": 4,
                "evicted": "forgotten",
                "mode": "shadow",
            },
            {
                "name": "everywhere",
                "rate": "1000/1h",
                "key": [{"constant": "all"}],
                "scope": "global",
                "ahead": 20,
                "failure_mode": "allow",
            },
        ],
        "domain": "edge",
        "rate_limit_service": {"cluster": "ratelimit", "domain": "shop", "timeout": "20ms", "max_waiting": 100},
        "reply": {
            "status": 429,
            "grpc_status": "unavailable",
            "format": "text",
            "headers": {"x-denied-by": "edge"},
            "ratelimit": "always",
            "x_ratelimit": "denied",
        },
        "stat_prefix": "edge",
    })
}
