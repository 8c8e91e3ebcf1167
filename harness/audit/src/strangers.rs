//! Files in which there is nothing to verify.

use std::fmt;
use std::path::{Path, PathBuf};

use portcullis_audit_chain::verify::{Finding, Place, Summary};

use crate::lines::{Content, Line};
use crate::row::{Row, Schema};
use crate::show::{counted, told};
use crate::trace;

/// Why there is nothing to verify in files.
///
/// Of [`Nothing::NoRecord`] alone it can be said that nobody has tampered with them. Whoever can write to files can bring about all else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Nothing {
    /// There is no audit record, and nothing that was one: how many lines of something else there are.
    NoRecord {
        /// How many lines.
        others: u64,
        /// What is wrong with the first that might have been one, and where it is.
        first: Option<String>,
        /// What one of the files seems to be, by how it begins.
        kind: Option<String>,
    },
    /// No record can be read, and there is something of one.
    Damaged {
        /// How many lines have something of one.
        lines: u64,
        /// Which is the first.
        first: Option<String>,
    },
    /// There are records, in ECS, which have the hashes of others.
    Ecs,
    /// There are records, without hashes.
    NoHashes,
}

impl Nothing {
    /// Whether the files are of something else than records.
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::NoRecord { .. })
    }
}

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecord { kind: Some(kind), .. } => write!(f, "no audit record in it: {kind}"),
            Self::NoRecord { others, first, .. } => {
                f.write_str("no audit record in it: ")?;
                match others {
                    0 => f.write_str("it is empty"),
                    1 => f.write_str("1 line of something else"),
                    others => write!(f, "{others} lines of something else"),
                }?;
                behind(f, first.as_ref())
            }
            Self::Damaged { lines, first } => {
                write!(f, "no record in it can be read, but something of one stands in {}", counted(*lines, "line"))?;
                behind(f, first.as_ref())
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

fn behind(f: &mut fmt::Formatter<'_>, first: Option<&String>) -> fmt::Result {
    first.map_or(Ok(()), |first| write!(f, " ({first})"))
}

/// Lines that belong to no chain, as long as none belongs to one.
#[derive(Default)]
pub(crate) struct Strangers {
    has_chain: bool,
    /// How many findings are in such lines.
    count: u64,
    /// The first of them, in words.
    first: Option<(PathBuf, u64, String)>,
    /// In which schema those are that are records for all that.
    records: Option<Schema>,
    /// How many lines have something of a record and are none.
    damaged: u64,
    /// The first of them.
    first_damaged: Option<(PathBuf, u64)>,
}

impl Strangers {
    /// Looks at a line, and at what was found when it was read.
    pub(crate) fn read(&mut self, line: &Line<'_>, place: Place, findings: &[Finding]) {
        let is_found = findings.iter().any(|finding| finding.place == place);
        // In a record in which nothing is found, a chain has it.
        self.has_chain |= findings.iter().any(|finding| finding.chain.is_some())
            || !is_found && matches!(line.content, Content::Record(_));
        if self.has_chain {
            return;
        }
        match line.content {
            // Nobody knows what is in it.
            Content::TooLong => self.damaged(line),
            Content::Record(record) if !trace::of_hashes(record) => match Row::read(record) {
                // Those in OCSF are the ones that might have hashes.
                Ok(row) if self.records != Some(Schema::Ocsf) => self.records = Some(row.schema()),
                Ok(_) => {}
                Err(_) if trace::of_record(record) => self.damaged(line),
                Err(_) => {}
            },
            Content::Record(_) => self.damaged(line),
            Content::Other if trace::of_record(line.text) => self.damaged(line),
            Content::Other => {}
        }
    }

    fn damaged(&mut self, line: &Line<'_>) {
        self.damaged += 1;
        self.first_damaged.get_or_insert_with(|| (line.file.to_owned(), line.number));
    }

    /// Counts what was found in a line of this file.
    pub(crate) fn found(&mut self, (file, line): (&Path, u64), finding: &Finding) {
        if self.has_chain || finding.chain.is_some() {
            return;
        }
        self.count += 1;
        self.first.get_or_insert_with(|| (file.to_owned(), line, told(&finding.to_string())));
    }

    /// Why there is nothing to verify in so many files, one of which seems to be of this kind, if there is nothing.
    pub(crate) fn nothing(self, summary: &Summary, files: usize, kind: Option<String>) -> Option<Nothing> {
        if !summary.chains.is_empty() {
            return None;
        }
        let is_told = self.has_chain || self.damaged > 0 || self.count < summary.found;
        if is_told && summary.found > 0 {
            return None;
        }
        let at = |file: &Path, line: u64| match files {
            0 | 1 => format!("line {line}"),
            _ => format!("{}:{line}", file.display()),
        };
        let first = self.first.map(|(file, line, problem)| format!("{}: {problem}", at(&file, line)));
        Some(match (self.damaged, self.records) {
            (0, None) => Nothing::NoRecord { others: self.count + summary.others, first, kind },
            (0, Some(Schema::Ecs)) => Nothing::Ecs,
            (0, Some(Schema::Ocsf)) => Nothing::NoHashes,
            (lines, _) => {
                Nothing::Damaged { lines, first: self.first_damaged.map(|(file, line)| at(&file, line)) }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use portcullis_audit_chain::verify::Trust;

    use super::*;
    use crate::{Lines, Verification, VerifyError};

    const RECORD: &str = include_str!("../tests/records/request.ocsf.json");
    const ECS: &str = r#"{"@timestamp":"2026-09-21T14:13:20.000Z","event":{"dataset":"portcullis.audit"}}"#;
    const BARE: &str = r#"{"class_uid":4002,"time":1}"#;

    /// Why there is nothing in a file; otherwise how much is found.
    fn nothing(text: impl Into<Vec<u8>>) -> Result<u64, Nothing> {
        let text = std::io::Cursor::new(text.into());
        let mut verification = Verification::new(Trust::default());
        verification.read(Lines::of("x", text, 0).unwrap(), &mut |_| Ok(())).unwrap();
        match verification.finish(&mut |_| Ok(())) {
            Ok((summary, _)) => Ok(summary.found),
            Err(VerifyError::Nothing(nothing)) => Err(nothing),
            Err(error) => panic!("{error}"),
        }
    }

    fn foreign(text: impl Into<Vec<u8>>) -> bool {
        nothing(text).is_err_and(|nothing| nothing.is_foreign())
    }

    #[test]
    fn whatever_has_something_of_a_record_is_damaged_and_nothing_before_it_hides_that() {
        let record = RECORD.trim_end();
        let damaged = [
            format!("{{{record}"),
            record.replace("\"hash\":\"", "\"hash\":\"zz"),
            record.replace("\"chain\":\"", "\"chain\":\"z"),
            record.replace("\"chain\":\"", "\"chain\": \"z").replace("\":", "\" :"),
            format!("{{{ECS}"),
        ];
        let others = "{\"a\":1}\n".repeat(101);
        for line in damaged {
            for before in ["", others.as_str(), BARE, ECS, "BZh{}", "hello", "hello\n{}"] {
                let found = nothing(format!("{before}\n{line}\n"));
                assert!(found.as_ref().is_ok_and(|found| *found > 0), "{before}\n{line}: {found:?}");
            }
        }
        let first = Some("line 2".to_owned());
        assert_eq!(nothing(format!("hello\nx{record}\n")), Err(Nothing::Damaged { lines: 1, first }));
        for before in ["BZh", "\u{16}", "\u{feff}\u{feff}"] {
            assert!(nothing(format!("{before}{record}")).is_ok_and(|found| found > 0));
        }
        assert!(nothing(vec![0; 17 << 20]).is_ok_and(|found| found > 0), "what was not read may be anything");
    }

    #[test]
    fn records_without_hashes_are_told_by_their_schema() {
        assert_eq!(nothing(format!("{BARE}\n{ECS}\nhello\n{{}}")), Err(Nothing::NoHashes));
        assert_eq!(nothing(format!("{ECS}\n{BARE}")), Err(Nothing::NoHashes));
        assert_eq!(nothing(ECS), Err(Nothing::Ecs));
        assert!(!Nothing::Ecs.is_foreign() && !Nothing::NoHashes.is_foreign());
    }

    #[test]
    fn something_else_is_explained_by_how_it_begins() {
        for other in ["", "hello", "{\"a\":1}", "[\n{\n"] {
            assert!(foreign(other), "{other}");
        }
        let told = |text: &[u8]| nothing(text).unwrap_err().to_string();
        assert_eq!(told(b"\x1f\x8b\n{"), "no audit record in it: it is packed with gzip; unpack it first");
        assert_eq!(
            told(b"x\n{}").split(" (").next(),
            Some("no audit record in it: 2 lines of something else")
        );
        assert_eq!(told(b""), "no audit record in it: it is empty");
    }
}
