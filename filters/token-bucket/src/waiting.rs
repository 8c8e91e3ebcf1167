//! Requests that wait for their tokens.

use std::collections::BTreeMap;

use portcullis_kit::StreamId;

/// Who waits for which limit, and until when.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    seats: BTreeMap<StreamId, Seat>,
    /// How many, by limit.
    counts: BTreeMap<usize, usize>,
}

#[derive(Clone, Copy, Debug)]
struct Seat {
    until: u64,
    limit: usize,
}

impl Waiting {
    pub(crate) fn add(&mut self, stream: StreamId, until: u64, limit: usize) {
        self.remove(stream);
        self.seats.insert(stream, Seat { until, limit });
        *self.counts.entry(limit).or_default() += 1;
    }

    /// Whether a request has still to wait.
    pub(crate) fn is_waiting(&self, stream: StreamId, now: u64) -> bool {
        self.seats.get(&stream).is_some_and(|seat| now < seat.until)
    }

    pub(crate) fn remove(&mut self, stream: StreamId) {
        let Some(seat) = self.seats.remove(&stream) else { return };
        if let Some(count) = self.counts.get_mut(&seat.limit) {
            *count = count.saturating_sub(1);
        }
    }

    /// How many wait for a limit.
    pub(crate) fn count(&self, limit: usize) -> usize {
        self.counts.get(&limit).copied().unwrap_or_default()
    }

    /// Those whose wait is over, in the order in which it ends.
    pub(crate) fn due(&self, now: u64) -> Vec<StreamId> {
        let mut due: Vec<_> = self.seats.iter().filter(|(_, seat)| seat.until <= now).collect();
        due.sort_by_key(|(_, seat)| seat.until);
        due.into_iter().map(|(stream, _)| *stream).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }
}
