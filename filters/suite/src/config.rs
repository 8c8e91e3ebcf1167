use portcullis_audit_log::AuditLogConfig;
use portcullis_circuit_breaker::CircuitBreakerConfig;
use portcullis_jwt_auth::JwtAuthConfig;
use portcullis_token_bucket::TokenBucketConfig;
use portcullis_trace_injection::TraceInjectionConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The configuration of the suite: those of its filters, in the order in which a request meets them. What is left out is not there.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SuiteConfig {
    /// Gives requests their place in a trace.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TraceInjectionConfig")]
    pub trace_injection: Option<Value>,
    /// Records what becomes of requests.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AuditLogConfig")]
    pub audit_log: Option<Value>,
    /// Admits requests on the strength of JSON Web Tokens.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "JwtAuthConfig")]
    pub jwt_auth: Option<Value>,
    /// Admits requests as long as there are tokens.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TokenBucketConfig")]
    pub token_bucket: Option<Value>,
    /// Spares upstreams that fail or are slow.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CircuitBreakerConfig")]
    pub circuit_breaker: Option<Value>,
}

/// A name with nothing behind it is no filter that was left out: it would be one less than was meant.
fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
