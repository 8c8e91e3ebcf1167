use super::events::FetchError;
use std::time::Duration;

use portcullis_kit::UnixTime;

use super::settings::Settings;

/// How much longer than its timeout a fetch may take: a worker can be busy when the answer comes.
const GRACE: Duration = Duration::from_secs(2);

/// A document that comes from the future by more than this was fetched before the clock was set back.
const CLOCK_DRIFT: Duration = Duration::from_secs(60);

const LAYOUT: [u8; 8] = *b"PtcDoc\x00\x01";
const NUMBERS: usize = 9;
const LENGTH: usize = LAYOUT.len() + NUMBERS * 8;

/// What all workers know of a document: which body is the current one, and how the fetches go.
///
/// It holds what has happened; what follows from it depends on the settings of the reader. Times are wall-clock times, the only
/// ones that workers have in common; the clock may be set in between, so that a distance counts and not a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// The attempt that brought the current body; 0 for none.
    pub(crate) generation: u64,
    /// The resource that the current body came from.
    pub(crate) source: u64,
    /// When the server last confirmed the current body.
    pub(crate) fetched_at: UnixTime,
    /// How long it then said that it stays the same.
    pub(crate) lifetime: Option<Duration>,
    /// The number of the last attempt.
    pub(crate) started: u64,
    /// The number of the last attempt that is over.
    pub(crate) ended: u64,
    pub(crate) started_at: UnixTime,
    pub(crate) ended_at: UnixTime,
    /// How many attempts have failed since one succeeded.
    pub(crate) failures: u32,
}

impl Record {
    /// The record of a document that nobody has asked for. The numbers of attempts go on from the clock, so that they do not repeat
    /// where somebody has overwritten the record.
    pub(crate) fn first(now: UnixTime) -> Self {
        let number = (now.as_nanos() >> 1).max(1);
        Self { started: number, ended: number, ..Self::default() }
    }

    /// Reads what [`encode`](Self::encode) wrote. `None` for anything else.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let numbers = bytes.strip_prefix(&LAYOUT)?;
        let (chunks, rest) = numbers.as_chunks::<8>();
        let numbers: [u64; NUMBERS] =
            chunks.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect::<Vec<_>>().try_into().ok()?;
        let [generation, source, fetched_at, lifetime, started, ended, started_at, ended_at, failures] =
            numbers;
        let record = Self {
            generation,
            source,
            fetched_at: UnixTime::from_nanos(fetched_at),
            lifetime: (lifetime != u64::MAX).then(|| Duration::from_nanos(lifetime)),
            started,
            ended,
            started_at: UnixTime::from_nanos(started_at),
            ended_at: UnixTime::from_nanos(ended_at),
            failures: u32::try_from(failures).ok()?,
        };
        (rest.is_empty() && started != 0).then_some(record)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let lifetime = self.lifetime.and_then(|span| u64::try_from(span.as_nanos()).ok()).unwrap_or(u64::MAX);
        let numbers: [u64; NUMBERS] = [
            self.generation,
            self.source,
            self.fetched_at.as_nanos(),
            lifetime,
            self.started,
            self.ended,
            self.started_at.as_nanos(),
            self.ended_at.as_nanos(),
            self.failures.into(),
        ];
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend(LAYOUT);
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes
    }

    /// Whether somebody waits for an answer, and it may still come.
    pub(crate) fn is_under_way(&self, now: UnixTime, settings: &Settings) -> bool {
        self.started != self.ended && distance(self.started_at, now) < settings.timeout.saturating_add(GRACE)
    }

    /// Whether whoever started the last attempt is gone.
    pub(crate) fn is_abandoned(&self, now: UnixTime, settings: &Settings) -> bool {
        self.started != self.ended && !self.is_under_way(now, settings)
    }

    /// Whether the next attempt is still too close to the last, whatever it would be for.
    pub(crate) fn is_resting(&self, now: UnixTime, settings: &Settings) -> bool {
        distance(self.started_at, now) < settings.retry_base / 2 || !self.retry_in(now, settings).is_zero()
    }

    /// Whether an attempt is younger than what separates two that requests ask for.
    pub(crate) fn is_throttled(&self, now: UnixTime, settings: &Settings) -> bool {
        distance(self.started_at, now) < settings.refetch_interval || self.is_resting(now, settings)
    }

    /// How long the back-off after a failure still lasts. It doubles with each failure; the second half of it is up to chance, which
    /// here is the time of the failure: workers agree on it, and proxies do not come all at once.
    pub(crate) fn retry_in(&self, now: UnixTime, settings: &Settings) -> Duration {
        let Some(doublings) = self.failures.checked_sub(1) else { return Duration::ZERO };
        let longest = settings
            .retry_base
            .saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX))
            .min(settings.retry_max);
        let half = longest / 2;
        let wait = half.saturating_add(portion(half, self.ended_at));
        wait.saturating_sub(distance(self.ended_at, now))
    }

    /// How long after its confirmation the current body is fresh.
    pub(crate) fn fresh_for(&self, settings: &Settings) -> Duration {
        self.lifetime.unwrap_or(settings.refresh).clamp(settings.min_refresh, settings.max_refresh)
    }

    /// At what age the current body is fetched again: in the last tenth of the time that it is fresh.
    pub(crate) fn refresh_after(&self, settings: &Settings) -> Duration {
        let fresh_for = self.fresh_for(settings);
        fresh_for.saturating_sub(portion(fresh_for / 10, self.fetched_at)).max(settings.min_refresh)
    }

    /// Whether the current body was fetched before the clock was set back.
    pub(crate) fn is_from_the_future(&self, now: UnixTime) -> bool {
        self.fetched_at > now.saturating_add(CLOCK_DRIFT)
    }

    pub(crate) fn begun(self, now: UnixTime) -> Self {
        Self { started: self.started.wrapping_add(1).max(1), started_at: now, ..self }
    }

    /// The attempt is over, and brought nothing.
    ///
    /// A cluster without hosts is nothing that one could ask too much. While the proxy starts, all are so for a time, and requests must
    /// not wait longer than for that.
    pub(crate) fn failed(self, now: UnixTime, error: &FetchError) -> Self {
        let starts = self.generation == 0 && matches!(error, FetchError::Unreachable);
        let most = if starts { 2 } else { u32::MAX };
        let failures = self.failures.saturating_add(1).min(most.max(self.failures));
        Self { ended: self.started, ended_at: now, failures, ..self }
    }

    /// The server still has the current body; what it does not say of its lifetime stays as it was (RFC 9111 section 4.3.4).
    pub(crate) fn confirmed(self, now: UnixTime, lifetime: Option<Duration>) -> Self {
        let lifetime = lifetime.or(self.lifetime);
        Self { fetched_at: now, lifetime, ended: self.started, ended_at: now, failures: 0, ..self }
    }

    /// The last attempt has brought a new body.
    pub(crate) fn replaced(self, now: UnixTime, lifetime: Option<Duration>, source: u64) -> Self {
        Self { generation: self.started, source, lifetime, ..self.confirmed(now, lifetime) }
    }
}

/// The time between two points, whichever comes first.
pub(crate) fn distance(a: UnixTime, b: UnixTime) -> Duration {
    Duration::from_nanos(a.as_nanos().abs_diff(b.as_nanos()))
}

/// A part of `span`, from nothing to all of it, as the low bits of a time decide.
fn portion(span: Duration, time: UnixTime) -> Duration {
    // Multiplying by an odd constant carries the nanoseconds, where chance is, to the upper bits.
    let chance = time.as_nanos().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let part = span.as_nanos().saturating_mul(chance.into()) >> 32;
    Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX)).min(span)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> Record {
        Record::first(UnixTime::from_secs(1000)).begun(UnixTime::from_secs(1000))
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read(numbers in any::<[u64; 8]>(), failures in any::<u32>(), lifetime in any::<Option<u32>>()) {
            let [generation, source, fetched_at, started, ended, started_at, ended_at, _] = numbers;
            let time = UnixTime::from_nanos;
            let record = Record {
                generation, source, fetched_at: time(fetched_at), started: started.max(1), ended, failures,
                started_at: time(started_at), ended_at: time(ended_at),
                lifetime: lifetime.map(|seconds| Duration::from_secs(seconds.into())),
            };
            prop_assert_eq!(Record::decode(&record.encode()), Some(record));
        }

        #[test]
        fn garbage_is_no_record(bytes in proptest::collection::vec(any::<u8>(), 0..100), cut in 0..LENGTH) {
            prop_assert_eq!(Record::decode(&bytes), None);
            prop_assert_eq!(Record::decode(&example().encode()[..cut]), None);
            prop_assert_eq!(Record::decode(&[example().encode(), vec![0]].concat()), None);
        }

        #[test]
        fn nothing_is_locked_for_long_whatever_the_record_says(numbers in any::<[u64; 9]>(), now in any::<u64>()) {
            let (settings, now) = (Settings::example(), UnixTime::from_nanos(now));
            let bytes = [LAYOUT.to_vec(), numbers.iter().flat_map(|n| n.to_le_bytes()).collect()].concat();
            if let Some(record) = Record::decode(&bytes) {
                // Far from every time that the record names.
                let later = [0, u64::MAX / 5, u64::MAX / 5 * 2, u64::MAX / 5 * 3, u64::MAX / 5 * 4].map(UnixTime::from_nanos);
                let free = |at: &UnixTime| !record.is_under_way(*at, &settings) && !record.is_throttled(*at, &settings);
                prop_assert!(later.iter().filter(|at| free(at)).count() >= 3);
                prop_assert!(record.retry_in(now, &settings) <= settings.retry_max);
                prop_assert!(record.refresh_after(&settings) <= settings.max_refresh);
                prop_assert!(record.refresh_after(&settings) >= settings.min_refresh);
            }
        }
    }

    #[test]
    fn a_start_without_hosts_is_no_outage() {
        let mut record = Record::default();
        for _ in 0..10 {
            record =
                record.begun(UnixTime::from_secs(1)).failed(UnixTime::from_secs(1), &FetchError::Unreachable);
        }
        assert_eq!(record.failures, 2);
        record.generation = 1;
        assert_eq!(record.failed(UnixTime::from_secs(1), &FetchError::Unreachable).failures, 3);
    }

    #[test]
    fn back_off_doubles_up_to_its_maximum() {
        let (settings, now) = (Settings::example(), UnixTime::from_nanos(1_234_567_891));
        let mut record = example();
        let waits: Vec<_> = (0..70)
            .map(|_| {
                record = record.failed(now, &FetchError::Broken);
                record.retry_in(now, &settings)
            })
            .collect();
        let longest = |failures: usize| {
            settings.retry_base.saturating_mul(1 << failures.min(20)).min(settings.retry_max)
        };
        for (failures, wait) in waits.iter().enumerate() {
            assert!(*wait >= longest(failures) / 2 && *wait <= longest(failures), "{failures}: {wait:?}");
        }
        assert_eq!(record.confirmed(now, None).retry_in(now, &settings), Duration::ZERO);
    }

    #[test]
    fn chance_takes_from_nothing_to_all() {
        let span = Duration::from_secs(100);
        let parts: Vec<_> =
            (0..1000).map(|n| portion(span, UnixTime::from_nanos(n * 1_000_003)).as_secs()).collect();
        assert!(parts.iter().all(|part| *part <= 100));
        for decade in 0..10 {
            assert!(parts.iter().any(|part| part / 10 == decade), "{decade}");
        }
    }

    #[test]
    fn a_lease_ends_also_when_the_clock_is_set_back() {
        let (settings, record) = (Settings::example(), example());
        let lease = settings.timeout + GRACE;
        let at = |time: UnixTime| record.is_under_way(time, &settings);
        assert!(at(record.started_at) && at(record.started_at.saturating_sub(Duration::from_secs(1))));
        assert!(!at(record.started_at.saturating_add(lease)));
        assert!(!at(record.started_at.saturating_sub(lease)));
    }
}
