use crate::{Host, HostError, LocalReply};

/// One request, by the number of its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// What the [`Driver`](crate::Driver), and no filter, asks of the proxy.
pub trait StreamHost: Host {
    /// Turns to a stream from a callback that belongs to none.
    ///
    /// # Errors
    /// The stream is over.
    fn enter(&mut self, stream: StreamId) -> Result<(), HostError>;

    /// The request headers as an encoded block (see [`pairs`](crate::pairs)).
    ///
    /// # Errors
    /// Outside of their callback, and unless the request is paused there, the headers cannot be reached.
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

    /// The headers of the answer to a call, as an encoded block; only inside its callback.
    ///
    /// # Errors
    /// The proxy refused.
    fn answer_headers(&mut self) -> Result<Vec<u8>, HostError>;

    /// The body of the answer to a call, at most `limit` bytes of it; only inside its callback.
    ///
    /// # Errors
    /// The proxy refused.
    fn answer_body(&mut self, limit: usize) -> Result<Vec<u8>, HostError>;
}
