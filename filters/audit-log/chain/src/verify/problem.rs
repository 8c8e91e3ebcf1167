//! The kinds of problems.

use super::finding::Knower;
use super::uid::Uid;
use crate::merkle::Hash;

/// What is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A line is no JSON.
    NotJson {
        /// Why, and at which byte.
        why: String,
    },
    /// A line ends in the middle of a record.
    Half,
    /// A line that is longer than any record.
    TooLong,
    /// JSON that is no record.
    NotRecord {
        /// What it has not.
        missing: &'static str,
    },
    /// A record is not what its hash is of.
    Changed {
        /// The hash of what it says; `None` if the member with the hash is not as a writer writes it.
        computed: Option<Hash>,
        /// The hash that it says.
        found: Hash,
    },
    /// The record before it is not the one whose hash it says.
    Relinked {
        /// The hash of the record before it, if that is still known.
        before: Option<Hash>,
        /// The hash that it says.
        found: Hash,
    },
    /// Records are missing before this one, and no loss record declares that.
    Missing {
        /// The first of them.
        first: u64,
        /// The last.
        last: u64,
    },
    /// Records are missing before this one, and nothing vouches for the loss record that declares that.
    Undeclared {
        /// The first of them.
        first: u64,
        /// The last.
        last: u64,
        /// The number of the loss record.
        by: u64,
    },
    /// This record is before a gap, and is not the one that the loss record names there.
    Replaced {
        /// The hash that the loss record names.
        expected: Hash,
        /// That of the record.
        found: Hash,
    },
    /// The beginning of a chain is missing.
    HeadCut {
        /// The first record that is there.
        first: u64,
    },
    /// The first record of a chain is not the one that a writer begins with, or one that is not the first is.
    Genesis,
    /// A record comes after one that should follow it.
    Reordered {
        /// That one.
        after: u64,
    },
    /// A record comes so late that nobody can tell any more whether it has come before.
    Stale {
        /// The last one before it.
        after: u64,
    },
    /// Another record has the same place in the chain.
    Conflict {
        /// The hash of this one.
        found: Hash,
    },
    /// A record comes after the one that says it is the last.
    AfterStop {
        /// The number of that one.
        stop: u64,
    },
    /// A record's id and number are not those of its place in the chain.
    Mixed {
        /// What its id says.
        found: Option<(Uid, u64)>,
    },
    /// A record of a special kind that lacks what it is there for.
    Incomplete {
        /// What it lacks.
        missing: &'static str,
    },
    /// A checkpoint speaks of another number of records than are before it.
    Size {
        /// How many are before it.
        expected: u64,
        /// How many it says.
        found: u64,
    },
    /// A checkpoint's root is not that of the records before it.
    Root {
        /// Of how many records.
        size: u64,
        /// The root of those before it.
        expected: Hash,
        /// The root that it says.
        found: Hash,
    },
    /// A note does not say what its checkpoint says.
    Note {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A checkpoint is not signed, though it should be.
    Unsigned,
    /// A checkpoint is signed by others than those whose keys were given.
    WrongKey {
        /// Names and ids of the keys that it is signed with.
        found: Vec<String>,
    },
    /// A signature is not that of the key that it names.
    WrongSignature {
        /// The name and the id of that key.
        key: String,
    },
    /// A MAC is not that of the key that it names.
    WrongMac {
        /// The number of that key.
        epoch: u64,
    },
    /// A MAC is by another key than the one whose turn it is.
    Epoch {
        /// The number of the one whose turn it is.
        expected: u64,
        /// The number of the one that it names.
        found: u64,
    },
    /// Records are missing at the end of a chain.
    TailCut {
        /// How many there were.
        known: u64,
        /// Who says that.
        by: Knower,
    },
    /// A record is not the one that somebody else has seen.
    Rewritten {
        /// The hash that the other one has seen.
        expected: Hash,
        /// Who that is.
        by: Knower,
    },
    /// The records are not those that a checkpoint vouches for that was kept elsewhere.
    Kept {
        /// How many records.
        size: u64,
        /// The root of those that are here.
        expected: Hash,
        /// The root that the checkpoint says.
        found: Hash,
        /// Which checkpoint.
        by: Knower,
    },
    /// No record is there of a chain that somebody knows of.
    ChainMissing {
        /// Who that is.
        by: Knower,
    },
    /// A chain without a signature that vouches for it, where one is required.
    NotVouched {
        /// How many of its checkpoints could not be compared with its records.
        unchecked: u64,
    },
    /// There are more chains than the verifier can follow.
    TooManyChains,
}

impl Problem {
    /// A word for each kind of problem, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotJson { .. } => "not_json",
            Self::Half => "half_record",
            Self::TooLong => "too_long",
            Self::NotRecord { .. } => "not_a_record",
            Self::Changed { .. } => "changed",
            Self::Relinked { .. } => "wrong_link",
            Self::Missing { .. } => "missing",
            Self::Undeclared { .. } => "unvouched_loss",
            Self::Replaced { .. } => "replaced",
            Self::HeadCut { .. } => "head_cut",
            Self::Genesis => "genesis",
            Self::Reordered { .. } => "reordered",
            Self::Stale { .. } => "stale",
            Self::Conflict { .. } => "conflict",
            Self::AfterStop { .. } => "after_stop",
            Self::Mixed { .. } => "mixed_writers",
            Self::Incomplete { .. } => "incomplete",
            Self::Size { .. } => "checkpoint_size",
            Self::Root { .. } => "checkpoint_root",
            Self::Note { .. } => "note",
            Self::Unsigned => "unsigned",
            Self::WrongKey { .. } => "wrong_key",
            Self::WrongSignature { .. } => "wrong_signature",
            Self::WrongMac { .. } => "wrong_mac",
            Self::Epoch { .. } => "epoch",
            Self::TailCut { .. } => "tail_cut",
            Self::Rewritten { .. } => "rewritten",
            Self::Kept { .. } => "kept_checkpoint",
            Self::ChainMissing { .. } => "chain_missing",
            Self::NotVouched { .. } => "not_vouched",
            Self::TooManyChains => "too_many_chains",
        }
    }

    /// Who else knows better.
    pub fn knower(&self) -> Option<Knower> {
        match self {
            Self::TailCut { by, .. }
            | Self::Rewritten { by, .. }
            | Self::Kept { by, .. }
            | Self::ChainMissing { by } => Some(*by),
            _ => None,
        }
    }

    /// What it means, and what to do about it.
    pub fn meaning(&self) -> &'static str {
        match self {
            Self::NotJson { .. } => "the line was damaged or edited, or is no record at all",
            Self::Half => "whoever wrote the file was interrupted, or the end of the line was cut off",
            Self::TooLong => {
                "it was not looked at: the line is of something else, or line feeds were taken out"
            }
            Self::NotRecord { .. } => "the line is of something else, or its integrity was taken out",
            Self::Changed { .. } => "the record was changed after it was written",
            Self::Relinked { .. } => {
                "the record before it was changed and hashed anew, or another one was put in its place"
            }
            Self::Missing { .. } => "they were removed, or got lost before anybody could declare that",
            Self::Undeclared { .. } => {
                "if the chain goes on, wait for its next checkpoint; otherwise the loss record was made up, or the proxy died before it could vouch for it"
            }
            Self::Replaced { .. } => "it was changed and hashed anew, and so may be those before it",
            Self::HeadCut { .. } => {
                "the beginning was cut off, or is in a file that was not given: give the older files first"
            }
            Self::Genesis => "the beginning was replaced",
            Self::Reordered { .. } => {
                "lines were moved; give the older files first, and as they were written, not sorted"
            }
            Self::Stale { .. } => "lines were moved, or a file was given twice",
            Self::Conflict { .. } => "one of the two was put in, or two writers use the same chain",
            Self::AfterStop { .. } => "it was put in afterwards",
            Self::Mixed { .. } => "records of several writers were mixed up",
            Self::Incomplete { .. } => "it was not written by this filter, or by another version of it",
            Self::Size { .. } => "records before it were removed or put in, and all hashes made anew",
            Self::Root { .. } | Self::Kept { .. } => {
                "records before it were changed, removed or put in, and their hashes made anew"
            }
            Self::Note { .. } => "the signature was taken from another checkpoint",
            Self::Unsigned => "the signature was removed, or the writer has no key",
            Self::WrongKey { .. } => "somebody else has signed it, or the keys are not those of this writer",
            Self::WrongSignature { .. } => "the signature was made up, or that of another checkpoint",
            Self::WrongMac { .. } => "the MAC was made up, or the master key is not that of this writer",
            Self::Epoch { .. } => {
                "checkpoints were removed, repeated or written by who knows only a later key"
            }
            Self::TailCut { .. } => "the end was cut off, or got lost when the proxy died",
            Self::Rewritten { .. } => "the record was replaced, and all hashes after it made anew",
            Self::ChainMissing { .. } => "the whole chain was removed, or is in a file that was not given",
            Self::NotVouched { .. } => {
                "whoever could write the whole file could also make all of its hashes anew"
            }
            Self::TooManyChains => "the chains beyond are not verified; verify fewer files at once",
        }
    }
}
