//! What clients are told that no fallback has served.

use portcullis_kit::{ConfigError, LocalReply, ReplyFormat, reply_header};

use crate::config::ReplyConfig;
use crate::denial::Denial;

/// The headers that denials have of their own.
const OURS: [&str; 1] = ["retry-after"];
const UNAVAILABLE: u16 = 503;

/// A validated [`ReplyConfig`].
#[derive(Debug)]
pub(crate) struct Reply {
    format: ReplyFormat,
    headers: Vec<(String, Vec<u8>)>,
}

impl Reply {
    /// The plain answer.
    pub(crate) fn render(&self, denial: &Denial, is_grpc: bool) -> LocalReply {
        let row = denial.reason.row();
        let format = if is_grpc { ReplyFormat::Text } else { self.format };
        let mut reply = LocalReply::new(UNAVAILABLE, row.code, row.detail, format);
        reply.headers.push(("retry-after".into(), denial.retry_after().into_bytes()));
        let further = self.headers.iter().map(|(name, value)| (name.clone().into(), value.clone()));
        reply.headers.extend(further);
        reply
    }
}

impl TryFrom<ReplyConfig> for Reply {
    type Error = ConfigError;

    fn try_from(config: ReplyConfig) -> Result<Self, ConfigError> {
        let headers = config.headers.into_iter().map(|(name, value)| reply_header(&name, value, &OURS));
        Ok(Self { format: config.format, headers: headers.collect::<Result<_, _>>()? })
    }
}
