//! Up to where somebody vouches for a chain, and which gaps wait for that.

use super::gaps::Gap;

/// How many declared gaps of a chain wait for the next checkpoint; one more is told.
const WAITING: usize = 1024;

/// Up to where somebody vouches for a chain.
///
/// A checkpoint has the hash of the record before it, which has that of the one before, and so on: back to the first record whose predecessor is
/// missing, for that one's own hash nobody can recompute.
#[derive(Debug, Default)]
pub(super) struct Vouched {
    /// The first record that no checkpoint speaks of.
    until: u64,
    /// The first record behind the last gap.
    behind_gap: u64,
    /// The gaps that loss records declare for which nothing vouches yet, with the numbers of those.
    waiting: Vec<(Gap, u64)>,
}

impl Vouched {
    /// A checkpoint vouches for all records before this one, as far back as hashes lead.
    pub(super) fn reaches(&mut self, size: u64) {
        self.until = self.until.max(size);
        self.waiting.retain(|(_, by)| *by >= size);
    }

    /// Hashes do not lead from this record to those before the gap, of which `next` is the first. Says how many of those nothing vouches for.
    pub(super) fn breaks(&mut self, next: u64, sequence: u64) -> u64 {
        let unvouched = next.saturating_sub(self.until.max(self.behind_gap));
        self.behind_gap = sequence;
        unvouched
    }

    /// A loss record declares a gap. If too many wait, the oldest comes back.
    pub(super) fn wait(&mut self, gap: Gap, by: u64) -> Option<(Gap, u64)> {
        self.waiting.push((gap, by));
        (self.waiting.len() > WAITING).then(|| self.waiting.remove(0))
    }

    /// Those for which nothing has vouched.
    pub(super) fn left(&mut self) -> Vec<(Gap, u64)> {
        std::mem::take(&mut self.waiting)
    }
}
