//! One chain, record by record.

use super::finding::{Finding, Knower, Place};
use super::gaps::{Gap, Gaps};
use super::known::{Fact, Kept, Known};
use super::problem::Problem;
use super::record::Record;
use super::runs::Runs;
use super::seen::{self, Seen};
use super::summary::{ChainSummary, Checkpoints, End};
use super::trust::{Signatures, Trust};
use super::uid::Uid;
use super::vouched::Vouched;
use crate::merkle::{Hash, Tree};

/// What the verifier keeps of a chain.
#[derive(Debug)]
pub(crate) struct State {
    /// The number of the record that should come next.
    pub(crate) next: u64,
    tip: Tip,
    /// The hashes of all records but the last, as the one behind each says; `None` once some of them are not known.
    pub(super) tree: Option<Tree>,
    pub(super) gaps: Gaps,
    seen: Seen,
    pub(super) stop: Option<u64>,
    runs: Runs,
    pub(super) signatures: Signatures,
    pub(super) root_is_wrong: bool,
    pub(super) vouched: Vouched,
    /// Where the last record is.
    pub(crate) last_place: Place,
    pub(crate) summary: ChainSummary,
}

/// The last record.
#[derive(Debug, Default)]
struct Tip {
    /// The hashes that it may have: that which it says, that of what it says, those of others with the same number.
    hashes: Vec<Hash>,
    /// Whether a problem with it has been told, so that a link to another hash is no news.
    is_doubtful: bool,
}

/// What a record meets.
pub(crate) struct Context<'a> {
    pub(crate) place: Place,
    pub(crate) trust: &'a Trust,
    pub(crate) known: &'a mut Known,
    pub(crate) findings: &'a mut Vec<Finding>,
    /// How many keys of MACs were computed in vain.
    pub(crate) in_vain: &'a mut u64,
}

impl State {
    /// A chain of which nothing has come yet.
    pub(crate) fn new(uid: Uid, place: Place) -> Self {
        let summary = ChainSummary {
            uid,
            place,
            records: 0,
            last: 0,
            from: None,
            to: None,
            duplicates: 0,
            rendered_anew: 0,
            checkpoints: Checkpoints::default(),
            declared_missing: 0,
            lost_before: 0,
            end: End::Open,
            previous_chain: None,
            found: 0,
        };
        Self {
            next: 0,
            tip: Tip::default(),
            tree: Some(Tree::default()),
            gaps: Gaps::default(),
            seen: Seen::default(),
            stop: None,
            runs: Runs::default(),
            signatures: Signatures::default(),
            root_is_wrong: false,
            vouched: Vouched::default(),
            last_place: place,
            summary,
        }
    }

    /// A record that is what its hash is of.
    pub(crate) fn take(&mut self, record: &Record, context: &mut Context<'_>) {
        let sequence = record.sequence;
        if !record.is_itself && self.runs.mixed.starts(sequence) {
            let found = record.named.filter(|named| *named != (record.chain, sequence));
            self.tell(sequence, Problem::Mixed { found }, context);
        }
        match sequence.checked_sub(self.next) {
            Some(missing) => self.follow(record, missing, context),
            None => self.late(record, context),
        }
    }

    fn follow(&mut self, record: &Record, missing: u64, context: &mut Context<'_>) {
        let sequence = record.sequence;
        if let Some(stop) = self.stop.filter(|_| self.runs.after_stop.starts(sequence)) {
            self.tell(sequence, Problem::AfterStop { stop }, context);
        }
        if missing > 0 {
            self.leave_out(record, context);
        } else if !self.is_linked(&record.previous) {
            let before = Some(self.tip.hashes.first().copied().unwrap_or_default());
            self.tell(sequence, Problem::Relinked { before, found: record.previous }, context);
        }
        self.grow(record, missing, context);
        self.advance(sequence, [record.hash], context);
        self.count(record);
        self.compare(record, context);
        self.special(record, true, context);
    }

    fn is_linked(&self, previous: &Hash) -> bool {
        match self.next {
            0 => *previous == [0; 32],
            _ => self.tip.is_doubtful || self.tip.hashes.contains(previous),
        }
    }

    /// Records are missing before this one.
    fn leave_out(&mut self, record: &Record, context: &mut Context<'_>) {
        let (first, last) = (self.next, record.sequence.saturating_sub(1));
        let before = self.tip.hashes.first().copied().filter(|_| !self.tip.is_doubtful && first > 0);
        let gap = Gap { first, last, place: context.place, hash_of_last: Some(record.previous), before };
        self.signatures.missing = self.signatures.missing.saturating_add(last - first + 1);
        if let Some(oldest) = self.gaps.open(gap) {
            self.tell_missing(&oldest, context);
        }
    }

    /// The leaves of all records before one that follows: the last of them has the hash that this one says. So a single record that is missing is
    /// none too many.
    fn grow(&mut self, record: &Record, missing: u64, context: &mut Context<'_>) {
        let (sequence, previous) = (record.sequence, record.previous);
        if missing == 0 {
            return self.push_before(previous, context);
        }
        self.push_before(self.tip.hashes.first().copied().unwrap_or_default(), context);
        if missing > 1 {
            self.tree = None;
        }
        if self.tree.is_none() {
            let unvouched = self.vouched.breaks(self.next, sequence);
            self.summary.checkpoints.unvouched += if self.is_anchored(context) { unvouched } else { 0 };
        }
        self.push(sequence, previous, context);
    }

    /// The leaf of the last record that has come, if there is one.
    fn push_before(&mut self, hash: Hash, context: &mut Context<'_>) {
        if self.next > 0 {
            self.push(self.next, hash, context);
        }
    }

    /// The last of so many records has this hash.
    fn push(&mut self, size: u64, hash: Hash, context: &mut Context<'_>) {
        if let Some(tree) = &mut self.tree {
            tree.push(&hash);
        }
        let uid = self.summary.uid;
        let Some(Kept { root: found, last }) = context.known.take_kept(uid, size) else { return };
        let (before, by) = (size.saturating_sub(1), last.by);
        match self.tree.as_ref().map(Tree::root) {
            Some(expected) if expected != found => {
                self.tell(before, Problem::Kept { size, expected, found, by }, context);
            }
            _ if last.hash != hash => {
                self.tell(before, Problem::Rewritten { expected: last.hash, by }, context);
            }
            _ => {
                self.summary.checkpoints.kept += 1;
                self.vouched.reaches(size);
            }
        }
    }

    /// Whether there is something to compare this chain with.
    pub(super) fn is_anchored(&self, context: &Context<'_>) -> bool {
        context.trust.has_keys() || context.known.has_kept(self.summary.uid)
    }

    fn advance(&mut self, sequence: u64, hashes: impl IntoIterator<Item = Hash>, context: &Context<'_>) {
        self.tip.is_doubtful = false;
        self.tip.hashes.clear();
        self.tip.hashes.extend(hashes);
        self.seen.follow(sequence, &self.tip.hashes.first().copied().unwrap_or_default());
        self.next = sequence + 1;
        self.last_place = context.place;
        self.summary.last = sequence;
    }

    fn count(&mut self, record: &Record) {
        let summary = &mut self.summary;
        summary.records += 1;
        summary.rendered_anew += u64::from(record.is_rendered_anew);
        if let Some(time) = record.time {
            summary.from = Some(summary.from.map_or(time, |from| from.min(time)));
            summary.to = Some(summary.to.map_or(time, |to| to.max(time)));
        }
    }

    /// With what others know of this record.
    fn compare(&mut self, record: &Record, context: &mut Context<'_>) {
        let Some(fact) = context.known.take_record(record.chain, record.sequence) else { return };
        self.by_another(fact.by);
        if fact.hash != record.hash {
            let problem = Problem::Rewritten { expected: fact.hash, by: fact.by };
            self.tell(record.sequence, problem, context);
        }
    }

    /// Another writer has noticed that the chain was abandoned.
    fn by_another(&mut self, by: Knower) {
        if let (Knower::Writer(by), End::Open) = (by, &self.summary.end) {
            self.summary.end = End::Abandoned { by };
        }
    }

    /// Somebody knows a record that has come before.
    pub(crate) fn recall(&mut self, sequence: u64, fact: Fact, context: &mut Context<'_>) {
        self.by_another(fact.by);
        if self.seen.known(sequence, &fact.hash) == seen::Known::Other {
            let problem = Problem::Rewritten { expected: fact.hash, by: fact.by };
            self.tell(sequence, problem, context);
        }
    }

    /// A record that comes after a later one: a copy, a forgery, or one that was moved.
    fn late(&mut self, record: &Record, context: &mut Context<'_>) {
        let (sequence, after) = (record.sequence, self.next.saturating_sub(1));
        let gap = self.gaps.fill(sequence);
        match self.seen.known(sequence, &record.hash) {
            seen::Known::Same => self.summary.duplicates += 1,
            seen::Known::Other => {
                if self.runs.conflict.starts(sequence) {
                    self.tell(sequence, Problem::Conflict { found: record.hash }, context);
                }
                if sequence == after {
                    self.tip.hashes.push(record.hash);
                }
            }
            seen::Known::Forgotten if gap.is_none() => {
                if self.runs.stale.starts(sequence) {
                    self.tell(sequence, Problem::Stale { after }, context);
                }
            }
            seen::Known::Missing | seen::Known::Forgotten => {
                if self.runs.reordered.starts(sequence) {
                    self.tell(sequence, Problem::Reordered { after }, context);
                }
                self.fill(record, gap, context);
            }
        }
    }

    /// A record comes that was missing.
    fn fill(&mut self, record: &Record, gap: Option<Gap>, context: &mut Context<'_>) {
        let sequence = record.sequence;
        let behind = gap.filter(|gap| gap.last == sequence).and_then(|gap| gap.hash_of_last);
        if let Some(found) = behind.filter(|hash| *hash != record.hash) {
            self.tell(sequence + 1, Problem::Relinked { before: Some(record.hash), found }, context);
        }
        let before = sequence.checked_sub(1).map(|before| self.seen.known(before, &record.previous));
        if before == Some(seen::Known::Other) {
            self.tell(sequence, Problem::Relinked { before: None, found: record.previous }, context);
        }
        self.seen.fill(sequence, &record.hash);
        self.count(record);
        self.compare(record, context);
        self.special(record, false, context);
    }

    /// A record that is not what its hash is of, and whose place is here nonetheless.
    pub(crate) fn take_changed(&mut self, sequence: u64, record: &Record, context: &mut Context<'_>) {
        self.summary.found += 1;
        self.signatures.missing = self.signatures.missing.saturating_add(1);
        if sequence != self.next {
            self.gaps.fill(sequence);
            return;
        }
        let before = if self.is_linked(&record.previous) { Some(record.previous) } else { None };
        let before = before.or_else(|| self.tip.hashes.first().copied()).unwrap_or_default();
        self.push_before(before, context);
        self.advance(sequence, [record.hash].into_iter().chain(record.computed), context);
        self.tip.is_doubtful = true;
        self.count(record);
    }

    /// What there is to say at the end.
    pub(crate) fn finish(&mut self, context: &mut Context<'_>) {
        for gap in std::mem::take(&mut self.gaps).into_inner() {
            self.tell_missing(&gap, context);
        }
        context.place = self.last_place;
        if !self.tip.is_doubtful {
            self.push_before(self.tip.hashes.first().copied().unwrap_or_default(), context);
        }
        for (gap, by) in self.vouched.left() {
            self.tell_unvouched(&gap, by, context);
        }
        self.summary.checkpoints.signers = std::mem::take(&mut self.signatures.names);
        let Checkpoints { vouched, unchecked, .. } = self.summary.checkpoints;
        if context.trust.is_required && (vouched == 0 || unchecked > 0) {
            let last = self.summary.last;
            self.tell(last, Problem::NotVouched { unchecked }, context);
        }
    }

    fn tell_missing(&mut self, gap: &Gap, context: &mut Context<'_>) {
        let problem = match gap.first {
            0 => Problem::HeadCut { first: gap.last + 1 },
            first => Problem::Missing { first, last: gap.last },
        };
        let place = std::mem::replace(&mut context.place, gap.place);
        self.tell(gap.last + 1, problem, context);
        context.place = place;
    }

    pub(super) fn tell_unvouched(&mut self, gap: &Gap, by: u64, context: &mut Context<'_>) {
        let problem = Problem::Undeclared { first: gap.first, last: gap.last, by };
        let place = std::mem::replace(&mut context.place, gap.place);
        self.tell(gap.last + 1, problem, context);
        context.place = place;
    }

    pub(super) fn tell(&mut self, sequence: u64, problem: Problem, context: &mut Context<'_>) {
        self.summary.found += 1;
        let (place, chain) = (context.place, Some(self.summary.uid));
        context.findings.push(Finding { place, chain, sequence: Some(sequence), problem });
    }
}
