//! Requests that wait for their tokens.

use std::collections::BTreeMap;

use portcullis_kit::StreamId;

use crate::key::KeyHash;
use crate::limit::Seats;
use crate::taken::Taken;

/// Who waits for what, and until when.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    seats: BTreeMap<StreamId, Seat>,
    /// How many, by limit, and by key of a limit.
    counts: BTreeMap<(usize, Option<(u64, u32)>), usize>,
}

#[derive(Clone, Copy, Debug)]
struct Seat {
    until: u64,
    taken: Taken,
}

impl Waiting {
    pub(crate) fn add(&mut self, stream: StreamId, until: u64, taken: Taken) {
        self.remove(stream);
        self.seats.insert(stream, Seat { until, taken });
        for place in places(&taken) {
            *self.counts.entry(place).or_default() += 1;
        }
    }

    /// Whether a request has still to wait.
    pub(crate) fn is_waiting(&self, stream: StreamId, now: u64) -> bool {
        self.seats.get(&stream).is_some_and(|seat| now < seat.until)
    }

    /// What a request has waited for, that waits no longer.
    pub(crate) fn remove(&mut self, stream: StreamId) -> Option<Taken> {
        let seat = self.seats.remove(&stream)?;
        for place in places(&seat.taken) {
            match self.counts.get_mut(&place) {
                Some(count) if *count > 1 => *count -= 1,
                _ => {
                    self.counts.remove(&place);
                }
            }
        }
        Some(seat.taken)
    }

    /// Whether one more may wait for a limit. A key has a quarter of the seats, where there are several keys.
    pub(crate) fn has_room(&self, limit: usize, key: KeyHash, seats: Seats) -> bool {
        let count = |place| self.counts.get(&place).copied().unwrap_or_default();
        let of_key = count((limit, Some((key.set, key.fingerprint))));
        count((limit, None)) < seats.all && of_key < seats.of_key
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

fn places(taken: &Taken) -> [(usize, Option<(u64, u32)>); 2] {
    [(taken.limit, None), (taken.limit, Some((taken.key.set, taken.key.fingerprint)))]
}
