//! What is said of figures that vary.

use std::time::Duration;

/// The middle of some figures, and how far they are apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    /// Between which half of the figures lie: the third quartile less the first.
    pub(crate) spread: f64,
    /// The standard error of the median.
    pub(crate) error: f64,
}

impl Summary {
    /// The error as it is for figures that are spread normally, from their quartiles, so that one that is far off does not count more
    /// than any other: 1.2533 (of the median, times that of the mean) / 1.349 (quartiles, in standard deviations) of the spread.
    pub(crate) fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let spread = quantile(&sorted, 0.75) - quantile(&sorted, 0.25);
        let error = spread * 1.2533 / 1.349 / (sorted.len().max(1) as f64).sqrt();
        Self { median: quantile(&sorted, 0.5), spread, error }
    }

    /// Whether more figures would hardly change it.
    pub(crate) fn is_settled(&self) -> bool {
        self.error <= f64::max(ERROR_US, self.median.abs() * ERROR_SHARE)
    }
}

/// The error that is small enough, in microseconds or as a share.
const ERROR_US: f64 = 0.2;
const ERROR_SHARE: f64 = 0.02;

pub(crate) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    Summary::of(figures).median
}

/// Between the two nearest, where none is in the place.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = sorted.len().saturating_sub(1) as f64 * share;
    let at = |place: f64| sorted.get(place as usize).copied().unwrap_or_default();
    let (lower, upper) = (at(place.floor()), at(place.ceil()));
    lower + (upper - lower) * place.fract()
}

/// The latency that so many of a thousand do not exceed, in milliseconds.
pub(crate) fn latency_ms(sorted: &[Duration], per_mille: usize) -> f64 {
    let place = (sorted.len() * per_mille).div_ceil(1000).saturating_sub(1);
    sorted.get(place).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), 2.5);
        assert_eq!(median([7.0].into_iter()), 7.0);
        assert_eq!(median([].into_iter()), 0.0);
    }

    #[test]
    fn one_that_is_far_off_does_not_widen_the_spread() {
        let summary = Summary::of([10.0, 11.0, 12.0, 13.0, 900.0].into_iter());
        assert_eq!((summary.median, summary.spread), (12.0, 2.0));
    }

    #[test]
    fn the_error_falls_with_the_root_of_how_many_there_are() {
        let figures = [1.0, 2.0, 3.0, 4.0, 5.0];
        let few = Summary::of(figures.into_iter());
        let many = Summary::of(figures.into_iter().cycle().take(500));
        assert!((few.error / many.error - 10.0).abs() < 0.1, "{few:?} {many:?}");
        assert!((few.error - 2.0 * 0.929 / 5.0_f64.sqrt()).abs() < 0.001);
    }

    #[test]
    fn it_is_settled_by_what_is_small_or_a_small_share() {
        let settled = |median, error| Summary { median, spread: 0.0, error }.is_settled();
        assert!(settled(2.0, 0.19) && !settled(2.0, 0.21));
        assert!(settled(40.0, 0.79) && !settled(40.0, 0.81));
        assert!(settled(-40.0, 0.79));
    }

    #[test]
    fn latencies_are_those_that_so_many_do_not_exceed() {
        let sorted: Vec<_> = (1..=1000).map(Duration::from_millis).collect();
        let at = |per_mille| latency_ms(&sorted, per_mille);
        assert_eq!((at(500), at(990), at(999), at(1000)), (500.0, 990.0, 999.0, 1000.0));
        assert_eq!(latency_ms(&[Duration::from_millis(3)], 999), 3.0);
        assert_eq!(latency_ms(&[], 500), 0.0);
    }
}
