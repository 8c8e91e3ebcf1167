use std::time::Duration;

/// What a proxy counts in.
const MILLISECOND: Duration = Duration::from_millis(1);

/// The one timer of a plugin, for filters that each want their own.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    /// By filter; empty where there is one, which has the timer to itself.
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
    due: Duration,
}

impl Ticks {
    /// Takes note of the periods that the filters want now, and says what the timer has to be set to so that the next one has its tick on
    /// time; `None` where it is already. `now` is the clock that only goes on.
    pub(super) fn set(
        &mut self,
        periods: impl ExactSizeIterator<Item = Duration>,
        now: impl Fn() -> Duration,
    ) -> Option<Duration> {
        if periods.len() == 1 {
            return periods.last().and_then(|period| self.tell(period));
        }
        self.wanted.resize(periods.len(), Tick::default());
        let mut read = None;
        for (tick, period) in self.wanted.iter_mut().zip(periods) {
            if tick.period != period {
                let now = *read.get_or_insert_with(&now);
                *tick = Tick { period, due: now.saturating_add(period) };
            }
        }
        let has_ticked = std::mem::take(&mut self.has_ticked);
        if read.is_none() && !has_ticked {
            return None;
        }
        let next = self.wanted.iter().filter(|tick| !tick.period.is_zero()).map(|tick| tick.due).min();
        let Some(next) = next else { return self.tell(Duration::ZERO) };
        let goes_on = !has_ticked && self.until == next && !self.told.is_zero();
        self.until = next;
        let left = next.saturating_sub(read.unwrap_or_else(now));
        let period = whole_milliseconds(left);
        // Behind a tick the proxy begins anew with the same period.
        let begins_anew = has_ticked && self.told == period;
        if goes_on || begins_anew {
            return None;
        }
        self.told = period;
        Some(period)
    }

    /// Begins a tick, and gives its time.
    pub(super) fn begin(&mut self, now: impl Fn() -> Duration) -> Duration {
        self.has_ticked = true;
        if self.wanted.is_empty() { Duration::ZERO } else { now() }
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

    fn tell(&mut self, period: Duration) -> Option<Duration> {
        (std::mem::replace(&mut self.told, period) != period).then_some(period)
    }
}

/// Begun ones count, and there is at least one.
fn whole_milliseconds(time: Duration) -> Duration {
    let whole = Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    if whole < time { whole.saturating_add(MILLISECOND) } else { whole.max(MILLISECOND) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Which filters had a tick when, within so many milliseconds, with these periods.
    fn ticks(periods: &[u64], until: u64) -> Vec<(u64, usize)> {
        let mut ticks = Ticks::default();
        let set = |ticks: &mut Ticks, at: u64| ticks.set(periods.iter().map(|it| ms(*it)), || ms(at));
        let mut period = set(&mut ticks, 0).unwrap_or_default();
        let (mut at, mut seen) = (0, Vec::new());
        while !period.is_zero() && at + period.as_millis() as u64 <= until {
            at += period.as_millis() as u64;
            let now = ticks.begin(|| ms(at));
            seen.extend((0..periods.len()).filter(|index| ticks.is_for(*index, now)).map(|it| (at, it)));
            period = set(&mut ticks, at).unwrap_or(period);
        }
        seen
    }

    #[test]
    fn each_filter_has_its_ticks_as_if_it_were_alone() {
        let alone = |index: usize, period: u64| (1..=3000 / period).map(move |it| (it * period, index));
        for periods in [&[300, 1000][..], &[200, 200, 1000], &[7, 0, 300], &[1000], &[1, 2, 3]] {
            let ticking = periods.iter().enumerate().filter(|(_, period)| **period > 0);
            let mut expected: Vec<_> = ticking.flat_map(|(index, period)| alone(index, *period)).collect();
            expected.sort_unstable();
            assert_eq!(ticks(periods, 3000), expected, "{periods:?}");
        }
        assert_eq!(ticks(&[0, 0], 3000), []);
    }

    #[test]
    fn the_proxy_is_told_what_is_new_and_nothing_else() {
        let mut ticks = Ticks::default();
        let mut set = |periods: [u64; 2], at: u64| ticks.set(periods.map(ms).into_iter(), || ms(at));
        assert_eq!(set([1000, 0], 0), Some(ms(1000)));
        assert_eq!(set([1000, 0], 400), None);
        assert_eq!(set([1000, 5000], 400), None, "the first one is due earlier");
        assert_eq!(set([1000, 20], 500), Some(ms(20)));
        assert_eq!(set([1000, 0], 510), Some(ms(490)), "what is left of the second");
        assert_eq!(set([0, 0], 600), Some(Duration::ZERO));
        assert_eq!(set([0, 0], 700), None);
    }

    #[test]
    fn a_tick_that_comes_too_early_is_nobodys_and_comes_again() {
        let mut ticks = Ticks::default();
        let periods = || [ms(100), ms(300)].into_iter();
        assert_eq!(ticks.set(periods(), || ms(0)), Some(ms(100)));
        let early = Duration::from_micros(99_900);
        let now = ticks.begin(|| early);
        assert!(!ticks.is_for(0, now) && !ticks.is_for(1, now));
        assert_eq!(ticks.set(periods(), || early), Some(MILLISECOND));
    }
}
