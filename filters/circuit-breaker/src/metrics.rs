use portcullis_kit::{Counter, Gauge, Histogram, Host};

use crate::state::State;

/// What the metrics of a breaker are called behind its name, in the order in which they are defined.
pub(crate) const NAMES: [&str; 15] = [
    "calls_success_total",
    "calls_error_total",
    "calls_slow_total",
    "calls_ignored_total",
    "probes_total",
    "denied_total",
    "shadow_denied_total",
    "fallback_snapshot_total",
    "fallback_reroute_total",
    "fallback_static_total",
    "opened_total",
    "half_opened_total",
    "closed_total",
    "state",
    "latency_ms",
];

/// What is counted for one breaker.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) calls_error: Counter,
    pub(crate) calls_slow: Counter,
    pub(crate) probes: Counter,
    pub(crate) denied: Counter,
    pub(crate) shadow_denied: Counter,
    pub(crate) fallback_snapshot: Counter,
    pub(crate) fallback_reroute: Counter,
    pub(crate) fallback_static: Counter,
    pub(crate) latency: Histogram,
    calls_success: Counter,
    calls_ignored: Counter,
    opened: Counter,
    half_opened: Counter,
    closed: Counter,
    state: Gauge,
}

/// What is counted of most calls, until the proxy is told of it: that takes a hostcall.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unreported {
    pub(crate) successes: u32,
    pub(crate) ignored: u32,
}

impl Metrics {
    /// Defines them.
    pub(crate) fn new(stat_prefix: &str, breaker: &str, host: &mut dyn Host) -> Self {
        let prefix = format!("portcullis_circuit_breaker_{stat_prefix}{breaker}");
        let [
            calls_success,
            calls_error,
            calls_slow,
            calls_ignored,
            probes,
            denied,
            shadow_denied,
            fallback_snapshot,
            fallback_reroute,
            fallback_static,
            opened,
            half_opened,
            closed,
            state,
            latency,
        ] = NAMES.map(|what| format!("{prefix}_{what}"));
        Self {
            calls_success: host.counter(&calls_success),
            calls_error: host.counter(&calls_error),
            calls_slow: host.counter(&calls_slow),
            calls_ignored: host.counter(&calls_ignored),
            probes: host.counter(&probes),
            denied: host.counter(&denied),
            shadow_denied: host.counter(&shadow_denied),
            fallback_snapshot: host.counter(&fallback_snapshot),
            fallback_reroute: host.counter(&fallback_reroute),
            fallback_static: host.counter(&fallback_static),
            opened: host.counter(&opened),
            half_opened: host.counter(&half_opened),
            closed: host.counter(&closed),
            state: host.gauge(&state),
            latency: host.histogram(&latency),
        }
    }

    /// Shows a state.
    pub(crate) fn show(&self, state: State, host: &mut dyn Host) {
        host.set(self.state, u64::try_from(state as i32).unwrap_or_default());
    }

    /// Counts a change to a state, and shows it.
    pub(crate) fn changed_to(&self, state: State, host: &mut dyn Host) {
        let counter = match state {
            State::Closed => self.closed,
            State::HalfOpen => self.half_opened,
            State::Open => self.opened,
        };
        host.add(counter, 1);
        self.show(state, host);
    }

    /// Tells the proxy what it has not been told yet.
    pub(crate) fn report(&self, unreported: &mut Unreported, host: &mut dyn Host) {
        let Unreported { successes, ignored } = std::mem::take(unreported);
        for (counter, amount) in [(self.calls_success, successes), (self.calls_ignored, ignored)] {
            if amount > 0 {
                host.add(counter, amount);
            }
        }
    }
}

/// A text as part of the name of a metric.
pub(crate) fn as_name(text: &str) -> String {
    const LONGEST: usize = 100;
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    text.chars().take(LONGEST).map(plain).collect()
}
