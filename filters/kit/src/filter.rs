use crate::{ConfigError, Headers, Host, LocalReply};

/// One HTTP filter: policy over the [`Host`] port, the same code in Envoy, in the harness and in tests.
///
/// `self` is the plugin (root) context: its configuration and whatever outlives a request.
pub trait HttpFilter: Sized {
    /// The name in metrics, logs and reply codes: `jwt-auth`.
    const NAME: &'static str;

    /// Builds the filter from the bytes of `proxy_on_configure`.
    ///
    /// Must be a pure function of those bytes: Envoy asks a canary first, then every worker, and silently skips the
    /// filter on a worker that answers differently.
    ///
    /// # Errors
    /// The first mistake: its path, its value and what would be right.
    fn configure(configuration: &[u8]) -> Result<Self, ConfigError>;

    /// Runs once per VM after [`configure`](Self::configure): the place to define metrics.
    fn start(&mut self, host: &mut dyn Host) {
        let _ = host;
    }

    /// Sees the headers of a request before the upstream does.
    ///
    /// # Errors
    /// The local reply that the client gets; the request goes no further.
    fn on_request_headers(&mut self, request: &mut Headers, host: &mut dyn Host) -> Result<(), LocalReply>;
}
