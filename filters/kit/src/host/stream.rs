use std::time::Duration;

use crate::{Edit, Headers, Host, HostError, LocalReply};

/// One request, by the number of its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// What the [`Driver`](crate::Driver), and no filter, asks of the proxy.
pub trait StreamHost: LogHost {
    /// Sets the time between two ticks of the plugin, the first one included; zero stops them.
    fn set_tick(&mut self, period: Duration);

    /// Turns to a stream from a callback that belongs to none.
    ///
    /// # Errors
    /// The stream is over.
    fn enter(&mut self, stream: StreamId) -> Result<(), HostError>;

    /// A header map as an encoded block (see [`pairs`](crate::pairs)).
    ///
    /// # Errors
    /// Headers cannot be reached outside of their callback, unless the request is paused there.
    fn headers(&mut self, map: HeaderMap) -> Result<Vec<u8>, HostError>;

    /// The first value of a header; `None` where there is none, or none can be reached.
    fn header(&mut self, map: HeaderMap, name: &str) -> Option<Vec<u8>>;

    /// Changes a header map.
    ///
    /// # Errors
    /// The proxy refused.
    fn edit(&mut self, map: HeaderMap, edit: &Edit<'_>) -> Result<(), HostError>;

    /// Lets a paused request go on to the next filter; its headers cannot be reached from then on.
    ///
    /// # Errors
    /// The proxy refused.
    fn resume_request(&mut self) -> Result<(), HostError>;

    /// Answers the client; the request goes no further.
    ///
    /// # Errors
    /// The proxy refused.
    fn send_local_reply(&mut self, reply: &LocalReply) -> Result<(), HostError>;

    /// The piece of the request body that is passing, at most `limit` bytes of it; only inside its callback.
    ///
    /// # Errors
    /// The proxy refused.
    fn request_body(&mut self, limit: usize) -> Result<Vec<u8>, HostError>;

    /// The piece of the response body that is passing, at most `limit` bytes of it; only inside its callback.
    ///
    /// # Errors
    /// The proxy refused.
    fn response_body(&mut self, limit: usize) -> Result<Vec<u8>, HostError>;

    /// The body of the answer to a call, at most `limit` bytes of it; only inside its callback.
    ///
    /// # Errors
    /// The proxy refused.
    fn answer_body(&mut self, limit: usize) -> Result<Vec<u8>, HostError>;

    /// The message of the answer to a gRPC call, at most `limit` bytes of it; only inside its callback.
    ///
    /// # Errors
    /// The proxy refused.
    fn answer_message(&mut self, limit: usize) -> Result<Vec<u8>, HostError>;
}

/// What a filter may ask of the proxy when a request is over.
pub trait LogHost: Host {
    /// A header map as it is in the end: that of the request as the upstream got it. `None` where there is none, or none can be reached.
    fn final_headers(&mut self, map: HeaderMap) -> Option<Headers>;
}

impl<T: StreamHost> LogHost for T {
    fn final_headers(&mut self, map: HeaderMap) -> Option<Headers> {
        self.headers(map).ok().and_then(Headers::decode)
    }
}

/// A header map of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeaderMap {
    /// Of the request.
    Request,
    /// Of the response.
    Response,
    /// The trailers of the response.
    ResponseTrailers,
    /// Of the answer to an HTTP call; it cannot be changed.
    Answer,
}
