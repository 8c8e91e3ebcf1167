//! Our own filters by name, as native code in the simulated proxy.

use portcullis_audit_log::{AuditLog, AuditLogConfig};
use portcullis_circuit_breaker::{CircuitBreaker, CircuitBreakerConfig};
use portcullis_jwt_auth::{JwtAuth, JwtAuthConfig};
use portcullis_kit::{ConfigError, HttpFilter, Module};
use portcullis_sim::NativePlugin;
use portcullis_suite::{Suite, SuiteConfig};
use portcullis_token_bucket::{TokenBucket, TokenBucketConfig};
use portcullis_trace_injection::{TraceInjection, TraceInjectionConfig};
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// A filter as native code.
#[derive(Debug)]
pub struct Filter {
    /// `jwt-auth`; that of the suite is `portcullis`.
    pub name: &'static str,
    /// Says what is wrong with a configuration, as JSON.
    pub check: fn(&[u8]) -> Result<(), ConfigError>,
    /// Makes a plugin of it, not configured yet.
    pub plugin: fn() -> NativePlugin,
    /// The JSON Schema of its configuration.
    pub schema: fn() -> Schema,
}

/// Every filter, and all of them together.
pub const FILTERS: [Filter; 6] = [
    Filter {
        name: JwtAuth::NAME,
        check: |configuration| JwtAuth::configure(configuration).map(drop),
        plugin: || NativePlugin::of::<JwtAuth>(),
        schema: || schema_of::<JwtAuthConfig>(),
    },
    Filter {
        name: TokenBucket::NAME,
        check: |configuration| TokenBucket::configure(configuration).map(drop),
        plugin: || NativePlugin::of::<TokenBucket>(),
        schema: || schema_of::<TokenBucketConfig>(),
    },
    Filter {
        name: CircuitBreaker::NAME,
        check: |configuration| CircuitBreaker::configure(configuration).map(drop),
        plugin: || NativePlugin::of::<CircuitBreaker>(),
        schema: || schema_of::<CircuitBreakerConfig>(),
    },
    Filter {
        name: TraceInjection::NAME,
        check: |configuration| TraceInjection::configure(configuration).map(drop),
        plugin: || NativePlugin::of::<TraceInjection>(),
        schema: || schema_of::<TraceInjectionConfig>(),
    },
    Filter {
        name: AuditLog::NAME,
        check: |configuration| AuditLog::configure(configuration).map(drop),
        plugin: || NativePlugin::of::<AuditLog>(),
        schema: || schema_of::<AuditLogConfig>(),
    },
    Filter {
        name: Suite::TITLE,
        check: |configuration| Suite::links(configuration, "").map(drop),
        plugin: || NativePlugin::of::<Suite>(),
        schema: || schema_of::<SuiteConfig>(),
    },
];

impl Filter {
    /// The filter of this name.
    ///
    /// # Errors
    /// There is none; the text says which there are.
    pub fn named(name: &str) -> Result<&'static Self, String> {
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
