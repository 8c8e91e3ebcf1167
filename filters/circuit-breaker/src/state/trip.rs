//! When a breaker opens.

use std::fmt;

use super::tally::Counts;

/// A share, in millionths: whole numbers, so that 55 of 100 is neither more nor less than 0.55.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio(u32);

const WHOLE: u32 = 1_000_000;

impl Ratio {
    /// From a number above 0 and up to 1; `None` for any other.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and a million")]
    pub fn new(share: f64) -> Option<Self> {
        (share > 0.0 && share <= 1.0)
            .then(|| Self((share * f64::from(WHOLE)).round() as u32))
            .filter(|ratio| ratio.0 > 0)
    }

    /// Whether `part` of `whole` is at least so much. Nothing of nothing is not.
    pub fn is_reached(self, part: u32, whole: u32) -> bool {
        whole > 0 && u64::from(part) * u64::from(WHOLE) >= u64::from(self.0) * u64::from(whole)
    }

    /// As a number up to 1.
    pub fn share(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }
}

/// What makes a breaker open; any one of them does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trip {
    /// The share of slow calls.
    pub slow_ratio: Option<Ratio>,
    /// The share of failed calls.
    pub error_ratio: Option<Ratio>,
    /// The number of failed calls.
    pub error_count: Option<u32>,
    /// The number of failed calls in a row.
    pub consecutive_errors: Option<u32>,
    /// How many calls there have to be before a share says anything.
    pub min_requests: u32,
}

/// What has made a breaker open, with the numbers behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cause {
    /// The member of the configuration.
    pub strategy: &'static str,
    /// Its threshold.
    pub threshold: f64,
    /// What was counted: of how many calls.
    pub counted: u32,
    /// See there; 0 where it is no share.
    pub calls: u32,
}

impl Trip {
    /// Whether calls like these make a breaker open. All comparisons are "at least".
    pub fn check(&self, counts: Counts, errors_in_a_row: u32) -> Option<Cause> {
        let reached = |strategy, threshold: u32, counted: u32| {
            let cause = Cause { strategy, threshold: threshold.into(), counted, calls: 0 };
            (counted >= threshold).then_some(cause)
        };
        // A late error may have outlived the call that it belongs to.
        let calls = counts.calls.max(counts.errors);
        let shared = |strategy, ratio: Ratio, counted: u32| {
            let cause = Cause { strategy, threshold: ratio.share(), counted, calls };
            (calls >= self.min_requests && ratio.is_reached(counted, calls)).then_some(cause)
        };
        let in_a_row =
            self.consecutive_errors.and_then(|it| reached("consecutive_errors", it, errors_in_a_row));
        in_a_row
            .or_else(|| reached("error_count", self.error_count?, counts.errors))
            .or_else(|| shared("error_ratio", self.error_ratio?, counts.errors))
            .or_else(|| shared("slow_ratio", self.slow_ratio?, counts.slow))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { strategy, threshold, counted, calls } = self;
        match calls {
            0 => write!(f, "{strategy} {counted} >= {threshold}"),
            _ => {
                let share = f64::from(*counted) / f64::from(*calls);
                write!(f, "{strategy} {share:.3} >= {threshold} ({counted} of {calls} calls)")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(calls: u32, errors: u32, slow: u32) -> Counts {
        Counts { calls, errors, slow }
    }

    #[test]
    fn a_ratio_of_one_can_be_reached() {
        let trip = Trip { error_ratio: Ratio::new(1.0), min_requests: 5, ..Trip::default() };
        assert!(trip.check(counts(5, 5, 0), 5).is_some());
        assert_eq!(trip.check(counts(4, 4, 0), 4), None, "too few calls");
        assert_eq!(trip.check(counts(6, 5, 0), 5), None);
    }

    #[test]
    fn a_share_that_is_just_reached_is_reached() {
        for percent in 1..=100 {
            let trip = Trip { slow_ratio: Ratio::new(f64::from(percent) / 100.0), ..Trip::default() };
            assert!(trip.check(counts(100, 0, percent), 0).is_some(), "{percent}");
            assert_eq!(trip.check(counts(100, 0, percent - 1), 0), None, "{percent}");
        }
    }

    #[test]
    fn counts_need_no_minimum() {
        let trip =
            Trip { error_count: Some(3), consecutive_errors: Some(2), min_requests: 100, ..Trip::default() };
        assert_eq!(trip.check(counts(2, 2, 0), 1), None);
        assert_eq!(trip.check(counts(2, 2, 0), 2).unwrap().strategy, "consecutive_errors");
        assert_eq!(trip.check(counts(3, 3, 0), 1).unwrap().strategy, "error_count");
    }

    #[test]
    fn no_share_of_nothing() {
        let trip = Trip { error_ratio: Ratio::new(0.5), ..Trip::default() };
        assert_eq!(trip.check(counts(0, 0, 0), 0), None);
    }

    #[test]
    fn causes_say_their_numbers() {
        let trip = Trip { error_ratio: Ratio::new(0.5), error_count: Some(9), ..Trip::default() };
        let text = |counts| trip.check(counts, 0).unwrap().to_string();
        assert_eq!(text(counts(50, 25, 0)), "error_count 25 >= 9");
        assert_eq!(text(counts(10, 6, 0)), "error_ratio 0.600 >= 0.5 (6 of 10 calls)");
    }

    #[test]
    fn shares_are_above_nothing_and_up_to_one() {
        for share in [0.0, -0.5, 1.000_001, f64::NAN, f64::INFINITY, 1e-9] {
            assert_eq!(Ratio::new(share), None, "{share}");
        }
    }
}
