use std::fmt;

use prost::Message;

use super::tally::{Tally, Window};
use super::trip::{Cause, Trip};

/// How far apart the times of two workers may be, in nanoseconds: each reads its clock first and the record then, and may have to wait in
/// between.
const SKEW: u64 = 60_000_000_000;

/// What a breaker goes by.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How far back it looks.
    pub window: Window,
    /// When it opens.
    pub trip: Trip,
    /// For how long.
    pub backoff: Backoff,
    /// How it finds out whether it may close.
    pub half_open: HalfOpen,
}

/// How long a breaker stays open.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The first time, in nanoseconds.
    pub duration: u64,
    /// How many times as long each time that its probes fail, in thousandths.
    pub factor: u32,
    /// The longest, in nanoseconds.
    pub max: u64,
    /// Up to which part of it more or less, in millionths.
    pub jitter: u32,
    /// For how long at most an upstream may ask to be left alone, in nanoseconds.
    pub max_retry_after: u64,
}

/// How a breaker finds out whether it may close.
#[derive(Clone, Copy, Debug)]
pub struct HalfOpen {
    /// How many requests may try it.
    pub permits: u32,
    /// How many of them have to succeed.
    pub successes: u32,
    /// How long one may take, in nanoseconds; then it has failed, whatever has become of its worker.
    pub lease: u64,
}

/// Whether requests pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum State {
    /// They do, and are counted.
    Closed = 0,
    /// A few do, to see whether the upstream is well again.
    HalfOpen = 1,
    /// None does.
    Open = 2,
}

/// A breaker as all workers share it.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Record {
    #[prost(enumeration = "State", tag = "1")]
    state: i32,
    /// How often the state has changed: what began under another one does not count.
    #[prost(uint32, tag = "2")]
    pub generation: u32,
    /// Since when the state holds; 0 for a breaker that has never changed it.
    #[prost(uint64, tag = "3")]
    pub since: u64,
    /// When an open breaker may be tried.
    #[prost(uint64, tag = "4")]
    pub until: u64,
    /// How often in a row it has opened.
    #[prost(uint32, tag = "5")]
    pub consecutive_openings: u32,
    /// The requests that try it now.
    #[prost(message, repeated, tag = "6")]
    leases: Vec<Lease>,
    /// How many have tried it, with and without success.
    #[prost(uint32, tag = "7")]
    succeeded: u32,
    #[prost(uint32, tag = "8")]
    failed: u32,
    /// How many permits were ever given out in this state; what the next one is called.
    #[prost(uint32, tag = "9")]
    granted: u32,
    /// Since when it has not been closed; 0 for a closed one.
    #[prost(uint64, tag = "10")]
    pub not_closed_since: u64,
    /// What is counted while it is closed.
    #[prost(message, required, tag = "11")]
    pub tally: Tally,
}

/// A permit that is out.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Lease {
    #[prost(uint32, tag = "1")]
    serial: u32,
    #[prost(uint64, tag = "2")]
    deadline: u64,
}

/// A request that tries whether the upstream is well again: its permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    /// The state that it was given out in.
    pub generation: u32,
    /// Which one.
    pub serial: u32,
}

/// How a probe has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeEnd {
    /// In time, and well.
    Succeeded,
    /// Not.
    Failed,
    /// It says nothing: its client left, or somebody else has answered it. Another one may try.
    Unused,
}

/// Whether a request passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It does.
    Pass,
    /// It does, and all depends on it.
    Probe(Probe),
    /// It does not; in how many nanoseconds it may be worth while to come again.
    Denied(u64),
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition {
    /// From here
    pub from: State,
    /// to here,
    pub to: State,
    /// because of this.
    pub event: Event,
    /// For how many nanoseconds, where it opens.
    pub wait: u64,
}

/// What makes the state change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// Calls have failed, or were slow.
    Tripped(Cause),
    /// It was open for long enough.
    WaitOver,
    /// So many probes have succeeded.
    ProbesSucceeded(u32),
    /// So many probes have failed, of so many permits.
    ProbesFailed(u32, u32),
}

impl Record {
    /// Asks whether a request passes, one that may be a probe only so many nanoseconds `later` than others.
    pub fn admit(
        &mut self,
        settings: &Settings,
        later: u64,
        random: u32,
        now: u64,
    ) -> (Admission, Vec<Transition>) {
        let mut transitions = Vec::new();
        self.expire(settings, random, now, &mut transitions);
        let admission = match self.state() {
            State::Closed => Admission::Pass,
            State::Open if self.wait(settings, now) > 0 => Admission::Denied(self.wait(settings, now)),
            State::Open if later > 0 && now < self.until.saturating_add(later) => Admission::Denied(later),
            State::HalfOpen if later > 0 && now < self.since.saturating_add(later) => {
                Admission::Denied(later)
            }
            State::Open => {
                transitions.push(self.change(State::HalfOpen, Event::WaitOver, now));
                self.grant(settings, now)
            }
            State::HalfOpen => self.grant(settings, now),
        };
        (admission, transitions)
    }

    /// Takes note of how a probe has ended, and until when the upstream has asked to be left alone. One that was given up already changes nothing.
    pub fn end(
        &mut self,
        probe: Probe,
        (end, retry_at): (ProbeEnd, u64),
        settings: &Settings,
        random: u32,
        now: u64,
    ) -> Vec<Transition> {
        let mut transitions = Vec::new();
        self.expire(settings, random, now, &mut transitions);
        let place = self.leases.iter().position(|lease| lease.serial == probe.serial);
        let Some(place) = place.filter(|_| probe.generation == self.generation) else { return transitions };
        self.leases.remove(place);
        self.tally.retry_at = self.tally.retry_at.max(retry_at);
        match end {
            ProbeEnd::Succeeded => self.succeeded = self.succeeded.saturating_add(1),
            ProbeEnd::Failed => self.failed = self.failed.saturating_add(1),
            ProbeEnd::Unused => {}
        }
        self.decide(settings, random, now, &mut transitions);
        transitions
    }

    /// Adds what a worker has counted in the state of `generation`.
    pub fn count(
        &mut self,
        batch: &Tally,
        generation: u32,
        settings: &Settings,
        random: u32,
        now: u64,
    ) -> Vec<Transition> {
        if self.state() != State::Closed || generation != self.generation {
            return Vec::new();
        }
        self.tally.merge(batch, settings.window, now);
        let counts = self.tally.counts(settings.window, now);
        match settings.trip.check(counts, self.tally.errors_in_a_row()) {
            Some(cause) => vec![self.open(Event::Tripped(cause), settings, random, now)],
            None => Vec::new(),
        }
    }

    /// Gives up probes that have taken too long.
    pub fn expire(&mut self, settings: &Settings, random: u32, now: u64, transitions: &mut Vec<Transition>) {
        let before = self.leases.len();
        // Nobody has a lease that ends much later than one that begins now, unless the clock was set back.
        let latest = now.saturating_add(settings.half_open.lease).saturating_add(SKEW);
        self.leases.retain(|lease| now < lease.deadline && lease.deadline <= latest);
        let expired = before.saturating_sub(self.leases.len());
        if expired > 0 {
            self.failed = self.failed.saturating_add(u32::try_from(expired).unwrap_or(u32::MAX));
            self.decide(settings, random, now, transitions);
        }
    }

    /// When the first of the probes that are out has to be back.
    pub fn first_deadline(&self) -> Option<u64> {
        self.leases.iter().map(|lease| lease.deadline).min()
    }

    /// For how many nanoseconds it is still open.
    pub fn wait(&self, settings: &Settings, now: u64) -> u64 {
        let left = self.until.saturating_sub(now);
        // Longer than ever planned: the clock was set back.
        let longest = settings.backoff.longest().saturating_add(SKEW);
        if self.state() == State::Open && left <= longest { left } else { 0 }
    }

    fn grant(&mut self, settings: &Settings, now: u64) -> Admission {
        let used = self.succeeded.saturating_add(self.failed);
        let out = u32::try_from(self.leases.len()).unwrap_or(u32::MAX);
        if used.saturating_add(out) >= settings.half_open.permits {
            // Most of them are back long before they have to be.
            let soonest = self.first_deadline().map_or(0, |deadline| deadline.saturating_sub(now));
            return Admission::Denied(soonest.min(1_000_000_000));
        }
        let probe = Probe { generation: self.generation, serial: self.granted };
        self.granted = self.granted.saturating_add(1);
        let deadline = now.saturating_add(settings.half_open.lease);
        self.leases.push(Lease { serial: probe.serial, deadline });
        Admission::Probe(probe)
    }

    /// Closes or opens, as soon as the probes that are still to come make no difference.
    fn decide(&mut self, settings: &Settings, random: u32, now: u64, transitions: &mut Vec<Transition>) {
        let HalfOpen { permits, successes, .. } = settings.half_open;
        if self.state() != State::HalfOpen {
            return;
        }
        if self.succeeded >= successes {
            let event = Event::ProbesSucceeded(self.succeeded);
            self.consecutive_openings = 0;
            transitions.push(self.change(State::Closed, event, now));
        } else if self.failed > permits.saturating_sub(successes) {
            let event = Event::ProbesFailed(self.failed, permits);
            transitions.push(self.open(event, settings, random, now));
        }
    }

    fn open(&mut self, event: Event, settings: &Settings, random: u32, now: u64) -> Transition {
        let asked = self.tally.retry_at.saturating_sub(now).min(settings.backoff.max_retry_after);
        let wait = settings.backoff.wait(self.consecutive_openings, random).max(asked);
        let transition = Transition { wait, ..self.change(State::Open, event, now) };
        self.consecutive_openings = self.consecutive_openings.saturating_add(1);
        self.until = now.saturating_add(wait);
        transition
    }

    fn change(&mut self, to: State, event: Event, now: u64) -> Transition {
        let transition = Transition { from: self.state(), to, event, wait: 0 };
        let not_closed_since = match (self.state(), to) {
            (_, State::Closed) => 0,
            (State::Closed, _) => now,
            _ => self.not_closed_since,
        };
        *self = Self {
            state: to as i32,
            generation: self.generation.wrapping_add(1),
            since: now,
            consecutive_openings: self.consecutive_openings,
            not_closed_since,
            ..Self::default()
        };
        transition
    }
}

impl Backoff {
    /// How long a breaker stays open that has opened so often before.
    fn wait(&self, openings: u32, random: u32) -> u64 {
        let mut wait = u128::from(self.duration);
        for _ in 0..openings {
            if wait >= u128::from(self.max) {
                break;
            }
            wait = wait * u128::from(self.factor) / 1000;
        }
        let wait = wait.min(self.max.into());
        // From -jitter to +jitter.
        let spread = wait * u128::from(self.jitter) / 1_000_000;
        let jittered = wait - spread + 2 * spread * u128::from(random) / u128::from(u32::MAX);
        u64::try_from(jittered).unwrap_or(u64::MAX)
    }

    /// The longest wait there can be.
    fn longest(&self) -> u64 {
        let jitter = u128::from(self.max) * u128::from(self.jitter) / 1_000_000;
        let longest = u128::from(self.max.max(self.duration)).saturating_add(jitter);
        u64::try_from(longest).unwrap_or(u64::MAX).max(self.max_retry_after)
    }
}

impl State {
    /// As it is written in logs and headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tripped(cause) => cause.fmt(f),
            Self::WaitOver => f.write_str("it was open for long enough"),
            Self::ProbesSucceeded(count) => write!(f, "{count} probes have succeeded"),
            Self::ProbesFailed(failed, permits) => write!(f, "{failed} of {permits} probes have failed"),
        }
    }
}
