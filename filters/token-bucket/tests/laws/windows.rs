//! The law of a limit: in any window of length t no more than burst + rate * t.

/// Tokens that were admitted, or given back where the number is below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// In parts of a token, of which there are as many as the rate has nanoseconds.
    pub(crate) parts: i128,
    /// When, in nanoseconds.
    pub(crate) at: u64,
}

/// A limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Law {
    pub(crate) rate: (u32, u64),
    pub(crate) burst: u64,
    /// For how many nanoseconds more, in every window.
    pub(crate) slack: u64,
}

impl Law {
    /// Looks at the events, in their order, through every window that begins and ends with an admission; a window that does not has as many in a longer time.
    pub(crate) fn check(&self, events: &[Event]) -> Result<(), String> {
        let (tokens, nanos) = (i128::from(self.rate.0), i128::from(self.rate.1));
        for (start, first) in events.iter().enumerate().filter(|(_, it)| it.parts > 0) {
            let mut admitted = 0;
            for last in &events[start..] {
                admitted += last.parts;
                let length = i128::from(last.at - first.at + self.slack);
                // burst + rate * length, in parts of a token.
                if last.parts > 0 && admitted > i128::from(self.burst) * nanos + length * tokens {
                    return Err(format!(
                        "{admitted} parts in {length} ns, from {first:?} to {last:?}, by {self:?}\n{events:#?}"
                    ));
                }
            }
        }
        Ok(())
    }
}

#[test]
fn the_check_sees_one_token_too_many() {
    let law = Law { rate: (1, 10), burst: 2, slack: 0 };
    let at = |at, tokens: i128| Event { parts: tokens * 10, at };
    assert!(law.check(&[at(0, 2), at(10, 1), at(20, 1)]).is_ok());
    assert!(law.check(&[at(0, 2), at(9, 1)]).is_err());
    assert!(law.check(&[at(0, 1), at(50, 1), at(50, 2)]).is_err());
    assert!(law.check(&[at(0, 2), at(5, -1), at(5, 1)]).is_ok());
    assert!(law.check(&[at(0, 2), at(5, -1), at(5, 2)]).is_err());
}
