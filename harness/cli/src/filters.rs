//! Our own filters, by name.

use portcullis_audit_log::{AuditLog, AuditLogConfig};
use portcullis_circuit_breaker::{CircuitBreaker, CircuitBreakerConfig};
use portcullis_jwt_auth::{JwtAuth, JwtAuthConfig};
use portcullis_kit::{ConfigError, HttpFilter, Module};
use portcullis_sim::{NativePlugin, Plugin};
use portcullis_suite::{Suite, SuiteConfig};
use portcullis_token_bucket::{TokenBucket, TokenBucketConfig};
use portcullis_trace_injection::{TraceInjection, TraceInjectionConfig};
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// A filter as native code.
pub(crate) struct Filter {
    pub(crate) name: &'static str,
    pub(crate) check: fn(&[u8]) -> Result<(), ConfigError>,
    pub(crate) plugin: fn() -> Box<dyn Plugin>,
    pub(crate) schema: fn() -> Schema,
}

/// Every filter, and all of them together.
pub(crate) const FILTERS: [Filter; 6] = [
    Filter {
        name: JwtAuth::NAME,
        check: |configuration| JwtAuth::configure(configuration).map(drop),
        plugin: || Box::new(NativePlugin::<JwtAuth>::new()),
        schema: || schema_of::<JwtAuthConfig>(),
    },
    Filter {
        name: TokenBucket::NAME,
        check: |configuration| TokenBucket::configure(configuration).map(drop),
        plugin: || Box::new(NativePlugin::<TokenBucket>::new()),
        schema: || schema_of::<TokenBucketConfig>(),
    },
    Filter {
        name: CircuitBreaker::NAME,
        check: |configuration| CircuitBreaker::configure(configuration).map(drop),
        plugin: || Box::new(NativePlugin::<CircuitBreaker>::new()),
        schema: || schema_of::<CircuitBreakerConfig>(),
    },
    Filter {
        name: TraceInjection::NAME,
        check: |configuration| TraceInjection::configure(configuration).map(drop),
        plugin: || Box::new(NativePlugin::<TraceInjection>::new()),
        schema: || schema_of::<TraceInjectionConfig>(),
    },
    Filter {
        name: AuditLog::NAME,
        check: |configuration| AuditLog::configure(configuration).map(drop),
        plugin: || Box::new(NativePlugin::<AuditLog>::new()),
        schema: || schema_of::<AuditLogConfig>(),
    },
    Filter {
        name: Suite::TITLE,
        check: |configuration| Suite::links(configuration, "").map(drop),
        plugin: || Box::new(NativePlugin::<Suite>::new()),
        schema: || schema_of::<SuiteConfig>(),
    },
];

impl Filter {
    pub(crate) fn named(name: &str) -> Result<&'static Self, String> {
        FILTERS.iter().find(|filter| filter.name == name).ok_or_else(|| {
            let names: Vec<_> = FILTERS.iter().map(|filter| filter.name).collect();
            format!("{name:?} is no filter; there is {}", names.join(", "))
        })
    }
}

/// The schema of a configuration. A member that may be left out has no default of `null`: yaml-language-server, which editors have, would offer nothing behind it.
fn schema_of<T: JsonSchema>() -> Schema {
    let without_null = |schema: &mut Schema| {
        if schema.get("default") == Some(&Value::Null) {
            schema.remove("default");
        }
    };
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(without_null));
    settings.into_generator().into_root_schema_for::<T>()
}
