//! What there is to say when all has been read.

use std::collections::BTreeSet;

use super::finding::{Finding, Place};
use super::uid::Uid;

/// What there is to say when all has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// What only the end shows.
    pub findings: Vec<Finding>,
    /// How many findings there were, these included.
    pub found: u64,
    /// The chains, in the order in which they begin.
    pub chains: Vec<ChainSummary>,
    /// How many lines were not empty.
    pub lines: u64,
    /// How many of them have nothing of a record.
    pub others: u64,
    /// Where the first of those is.
    pub first_other: Option<Place>,
}

/// What there is to say of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainSummary {
    /// Which chain.
    pub uid: Uid,
    /// Where it begins.
    pub place: Place,
    /// How many records of it are there, each counted once.
    pub records: u64,
    /// The number of its last record.
    pub last: u64,
    /// When its first record was written, in milliseconds since the epoch.
    pub from: Option<i64>,
    /// When its last record was written.
    pub to: Option<i64>,
    /// How many records have come again.
    pub duplicates: u64,
    /// How many records somebody has rendered anew, with the same content.
    pub rendered_anew: u64,
    /// Its checkpoints.
    pub checkpoints: Checkpoints,
    /// How many records are missing that loss records declare.
    pub declared_missing: u64,
    /// How many records were lost before they had a place in the chain, as loss records say.
    pub lost_before: u64,
    /// How it ends.
    pub end: End,
    /// The chain that the same proxy wrote before.
    pub previous_chain: Option<Uid>,
    /// How many findings are in it.
    pub found: u64,
}

/// The checkpoints of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoints {
    /// How many there are.
    pub total: u64,
    /// How many of them fit the records before them, as far as those are there, and are vouched for by a key that was given.
    pub vouched: u64,
    /// How many could not be compared with the records before them, because some of those are missing, and have no signature to go by.
    pub unchecked: u64,
    /// How many records stand between a checkpoint and a gap of several records, so that no later one vouches for them. Not told where there are
    /// neither keys nor checkpoints that were kept.
    pub unvouched: u64,
    /// How many that were kept elsewhere fit the records.
    pub kept: u64,
    /// How many of those could not be compared.
    pub kept_unchecked: u64,
    /// Up to which record, exclusively, a signature vouches for all but those.
    pub vouched_to: Option<u64>,
    /// The record of the last one.
    pub last: Option<u64>,
    /// Who has signed.
    pub signers: BTreeSet<String>,
}

/// How a chain ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With a record that says so.
    Stopped {
        /// Why, as it says.
        reason: Option<String>,
    },
    /// Without. Nobody can tell from its own records whether more came after the last one.
    Open,
    /// Without, and the writer of another chain has noticed that.
    Abandoned {
        /// That chain.
        by: Uid,
    },
}

impl ChainSummary {
    /// How many records have come after the last checkpoint.
    pub fn after_checkpoint(&self) -> u64 {
        self.checkpoints.last.map_or(self.last + 1, |last| self.last.saturating_sub(last))
    }
}
