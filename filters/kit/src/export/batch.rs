use std::time::Duration;

use crate::{CallId, UnixTime};

/// Items that are sent together.
#[derive(Debug)]
pub(super) struct Batch<M> {
    pub(super) body: Vec<u8>,
    pub(super) is_compressed: bool,
    /// How many items, and how long they were in the queue.
    pub(super) count: u32,
    pub(super) bytes: usize,
    /// Since when the first of them is kept.
    pub(super) since: UnixTime,
    pub(super) mark: Option<M>,
    /// How often the server has objected to it, rather than being away or busy.
    pub(super) objections: u32,
    /// When it was sent first.
    pub(super) first: Option<Duration>,
}

/// The call that carries the batch.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: CallId,
    /// Which of those that share the queue has made it: it ends with that one.
    pub(super) instance: u32,
    pub(super) sent_at: Duration,
}
