//! Requests that wait for their tokens.

use std::collections::{BTreeMap, VecDeque};

use portcullis_kit::StreamId;
use portcullis_kit::bucket::Bucket;

use crate::key::KeyHash;
use crate::limit::Seats;
use crate::receipt::Receipt;

/// Of so many that have left something is remembered.
const MOST_LEAVERS: usize = 1000;

/// Who waits for what, and until when.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    seats: BTreeMap<StreamId, Seat>,
    /// How many, by limit, and by key of a limit.
    counts: BTreeMap<(usize, Option<(u64, u32)>), usize>,
    /// What requests had taken that have left, while others waited behind them; and until when they would have waited.
    leavers: VecDeque<(u64, Receipt)>,
}

#[derive(Clone, Copy, Debug)]
struct Seat {
    until: u64,
    taken: Receipt,
}

impl Waiting {
    pub(crate) fn add(&mut self, stream: StreamId, until: u64, taken: Receipt) {
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

    /// Until when a request would have waited, that waits no longer.
    pub(crate) fn remove(&mut self, stream: StreamId) -> Option<u64> {
        let seat = self.seats.remove(&stream)?;
        for place in places(&seat.taken) {
            match self.counts.get_mut(&place) {
                Some(count) if *count > 1 => *count -= 1,
                _ => {
                    self.counts.remove(&place);
                }
            }
        }
        Some(seat.until)
    }

    /// Notes that a request has left while others waited behind it.
    pub(crate) fn note_leaver(&mut self, taken: Receipt, until: u64, now: u64) {
        self.leavers.retain(|(until, _)| now < *until);
        if self.leavers.len() >= MOST_LEAVERS {
            self.leavers.pop_front();
        }
        self.leavers.push_back((until, taken));
    }

    /// Who has left in front of those that have left behind, now that the bucket is as it was: his tokens can go back too.
    pub(crate) fn leaver_before(&mut self, other: &Receipt, bucket: Bucket) -> Option<Receipt> {
        let is_it = |(_, taken): &(u64, Receipt)| taken.left == bucket && taken.is_from_the_bucket_of(other);
        let place = self.leavers.iter().position(is_it)?;
        self.leavers.remove(place).map(|(_, taken)| taken)
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
        due.sort_unstable_by_key(|(stream, seat)| (seat.until, **stream));
        due.into_iter().map(|(stream, _)| *stream).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }
}

fn places(taken: &Receipt) -> [(usize, Option<(u64, u32)>); 2] {
    [(taken.limit, None), (taken.limit, Some((taken.key.set, taken.key.fingerprint)))]
}
