//! What filters need of gRPC services, as it is on the wire: Envoy's rate limit service and OpenTelemetry's collector.
//!
//! The messages are those of `ratelimit.proto` and `trace.proto`, which say where they are read more leniently than
//! their originals. A field that they leave out is skipped when a message is read.

/// Envoy's rate limit service, version 3.
pub mod ratelimit {
    include!("ratelimit.rs");

    /// The gRPC service.
    pub const SERVICE: &str = "envoy.service.ratelimit.v3.RateLimitService";
    /// Its only method: a [`RateLimitRequest`] in, a [`RateLimitResponse`] out.
    pub const METHOD: &str = "ShouldRateLimit";
}

/// Spans for a collector of OpenTelemetry, by its protocol OTLP, version 1.
pub mod trace {
    include!("trace.rs");

    /// The gRPC service.
    pub const SERVICE: &str = "opentelemetry.proto.collector.trace.v1.TraceService";
    /// Its only method: an [`ExportTraceServiceRequest`] in, an [`ExportTraceServiceResponse`] out.
    pub const METHOD: &str = "Export";
}
