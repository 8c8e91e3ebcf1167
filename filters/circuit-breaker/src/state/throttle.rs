//! Client-side throttling, as in the book "Site Reliability Engineering", chapter 21, and Envoy's admission control: the more calls
//! fail, the fewer pass.

use super::tally::Counts;
use super::trip::Ratio;

/// What the share of requests that are denied goes by.
#[derive(Clone, Copy, Debug)]
pub struct Throttle {
    /// The share of successful calls below which requests are denied.
    pub success_ratio: Ratio,
    /// How fast the share of denied requests grows, 1 or more: larger means faster.
    pub aggression: f64,
    /// The largest share of requests that is denied.
    pub max_rejection: Ratio,
    /// How many calls there have to be in the window.
    pub min_requests: u32,
}

impl Throttle {
    /// The probability with which a request is denied after such calls: `((n - s / ratio) / (n + 1)) ^ (1 / aggression)`.
    pub fn rejection(&self, counts: Counts) -> f64 {
        if counts.calls < self.min_requests.max(1) {
            return 0.0;
        }
        let calls = f64::from(counts.calls);
        let successes = f64::from(counts.calls.saturating_sub(counts.errors));
        let surplus = calls - successes / self.success_ratio.share();
        let share = (surplus / (calls + 1.0)).max(0.0).powf(1.0 / self.aggression);
        share.min(self.max_rejection.share())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(ratio: f64, aggression: f64, max: f64, success_rate: u32) -> f64 {
        let [success_ratio, max_rejection] = [ratio, max].map(|share| Ratio::new(share).unwrap());
        let throttle = Throttle { success_ratio, aggression, max_rejection, min_requests: 1 };
        // Envoy's test has 100 calls as well.
        throttle.rejection(Counts { calls: 100, errors: 100 - success_rate, slow: 0 })
    }

    /// The table that Envoy's own test of admission control has (`RejectionProbability`).
    #[test]
    fn requests_are_denied_as_envoy_denies_them() {
        for (ratio, aggression, max, success_rate, expected) in [
            (1.0, 1.0, 1.0, 100, 0.0),
            (1.0, 1.0, 1.0, 95, 0.05),
            (1.0, 1.0, 1.0, 75, 0.25),
            (1.0, 2.0, 1.0, 100, 0.0),
            (1.0, 2.0, 1.0, 95, 0.22),
            (1.0, 2.0, 1.0, 75, 0.50),
            (0.95, 1.0, 1.0, 98, 0.0),
            (0.95, 1.0, 1.0, 95, 0.0),
            (0.95, 1.0, 1.0, 90, 0.05),
            (0.95, 1.0, 1.0, 75, 0.20),
            (0.95, 1.0, 1.0, 50, 0.46),
            (0.95, 1.0, 0.1, 80, 0.1),
            (0.95, 1.0, 0.1, 0, 0.1),
        ] {
            let actual = rejection(ratio, aggression, max, success_rate);
            assert!(
                (actual - expected).abs() < 0.01,
                "{ratio} {aggression} {success_rate}: {actual}, not {expected}"
            );
        }
    }

    #[test]
    fn few_calls_say_nothing() {
        let ratio = Ratio::new(1.0).unwrap();
        let throttle =
            Throttle { success_ratio: ratio, aggression: 1.0, max_rejection: ratio, min_requests: 10 };
        let rejection = |calls| throttle.rejection(Counts { calls, errors: calls, slow: 0 });
        assert!(rejection(9) == 0.0 && rejection(10) > 0.9 && rejection(0) == 0.0);
    }
}
