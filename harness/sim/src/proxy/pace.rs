/// Events at one moment: more of them, and a plugin goes on forever that enqueues in its own on_queue_ready.
const AT_ONCE: u32 = 1_000_000;
/// Events that one request, connection or span of time may take: a day of ten threads that tick ten times a second.
const IN_ALL: u32 = 10_000_000;

/// How many events there have been since somebody has last asked for something.
#[derive(Debug, Default)]
pub(super) struct Pace {
    in_all: u32,
    at_once: u32,
    is_over: bool,
}

impl Pace {
    /// Somebody asks for something.
    pub(super) fn begin(&mut self) {
        (self.in_all, self.at_once) = (0, 0);
    }

    /// Counts an event, before which time has passed or has not.
    ///
    /// # Errors
    /// There are too many: why, and what to do.
    pub(super) fn count(&mut self, has_passed: bool) -> Result<(), String> {
        self.at_once = if has_passed { 1 } else { self.at_once + 1 };
        self.in_all += 1;
        let problem = match (self.at_once > AT_ONCE, self.in_all > IN_ALL) {
            (true, _) => {
                format!("{AT_ONCE} events without an end in one moment: a queue or a call-out feeds itself")
            }
            (_, true) => format!(
                "{IN_ALL} events, and more are not played at once: let less time pass, in several steps, or let plugins tick less often"
            ),
            _ => return Ok(()),
        };
        self.is_over = true;
        Err(problem)
    }

    /// Whether there have ever been too many.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_time_takes_more_than_a_moment() {
        let mut pace = Pace::default();
        for _ in 0..IN_ALL / AT_ONCE {
            assert_eq!(pace.count(true), Ok(()));
            assert!((1..AT_ONCE).all(|_| pace.count(false).is_ok()));
        }
        assert!(!pace.is_over());
        let problem = pace.count(true).unwrap_err();
        assert!(problem.contains("let less time pass"), "{problem}");
        assert!(pace.is_over());
        pace.begin();
        assert!((0..AT_ONCE).all(|_| pace.count(false).is_ok()));
        let problem = pace.count(false).unwrap_err();
        assert!(problem.contains("in one moment"), "{problem}");
    }
}
