use std::time::Duration;

use crate::{CallId, ConfigError, GrpcAnswer, Headers, Host, HttpAnswer, LocalReply, LogHost, StreamId};

/// One HTTP filter: policy over the [`Host`] port, the same code in Envoy, in the harness and in tests.
///
/// `self` is the plugin (root) context: its configuration and whatever outlives a request.
pub trait HttpFilter: Sized + Send + 'static {
    /// The name in metrics, logs and reply codes: `jwt-auth`.
    const NAME: &'static str;

    /// How many bytes of an answer to one of its calls the filter takes; in a plugin of several, as many as the one that takes most.
    const MAX_ANSWER: usize = 1 << 20;

    /// What the filter keeps of one request, while it is paused and for as long as [`watches`](Self::watches) says.
    type Stream: std::fmt::Debug + Default + Send;

    /// Builds the filter from the bytes of `proxy_on_configure`.
    ///
    /// Must be a pure function of those bytes: Envoy asks a canary first, then every worker, and silently skips the
    /// filter on a worker that answers differently.
    ///
    /// # Errors
    /// The first mistake: its path, its value and what would be right.
    fn configure(configuration: &[u8]) -> Result<Self, ConfigError>;

    /// Runs once in each VM for each plugin after [`configure`](Self::configure): the place to define metrics.
    fn start(&mut self, host: &mut dyn Host) {
        let _ = host;
    }

    /// Takes over what outlives a configuration from another instance of the filter in the same VM: Envoy starts a new one when the
    /// configuration changes, while the former still has requests.
    fn inherit(&mut self, former: &Self) {
        let _ = former;
    }

    /// Whether this configuration looks at request headers. Reading them costs more than most filters do; where it is not needed,
    /// [`on_request_headers`](Self::on_request_headers) is handed none, or those that another filter of the plugin has read, and can set some.
    fn reads_request(&self) -> bool {
        true
    }

    /// Sees the headers of a request before the upstream does. A paused request comes here again, with what the filter kept of it,
    /// when [`on_http_answer`](Self::on_http_answer), [`on_grpc_answer`](Self::on_grpc_answer) or [`on_tick`](Self::on_tick) has named it; its headers are then as the
    /// filter left them.
    ///
    /// # Errors
    /// The local reply that the client gets; the request goes no further, and what was kept of it is dropped without
    /// [`on_end`](Self::on_end).
    fn on_request_headers(
        &mut self,
        stream: (StreamId, &mut Self::Stream),
        request: &mut Headers,
        host: &mut dyn Host,
    ) -> Result<Action, LocalReply>;

    /// Whether the filter wants to see the response of a request that has passed, and the ends of both.
    fn watches(&self, stream: &Self::Stream) -> bool {
        let _ = stream;
        false
    }

    /// Whether it wants to read the body of the request.
    fn reads_request_body(&self, stream: &Self::Stream) -> bool {
        let _ = stream;
        false
    }

    /// Sees the next piece of the body of a request that it [`watches`](Self::watches), where it
    /// [reads](Self::reads_request_body) that.
    fn on_request_body(&mut self, stream: (StreamId, &mut Self::Stream), piece: &[u8], host: &mut dyn Host) {
        let _ = (stream, piece, host);
    }

    /// Hears that a request that it [`watches`](Self::watches) is complete: the last of its body, or its trailers, have come. One without a
    /// body is [complete with its headers](Headers::is_last).
    fn on_request_end(&mut self, stream: (StreamId, &mut Self::Stream), host: &mut dyn Host) {
        let _ = (stream, host);
    }

    /// Which response headers it wants to read. It need not be handed others, but can be where another filter of the plugin reads them, and it
    /// can add some.
    fn reads_response(&self, stream: &Self::Stream) -> Reads {
        let _ = stream;
        Reads::All
    }

    /// Sees the headers of the response to a request that it [`watches`](Self::watches), also where the proxy or another filter
    /// answers.
    fn on_response_headers(
        &mut self,
        stream: (StreamId, &mut Self::Stream),
        response: &mut Headers,
        host: &mut dyn Host,
    ) {
        let _ = (stream, response, host);
    }

    /// Whether it also wants to read the body of the response; where not, it is handed empty pieces.
    fn reads_body(&self, stream: &Self::Stream) -> bool {
        let _ = stream;
        false
    }

    /// Sees the next piece of the body of the response to a request that it [`watches`](Self::watches), and whether it is the last one; a
    /// body with trailers behind it has no last piece.
    fn on_response_body(
        &mut self,
        stream: (StreamId, &mut Self::Stream),
        (piece, is_last): (&[u8], bool),
        host: &mut dyn Host,
    ) {
        let _ = (stream, piece, is_last, host);
    }

    /// Sees the trailers of the response to a request that it [`watches`](Self::watches), where there are any. A filter that
    /// [reads](Self::reads_response) nothing of the response need not be handed them: they are empty then.
    fn on_response_trailers(
        &mut self,
        stream: (StreamId, &mut Self::Stream),
        trailers: &Headers,
        host: &mut dyn Host,
    ) {
        let _ = (stream, trailers, host);
    }

    /// Takes the answer to an HTTP call, and names the paused requests that may now go on or have to be answered.
    fn on_http_answer(&mut self, call: CallId, answer: &HttpAnswer, host: &mut dyn Host) -> Vec<StreamId> {
        let _ = (call, answer, host);
        Vec::new()
    }

    /// Takes the answer to a gRPC call, and names paused requests as [`on_http_answer`](Self::on_http_answer) does.
    fn on_grpc_answer(&mut self, call: CallId, answer: &GrpcAnswer, host: &mut dyn Host) -> Vec<StreamId> {
        let _ = (call, answer, host);
        Vec::new()
    }

    /// Sees a request that is over, whatever has become of it: also one that another filter or the proxy itself has answered before this
    /// filter saw it. What it keeps of such a request is new. [`on_end`](Self::on_end) comes after it, where it comes at all.
    fn on_log(&mut self, stream: (StreamId, &mut Self::Stream), host: &mut dyn LogHost) {
        let _ = (stream, host);
    }

    /// Gives back what was kept of a request that is over: one that was watched, or one whose client left while it was paused, or that
    /// the proxy answered in the meantime, or one that was to pass and whose edits the proxy refused. Attributes of the stream can still be read.
    fn on_end(&mut self, stream: (StreamId, Self::Stream), host: &mut dyn Host) {
        let _ = (stream, host);
    }

    /// Runs when the plugin is taken out, and another one may be there in its place; requests that it has let pass can still be under way.
    fn on_stop(&mut self, host: &mut dyn Host) {
        let _ = host;
    }

    /// The time between two calls of [`on_tick`](Self::on_tick), as it wants it now; zero for none. Asked for behind each callback but those
    /// of bodies, responses and logs.
    fn tick(&self) -> Duration {
        Duration::ZERO
    }

    /// Runs at the period of [`tick`](Self::tick), on each worker, and names paused requests as
    /// [`on_http_answer`](Self::on_http_answer) does.
    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<StreamId> {
        let _ = host;
        Vec::new()
    }
}

/// What a filter reads of a header map. Each costs a hostcall, and the whole map more than two or three headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Nothing.
    Nothing,
    /// The first value of each of these; all values where another filter of the plugin reads all.
    Only(&'static [&'static str]),
    /// All of it.
    All,
}

/// What becomes of a request after a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// On to the next filter.
    Continue,
    /// It waits, headers and body, until the filter names it.
    Pause,
}
