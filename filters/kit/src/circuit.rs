use std::time::Duration;

use crate::UnixTime;

/// How many failures in a row are taken for accidents.
const TOLERATED: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Spares a server that fails: after five failures in a row nobody is asked for a second. Then one call is tried; if that fails too,
/// the wait doubles, up to ten seconds. One good answer ends it.
#[derive(Debug)]
pub struct Circuit<E> {
    state: State<E>,
}

#[derive(Clone, Copy, Debug)]
enum State<E> {
    Closed { failures: u32 },
    Open { until: UnixTime, wait: Duration, last: E },
    HalfOpen { wait: Duration, last: E },
}

impl<E> Default for Circuit<E> {
    fn default() -> Self {
        Self { state: State::Closed { failures: 0 } }
    }
}

impl<E: Copy> Circuit<E> {
    /// Whether a call may be made now; whoever is let through has to make it.
    ///
    /// # Errors
    /// The server fails: with what it failed last.
    pub fn admit(&mut self, now: UnixTime) -> Result<(), E> {
        match self.state {
            State::Closed { .. } => Ok(()),
            State::Open { last, .. } if !self.wait(now).is_zero() => Err(last),
            State::Open { wait, last, .. } => {
                self.state = State::HalfOpen { wait, last };
                Ok(())
            }
            State::HalfOpen { last, .. } => Err(last),
        }
    }

    /// How long nobody is asked.
    pub fn wait(&self, now: UnixTime) -> Duration {
        let State::Open { until, wait, .. } = self.state else { return Duration::ZERO };
        let left = Duration::from_nanos(until.as_nanos().saturating_sub(now.as_nanos()));
        // Longer than ever planned: the clock was set back.
        if left > wait { Duration::ZERO } else { left }
    }

    /// Notes that the server has answered.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Notes a failure. Whether it is worth a line in the log: the first one, and each that opens the circuit.
    pub fn failed(&mut self, failure: E, now: UnixTime) -> bool {
        let wait = match self.state {
            State::Closed { failures } if failures < TOLERATED => {
                self.state = State::Closed { failures: failures + 1 };
                return failures == 0;
            }
            State::Closed { .. } => FIRST_WAIT,
            // A call from before.
            State::Open { .. } => return false,
            State::HalfOpen { wait, .. } => wait.saturating_mul(2).min(LONGEST_WAIT),
        };
        self.state = State::Open { until: now.saturating_add(wait), wait, last: failure };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURE: u16 = 503;

    fn at(milliseconds: u64) -> UnixTime {
        UnixTime::from_nanos(milliseconds * 1_000_000)
    }

    fn opened() -> Circuit<u16> {
        let mut circuit = Circuit::default();
        let logged: Vec<_> = (0..5).map(|_| circuit.failed(FAILURE, at(100_000))).collect();
        assert_eq!(logged, [true, false, false, false, true]);
        circuit
    }

    #[test]
    fn it_opens_at_the_fifth_failure_in_a_row() {
        let mut circuit = Circuit::default();
        for round in 0..100 {
            circuit.failed(FAILURE, at(round));
            if round % 4 == 3 {
                circuit.succeeded();
            }
            assert_eq!(circuit.admit(at(round)), Ok(()));
        }
        assert_eq!(opened().admit(at(100_000)), Err(FAILURE));
    }

    #[test]
    fn the_waits_are_1_2_4_8_10_10_seconds() {
        let mut circuit = opened();
        let mut now = 100_000;
        for seconds in [1, 2, 4, 8, 10, 10] {
            assert_eq!(circuit.wait(at(now)), Duration::from_secs(seconds));
            now += seconds * 1000;
            assert_eq!(circuit.admit(at(now - 1)), Err(FAILURE));
            assert_eq!(circuit.admit(at(now)), Ok(()));
            assert_eq!(circuit.admit(at(now)), Err(FAILURE), "one at a time");
            assert_eq!(circuit.wait(at(now)), Duration::ZERO);
            assert!(circuit.failed(FAILURE, at(now)));
        }
        circuit.succeeded();
        assert_eq!(circuit.admit(at(now)), Ok(()));
        assert!(circuit.failed(FAILURE, at(now)), "a new row");
        assert_eq!(circuit.admit(at(now)), Ok(()));
    }

    #[test]
    fn late_failures_do_not_prolong_it() {
        let mut circuit = opened();
        assert!(!circuit.failed(0, at(100_900)));
        assert_eq!(circuit.admit(at(101_000)), Ok(()));
    }

    #[test]
    fn a_clock_set_back_does_not_hold_it_open() {
        assert_eq!(opened().admit(at(50_000)), Ok(()));
    }
}
