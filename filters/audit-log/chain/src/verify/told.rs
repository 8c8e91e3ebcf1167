//! What people are told of a problem.

use std::fmt::{Display, Formatter, Result};

use super::problem::Problem;
use crate::hex;
use crate::merkle::Hash;

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::NotJson { .. }
            | Self::Half
            | Self::TooLong
            | Self::NotRecord { .. }
            | Self::Changed { .. }
            | Self::Mixed { .. }
            | Self::Incomplete { .. } => self.of_a_record(f),
            Self::Relinked { .. }
            | Self::Missing { .. }
            | Self::Undeclared { .. }
            | Self::Replaced { .. }
            | Self::HeadCut { .. }
            | Self::Genesis
            | Self::Reordered { .. }
            | Self::Stale { .. }
            | Self::Conflict { .. }
            | Self::AfterStop { .. }
            | Self::TooManyChains => self.of_a_chain(f),
            Self::Size { .. }
            | Self::Root { .. }
            | Self::Note { .. }
            | Self::Unsigned
            | Self::WrongKey { .. }
            | Self::WrongSignature { .. }
            | Self::WrongMac { .. }
            | Self::Epoch { .. }
            | Self::NotVouched { .. } => self.of_a_checkpoint(f),
            Self::TailCut { .. } | Self::Rewritten { .. } | Self::Kept { .. } | Self::ChainMissing { .. } => {
                self.of_others(f)
            }
        }
    }
}

impl Problem {
    fn of_a_record(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::NotJson { why } => write!(f, "no JSON: {why}"),
            Self::Half => f.write_str("half a record: the line ends in the middle of it"),
            Self::TooLong => f.write_str("the line is longer than any record"),
            Self::NotRecord { missing } => write!(f, "no audit record: it has not {missing}"),
            Self::Changed { computed: Some(computed), found } => {
                let (found, computed) = (short(found), short(computed));
                write!(f, "changed: it says that its hash is {found}, and it is {computed}")
            }
            Self::Changed { computed: None, .. } => {
                f.write_str("changed: its hash is not where and as it was written")
            }
            Self::Mixed { found: Some((chain, sequence)) } => {
                write!(f, "its id says that it is record {sequence} of chain {}", chain.short())
            }
            Self::Mixed { found: None } => {
                f.write_str("its id and its number are not those of its place in the chain")
            }
            Self::Incomplete { missing } => write!(f, "incomplete: it has not {missing}"),
            _ => Ok(()),
        }
    }

    fn of_a_chain(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Relinked { before, found } => {
                let before = before.as_ref().map_or_else(|| "another".to_owned(), short);
                let found = short(found);
                write!(
                    f,
                    "wrong link: it follows a record with hash {found}, and the one before it has {before}"
                )
            }
            Self::Missing { first, last } => {
                write!(f, "missing before it: {}, which no loss record declares", records(*first, *last))
            }
            Self::Undeclared { first, last, by } => write!(
                f,
                "missing before it: {}, declared by record {by}, which nothing vouches for",
                records(*first, *last)
            ),
            Self::Replaced { expected, found } => write!(
                f,
                "before a gap: its hash is {}, and the record that declares the gap says {}",
                short(found),
                short(expected)
            ),
            Self::HeadCut { first } => {
                write!(f, "the beginning is missing: {}", records(0, first.saturating_sub(1)))
            }
            Self::Genesis => {
                f.write_str("record 0 of a chain, and no other, is the one that a writer begins with")
            }
            Self::Reordered { after } => write!(f, "out of order: it comes after record {after}"),
            Self::Stale { after } => write!(f, "out of order: it comes long after record {after}"),
            Self::Conflict { found } => {
                write!(f, "there are two: this one has hash {}, another one came before it", short(found))
            }
            Self::AfterStop { stop } => {
                write!(f, "it comes after record {stop}, which says that it is the last")
            }
            Self::TooManyChains => f.write_str("too many chains"),
            _ => Ok(()),
        }
    }

    fn of_a_checkpoint(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Size { expected, found } => {
                write!(f, "the checkpoint is one of {found} records, and comes after {expected}")
            }
            Self::Root { size, expected, found } => {
                let (expected, found) = (short(expected), short(found));
                write!(
                    f,
                    "the checkpoint is not of the {size} records before it: its root is {found}, theirs {expected}"
                )
            }
            Self::Note { why } => write!(f, "the note of the checkpoint {why}"),
            Self::Unsigned => f.write_str("the checkpoint is not signed"),
            Self::WrongKey { found } => {
                write!(f, "the checkpoint is signed by {}, and by no key that was given", found.join(", "))
            }
            Self::WrongSignature { key } => write!(f, "the checkpoint has a wrong signature by {key}"),
            Self::WrongMac { epoch } => write!(f, "the checkpoint has a wrong MAC by key {epoch}"),
            Self::Epoch { expected, found } => {
                write!(f, "the checkpoint has a MAC by key {found}, and it is the turn of key {expected}")
            }
            Self::NotVouched { unchecked: 0 } => {
                f.write_str("it has no checkpoint that a key vouches for that was given")
            }
            Self::NotVouched { unchecked } => write!(
                f,
                "{unchecked} of its checkpoints neither fit its records nor have a signature: some records are missing before them"
            ),
            _ => Ok(()),
        }
    }

    fn of_others(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::TailCut { known, by } => write!(f, "it ends here, and {by} knows of {known} records"),
            Self::Rewritten { expected, by } => {
                write!(f, "{by} has seen another one here, with hash {}", short(expected))
            }
            Self::Kept { size, expected, found, by } => {
                let (expected, found) = (short(expected), short(found));
                write!(
                    f,
                    "{by} is not of the {size} records up to here: its root is {found}, theirs {expected}"
                )
            }
            Self::ChainMissing { by } => write!(f, "none of its records is here, and {by} knows of it"),
            _ => Ok(()),
        }
    }
}

/// As much of a hash as people compare.
fn short(hash: &Hash) -> String {
    let [a, b, c, d, ..] = *hash;
    format!("{}\u{2026}", hex::lower(&[a, b, c, d]))
}

fn records(first: u64, last: u64) -> String {
    if first == last { format!("record {first}") } else { format!("records {first} to {last}") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::verify::{Finding, Knower, Place, Uid};

    fn all() -> Vec<Problem> {
        let (hash, uid) = ([1; 32], Uid::parse(&[b'0'; 32]).unwrap_or_else(|| unreachable!()));
        let by = Knower::Writer(uid);
        vec![
            Problem::NotJson { why: "a comma is missing".to_owned() },
            Problem::Half,
            Problem::TooLong,
            Problem::NotRecord { missing: "x" },
            Problem::Changed { computed: Some(hash), found: hash },
            Problem::Relinked { before: Some(hash), found: hash },
            Problem::Missing { first: 1, last: 1 },
            Problem::Undeclared { first: 1, last: 2, by: 9 },
            Problem::Replaced { expected: hash, found: hash },
            Problem::HeadCut { first: 3 },
            Problem::Genesis,
            Problem::Reordered { after: 1 },
            Problem::Stale { after: 1 },
            Problem::Conflict { found: hash },
            Problem::AfterStop { stop: 1 },
            Problem::Mixed { found: Some((uid, 1)) },
            Problem::Incomplete { missing: "x" },
            Problem::Size { expected: 1, found: 2 },
            Problem::Root { size: 1, expected: hash, found: hash },
            Problem::Note { why: "x" },
            Problem::Unsigned,
            Problem::WrongKey { found: vec!["a".to_owned(), "b".to_owned()] },
            Problem::WrongSignature { key: "x".to_owned() },
            Problem::WrongMac { epoch: 1 },
            Problem::Epoch { expected: 1, found: 2 },
            Problem::TailCut { known: 1, by },
            Problem::Rewritten { expected: hash, by: Knower::Checkpoint(Place::default()) },
            Problem::Kept { size: 1, expected: hash, found: hash, by },
            Problem::ChainMissing { by },
            Problem::NotVouched { unchecked: 0 },
            Problem::TooManyChains,
        ]
    }

    #[test]
    fn every_problem_is_told_in_words_of_its_own() {
        let all = all();
        let codes: BTreeSet<_> = all.iter().map(Problem::code).collect();
        let texts: BTreeSet<_> = all.iter().map(Problem::to_string).collect();
        assert_eq!((codes.len(), texts.len()), (all.len(), all.len()));
        for problem in all {
            assert!(problem.to_string().len() > 10 && problem.meaning().len() > 10, "{problem:?}");
        }
    }

    #[test]
    fn a_finding_says_where_it_is() {
        let uid = Uid::parse(b"0123456789abcdef0123456789abcdef");
        let problem = Problem::Missing { first: 10, last: 19 };
        let finding = Finding { place: Place::default(), chain: uid, sequence: Some(20), problem };
        assert_eq!(
            finding.to_string(),
            "chain 01234567\u{2026} record 20: missing before it: records 10 to 19, which no loss record declares"
        );
        let finding = Finding { chain: None, problem: Problem::Half, ..finding };
        assert_eq!(finding.to_string(), "half a record: the line ends in the middle of it");
    }
}
