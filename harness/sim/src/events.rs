use std::collections::BTreeMap;

use crate::UnixTime;
use crate::abi::Received;

/// What is going to happen, by time and then by the order in which it was arranged.
#[derive(Debug, Default)]
pub(crate) struct Events {
    last: u64,
    queue: BTreeMap<(UnixTime, u64), Event>,
}

/// Something that happens to a thread of the proxy.
#[derive(Debug)]
pub(crate) struct Event {
    /// 0 is the main thread.
    pub(crate) thread: usize,
    pub(crate) kind: EventKind,
}

/// What happens.
#[derive(Debug)]
pub(crate) enum EventKind {
    /// A tick; stale if the root context no longer expects one at this time.
    Tick { vm: usize, root: u32 },
    /// An item was put into a queue.
    QueueReady { vm: usize, root: u32, queue: u32 },
    /// The upstream acts on a request.
    Upstream { stream: u64 },
    /// The router has waited long enough.
    UpstreamTimeout { stream: u64 },
    /// Something has come for a call-out.
    CallOut { vm: usize, token: u32, received: Received },
}

impl Events {
    pub(crate) fn push(&mut self, due: UnixTime, thread: usize, kind: EventKind) {
        self.last += 1;
        self.queue.insert((due, self.last), Event { thread, kind });
    }

    /// The next event, if it is due by `until`.
    pub(crate) fn pop(&mut self, until: UnixTime) -> Option<(UnixTime, Event)> {
        let entry = self.queue.first_entry().filter(|entry| entry.key().0 <= until)?;
        let ((due, _), event) = entry.remove_entry();
        Some((due, event))
    }
}
