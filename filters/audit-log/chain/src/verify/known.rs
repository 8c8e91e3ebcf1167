//! What is known of chains beside their own records.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Knower, Place};
use super::uid::Uid;
use crate::merkle::Hash;

/// How many records are kept in mind that other records speak of, and that are still to come.
const MOST: usize = 65_536;

/// What is known of chains beside their own records, until it is found there.
#[derive(Debug, Default)]
pub(crate) struct Known {
    records: BTreeMap<(Uid, u64), Fact>,
    /// Checkpoints that were kept, by their numbers of records.
    kept: BTreeMap<(Uid, u64), Kept>,
    /// The chains that they are of.
    anchored: BTreeSet<Uid>,
}

/// A checkpoint that was kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) root: Hash,
    /// The hash of the last record, and who says so.
    pub(crate) last: Fact,
}

/// What somebody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    /// The hash of a record.
    pub(crate) hash: Hash,
    pub(crate) by: Knower,
    /// Where that is said.
    pub(crate) place: Place,
}

impl Known {
    /// A record has this hash.
    pub(crate) fn record(&mut self, chain: Uid, sequence: u64, fact: Fact) {
        self.records.insert((chain, sequence), fact);
    }

    /// Whether other records may not add to it any more.
    pub(crate) fn is_full(&self) -> bool {
        self.records.len() >= MOST
    }

    /// So many records have this root and this last one.
    pub(crate) fn keep(&mut self, chain: Uid, size: u64, kept: Kept) {
        self.kept.insert((chain, size), kept);
        self.anchored.insert(chain);
    }

    /// Whether a checkpoint of this chain was kept.
    pub(crate) fn has_kept(&self, chain: Uid) -> bool {
        self.anchored.contains(&chain)
    }

    /// What is known of this record, which has come.
    pub(crate) fn take_record(&mut self, chain: Uid, sequence: u64) -> Option<Fact> {
        take(&mut self.records, (chain, sequence))
    }

    /// What is known of so many records, which have come.
    pub(crate) fn take_kept(&mut self, chain: Uid, size: u64) -> Option<Kept> {
        take(&mut self.kept, (chain, size))
    }

    /// What has not come, by chain.
    pub(crate) fn left(self) -> BTreeMap<Uid, Left> {
        let mut all: BTreeMap<Uid, Left> = BTreeMap::new();
        for ((chain, sequence), fact) in self.records {
            all.entry(chain).or_insert_with(|| Left::new(fact)).reaches(sequence.saturating_add(1), fact);
        }
        for ((chain, size), kept) in self.kept {
            let left = all.entry(chain).or_insert_with(|| Left::new(kept.last));
            left.reaches(size, kept.last);
            left.kept.push(size);
        }
        all
    }
}

/// What is known of a chain, and has not come.
#[derive(Clone, Debug)]
pub(crate) struct Left {
    /// How many records there were at least, and who says so.
    pub(crate) size: u64,
    pub(crate) fact: Fact,
    /// Of how many records there are checkpoints.
    pub(crate) kept: Vec<u64>,
}

impl Left {
    fn new(fact: Fact) -> Self {
        Self { size: 0, fact, kept: Vec::new() }
    }

    fn reaches(&mut self, size: u64, fact: Fact) {
        if size > self.size {
            (self.size, self.fact) = (size, fact);
        }
    }
}

fn take<T>(map: &mut BTreeMap<(Uid, u64), T>, key: (Uid, u64)) -> Option<T> {
    // As a rule nothing is known, and this is asked for every record.
    if map.is_empty() { None } else { map.remove(&key) }
}
