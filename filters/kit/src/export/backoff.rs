use std::time::Duration;

use crate::Host;

/// The first pause between two tries; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// For how long a server may ask to be left alone.
const LONGEST_ASKED_FOR: Duration = Duration::from_secs(300);

/// When a server that fails may be asked again.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    not_before: Duration,
    /// How often it has failed in a row.
    failures: u32,
}

impl Backoff {
    pub(super) fn is_over(&self, now: Duration) -> bool {
        now >= self.not_before
    }

    /// Notes a failure, after which the server wants to be left alone for so long; gives back when it may be asked again.
    pub(super) fn failed(&mut self, after: Option<Duration>, host: &mut dyn Host) -> Duration {
        let doubled = PAUSE.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        // Who wants to be asked again at once may not know how often that is, and nobody is left alone for ever.
        let pause = with_jitter(doubled, host).max(after.unwrap_or_default().min(LONGEST_ASKED_FOR));
        self.not_before = host.monotonic().saturating_add(pause);
        self.not_before
    }

    /// Notes that the server is there.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// Lets the server be asked at once, for once.
    pub(super) fn skip(&mut self) {
        self.not_before = Duration::ZERO;
    }
}

/// Between half of a pause and all of it: workers that failed together do not come back together.
fn with_jitter(pause: Duration, host: &mut dyn Host) -> Duration {
    let [byte, ..] = host.random().unwrap_or_default();
    pause.mul_f64(0.5 + f64::from(byte) / 512.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;
    use crate::testing::TestHost;

    #[test]
    fn pauses_double_and_are_not_the_same_for_all() {
        let (mut host, mut backoff) = (TestHost::at(1_000), Backoff::default());
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let pause = backoff.failed(None, &mut host).checked_sub(host.monotonic()).unwrap();
            // The chance of this host is 7 of 256.
            assert_eq!(pause, Duration::from_secs(seconds).mul_f64(0.5 + 7.0 / 512.0));
            assert!(!backoff.is_over(host.monotonic()) && backoff.is_over(host.monotonic() + pause));
        }
        backoff.answered();
        assert!(backoff.is_over(host.monotonic()));
        assert!(backoff.failed(None, &mut host) < host.monotonic() + Duration::from_secs(1));
    }

    #[test]
    fn a_server_is_left_alone_for_as_long_as_it_asks_within_reason() {
        for (asked, expected) in [(0, None), (60, Some(60)), (300, Some(300)), (301, Some(300))] {
            let (mut host, mut backoff) = (TestHost::at(1_000), Backoff::default());
            let until = backoff.failed(Some(Duration::from_secs(asked)), &mut host);
            let pause = until.checked_sub(host.monotonic()).unwrap();
            match expected {
                Some(seconds) => assert_eq!(pause, Duration::from_secs(seconds)),
                None => assert!(pause >= PAUSE / 2, "{pause:?}"),
            }
        }
    }
}
