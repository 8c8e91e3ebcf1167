//! Numbers that were left out, until they come after all or a loss record declares them.

use super::finding::Place;
use crate::merkle::Hash;

/// How many gaps of a chain are kept open; one more closes the oldest.
const OPEN: usize = 1024;

/// The gaps of a chain, in their order.
#[derive(Debug, Default)]
pub(crate) struct Gaps(Vec<Gap>);

/// Consecutive records that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// The record behind it, by which it was noticed.
    pub(crate) place: Place,
    /// The hash of its last record, as the one behind it says; `None` once that has come.
    pub(crate) hash_of_last: Option<Hash>,
    /// The hash of the record before its first one, where that is certain.
    pub(crate) before: Option<Hash>,
}

impl Gaps {
    /// A gap behind all others. If there are too many, the oldest comes back: nobody waits for it any longer.
    pub(crate) fn open(&mut self, gap: Gap) -> Option<Gap> {
        self.0.push(gap);
        (self.0.len() > OPEN).then(|| self.0.remove(0))
    }

    /// Takes a record out, if it is missing: its gap as it was comes back.
    pub(crate) fn fill(&mut self, sequence: u64) -> Option<Gap> {
        let index = self.0.partition_point(|gap| gap.last < sequence);
        let gap = *self.0.get(index).filter(|gap| gap.first <= sequence)?;
        self.replace(index, gap, sequence, sequence);
        Some(gap)
    }

    /// Takes out what a loss record declares.
    pub(crate) fn declare(&mut self, first: u64, last: u64) -> Vec<Gap> {
        let mut declared = Vec::new();
        if first > last {
            return declared;
        }
        let mut index = self.0.partition_point(|gap| gap.last < first);
        while let Some(gap) = self.0.get(index).copied().filter(|gap| gap.first <= last) {
            let (from, to) = (gap.first.max(first), gap.last.min(last));
            let before = gap.before.filter(|_| from == gap.first);
            declared.push(Gap { first: from, last: to, before, ..gap });
            index += self.replace(index, gap, from, to);
        }
        declared
    }

    /// What is left of a gap without some of its records, in its place. Says how many gaps that are.
    fn replace(&mut self, index: usize, gap: Gap, from: u64, to: u64) -> usize {
        let left = (from > gap.first).then(|| Gap { last: from - 1, hash_of_last: None, ..gap });
        let right = (to < gap.last).then(|| Gap { first: to + 1, before: None, ..gap });
        self.0.splice(index..=index, left.into_iter().chain(right));
        usize::from(left.is_some()) + usize::from(right.is_some())
    }

    /// Those that are still open.
    pub(crate) fn into_inner(self) -> Vec<Gap> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(first: u64, last: u64) -> Gap {
        Gap { first, last, place: Place::default(), hash_of_last: Some([7; 32]), before: None }
    }

    fn declared(gaps: &mut Gaps, first: u64, last: u64) -> Vec<(u64, u64)> {
        gaps.declare(first, last).iter().map(|gap| (gap.first, gap.last)).collect()
    }

    fn ranges(gaps: &Gaps) -> Vec<(u64, u64, bool)> {
        gaps.0.iter().map(|gap| (gap.first, gap.last, gap.hash_of_last.is_some())).collect()
    }

    #[test]
    fn gaps_shrink_and_split() {
        let mut gaps = Gaps(vec![gap(3, 5), gap(10, 19), gap(30, 30)]);
        assert_eq!(gaps.fill(4), Some(gap(3, 5)));
        assert_eq!(ranges(&gaps), [(3, 3, false), (5, 5, true), (10, 19, true), (30, 30, true)]);
        assert_eq!((gaps.fill(4), gaps.fill(6), gaps.fill(31)), (None, None, None));
        assert_eq!(declared(&mut gaps, 15, 12), []);
        assert_eq!(declared(&mut gaps, 12, 13), [(12, 13)]);
        assert_eq!(ranges(&gaps)[2..4], [(10, 11, false), (14, 19, true)]);
        assert_eq!(declared(&mut gaps, 5, 100), [(5, 5), (10, 11), (14, 19), (30, 30)]);
        assert_eq!(ranges(&gaps), [(3, 3, false)]);
        assert_eq!(gaps.fill(3).unwrap().first, 3);
        assert_eq!((ranges(&gaps).len(), declared(&mut gaps, 0, u64::MAX).len()), (0, 0));
    }

    #[test]
    fn their_number_is_bounded() {
        let mut gaps = Gaps::default();
        for number in 0..OPEN as u64 {
            assert_eq!(gaps.open(gap(number * 2, number * 2)), None);
        }
        assert_eq!(gaps.open(gap(5_000, 6_000)), Some(gap(0, 0)));
        assert_eq!(gaps.0.len(), OPEN);
    }
}
