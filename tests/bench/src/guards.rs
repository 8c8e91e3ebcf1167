//! The configurations of what is measured.

use portcullis_envoy::Filter;
use portcullis_sim::PluginSetup;
use serde_json::{Value, json};

use crate::cases::{Audit, Breaker, Tracing};
use crate::tokens::{AUDIENCE, ISSUER, Pool};
use std::path::Path;

/// The cluster of the collector.
pub(crate) const COLLECTOR: &str = "collector";

/// The collector gets every span, as that of the native tracer does.
pub(crate) fn trace_injection(tracing: Tracing) -> Value {
    match tracing {
        Tracing::Begun | Tracing::Continued => json!({}),
        Tracing::Exported(protocol) => {
            json!({ "export": { "cluster": COLLECTOR, "protocol": protocol, "delay": "1s", "queue": 16384 } })
        }
    }
}

/// All that the module does but to call foreign functions: `capability_restriction_config` names what is allowed.
const CAPABILITIES: [&str; 26] = [
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_write",
    "proc_exit",
    "random_get",
    "proxy_define_metric",
    "proxy_get_buffer_bytes",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_request_headers",
    "proxy_on_tick",
    "proxy_record_metric",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_send_local_response",
    "proxy_set_property",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
];

pub(crate) fn alone(module: &Path, pool: &Pool) -> Filter {
    let setup = PluginSetup {
        configuration: jwt_auth(pool).to_string().into_bytes(),
        capabilities: CAPABILITIES.map(str::to_owned).into(),
        ..PluginSetup::default()
    };
    Filter::Wasm(module.to_owned(), setup)
}

pub(crate) fn jwt_auth(pool: &Pool) -> Value {
    json!({
        "providers": [{
            "name": "bench",
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "jwks": { "inline": pool.jwks() },
        }],
        "otherwise": { "provider": "bench" },
    })
}

pub(crate) fn jwt_authn(pool: &Pool, cache: Option<Value>) -> Value {
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": { "inline_string": pool.jwks().to_string() },
    });
    if let (Some(cache), Some(provider)) = (cache, provider.as_object_mut()) {
        provider.insert("jwt_cache_config".to_owned(), cache);
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": { "bench": provider },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "bench" } }],
        },
    })
}

/// A limit that is never reached.
pub(crate) fn token_bucket(scope: &str, further: Value) -> Value {
    let mut limit = json!({ "name": "bench", "rate": "1000000000/1s", "scope": scope });
    if let (Some(limit), Value::Object(further)) = (limit.as_object_mut(), further) {
        limit.extend(further);
    }
    json!({ "limits": [limit] })
}

pub(crate) fn local_ratelimit() -> Value {
    let always = json!({ "default_value": { "numerator": 100, "denominator": "HUNDRED" } });
    json!({
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "bench",
            "token_bucket": { "max_tokens": 1_000_000_000, "tokens_per_fill": 1_000_000_000, "fill_interval": "1s" },
            "filter_enabled": always,
            "filter_enforced": always,
        },
    })
}

pub(crate) fn circuit_breaker(breaker: Breaker) -> Value {
    let trip = json!({
        "error_ratio": 0.5,
        "consecutive_errors": 10,
        "slow_ratio": { "ratio": 0.5, "max_latency": "1s" },
    });
    let breaker = match breaker {
        Breaker::OfCluster => json!({ "name": "bench", "trip": trip }),
        Breaker::OfAll => json!({ "name": "bench", "key": [], "trip": trip }),
        Breaker::Throttle => json!({ "name": "bench", "key": [], "throttle": {} }),
        Breaker::Open => json!({
            "name": "bench",
            "key": [],
            "mode": "forced_open",
            "trip": trip,
            "fallback": [{ "static": { "status": 200, "body": "{{breaker}} is {{state}}" } }],
        }),
    };
    json!({ "breakers": [breaker] })
}

pub(crate) fn admission_control() -> Value {
    json!({
        "name": "envoy.filters.http.admission_control",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.admission_control.v3.AdmissionControl",
            "success_criteria": {
                "http_criteria": { "http_success_status": [{ "start": 100, "end": 500 }] },
                "grpc_criteria": { "grpc_success_status": [0] },
            },
        },
    })
}

/// Records of all requests, which a sink gets.
pub(crate) fn audit_log(audit: Audit) -> Value {
    let sink = match audit {
        Audit::Http => json!({ "http": { "cluster": COLLECTOR, "path": "/ingest" } }),
        Audit::Otlp => json!({ "otlp": { "cluster": COLLECTOR } }),
    };
    json!({ "sink": sink, "delivery": { "queue": "64MiB" } })
}

/// Envoy's access log in JSON, of what is in a record of ours.
pub(crate) fn access_log() -> Value {
    let format = json!({
        "time": "%START_TIME%",
        "id": "%REQ(X-REQUEST-ID)%",
        "method": "%REQ(:METHOD)%",
        "host": "%REQ(:AUTHORITY)%",
        "path": "%REQ(:PATH)%",
        "protocol": "%PROTOCOL%",
        "status": "%RESPONSE_CODE%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "flags": "%RESPONSE_FLAGS%",
        "duration": "%DURATION%",
        "bytes_received": "%BYTES_RECEIVED%",
        "bytes_sent": "%BYTES_SENT%",
        "source": "%DOWNSTREAM_REMOTE_ADDRESS%",
        "user_agent": "%REQ(USER-AGENT)%",
    });
    json!([{
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": "/dev/null",
            "log_format": { "json_format": format },
        },
    }])
}

/// Envoy's tracer for OpenTelemetry.
pub(crate) fn tracer() -> Value {
    json!({ "provider": {
        "name": "envoy.tracers.opentelemetry",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
            "service_name": "bench",
            "grpc_service": { "envoy_grpc": { "cluster_name": COLLECTOR } },
        },
    } })
}
