//! What clients are told that no fallback has served.

use portcullis_kit::{ConfigError, LocalReply, ReplyFormat, reply_headers};

use crate::config::ReplyConfig;
use crate::denial::Denial;

/// The headers that denials have of their own.
const OURS: [&str; 1] = ["retry-after"];

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
        let mut reply = LocalReply::new(row.status, row.code, row.detail, format);
        if row.status == 503 {
            reply.headers.push(("retry-after".into(), denial.retry_after().into_bytes()));
        }
        let further = self.headers.iter().map(|(name, value)| (name.clone().into(), value.clone()));
        reply.headers.extend(further);
        reply
    }
}

impl TryFrom<ReplyConfig> for Reply {
    type Error = ConfigError;

    fn try_from(config: ReplyConfig) -> Result<Self, ConfigError> {
        Ok(Self { format: config.format, headers: reply_headers(config.headers, &OURS)? })
    }
}
