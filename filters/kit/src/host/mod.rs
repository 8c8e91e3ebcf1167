//! What a filter may ask of the proxy: one small trait per chapter of the proxy-wasm specification.

mod calls;
mod metrics;
mod shared_data;
mod stream;

use std::time::Duration;

pub use calls::{CallId, CallOuts, GrpcAnswer, GrpcCall, HttpAnswer, HttpCall};
pub use metrics::{Counter, Gauge, Histogram, Metrics};
pub use shared_data::{CREATE, Datum, SharedData, WriteError, update_shared};
pub use stream::{HeaderMap, LogHost, StreamHost, StreamId};

use crate::UnixTime;

/// What a filter may ask of the proxy.
pub trait Host:
    CallOuts + Clock + Entropy + ForeignFunctions + Logging + Metrics + Properties + SharedData
{
}
impl<T> Host for T where
    T: CallOuts + Clock + Entropy + ForeignFunctions + Logging + Metrics + Properties + SharedData
{
}

/// Wall-clock time, and time that only goes on.
pub trait Clock {
    /// The time; it does not change within one callback.
    fn now(&self) -> UnixTime;

    /// Time since some start that all VMs of a proxy have in common and that steps of the clock do not touch; it does not change within
    /// one callback either. A host without such a clock gives the wall clock's time since the epoch.
    fn monotonic(&self) -> Duration;

    /// The same, but going on, to measure what takes long.
    fn stopwatch(&self) -> Duration {
        self.monotonic()
    }
}

/// Chance.
pub trait Entropy {
    /// Bytes that nobody can guess; `None` where the proxy has none.
    fn random(&mut self) -> Option<[u8; 16]>;
}

/// The proxy's log.
pub trait Logging {
    /// Writes one line, where the proxy's level lets it through.
    fn log(&mut self, level: log::Level, message: &str);
}

/// Attributes of the stream, the connection and the route.
pub trait Properties {
    /// The raw bytes of an attribute such as `["xds", "route_name"]`; `None` when the proxy has none.
    fn property(&mut self, path: &[&str]) -> Option<Vec<u8>>;

    /// Sets an attribute of the stream for filters after this one and for access logs; in Envoy it becomes the filter state
    /// `wasm.NAME`.
    ///
    /// # Errors
    /// The proxy refused.
    fn set_property(&mut self, name: &str, value: &[u8]) -> Result<(), HostError>;
}

/// Functions beyond the specification, such as Envoy's `verify_signature`.
pub trait ForeignFunctions {
    /// Calls one by name.
    ///
    /// # Errors
    /// The proxy has no such function, or it refused.
    fn foreign(&mut self, name: &str, argument: &[u8]) -> Result<Vec<u8>, HostError>;
}

/// A hostcall that the proxy refused, with its status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostError(pub u32);

impl std::fmt::Display for HostError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the proxy refused a hostcall with status {}", self.0)
    }
}

impl std::error::Error for HostError {}
