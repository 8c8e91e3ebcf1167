use serde_json::{Value, json};

/// A configuration that has every member; those that exclude each other are in breakers of their own.
pub(crate) fn full() -> Value {
    json!({
        "breakers": [upstreams(), partners(), throttled(), broken(), left_alone()],
        "domain": "edge",
        "sync": "50ms",
        "reply": {"format": "text", "headers": {"x-denied-by": "edge"}},
        "state_header": {"name": "x-circuit", "on": "always"},
        "stat_prefix": "edge",
    })
}

fn upstreams() -> Value {
    json!({
        "name": "upstreams",
        "when": {
            "host": "*.example.com",
            "path": {"prefix": "/api/"},
            "methods": ["GET", "POST"],
            "headers": [{"name": "x-env", "value": {"exact": "test"}}],
        },
        "exempt": [
            {"path": {"exact": "/api/health"}},
            {"grpc": {"service": "grpc.health.v1.Health", "method": "Check"}, "route": "main", "cluster": "orders"},
        ],
        "key": [
            {"cluster": true},
            {"route": true},
            {"host": true},
            {"method": true},
            {"grpc_method": true},
            {"path_template": ["/users/{id}", "/files/**"]},
            {"header": "x-tenant"},
            {"claim": {"filter_state": "wasm.payload", "path": ["realm", "plan"]}},
            {"constant": "edge"},
        ],
        "max_keys": 100,
        "window": "30s",
        "bucket": "1s",
        "min_requests": 50,
        "trip": {
            "slow_ratio": {"ratio": 0.5, "max_latency": "1s"},
            "error_ratio": 0.5,
            "error_count": 100,
            "consecutive_errors": 10,
        },
        "latency": "end",
        "errors": {"statuses": ["429", "5xx"], "grpc": ["unavailable"], "transport": true, "timeouts": true},
        "ignore": {"statuses": ["400-428"], "grpc": ["not_found"]},
        "open": {"duration": "5s", "factor": 1.5, "max": "1m", "jitter": 0.2, "retry_after": {"max": "2m"}},
        "half_open": {"permits": 5, "successes": 4, "lease": "10s"},
        "ramp_up": "30s",
        "timeout": "5s",
        "fallback": fallbacks(),
        "mode": "enforce",
    })
}

fn fallbacks() -> Value {
    json!([
        {
            "when": {"methods": ["GET", "HEAD"]},
            "snapshot": {
                "statuses": ["200", "404"],
                "content_types": ["application/json", "image/*"],
                "max_size": "128KiB",
                "memory": "8MiB",
                "max_stale": "10m",
                "refresh": "5s",
                "without_cache_control": true,
                "with_credentials": true,
                "credentials": ["authorization", "x-session"],
            },
        },
        {
            "only": [
                {"of": {"claim": {"filter_state": "wasm.payload", "path": ["tier"]}}, "in": ["vip"]},
                {"of": {"client_address": {"v4_prefix": 24, "v6_prefix": 56, "trusted_hops": 1}}, "in": ["10.0.0.0/8"]},
                {"of": {"cookie": "canary"}, "in": ["yes"]},
                {"of": {"query": "standby"}, "in": ["1"]},
                {"of": {"path": true}, "in": ["/api/a", "/api/b"]},
            ],
            "max_in_flight": 200,
            "time_open": {"min": "1s", "max": "10m"},
            "budget": {"rate": "50/1s", "burst": 100},
            "reroute": {"header": "x-fallback", "value": "standby"},
        },
        {
            "static": {
                "status": 503,
                "grpc_status": "unavailable",
                "headers": {"content-type": "application/json"},
                "body": r#"{"breaker": "{{breaker}}", "state": "{{state}}", "retry_after": {{retry_after}}}"#,
            },
        },
    ])
}

fn partners() -> Value {
    json!({
        "name": "partners",
        "when": {"path": {"regex": "/partners/[a-z]+"}},
        "key": [{"host": true}],
        "known": ["a.example", "b.example"],
        "window_calls": 100,
        "trip": {"error_ratio": 0.5},
        "mode": "metrics_only",
    })
}

fn throttled() -> Value {
    json!({
        "name": "throttled",
        "when": {"path": {"prefix": "/search/"}},
        "throttle": {"success_ratio": 0.9, "aggression": 2.0, "max_rejection": 0.95},
    })
}

fn broken() -> Value {
    json!({"name": "broken", "when": {"path": {"prefix": "/reports/"}}, "mode": "forced_open"})
}

fn left_alone() -> Value {
    json!({"name": "left-alone", "mode": "disabled"})
}
