//! A breaker as one worker sees it: what all of them share, as of a moment ago, and what this one has counted since.

use log::Level;
use portcullis_kit::{Host, StreamId, update_shared};
use prost::Message;

use crate::fallback::plain;
use crate::metrics::{Metrics, Unreported};
use crate::on_its_way::{OnItsWay, UNSENT};
use crate::policy::{Rule, Verdict};
use crate::state::{Admission, Outcome, Probe, ProbeEnd, Record, State, Tally, Transition, Window};

/// How often a worker tries to write when others are faster. Each time that it fails, one of them has come on.
const TRIES: u32 = 1000;

/// Time and chance, for one callback.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Nanoseconds on the clock that all workers share.
    pub(crate) now: u64,
    pub(crate) random: u32,
    /// How long a worker may go without a look at the shared data, in nanoseconds.
    pub(crate) sync: u64,
}

/// A breaker as one worker sees it.
#[derive(Debug)]
pub(crate) struct Breaker {
    /// Its entry in the shared data.
    entry: String,
    /// In logs and headers: `orders/backend`.
    pub(crate) name: String,
    /// Which of the configuration's.
    pub(crate) rule: usize,
    pub(crate) metrics: Metrics,
    pub(crate) unreported: Unreported,
    /// What the workers share, as it was read last.
    record: Record,
    read_at: Option<u64>,
    /// What this worker has counted since, in the state of `record`.
    pending: Tally,
    /// Whether any call of the window has failed or was slow.
    has_bad: bool,
    pub(crate) on_its_way: OnItsWay,
}

impl Breaker {
    /// A breaker that this worker has not had before; others may have.
    pub(crate) fn new(
        entry: String,
        name: String,
        rule: usize,
        metrics: Metrics,
        host: &mut dyn Host,
    ) -> Self {
        Self {
            record: host.shared(&entry).ok().flatten().map(|datum| decoded(&datum.value)).unwrap_or_default(),
            entry,
            name,
            rule,
            metrics,
            unreported: Unreported::default(),
            read_at: None,
            pending: Tally::default(),
            has_bad: false,
            on_its_way: OnItsWay::default(),
        }
    }

    /// The state, as it was seen last.
    pub(crate) fn state(&self) -> State {
        self.record.state()
    }

    pub(crate) fn generation(&self) -> u32 {
        self.record.generation
    }

    /// For how many nanoseconds it has not been closed.
    pub(crate) fn not_closed_for(&self, now: u64) -> Option<u64> {
        (self.record.not_closed_since > 0).then(|| now.saturating_sub(self.record.not_closed_since))
    }

    /// How much of its ramp has passed since it has closed again, from 0 to 1.
    pub(crate) fn ramp(&self, ramp_up: u64, now: u64) -> f64 {
        let has_recovered = self.state() == State::Closed && self.generation() > 0;
        match now.checked_sub(self.record.since) {
            Some(closed_for) if has_recovered && closed_for < ramp_up => closed_for as f64 / ramp_up as f64,
            // Or the clock was set back.
            _ => 1.0,
        }
    }

    /// Asks whether a request passes; `is_sent` where all of it is there.
    pub(crate) fn admit(
        &mut self,
        rule: &Rule,
        is_sent: bool,
        moment: Moment,
        host: &mut dyn Host,
    ) -> Admission {
        if self.is_fresh(moment) {
            match self.state() {
                State::Closed => return Admission::Pass,
                State::Open => {
                    let wait = self.record.wait(&rule.settings, moment.now);
                    if wait > 0 {
                        return Admission::Denied(wait);
                    }
                }
                State::HalfOpen => {}
            }
        }
        self.change(rule, moment, host, |record| {
            record.admit(&rule.settings, if is_sent { 0 } else { UNSENT }, moment.random, moment.now)
        })
    }

    /// The probability with which a request is denied by a throttle.
    pub(crate) fn rejection(&mut self, rule: &Rule, moment: Moment, host: &mut dyn Host) -> f64 {
        let Some(throttle) = &rule.throttle else { return 0.0 };
        if !self.is_fresh(moment) {
            self.flush(rule, moment, host);
        }
        let window = rule.settings.window;
        let mut counts = self.record.tally.counts(window, moment.now);
        counts.add(self.pending.counts(window, moment.now));
        throttle.rejection(counts)
    }

    /// Whether any call of the window has failed or was slow.
    pub(crate) fn has_bad(&self) -> bool {
        self.has_bad
    }

    /// Tells the metrics what a call has come to.
    pub(crate) fn tell_call(
        &mut self,
        (stream, verdict): (StreamId, Verdict),
        latency: Option<u64>,
        is_slow: bool,
        host: &mut dyn Host,
    ) {
        let was_slow = self.on_its_way.is_counted(stream);
        let says = verdict.counts(is_slow) || verdict == Verdict::Ignored;
        if let Some(latency) = latency.filter(|_| says) {
            host.record(self.metrics.latency, latency / 1_000_000);
        }
        if is_slow && !was_slow {
            host.add(self.metrics.calls_slow, 1);
        }
        match verdict {
            Verdict::Success => self.unreported.successes += 1,
            Verdict::Error => host.add(self.metrics.calls_error, 1),
            // It counts as slow, and as nothing else.
            _ if is_slow || was_slow => {}
            _ => self.unreported.ignored += 1,
        }
    }

    /// Counts what a call of `generation` has come to; one that was counted as slow already may only have failed besides.
    pub(crate) fn count(
        &mut self,
        (stream, generation): (StreamId, u32),
        outcome: Outcome,
        retry_at: u64,
        (rule, moment, host): (&Rule, Moment, &mut dyn Host),
    ) {
        let window = rule.settings.window;
        if generation != self.generation() || self.state() != State::Closed {
            return;
        }
        match self.on_its_way.is_counted(stream) {
            false => self.pending.add(outcome, window, moment.now),
            true if outcome.is_error => self.pending.add_late_error(window, moment.now),
            true => return,
        }
        self.pending.retry_at = self.pending.retry_at.max(retry_at);
        self.has_bad |= outcome.is_error || outcome.is_slow;
        if !self.is_fresh(moment) || (self.has_bad && self.would_trip(rule, moment.now)) {
            self.flush(rule, moment, host);
        }
    }

    /// Takes note of how a probe has ended.
    pub(crate) fn end(
        &mut self,
        probe: Probe,
        (end, retry_at): (ProbeEnd, u64),
        (rule, moment, host): (&Rule, Moment, &mut dyn Host),
    ) {
        self.change(rule, moment, host, |record| {
            ((), record.end(probe, (end, retry_at), &rule.settings, moment.random, moment.now))
        });
    }

    /// Tells the others what this worker has counted, counts calls that take too long, and ends probes that do not end.
    pub(crate) fn on_tick(&mut self, rule: &Rule, moment: Moment, host: &mut dyn Host) {
        self.metrics.report(&mut self.unreported, host);
        self.count_overdue(rule, moment, host);
        for (probe, end) in self.on_its_way.ended_probes(rule.settings.half_open.lease, moment.now) {
            self.end(probe, (end, 0), (rule, moment, host));
        }
        let is_due = self.record.first_deadline().is_some_and(|deadline| deadline <= moment.now);
        if !self.pending.is_empty() || is_due {
            self.flush(rule, moment, host);
        }
    }

    /// Counts calls as slow that are on their way for too long, once. A window of calls counts them when they end.
    fn count_overdue(&mut self, rule: &Rule, moment: Moment, host: &mut dyn Host) {
        let (Some(most), Window::Time { .. }) = (rule.max_latency, rule.settings.window) else { return };
        if self.state() != State::Closed {
            return;
        }
        let slow = self.on_its_way.overdue(most, self.generation(), moment.now);
        for _ in 0..slow {
            self.pending.add(Outcome { is_error: false, is_slow: true }, rule.settings.window, moment.now);
        }
        if slow > 0 {
            self.has_bad = true;
            host.add(self.metrics.calls_slow, slow);
        }
    }

    fn is_fresh(&self, moment: Moment) -> bool {
        self.read_at.is_some_and(|at| at <= moment.now && moment.now - at < moment.sync)
    }

    /// Whether what is known here makes it open; what is shared may say otherwise.
    fn would_trip(&self, rule: &Rule, now: u64) -> bool {
        let mut tally = self.record.tally.clone();
        tally.merge(&self.pending, rule.settings.window, now);
        let counts = tally.counts(rule.settings.window, now);
        rule.settings.trip.check(counts, tally.errors_in_a_row()).is_some()
    }

    fn flush(&mut self, rule: &Rule, moment: Moment, host: &mut dyn Host) {
        self.change(rule, moment, host, |record| {
            let mut transitions = Vec::new();
            record.expire(&rule.settings, moment.random, moment.now, &mut transitions);
            ((), transitions)
        });
    }

    /// Changes what the workers share, after what this one has counted was added to it. Only who has written says so in the log.
    fn change<T>(
        &mut self,
        rule: &Rule,
        moment: Moment,
        host: &mut dyn Host,
        act: impl Fn(&mut Record) -> (T, Vec<Transition>),
    ) -> T {
        let generation = self.generation();
        let (pending, settings) = (std::mem::take(&mut self.pending), &rule.settings);
        let acted = |record: &mut Record| {
            let mut transitions = match pending.is_empty() {
                true => Vec::new(),
                false => record.count(&pending, generation, settings, moment.random, moment.now),
            };
            let (out, further) = act(record);
            transitions.extend(further);
            (out, transitions)
        };
        let (out, transitions) = self.write(&acted, host);
        self.read_at = Some(moment.now);
        let counts = self.record.tally.counts(settings.window, moment.now);
        self.has_bad = counts.errors > 0 || counts.slow > 0;
        for transition in transitions {
            self.tell(&transition, host);
        }
        out
    }

    /// Without shared data each worker goes by its own record.
    fn write<T>(
        &mut self,
        act: &impl Fn(&mut Record) -> (T, Vec<Transition>),
        host: &mut dyn Host,
    ) -> (T, Vec<Transition>) {
        let written = update_shared(host, &self.entry, TRIES, |value| {
            let read = value.map(decoded).unwrap_or_default();
            let mut record = read.clone();
            let out = act(&mut record);
            ((record != read).then(|| record.encode_to_vec()), (record, out))
        });
        match written {
            Ok((record, out)) => {
                self.record = record;
                out
            }
            Err(_) => act(&mut self.record),
        }
    }

    fn tell(&self, transition: &Transition, host: &mut dyn Host) {
        let Transition { from, to, event, wait } = transition;
        self.metrics.changed_to(*to, host);
        let level = if *to == State::Open { Level::Warn } else { Level::Info };
        let wait = match to {
            State::Open => format!("; for {} ms", wait / 1_000_000),
            _ => String::new(),
        };
        let (name, from, to) = (plain(&self.name), from.name(), to.name());
        host.log(level, &format!("circuit-breaker: {name}: {from} -> {to}: {event}{wait}"));
    }
}

/// What is no record is a new one: somebody else has written here.
fn decoded(value: &[u8]) -> Record {
    Record::decode(value).unwrap_or_default()
}

/// What random numbers of [`Moment`]s follow from.
pub(crate) fn fold_seed(seed: [u8; 16]) -> u64 {
    let seed = u128::from_le_bytes(seed);
    (seed as u64) ^ (seed >> 64) as u64
}
