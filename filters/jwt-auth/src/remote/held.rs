use std::time::Duration;

use portcullis_kit::UnixTime;

use super::record::Record;
use super::settings::Settings;

/// The document that this worker holds, and how old it is.
///
/// Its age never shrinks: a clock that is set back makes no document younger.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) generation: u64,
    pub(crate) etag: Option<Vec<u8>>,
    confirmed_at: UnixTime,
    fresh_for: Duration,
    stale_for: Duration,
    /// The age at `looked_at`.
    age: Duration,
    looked_at: UnixTime,
}

impl Held {
    pub(crate) fn new(record: &Record, etag: Option<Vec<u8>>, now: UnixTime, settings: &Settings) -> Self {
        Self {
            generation: record.generation,
            etag,
            confirmed_at: record.fetched_at,
            fresh_for: record.fresh_for(settings),
            stale_for: settings.stale_for,
            age: since(record.fetched_at, now),
            looked_at: now,
        }
    }

    /// Takes notice that the server has confirmed the document.
    pub(crate) fn confirm(&mut self, record: &Record, now: UnixTime, settings: &Settings) {
        if self.confirmed_at != record.fetched_at {
            *self = Self::new(record, self.etag.take(), now, settings);
        }
    }

    /// Adds the time that has passed.
    pub(crate) fn advance(&mut self, now: UnixTime) {
        self.age = self.age(now);
        self.looked_at = now;
    }

    pub(crate) fn age(&self, now: UnixTime) -> Duration {
        self.age.saturating_add(since(self.looked_at, now)).max(since(self.confirmed_at, now))
    }

    pub(crate) fn is_fresh(&self, now: UnixTime) -> bool {
        self.age(now) < self.fresh_for
    }

    pub(crate) fn is_usable(&self, now: UnixTime) -> bool {
        self.age(now) < self.fresh_for.saturating_add(self.stale_for)
    }

    pub(crate) fn is_past_half_stale(&self, now: UnixTime) -> bool {
        self.age(now) >= self.fresh_for.saturating_add(self.stale_for / 2)
    }
}

/// The time from one point to a later one; none when the clock was set back in between.
fn since(earlier: UnixTime, now: UnixTime) -> Duration {
    Duration::from_nanos(now.as_nanos().saturating_sub(earlier.as_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> UnixTime {
        UnixTime::from_secs(seconds)
    }

    fn held() -> Held {
        let record =
            Record::first(at(1000)).begun(at(1000)).replaced(at(1000), Some(Duration::from_secs(600)), 1);
        Held::new(&record, None, at(1000), &Settings::example())
    }

    #[test]
    fn fresh_then_stale_then_gone() {
        let held = held();
        for (time, fresh, half, usable) in [
            (1000, true, false, true),
            (1599, true, false, true),
            (1600, false, false, true),
            (3399, false, false, true),
            (3400, false, true, true),
            (5199, false, true, true),
            (5200, false, true, false),
        ] {
            let found =
                (held.is_fresh(at(time)), held.is_past_half_stale(at(time)), held.is_usable(at(time)));
            assert_eq!(found, (fresh, half, usable), "{time}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nothing_younger() {
        let mut held = held();
        held.advance(at(1500));
        held.advance(at(100));
        assert_eq!(held.age(at(100)), Duration::from_secs(500));
        assert_eq!(held.age(at(200)), Duration::from_secs(600));
        assert!(!held.is_fresh(at(200)));
    }

    #[test]
    fn a_confirmation_makes_it_young() {
        let mut held = held();
        let record = Record { fetched_at: at(1500), ..Record::first(at(1)) };
        held.advance(at(1400));
        held.confirm(&record, at(1501), &Settings::example());
        assert_eq!(held.age(at(1501)), Duration::from_secs(1));
    }
}
