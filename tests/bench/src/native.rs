//! Envoy's own counterparts.

use serde_json::{Value, json};

use crate::guard::{Answers, Outputs, Sink};
use crate::ours::SUBJECT_HEADER;
use crate::tokens::{AUDIENCE, ISSUER, Pool};

pub(crate) fn jwt_authn(pool: &Pool, cache: Option<Value>, outputs: Outputs) -> Value {
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": { "inline_string": pool.jwks().to_string() },
    });
    if let (Some(cache), Some(provider)) = (cache, provider.as_object_mut()) {
        provider.insert("jwt_cache_config".to_owned(), cache);
    }
    if let (Outputs::Subject, Some(provider)) = (outputs, provider.as_object_mut()) {
        let claims = json!([{ "claim_name": "sub", "header_name": SUBJECT_HEADER }]);
        provider.insert("claim_to_headers".to_owned(), claims);
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
pub(crate) fn local_ratelimit(answers: Answers) -> Value {
    let headers = match answers {
        Answers::Plain => "OFF",
        Answers::Standing => "DRAFT_VERSION_03",
    };
    let always = json!({ "default_value": { "numerator": 100, "denominator": "HUNDRED" } });
    json!({
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "bench",
            "token_bucket": { "max_tokens": 1_000_000_000, "tokens_per_fill": 1_000_000_000, "fill_interval": "1s" },
            "filter_enabled": always,
            "filter_enforced": always,
            "enable_x_ratelimit_headers": headers,
        },
    })
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
            "grpc_service": { "envoy_grpc": { "cluster_name": Sink::Grpc.cluster() } },
        },
    } })
}
