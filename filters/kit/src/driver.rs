use log::Level;

use crate::{ConfigError, Edit, Headers, HostError, HttpFilter, LocalReply, ReplyFormat, StreamHost};

/// Carries one filter through the callbacks of a proxy.
///
/// Everything between a callback and the filter happens here, once for every host: the header map is read
/// once, only the edits are written back, an `Err` becomes the local reply, and whatever the host refuses fails closed.
#[derive(Debug)]
pub struct Driver<F> {
    filter: F,
}

impl<F: HttpFilter> Driver<F> {
    /// Configures the filter. A mistake is logged as the one line that `portcullis check` prints.
    ///
    /// # Errors
    /// As [`HttpFilter::configure`].
    pub fn configure(configuration: &[u8], host: &mut impl StreamHost) -> Result<Self, ConfigError> {
        let mut filter = F::configure(configuration).inspect_err(|error| {
            host.log(Level::Error, &format!("{}: configuration: {error}", F::NAME));
        })?;
        filter.start(host);
        Ok(Self { filter })
    }

    /// Runs the filter over the request headers.
    pub fn on_request_headers(&mut self, host: &mut impl StreamHost) -> Outcome {
        match self.filtered(host) {
            Ok(()) => Outcome::Continue,
            Err(reply) => Self::reply(host, &reply),
        }
    }

    /// Answers a request that cannot be filtered at all: fails closed.
    pub fn refuse(host: &mut impl StreamHost, detail: &str) -> Outcome {
        Self::reply(host, &unavailable(detail))
    }

    fn reply(host: &mut impl StreamHost, reply: &LocalReply) -> Outcome {
        if let Err(error) = host.send_local_reply(reply) {
            host.log(Level::Error, &format!("{}: {}: {error}", F::NAME, reply.code));
        }
        Outcome::Replied
    }

    fn filtered(&mut self, host: &mut impl StreamHost) -> Result<(), LocalReply> {
        let block = host.request_headers().map_err(refused_by_host)?;
        let mut request = Headers::decode(block).ok_or_else(|| unavailable("malformed header map"))?;
        self.filter.on_request_headers(&mut request, host)?;
        for edit in request.edits() {
            match edit {
                Edit::Remove { name } => host.remove_request_header(name),
                Edit::Replace { name, value } => host.replace_request_header(name, value),
            }
            .map_err(refused_by_host)?;
        }
        Ok(())
    }
}

/// What the proxy does after a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// On to the next filter.
    Continue,
    /// The client was answered; the request stops here, even where the proxy refused to answer.
    Replied,
}

fn refused_by_host(error: HostError) -> LocalReply {
    unavailable(&error.to_string())
}

fn unavailable(detail: &str) -> LocalReply {
    LocalReply::new(503, "portcullis_host_refused", detail, ReplyFormat::Text)
}
