//! Records that speak of their chain: how it begins and ends, what it has lost, and checkpoints.

use super::gaps::Gap;
use super::problem::Problem;
use super::record::{Kind, Record};
use super::state::{Context, State};
use super::summary::End;
use super::trust::checkpoint;
use super::uid::Uid;
use crate::hex;
use crate::merkle::{Hash, Tree};

impl State {
    /// What a record says that is not of a request. One that is not where it should be says less.
    pub(super) fn special(&mut self, record: &Record, is_in_order: bool, context: &mut Context<'_>) {
        let kind = record.kind.as_ref();
        let name = kind.map_or("", |kind| kind.name.as_str());
        if (name == "genesis") != (record.sequence == 0) {
            self.tell(record.sequence, Problem::Genesis, context);
        }
        let Some(kind) = kind else { return };
        match name {
            "genesis" => self.genesis(kind),
            "checkpoint" => self.checkpoint(kind, record, is_in_order, context),
            "loss" => self.loss(kind, record, context),
            "stop" => self.stop(kind, record.sequence),
            _ => (),
        }
    }

    fn genesis(&mut self, kind: &Kind) {
        self.summary.previous_chain =
            kind.text("previous_chain").and_then(|chain| Uid::parse(chain.as_bytes()));
        self.signatures.are_announced |= kind.text("key").is_some();
    }

    fn stop(&mut self, kind: &Kind, sequence: u64) {
        self.stop.get_or_insert(sequence);
        self.summary.end = End::Stopped { reason: kind.text("reason").map(str::to_owned) };
    }

    fn loss(&mut self, kind: &Kind, record: &Record, context: &mut Context<'_>) {
        match (kind.number("first_sequence"), kind.number("last_sequence")) {
            (Some(first), Some(last)) => {
                let previous = kind.text("previous").and_then(|digits| hex::parse(digits.as_bytes()));
                for gap in self.gaps.declare(first, last.min(record.sequence)) {
                    if let (Some(expected), Some(found), true) = (previous, gap.before, gap.first == first) {
                        self.tell_if_replaced((expected, found), first, context);
                    }
                    self.declared(gap, record.sequence, context);
                }
            }
            _ => {
                let lost = record.count.unwrap_or(1);
                self.summary.lost_before = self.summary.lost_before.saturating_add(lost);
            }
        }
    }

    /// A loss record names the hash of what was before: so nobody can write that anew behind whose back there is a gap.
    fn tell_if_replaced(&mut self, (expected, found): (Hash, Hash), first: u64, context: &mut Context<'_>) {
        if expected != found {
            let before = first.saturating_sub(1);
            self.tell(before, Problem::Replaced { expected, found }, context);
        }
    }

    /// A gap is declared. Anybody can write that who can write the file, so it has to be vouched for if anything can.
    fn declared(&mut self, gap: Gap, by: u64, context: &mut Context<'_>) {
        self.summary.declared_missing += gap.last - gap.first + 1;
        if self.is_anchored(context)
            && let Some((oldest, by)) = self.vouched.wait(gap, by)
        {
            self.tell_unvouched(&oldest, by, context);
        }
    }

    fn checkpoint(&mut self, kind: &Kind, record: &Record, is_in_order: bool, context: &mut Context<'_>) {
        let sequence = record.sequence;
        self.summary.checkpoints.total += 1;
        let (checkpoint, signature) = match checkpoint(kind, record.previous) {
            Ok(it) => it,
            Err(problem) => return self.tell(sequence, problem, context),
        };
        if checkpoint.size != sequence {
            let problem = Problem::Size { expected: sequence, found: checkpoint.size };
            return self.tell(sequence, problem, context);
        }
        // Of one that was moved, the tree of that moment is gone, and so is the key of its MAC.
        if !is_in_order {
            self.summary.checkpoints.unchecked += 1;
            return;
        }
        self.summary.checkpoints.last = Some(sequence);
        let fits = self.fits(checkpoint.root, sequence, context);
        let checked =
            self.signatures.check(self.summary.uid, &checkpoint, &signature, context.trust, context.in_vain);
        let is_vouched = checked == Ok(true) && fits != Some(false);
        if is_vouched {
            self.summary.checkpoints.vouched += 1;
            self.summary.checkpoints.vouched_to = Some(sequence);
            // What it says is signed as well.
            self.vouched.reaches(sequence + 1);
        } else if fits.is_none() {
            self.summary.checkpoints.unchecked += 1;
        }
        match checked {
            // The hash of the last record is signed as well: where the root is wrong, so is that.
            Err(Problem::Note { .. } | Problem::WrongMac { .. }) if self.root_is_wrong => (),
            Err(problem) => self.tell(sequence, problem, context),
            Ok(_) => (),
        }
    }

    /// Whether a root is that of the records before, if that is known.
    fn fits(&mut self, found: Hash, size: u64, context: &mut Context<'_>) -> Option<bool> {
        let Some(expected) = self.tree.as_ref().map(Tree::root) else {
            self.root_is_wrong = false;
            return None;
        };
        let is_right = expected == found;
        // What is wrong stays wrong; the first checkpoint that shows it is enough.
        if !is_right && !self.root_is_wrong {
            self.tell(size, Problem::Root { size, expected, found }, context);
        }
        self.root_is_wrong = !is_right;
        Some(is_right)
    }
}
