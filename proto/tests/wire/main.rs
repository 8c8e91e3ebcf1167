//! The messages for a collector are those of OTLP, as opentelemetry-proto has them, on the wire and in JSON.

mod common;
mod logs;
mod trace;
