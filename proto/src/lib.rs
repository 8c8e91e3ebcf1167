//! What a rate limit filter needs of Envoy's rate limit service, version 3, as it is on the wire.
//!
//! The messages are those of `ratelimit.proto`, which says where they are read more leniently than Envoy's. A field that
//! it leaves out is skipped when a message is read.

#[rustfmt::skip]
mod ratelimit;

pub use ratelimit::*;

/// The gRPC service.
pub const SERVICE: &str = "envoy.service.ratelimit.v3.RateLimitService";
/// Its only method: a [`RateLimitRequest`] in, a [`RateLimitResponse`] out.
pub const METHOD: &str = "ShouldRateLimit";
