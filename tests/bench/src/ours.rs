//! Configurations of our filters.

use std::path::Path;

use portcullis_envoy::Filter;
use portcullis_sim::PluginSetup;
use serde_json::{Value, json};

use crate::cases::USERS;
use crate::guard::{Answers, Audit, Breaker, Bucket, Outputs, Sink, Tracing};
use crate::tokens::{AUDIENCE, ISSUER, Pool};

/// The header that the upstream finds the subject in.
pub(crate) const SUBJECT_HEADER: &str = "x-jwt-sub";

pub(crate) fn jwt_auth(pool: &Pool, outputs: Outputs) -> Value {
    let claims_to_headers = match outputs {
        Outputs::Nothing => json!([]),
        Outputs::Subject => json!([{ "claim": "sub", "header": SUBJECT_HEADER }]),
    };
    json!({
        "providers": [{
            "name": "bench",
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "jwks": { "inline": pool.jwks() },
            "claims_to_headers": claims_to_headers,
        }],
        "otherwise": { "provider": "bench" },
    })
}

/// A limit that is never reached.
pub(crate) fn token_bucket(bucket: Bucket) -> Value {
    let limit = |scope: &str| json!({ "name": "bench", "rate": "1000000000/1s", "scope": scope });
    match bucket {
        Bucket::OfAll(scope, Answers::Plain) => json!({ "limits": [limit(scope)] }),
        Bucket::OfAll(scope, Answers::Standing) => {
            json!({ "limits": [limit(scope)], "reply": { "x_ratelimit": "always" } })
        }
        Bucket::OfUser(scope) => json!({ "limits": [{
            "name": "bench",
            "rate": "1000000000/1s",
            "scope": scope,
            "key": [{ "header": "x-user" }],
            "max_keys": USERS,
        }] }),
    }
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

/// The collector gets every span, as that of the native tracer does.
pub(crate) fn trace_injection(tracing: Tracing) -> Value {
    match tracing {
        Tracing::Begun | Tracing::Continued => json!({}),
        Tracing::Exported(protocol) => {
            let sink = if protocol == "grpc" { Sink::Grpc } else { Sink::Http };
            json!({ "export": { "cluster": sink.cluster(), "protocol": protocol, "delay": "1s", "queue": 16384 } })
        }
    }
}

/// Records of all requests, which a sink gets.
pub(crate) fn audit_log(audit: Audit) -> Value {
    let cluster = audit.sink().cluster();
    let sink = match audit {
        Audit::Http => json!({ "http": { "cluster": cluster, "path": "/ingest" } }),
        Audit::Otlp => json!({ "otlp": { "cluster": cluster } }),
    };
    json!({ "sink": sink, "delivery": { "queue": "64MiB" } })
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

pub(crate) fn without_foreign_functions(module: &Path, configuration: &Value) -> Filter {
    let setup = PluginSetup {
        configuration: configuration.to_string().into_bytes(),
        capabilities: CAPABILITIES.map(str::to_owned).into(),
        ..PluginSetup::default()
    };
    Filter::Wasm(module.to_owned(), setup)
}
