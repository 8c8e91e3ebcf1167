use crate::{CallId, ConfigError, Headers, Host, HttpAnswer, LocalReply, StreamId};

/// One HTTP filter: policy over the [`Host`] port, the same code in Envoy, in the harness and in tests.
///
/// `self` is the plugin (root) context: its configuration and whatever outlives a request.
pub trait HttpFilter: Sized {
    /// The name in metrics, logs and reply codes: `jwt-auth`.
    const NAME: &'static str;

    /// How many bytes of an answer to one of its calls the filter takes.
    const MAX_ANSWER: usize = 1 << 20;

    /// What the filter keeps of one request while it is paused.
    type Stream: std::fmt::Debug + Default;

    /// Builds the filter from the bytes of `proxy_on_configure`.
    ///
    /// Must be a pure function of those bytes: Envoy asks a canary first, then every worker, and silently skips the
    /// filter on a worker that answers differently.
    ///
    /// # Errors
    /// The first mistake: its path, its value and what would be right.
    fn configure(configuration: &[u8]) -> Result<Self, ConfigError>;

    /// Runs once per VM after [`configure`](Self::configure): the place to define metrics and to set the tick.
    fn start(&mut self, host: &mut dyn Host) {
        let _ = host;
    }

    /// Sees the headers of a request before the upstream does. A paused request comes here again, with what the filter kept of it,
    /// when [`on_http_answer`](Self::on_http_answer) or [`on_tick`](Self::on_tick) has named it; its headers are then as the
    /// filter left them.
    ///
    /// # Errors
    /// The local reply that the client gets; the request goes no further.
    fn on_request_headers(
        &mut self,
        stream: (StreamId, &mut Self::Stream),
        request: &mut Headers,
        host: &mut dyn Host,
    ) -> Result<Action, LocalReply>;

    /// Takes the answer to a call, and names the paused requests that may now go on or have to be answered.
    fn on_http_answer(&mut self, call: CallId, answer: &HttpAnswer, host: &mut dyn Host) -> Vec<StreamId> {
        let _ = (call, answer, host);
        Vec::new()
    }

    /// Forgets a request that is over while it was paused: its client has left.
    fn on_abandoned(&mut self, stream: StreamId) {
        let _ = stream;
    }

    /// Runs at the period that [`Timer::set_tick`](crate::Timer::set_tick) was given, on each worker, and names paused requests as
    /// [`on_http_answer`](Self::on_http_answer) does.
    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<StreamId> {
        let _ = host;
        Vec::new()
    }
}

/// What becomes of a request after a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// On to the next filter.
    Continue,
    /// It waits, headers and body, until the filter names it.
    Pause,
}
