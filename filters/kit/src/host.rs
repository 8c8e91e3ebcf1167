use crate::{LocalReply, UnixTime};

/// What a filter may ask of the proxy: one small trait per chapter of the proxy-wasm specification.
pub trait Host: Clock + Logging + Metrics + Properties {}
impl<T: Clock + Logging + Metrics + Properties> Host for T {}

/// Wall-clock time.
pub trait Clock {
    /// The time; it does not change within one callback.
    fn now(&self) -> UnixTime;
}

/// The proxy's log.
pub trait Logging {
    /// Writes one line, where the proxy's level lets it through.
    fn log(&mut self, level: log::Level, message: &str);
}

/// The proxy's statistics. They are never evicted: names come from a fixed set, never from a request.
pub trait Metrics {
    /// Defines a counter, or finds the one of that name.
    fn counter(&mut self, name: &str) -> Counter;

    /// Adds to a counter.
    fn add(&mut self, counter: Counter, amount: u32);
}

/// A counter's handle, as the proxy gave it. The default one counts nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter(pub Option<u32>);

/// Attributes of the stream, the connection and the route.
pub trait Properties {
    /// The raw bytes of an attribute such as `["xds", "route_name"]`; `None` when the proxy has none.
    fn property(&mut self, path: &[&str]) -> Option<Vec<u8>>;
}

/// What the [`Driver`](crate::Driver), and no filter, asks of the proxy.
pub trait StreamHost: Host {
    /// The request headers as an encoded block (see [`pairs`](crate::pairs)).
    ///
    /// # Errors
    /// Outside of their callback the headers cannot be reached.
    fn request_headers(&mut self) -> Result<Vec<u8>, HostError>;

    /// Removes every request header of this name.
    ///
    /// # Errors
    /// The proxy refused.
    fn remove_request_header(&mut self, name: &[u8]) -> Result<(), HostError>;

    /// Sets the one request header of this name.
    ///
    /// # Errors
    /// The proxy refused.
    fn replace_request_header(&mut self, name: &[u8], value: &[u8]) -> Result<(), HostError>;

    /// Answers the client; the request goes no further.
    ///
    /// # Errors
    /// The proxy refused.
    fn send_local_reply(&mut self, reply: &LocalReply) -> Result<(), HostError>;
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
