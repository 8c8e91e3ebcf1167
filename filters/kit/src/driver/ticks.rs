use std::time::Duration;

use crate::StreamHost;

/// The one timer of a plugin, for filters that each want their own.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    /// By filter.
    wanted: Vec<Tick>,
    /// What the proxy was told, and when that is over for the first time.
    told: Duration,
    until: Duration,
    has_ticked: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tick {
    /// Zero for none.
    period: Duration,
    /// On the clock that only goes on.
    due: Duration,
}

impl Ticks {
    /// Takes note of the periods that the filters want now, and sets the timer so that the next one has its tick on time.
    pub(super) fn set(
        &mut self,
        periods: impl ExactSizeIterator<Item = Duration>,
        host: &mut dyn StreamHost,
    ) {
        if periods.len() == 1 {
            periods.for_each(|period| self.tell(period, host));
            return;
        }
        self.wanted.resize(periods.len(), Tick::default());
        let mut now = None;
        for (tick, period) in self.wanted.iter_mut().zip(periods) {
            if tick.period != period {
                let now = *now.get_or_insert_with(|| host.monotonic());
                *tick = Tick { period, due: now.saturating_add(period) };
            }
        }
        if now.is_none() && !self.has_ticked {
            return;
        }
        let next = self.wanted.iter().filter(|tick| !tick.period.is_zero()).map(|tick| tick.due).min();
        let Some(next) = next else { return self.tell(Duration::ZERO, host) };
        let left = next.saturating_sub(now.unwrap_or_else(|| host.monotonic()));
        // A proxy counts in milliseconds, and begins anew behind each tick.
        let period = Duration::from_nanos(left.as_nanos().next_multiple_of(1_000_000).max(1_000_000) as u64);
        let begins_anew = std::mem::take(&mut self.has_ticked) && self.told == period;
        let goes_on = self.until == next && !self.told.is_zero();
        if !begins_anew && !goes_on {
            self.told = Duration::ZERO;
            self.tell(period, host);
        }
        self.until = next;
    }

    /// The time of a tick.
    pub(super) fn begin(&mut self, host: &mut dyn StreamHost) -> Duration {
        self.has_ticked = true;
        if self.wanted.is_empty() { Duration::ZERO } else { host.monotonic() }
    }

    /// Whether it is this filter's.
    pub(super) fn is_for(&mut self, index: usize, now: Duration) -> bool {
        let Some(tick) = self.wanted.get_mut(index) else { return true };
        let is_due = !tick.period.is_zero() && tick.due <= now;
        if is_due {
            tick.due = now.saturating_add(tick.period);
        }
        is_due
    }

    fn tell(&mut self, period: Duration, host: &mut dyn StreamHost) {
        if self.told != period {
            self.told = period;
            host.set_tick(period);
        }
    }
}
