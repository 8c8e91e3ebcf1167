//! Files in which there is nothing to verify.

use std::fmt;
use std::path::{Path, PathBuf};

use portcullis_audit_chain::verify::{Finding, Summary, has_trace};

use crate::lines::{Content, Line};
use crate::row::{Row, Schema};
use crate::show::told;

/// Of how many such lines it is asked what they are.
const ASKED: u64 = 100;

/// Why there is nothing to verify in files: they were not tampered with, but are of something else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Nothing {
    /// There is no audit record: how many lines of something else there are, and what is wrong with the first that might have been one.
    NoRecord {
        /// How many lines.
        others: u64,
        /// Where that line is, and what is wrong with it.
        first: Option<String>,
    },
    /// There are records, in ECS, which have the hashes of others.
    Ecs,
    /// There are records, without hashes.
    NoHashes,
}

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecord { others, first } => {
                f.write_str("no audit record in it: ")?;
                match others {
                    0 => f.write_str("it is empty"),
                    1 => f.write_str("1 line of something else"),
                    others => write!(f, "{others} lines of something else"),
                }?;
                first.as_ref().map_or(Ok(()), |first| write!(f, " ({first})"))
            }
            Self::Ecs => f.write_str(
                "nothing can be verified: its records are in ECS, as portcullis audit export --ecs makes them; their hashes are of the records in OCSF that they were made of: verify those",
            ),
            Self::NoHashes => f.write_str(
                "nothing can be verified: its records have no hashes; the writer's integrity is off, or they were taken out",
            ),
        }
    }
}

/// Findings in lines that belong to no chain.
#[derive(Default)]
pub(crate) struct Strangers {
    count: u64,
    /// The first of them, in words.
    first: Option<(PathBuf, u64, String)>,
    /// In which schema those are that are records for all that.
    records: Option<Schema>,
    /// Whether one of them was a record before it was damaged.
    is_damaged: bool,
}

impl Strangers {
    /// Looks at what was found in a line of this file; also at the line, where it is at hand.
    pub(crate) fn found(&mut self, (file, line): (&Path, u64), finding: &Finding, read: Option<&Line<'_>>) {
        if finding.chain.is_some() {
            return;
        }
        self.count += 1;
        self.first.get_or_insert_with(|| (file.to_owned(), line, told(&finding.to_string())));
        if self.count > ASKED || self.records.is_some() {
            return;
        }
        if let Some(Line { content: Content::Record(record), .. }) = read {
            self.records = Row::read(record).ok().map(|row| row.schema());
        }
        // A line that is told of later than it was read has such a trace: the verifier had to wait for the company that it is in.
        self.is_damaged |= self.records.is_none() && read.is_none_or(|line| has_trace(line.text));
    }

    /// Why there is nothing to verify in so many files, if there is nothing.
    pub(crate) fn nothing(self, summary: &Summary, files: usize) -> Option<Nothing> {
        if !summary.chains.is_empty() || self.count < summary.found || self.is_damaged {
            return None;
        }
        let first = self.first.map(|(file, line, problem)| match files {
            0 | 1 => format!("line {line}: {problem}"),
            _ => format!("{}:{line}: {problem}", file.display()),
        });
        Some(match self.records {
            None => Nothing::NoRecord { others: self.count + summary.others, first },
            Some(Schema::Ecs) => Nothing::Ecs,
            Some(Schema::Ocsf) => Nothing::NoHashes,
        })
    }
}
