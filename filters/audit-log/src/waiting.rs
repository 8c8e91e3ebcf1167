//! Requests that wait for room.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_kit::StreamId;

/// How many may wait on a worker; what comes on top passes.
const MOST: usize = 1024;

/// Who waits, and until when.
#[derive(Debug, Default)]
pub(crate) struct Waiting(BTreeMap<StreamId, Duration>);

impl Waiting {
    /// Lets a request wait, if there is a seat for it.
    pub(crate) fn add(&mut self, stream: StreamId, until: Duration) -> bool {
        let has_seat = self.0.len() < MOST;
        if has_seat {
            self.0.insert(stream, until);
        }
        has_seat
    }

    pub(crate) fn remove(&mut self, stream: StreamId) {
        self.0.remove(&stream);
    }

    /// Takes out those that need not wait any longer: all where there is room, else those whose time is over.
    pub(crate) fn take(&mut self, has_room: bool, now: Duration) -> Vec<StreamId> {
        self.0.extract_if(.., |_, until| has_room || *until <= now).map(|(stream, _)| stream).collect()
    }
}
