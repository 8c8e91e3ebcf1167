use std::ops::Not;

/// What a test says, in Kleene's three-valued logic.
///
/// A claim that is missing or of another type than a test compares with is no answer, and the opposite of no answer is none
/// either: so `not` opens no door to whoever leaves a claim out, or has it in another form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Fails,
    Unknown,
    Holds,
}

impl Verdict {
    /// Whether all hold.
    pub(super) fn all(verdicts: impl Iterator<Item = Self>) -> Self {
        let mut lowest = Self::Holds;
        for verdict in verdicts {
            lowest = lowest.min(verdict);
            if lowest == Self::Fails {
                break;
            }
        }
        lowest
    }

    /// Whether any holds.
    pub(super) fn any(verdicts: impl Iterator<Item = Self>) -> Self {
        !Self::all(verdicts.map(Self::not))
    }
}

impl Not for Verdict {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Fails => Self::Holds,
            Self::Unknown => Self::Unknown,
            Self::Holds => Self::Fails,
        }
    }
}

impl From<bool> for Verdict {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{self, Fails, Holds, Unknown};

    #[test]
    fn the_tables_are_kleenes() {
        let all = |a, b| Verdict::all([a, b].into_iter());
        let any = |a, b| Verdict::any([a, b].into_iter());
        for (a, b, both, either) in [
            (Holds, Holds, Holds, Holds),
            (Holds, Unknown, Unknown, Holds),
            (Holds, Fails, Fails, Holds),
            (Unknown, Unknown, Unknown, Unknown),
            (Unknown, Fails, Fails, Unknown),
            (Fails, Fails, Fails, Fails),
        ] {
            assert_eq!((all(a, b), all(b, a)), (both, both), "{a:?} and {b:?}");
            assert_eq!((any(a, b), any(b, a)), (either, either), "{a:?} or {b:?}");
        }
        assert_eq!((!Holds, !Unknown, !Fails), (Fails, Unknown, Holds));
    }

    #[test]
    fn an_answer_ends_the_search() {
        let mut asked = 0;
        let verdicts = [Unknown, Holds, Fails].into_iter().inspect(|_| asked += 1);
        assert_eq!(Verdict::any(verdicts), Holds);
        assert_eq!(asked, 2);
    }
}
