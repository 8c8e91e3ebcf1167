//! What filters need of gRPC services, as it is on the wire: Envoy's rate limit service and OpenTelemetry's collector. Also audit records.
//!
//! The messages of services are those of `ratelimit.proto`, `trace.proto` and `logs.proto`, which say where they are read more leniently
//! than their originals. A field that they leave out is skipped when a message is read.

pub mod json;
pub mod wire;

/// Envoy's rate limit service, version 3.
pub mod ratelimit {
    include!("ratelimit.rs");

    /// The gRPC service.
    pub const SERVICE: &str = "envoy.service.ratelimit.v3.RateLimitService";
    /// Its only method: a [`RateLimitRequest`] in, a [`RateLimitResponse`] out.
    pub const METHOD: &str = "ShouldRateLimit";
}

/// What spans and records for a collector of OpenTelemetry have in common.
pub mod common {
    include!("common.rs");

    /// An attribute that is a text.
    pub fn string(key: &str, value: &str) -> KeyValue {
        let value = Some(any_value::Value::StringValue(value.to_owned()));
        KeyValue { key: key.to_owned(), value: Some(AnyValue { value }) }
    }

    /// An attribute that is a number.
    pub fn number(key: &str, value: i64) -> KeyValue {
        let value = Some(any_value::Value::IntValue(value));
        KeyValue { key: key.to_owned(), value: Some(AnyValue { value }) }
    }
}

/// Records for a collector of OpenTelemetry, by its protocol OTLP, version 1.
pub mod logs {
    include!("logs.rs");

    /// The gRPC service.
    pub const SERVICE: &str = "opentelemetry.proto.collector.logs.v1.LogsService";
    /// Its only method: an [`ExportLogsServiceRequest`] in, an [`ExportLogsServiceResponse`] out.
    pub const METHOD: &str = "Export";
}

/// Spans for a collector of OpenTelemetry, by its protocol OTLP, version 1.
pub mod trace {
    include!("trace.rs");

    /// The gRPC service.
    pub const SERVICE: &str = "opentelemetry.proto.collector.trace.v1.TraceService";
    /// Its only method: an [`ExportTraceServiceRequest`] in, an [`ExportTraceServiceResponse`] out.
    pub const METHOD: &str = "Export";
}

/// Audit records, as `audit.proto` has them: the wire form of what audit-log writes as JSON.
pub mod audit {
    include!("audit.rs");

    /// What the first message of a file says.
    pub const FILE: &str = "portcullis.audit.v1";
}
