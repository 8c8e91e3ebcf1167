//! What a client is told whose request cannot be recorded.

use portcullis_kit::{LocalReply, ReplyFormat};

/// There is no room for the record of the request.
pub(crate) fn no_room() -> LocalReply {
    let detail = "the request cannot be recorded now";
    let mut reply = LocalReply::new(503, "portcullis_audit_log_no_room", detail, ReplyFormat::Text);
    reply.headers.push(("retry-after".into(), b"1".to_vec()));
    reply
}
