//! What calls have come to, over the last seconds or the last calls.

use prost::Message;

/// How far back a breaker looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// So many buckets of so many nanoseconds each.
    Time {
        /// Nanoseconds.
        bucket: u64,
        /// How many.
        buckets: u64,
    },
    /// The last calls, so many.
    Calls(u32),
}

/// What one call has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// It has failed.
    pub is_error: bool,
    /// It has taken longer than it may.
    pub is_slow: bool,
}

/// How many calls there were, and what they have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that count.
    pub calls: u32,
    /// Those that have failed.
    pub errors: u32,
    /// Those that were slow.
    pub slow: u32,
}

/// The calls of a window, in a form that goes into the shared data: of a breaker, or what a worker has yet to add to it.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Tally {
    /// Under [`Window::Time`]: the buckets in which there were calls, the oldest first.
    #[prost(message, repeated, tag = "1")]
    buckets: Vec<Bucket>,
    /// Under [`Window::Calls`]: one byte for each call, the oldest first.
    #[prost(bytes = "vec", tag = "2")]
    calls: Vec<u8>,
    /// How many calls have failed since the last that did not.
    #[prost(uint32, tag = "3")]
    errors_in_a_row: u32,
    /// Whether any call has not failed.
    #[prost(bool, tag = "4")]
    has_success: bool,
    /// Until when the upstream has asked to be left alone, in nanoseconds; 0 where it has not.
    #[prost(uint64, tag = "5")]
    pub retry_at: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Bucket {
    /// Its time, in buckets since the clock began.
    #[prost(uint64, tag = "1")]
    index: u64,
    #[prost(uint32, tag = "2")]
    calls: u32,
    #[prost(uint32, tag = "3")]
    errors: u32,
    #[prost(uint32, tag = "4")]
    slow: u32,
}

const ERROR: u8 = 1;
const SLOW: u8 = 2;

impl Tally {
    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty() && self.calls.is_empty()
    }

    /// How many calls have failed since the last that did not.
    pub fn errors_in_a_row(&self) -> u32 {
        self.errors_in_a_row
    }

    /// Counts a call.
    pub fn add(&mut self, outcome: Outcome, window: Window, now: u64) {
        self.add_counts(
            Counts { calls: 1, errors: outcome.is_error.into(), slow: outcome.is_slow.into() },
            window,
            now,
        );
        if outcome.is_error {
            self.errors_in_a_row = self.errors_in_a_row.saturating_add(1);
        } else {
            self.errors_in_a_row = 0;
            self.has_success = true;
        }
    }

    /// Counts that a call has failed in the end which was counted before, as a slow one; only under [`Window::Time`].
    pub fn add_late_error(&mut self, window: Window, now: u64) {
        self.add_counts(Counts { errors: 1, ..Counts::default() }, window, now);
        self.errors_in_a_row = self.errors_in_a_row.saturating_add(1);
    }

    fn add_counts(&mut self, counts: Counts, window: Window, now: u64) {
        match window {
            Window::Time { bucket, .. } => {
                let index = now.checked_div(bucket).unwrap_or_default();
                self.add_to_bucket(index, counts);
            }
            Window::Calls(_) => {
                let error = if counts.errors > 0 { ERROR } else { 0 };
                let slow = if counts.slow > 0 { SLOW } else { 0 };
                self.calls.push(error | slow);
            }
        }
        self.forget(window, now);
    }

    /// Adds what another one has counted since.
    pub fn merge(&mut self, later: &Self, window: Window, now: u64) {
        for bucket in &later.buckets {
            self.add_to_bucket(bucket.index, bucket.counts());
        }
        self.calls.extend_from_slice(&later.calls);
        self.errors_in_a_row = match later.has_success {
            true => later.errors_in_a_row,
            false => self.errors_in_a_row.saturating_add(later.errors_in_a_row),
        };
        self.has_success |= later.has_success;
        self.retry_at = self.retry_at.max(later.retry_at);
        self.forget(window, now);
    }

    /// What is within the window.
    pub fn counts(&self, window: Window, now: u64) -> Counts {
        let mut total = Counts::default();
        match window {
            Window::Time { .. } => {
                let first = first_index(window, now);
                self.buckets
                    .iter()
                    .filter(|bucket| bucket.index >= first)
                    .for_each(|it| total.add(it.counts()));
            }
            Window::Calls(most) => {
                for call in self.calls.iter().rev().take(most as usize) {
                    let [errors, slow] = [ERROR, SLOW].map(|bit| u32::from(call & bit != 0));
                    total.add(Counts { calls: 1, errors, slow });
                }
            }
        }
        total
    }

    fn add_to_bucket(&mut self, index: u64, counts: Counts) {
        let place = self.buckets.partition_point(|bucket| bucket.index < index);
        match self.buckets.get_mut(place).filter(|bucket| bucket.index == index) {
            Some(bucket) => bucket.add(counts),
            None => {
                let mut bucket = Bucket { index, ..Bucket::default() };
                bucket.add(counts);
                self.buckets.insert(place, bucket);
            }
        }
    }

    fn forget(&mut self, window: Window, now: u64) {
        match window {
            Window::Time { buckets, .. } => {
                let first = first_index(window, now);
                self.buckets.retain(|bucket| bucket.index >= first);
                // More than fit come only from a clock that was set back.
                let most = usize::try_from(buckets).unwrap_or(usize::MAX).saturating_add(1);
                self.buckets.drain(..self.buckets.len().saturating_sub(most));
                self.calls.clear();
            }
            Window::Calls(most) => {
                self.calls.drain(..self.calls.len().saturating_sub(most as usize));
                self.buckets.clear();
            }
        }
    }
}

impl Bucket {
    fn counts(self) -> Counts {
        Counts { calls: self.calls, errors: self.errors, slow: self.slow }
    }

    fn add(&mut self, counts: Counts) {
        self.calls = self.calls.saturating_add(counts.calls);
        self.errors = self.errors.saturating_add(counts.errors);
        self.slow = self.slow.saturating_add(counts.slow);
    }
}

impl Counts {
    /// Adds others.
    pub fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.errors = self.errors.saturating_add(other.errors);
        self.slow = self.slow.saturating_add(other.slow);
    }
}

/// The index of the oldest bucket that counts: the one of now and those before it.
fn first_index(window: Window, now: u64) -> u64 {
    let Window::Time { bucket, buckets } = window else { return 0 };
    now.checked_div(bucket).unwrap_or_default().saturating_sub(buckets.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: Window = Window::Time { bucket: 10, buckets: 3 };
    const GOOD: Outcome = Outcome { is_error: false, is_slow: false };
    const BAD: Outcome = Outcome { is_error: true, is_slow: false };
    const SLOW: Outcome = Outcome { is_error: false, is_slow: true };

    fn tally(window: Window, calls: &[(u64, Outcome)]) -> Tally {
        let mut tally = Tally::default();
        calls.iter().for_each(|(now, outcome)| tally.add(*outcome, window, *now));
        tally
    }

    #[test]
    fn a_window_of_three_buckets_forgets_the_oldest() {
        let tally = tally(SECONDS, &[(100, BAD), (109, SLOW), (119, GOOD), (120, BAD)]);
        let counts = |now| {
            let counts = tally.counts(SECONDS, now);
            (counts.calls, counts.errors, counts.slow)
        };
        assert_eq!(counts(129), (4, 2, 1));
        assert_eq!(counts(130), (2, 1, 0), "never more than three buckets");
        assert_eq!(counts(149), (1, 1, 0));
        assert_eq!(counts(150), (0, 0, 0));
    }

    #[test]
    fn a_window_of_calls_keeps_the_last_ones() {
        let window = Window::Calls(3);
        let tally = tally(window, &[(0, BAD), (0, BAD), (0, SLOW), (9, GOOD)]);
        assert_eq!(tally.counts(window, 1000), Counts { calls: 3, errors: 1, slow: 1 });
    }

    #[test]
    fn what_two_have_counted_adds_up() {
        for window in [SECONDS, Window::Calls(5)] {
            let calls = [(100, BAD), (104, GOOD), (111, SLOW), (112, BAD), (125, BAD)];
            for split in 0..=calls.len() {
                let (first, second) = calls.split_at(split);
                let mut merged = tally(window, first);
                merged.merge(&tally(window, second), window, 125);
                assert_eq!(merged, tally(window, &calls), "{window:?} {split}");
            }
        }
    }

    #[test]
    fn a_row_of_errors_ends_with_a_success() {
        let mut tally = tally(SECONDS, &[(100, BAD), (100, GOOD), (100, BAD), (100, BAD)]);
        assert_eq!(tally.errors_in_a_row(), 2);
        tally.add_late_error(SECONDS, 101);
        assert_eq!(tally.errors_in_a_row(), 3);
        assert_eq!(tally.counts(SECONDS, 101), Counts { calls: 4, errors: 4, slow: 0 });
        tally.add(SLOW, SECONDS, 102);
        assert_eq!(tally.errors_in_a_row(), 0);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_make_it_grow() {
        let mut tally = Tally::default();
        for step in (0..1000).rev() {
            tally.add(GOOD, SECONDS, step * 10);
        }
        assert!(tally.buckets.len() <= 4, "{}", tally.buckets.len());
    }
}
