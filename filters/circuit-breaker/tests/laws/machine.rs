//! The state machine beside one that is written as its description says: no buckets, no counters, no shared record.

use portcullis_circuit_breaker::state::{
    Admission, Backoff, HalfOpen, Outcome, Probe, ProbeEnd, Ratio, Record, Settings, State, Tally,
    Transition, Trip, Window,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;

const MS: u64 = 1_000_000;
/// A bucket of the window.
const BUCKET: u64 = 10 * MS;

/// What happens.
#[derive(Clone, Debug)]
enum Act {
    /// So many milliseconds pass.
    Time(u64),
    /// A request asks.
    Admit,
    /// One of the probes that are out, or were once, ends.
    End(Index, ProbeEnd),
    /// A worker tells what it has counted, in the present state or in one before it.
    Count { calls: Vec<Outcome>, generations_ago: u32 },
}

/// The machine as its description has it.
#[derive(Debug)]
struct Model {
    settings: Settings,
    generation: u32,
    openings: u32,
    state: Now,
}

#[derive(Debug)]
enum Now {
    /// All calls, with their buckets.
    Closed(Vec<(u64, Outcome)>),
    /// Until then.
    Open(u64),
    /// The probes that are out and their deadlines, and how all others have ended.
    HalfOpen { out: Vec<(Probe, u64)>, given: u32, succeeded: u32, failed: u32 },
}

impl Model {
    fn state(&self) -> State {
        match self.state {
            Now::Closed(_) => State::Closed,
            Now::Open(_) => State::Open,
            Now::HalfOpen { .. } => State::HalfOpen,
        }
    }

    fn change(&mut self, state: Now) {
        self.generation += 1;
        self.state = state;
    }

    fn open(&mut self, now: u64) {
        let Backoff { duration, factor, max, .. } = self.settings.backoff;
        let mut wait = duration;
        for _ in 0..self.openings {
            wait = (wait * u64::from(factor) / 1000).min(max);
        }
        self.openings += 1;
        self.change(Now::Open(now + wait));
    }

    /// Gives up what hangs, and decides what can be decided.
    fn settle(&mut self, now: u64) {
        let Now::HalfOpen { out, succeeded, failed, .. } = &mut self.state else { return };
        let before = out.len();
        out.retain(|(_, deadline)| now < *deadline);
        *failed += u32::try_from(before - out.len()).unwrap();
        let HalfOpen { permits, successes, .. } = self.settings.half_open;
        if *succeeded >= successes {
            self.openings = 0;
            self.change(Now::Closed(Vec::new()));
        } else if permits - *failed < successes {
            self.open(now);
        }
    }

    fn admit(&mut self, now: u64) -> Admission {
        self.settle(now);
        if let Now::Open(until) = self.state {
            if now < until {
                return Admission::Denied(until - now);
            }
            self.change(Now::HalfOpen { out: Vec::new(), given: 0, succeeded: 0, failed: 0 });
        }
        let (generation, HalfOpen { permits, lease, .. }) = (self.generation, self.settings.half_open);
        let Now::HalfOpen { out, given, succeeded, failed } = &mut self.state else { return Admission::Pass };
        let used = u32::try_from(out.len()).unwrap() + *succeeded + *failed;
        if used == permits {
            let first = out.iter().map(|(_, deadline)| deadline - now).min().unwrap();
            return Admission::Denied(first.min(1000 * MS));
        }
        let probe = Probe { generation, serial: *given };
        *given += 1;
        out.push((probe, now + lease));
        Admission::Probe(probe)
    }

    fn end(&mut self, probe: Probe, end: ProbeEnd, now: u64) {
        self.settle(now);
        let Now::HalfOpen { out, succeeded, failed, .. } = &mut self.state else { return };
        let Some(place) = out.iter().position(|(other, _)| *other == probe) else { return };
        out.remove(place);
        match end {
            ProbeEnd::Succeeded => *succeeded += 1,
            ProbeEnd::Failed => *failed += 1,
            ProbeEnd::Unused => {}
        }
        self.settle(now);
    }

    fn count(&mut self, outcomes: &[Outcome], generation: u32, now: u64) {
        let Now::Closed(calls) = &mut self.state else { return };
        if generation != self.generation {
            return;
        }
        calls.extend(outcomes.iter().map(|outcome| (now / BUCKET, *outcome)));
        let seen: Vec<_> = match self.settings.window {
            Window::Time { buckets, .. } => {
                let first = (now / BUCKET).saturating_sub(buckets - 1);
                calls.iter().filter(|(bucket, _)| *bucket >= first).map(|(_, outcome)| *outcome).collect()
            }
            Window::Calls(most) => {
                let last = calls.len().saturating_sub(most as usize);
                calls[last..].iter().map(|(_, outcome)| *outcome).collect()
            }
        };
        let row = calls.iter().rev().take_while(|(_, outcome)| outcome.is_error).count();
        if self.trips(&seen, row) {
            self.open(now);
        }
    }

    fn trips(&self, seen: &[Outcome], row: usize) -> bool {
        let Trip { slow_ratio, error_ratio, error_count, consecutive_errors, min_requests } =
            self.settings.trip;
        let errors = seen.iter().filter(|outcome| outcome.is_error).count();
        let slow = seen.iter().filter(|outcome| outcome.is_slow).count();
        let share = |part: usize, ratio: Option<Ratio>| {
            let least = |ratio: Ratio| part as f64 / seen.len() as f64 >= ratio.share() - 1e-9;
            !seen.is_empty() && seen.len() >= min_requests as usize && ratio.is_some_and(least)
        };
        share(errors, error_ratio)
            || share(slow, slow_ratio)
            || error_count.is_some_and(|count| errors >= count as usize)
            || consecutive_errors.is_some_and(|count| row >= count as usize)
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    (any::<bool>(), any::<bool>()).prop_map(|(is_error, is_slow)| Outcome { is_error, is_slow })
}

fn ratio() -> impl Strategy<Value = Option<Ratio>> {
    option::of((1..=10_u8).prop_map(|tenths| Ratio::new(f64::from(tenths) / 10.0).unwrap()))
}

fn settings() -> impl Strategy<Value = Settings> {
    let window = prop_oneof![
        (1..=5_u64).prop_map(|buckets| Window::Time { bucket: BUCKET, buckets }),
        (1..=20_u32).prop_map(Window::Calls),
    ];
    let trip = (ratio(), ratio(), option::of(1..6_u32), option::of(1..6_u32), 0..6_u32).prop_map(
        |(slow_ratio, error_ratio, error_count, consecutive_errors, min_requests)| Trip {
            slow_ratio,
            error_ratio,
            error_count,
            consecutive_errors,
            min_requests,
        },
    );
    let backoff = (1..100_u64, 1000..4000_u32, 1..20_u64).prop_map(|(duration, factor, most)| Backoff {
        duration: duration * MS,
        factor,
        max: duration * most * MS,
        jitter: 0,
        max_retry_after: 0,
    });
    let half_open = (1..6_u32, any::<Index>(), 1..100_u64).prop_map(|(permits, successes, lease)| HalfOpen {
        permits,
        successes: 1 + u32::try_from(successes.index(permits as usize)).unwrap(),
        lease: lease * MS,
    });
    (window, trip, backoff, half_open).prop_map(|(window, trip, backoff, half_open)| Settings {
        window,
        trip,
        backoff,
        half_open,
    })
}

fn act() -> impl Strategy<Value = Act> {
    let end = prop_oneof![Just(ProbeEnd::Succeeded), Just(ProbeEnd::Failed), Just(ProbeEnd::Unused)];
    prop_oneof![
        (0..60_u64).prop_map(Act::Time),
        Just(Act::Admit),
        Just(Act::Admit),
        (any::<Index>(), end).prop_map(|(which, end)| Act::End(which, end)),
        (vec(outcome(), 0..5), prop_oneof![4 => Just(0), 1 => 1..3_u32])
            .prop_map(|(calls, generations_ago)| Act::Count { calls, generations_ago }),
    ]
}

fn batch(calls: &[Outcome], window: Window, now: u64) -> Tally {
    let mut tally = Tally::default();
    calls.iter().for_each(|outcome| tally.add(*outcome, window, now));
    tally
}

/// Each change begins where the one before it has ended.
fn assert_chained(transitions: &[Transition], from: State, to: State) {
    let ends = transitions.iter().fold(from, |state, transition| {
        assert_eq!(transition.from, state, "{transitions:?}");
        transition.to
    });
    assert_eq!(ends, to, "{transitions:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_does_what_its_description_says(settings in settings(), acts in vec(act(), 1..80)) {
        let mut model = Model { settings, generation: 0, openings: 0, state: Now::Closed(Vec::new()) };
        let (mut record, mut probes, mut now) = (Record::default(), Vec::new(), 1_000 * BUCKET);
        for act in acts {
            let before = record.state();
            let transitions = match act {
                Act::Time(milliseconds) => {
                    now += milliseconds * MS;
                    Vec::new()
                }
                Act::Admit => {
                    let (admission, transitions) = record.admit(&settings, 0, 0, now);
                    prop_assert_eq!(admission, model.admit(now));
                    if let Admission::Probe(probe) = admission {
                        probes.push(probe);
                    }
                    transitions
                }
                Act::End(_, _) if probes.is_empty() => Vec::new(),
                Act::End(which, end) => {
                    let probe = *which.get(&probes);
                    model.end(probe, end, now);
                    record.end(probe, (end, 0), &settings, 0, now)
                }
                Act::Count { calls, generations_ago } => {
                    let generation = record.generation.wrapping_sub(generations_ago);
                    model.count(&calls, generation, now);
                    record.count(&batch(&calls, settings.window, now), generation, &settings, 0, now)
                }
            };
            assert_chained(&transitions, before, record.state());
            prop_assert_eq!(record.state(), model.state());
            prop_assert_eq!(record.generation, model.generation);
        }
    }

    #[test]
    fn jitter_stays_within_its_bounds(duration in 1..1_000_000_u64, jitter in 0..=1_000_000_u32, random: u32) {
        let backoff = Backoff { duration: duration * MS, factor: 1000, max: duration * MS, jitter, max_retry_after: 0 };
        let half_open = HalfOpen { permits: 1, successes: 1, lease: MS };
        let trip = Trip { consecutive_errors: Some(1), ..Trip::default() };
        let settings = Settings { window: Window::Calls(1), trip, backoff, half_open };
        let mut record = Record::default();
        let failure = Outcome { is_error: true, is_slow: false };
        record.count(&batch(&[failure], settings.window, MS), 0, &settings, random, MS);
        let wait = record.wait(&settings, MS);
        let spread = u128::from(duration * MS) * u128::from(jitter) / 1_000_000;
        prop_assert!(u128::from(wait) >= u128::from(duration * MS) - spread, "{}", wait);
        prop_assert!(u128::from(wait) <= u128::from(duration * MS) + spread, "{}", wait);
    }

    #[test]
    fn a_worker_that_has_read_its_clock_before_another_changes_nothing(settings in settings(), earlier in 0..50_u64) {
        let (mut record, now) = (Record::default(), 1_000_000 * MS);
        let failure = Outcome { is_error: true, is_slow: true };
        record.count(&batch(&[failure; 20], settings.window, now), 0, &settings, 0, now);
        prop_assume!(record.state() == State::Open);
        let mut then = now - earlier * MS;
        prop_assert!(matches!(record.admit(&settings, 0, 0, then), (Admission::Denied(_), _)));
        let later = now + record.wait(&settings, now);
        prop_assert!(matches!(record.admit(&settings, 0, 0, later), (Admission::Probe(_), _)));
        then = later - earlier * MS;
        record.expire(&settings, 0, then, &mut Vec::new());
        prop_assert_eq!(record.state(), State::HalfOpen, "its probe is not late");
        if settings.half_open.permits > 1 {
            prop_assert!(matches!(record.admit(&settings, 0, 0, then), (Admission::Probe(_), _)));
        }
    }

    #[test]
    fn an_upstream_that_fails_a_probe_says_for_how_long(settings in settings(), asked in 0..1_000_u64) {
        let most = 500 * MS;
        let backoff = Backoff { max_retry_after: most, ..settings.backoff };
        let settings = Settings { backoff, half_open: HalfOpen { permits: 1, successes: 1, lease: MS }, ..settings };
        let (mut record, mut now) = (Record::default(), 1_000_000 * MS);
        record.count(&batch(&[Outcome { is_error: true, is_slow: true }; 20], settings.window, now), 0, &settings, 0, now);
        prop_assume!(record.state() == State::Open);
        now += record.wait(&settings, now);
        let (Admission::Probe(probe), _) = record.admit(&settings, 0, 0, now) else { panic!("it is time") };
        record.end(probe, (ProbeEnd::Failed, now + asked * MS), &settings, 0, now);
        let again = (backoff.duration * u64::from(backoff.factor) / 1000).min(backoff.max);
        prop_assert_eq!(record.wait(&settings, now), again.max((asked * MS).min(most)));
    }

    #[test]
    fn requests_that_are_not_all_there_come_second(settings in settings(), later in 1..1_000_u64) {
        let (mut record, now) = (Record::default(), 1_000_000 * MS);
        record.count(&batch(&[Outcome { is_error: true, is_slow: true }; 20], settings.window, now), 0, &settings, 0, now);
        prop_assume!(record.state() == State::Open);
        let due = now + record.wait(&settings, now);
        let early = record.admit(&settings, later * MS, 0, due + later * MS - 1);
        prop_assert_eq!((early.0, record.state()), (Admission::Denied(later * MS), State::Open));
        let admission = record.admit(&settings, later * MS, 0, due + later * MS).0;
        prop_assert!(matches!(admission, Admission::Probe(_)), "{:?}", admission);
    }

    #[test]
    fn a_clock_that_is_set_back_wedges_nothing(settings in settings(), back in 0..1_000_u64) {
        let mut record = Record::default();
        let failure = Outcome { is_error: true, is_slow: true };
        let mut now = 1_000_000 * MS;
        record.count(&batch(&[failure; 20], settings.window, now), 0, &settings, 0, now);
        now -= back * MS;
        // As long as any wait or lease can be, and what workers may be apart, and then all that is needed.
        now += 60_000 * MS;
        for _ in 0..40 {
            now += 2_000 * MS;
            if let (Admission::Probe(probe), _) = record.admit(&settings, 0, 0, now) {
                record.end(probe, (ProbeEnd::Succeeded, 0), &settings, 0, now);
            }
        }
        prop_assert_eq!(record.state(), State::Closed);
    }
}
