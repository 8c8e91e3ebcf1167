//! One pass over files: every record that is meant, and what else there was.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::field::Field;
use crate::lines::{Content, Line, Lines, ReadError};
use crate::repeats::Repeats;
use crate::row::{Decision, Row, RowError, Schema};
use crate::selection::Selection;
use crate::strangers::Nothing;
use crate::trace;

/// What is done with the records that are meant.
pub trait Sink {
    /// Hears from which line the record is that it takes next.
    fn at(&mut self, _: &Line<'_>) {}

    /// Takes one: as a row, and as the bytes that were read.
    ///
    /// # Errors
    /// It cannot be written.
    fn take(&mut self, row: &Row<'_>, record: &[u8]) -> io::Result<ControlFlow<()>>;

    /// Ends what it writes, after the last record.
    ///
    /// # Errors
    /// It cannot be written.
    fn end(&mut self, _: &Tally) -> io::Result<()> {
        Ok(())
    }
}

/// Two sinks that take the same records, until both of them have had enough.
impl<A: Sink, B: Sink> Sink for (A, B) {
    fn at(&mut self, line: &Line<'_>) {
        self.0.at(line);
        self.1.at(line);
    }

    fn take(&mut self, row: &Row<'_>, record: &[u8]) -> io::Result<ControlFlow<()>> {
        let flows = [self.0.take(row, record)?, self.1.take(row, record)?];
        Ok(if flows.iter().all(ControlFlow::is_break) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }

    fn end(&mut self, tally: &Tally) -> io::Result<()> {
        self.0.end(tally)?;
        self.1.end(tally)
    }
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records, those that came again left aside.
    pub records: u64,
    /// Records that are meant.
    pub meant: u64,
    /// Of those, how many are in ECS.
    pub ecs: u64,
    /// Records that came again, and were left out.
    pub repeats: u64,
    /// Lines that have no record in them.
    pub others: u64,
    /// Lines whose record cannot be read.
    pub broken: u64,
    /// Of the lines before the first record, how many have something of one. They may have been records.
    pub traces: u64,
    /// What one of the files seems to be, by how it begins.
    pub kind: Option<String>,
    /// Requests of those that are meant, by decision.
    pub allowed: u64,
    /// Likewise.
    pub denied: u64,
    /// Likewise.
    pub undecided: u64,
    /// Records that writers have lost, by their own account, in the time that is meant.
    pub lost: u64,
    /// The earliest time of those that are meant.
    pub first: Option<i64>,
    /// The latest.
    pub last: Option<i64>,
}

/// A line whose record cannot be read.
#[derive(Debug)]
pub struct Broken {
    /// The file.
    pub file: PathBuf,
    /// The line in it.
    pub number: u64,
    /// What is wrong with it.
    pub problem: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.number, self.problem)
    }
}

/// Why a pass has ended before its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScanError {
    /// A file cannot be read.
    Read(ReadError),
    /// What was read cannot be written.
    Write(io::Error),
}

impl std::error::Error for ScanError {}

impl std::fmt::Display for ScanError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
        }
    }
}

/// Gives each record that is meant to a sink, in the order in which they were read. One that comes again byte for byte is left out, and counted.
///
/// # Errors
/// A file cannot be read, or the sink cannot write.
pub fn scan(
    mut lines: Lines,
    selection: &Selection,
    sink: &mut dyn Sink,
    broken: &mut dyn FnMut(Broken),
) -> Result<Tally, ScanError> {
    let mut tally = Tally::default();
    let mut repeats = Repeats::default();
    while let Some(line) = lines.next().map_err(ScanError::Read)? {
        let Some((row, record)) = tally.row(&line, broken) else { continue };
        if repeats.is_repeat(&row, record) {
            tally.repeats += 1;
            continue;
        }
        tally.read(&row, selection);
        if selection.matches(&row, record) {
            tally.chosen(&row);
            sink.at(&line);
            if sink.take(&row, record).map_err(ScanError::Write)?.is_break() {
                break;
            }
        }
    }
    tally.kind = lines.kind();
    Ok(tally)
}

impl Tally {
    /// Why there is no record, if there is none. `first` is what is wrong with the first line that might have been one, and where it is.
    pub fn nothing(&self, first: Option<String>) -> Option<Nothing> {
        match (self.records, self.traces) {
            (0, 0) => {
                let others = self.others + self.broken;
                Some(Nothing::NoRecord { others, first, kind: self.kind.clone() })
            }
            (0, lines) => Some(Nothing::Damaged { lines, first }),
            _ => None,
        }
    }

    fn row<'a>(&mut self, line: &Line<'a>, broken: &mut dyn FnMut(Broken)) -> Option<(Row<'a>, &'a [u8])> {
        let problem = match line.content {
            Content::Other => None,
            Content::TooLong => Some("longer than any record: more than 16 MiB".to_owned()),
            Content::Record(record) => match Row::read(record) {
                Ok(row) => return Some((row, record)),
                Err(RowError::Stranger) => None,
                Err(error) => Some(error.to_string()),
            },
        };
        // Of one that is too long, nobody knows what is in it.
        let may_be_trace = self.records == 0;
        self.traces +=
            u64::from(may_be_trace && (line.content == Content::TooLong || trace::of_record(line.text)));
        let Some(problem) = problem else {
            self.others += 1;
            return None;
        };
        self.broken += 1;
        broken(Broken { file: line.file.to_owned(), number: line.number, problem });
        None
    }

    fn read(&mut self, row: &Row<'_>, selection: &Selection) {
        self.records += 1;
        if row.kind() == "loss" && selection.is_in_time(row) {
            self.lost = self.lost.saturating_add(row.count());
        }
    }

    fn chosen(&mut self, row: &Row<'_>) {
        self.meant += 1;
        self.ecs += u64::from(row.schema() == Schema::Ecs);
        if let Some(time) = row.integer(Field::Time) {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
        if !row.is_complete() {
            return;
        }
        let requests = match row.decision() {
            Decision::Allowed => &mut self.allowed,
            Decision::Denied => &mut self.denied,
            Decision::Other => &mut self.undecided,
        };
        *requests = requests.saturating_add(row.count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps the ids, and stops after so many.
    struct Ids(Vec<String>, usize);

    impl Sink for Ids {
        fn take(&mut self, row: &Row<'_>, record: &[u8]) -> io::Result<ControlFlow<()>> {
            assert!(record.starts_with(b"{") && record.ends_with(b"}"));
            self.0.push(row.text(Field::Id).unwrap_or("-").to_owned());
            Ok(if self.0.len() == self.1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        }
    }

    fn record(number: u64, rest: &str) -> String {
        format!(
            r#"{{"class_uid":4002,"metadata":{{"uid":"c-{number}"}},"time":{number},"unmapped":{{"integrity":{{"hash":"h"}}}}{rest}}}"#
        )
    }

    fn pass(text: &str, selection: &Selection, limit: usize) -> (Vec<String>, Tally, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        std::fs::write(&path, text).unwrap();
        let mut ids = Ids(Vec::new(), limit);
        let mut problems = Vec::new();
        let tally = scan(Lines::open(&[path]).unwrap(), selection, &mut ids, &mut |broken| {
            problems.push(broken.to_string());
        });
        (ids.0, tally.unwrap(), problems)
    }

    #[test]
    fn every_line_counts_as_what_it_is() {
        let loss = r#"{"class_uid":1008,"count":5,"time":4,"unmapped":{"audit":{"kind":"loss"}}}"#;
        let lines = [
            record(1, r#","action_id":1"#),
            "[info] started".into(),
            format!("portcullis-audit {}", record(2, r#","action_id":2,"count":7"#)),
            record(1, r#","action_id":1"#),
            r#"{"level":"info"}"#.into(),
            record(3, r#","action_id":"#).replace('}', ""),
            loss.into(),
        ];
        let (ids, tally, problems) = pass(&lines.join("\n"), &Selection::default(), 0);
        assert_eq!(ids, ["c-1", "c-2", "-"]);
        let expected = Tally {
            records: 3,
            meant: 3,
            ecs: 0,
            repeats: 1,
            others: 2,
            broken: 1,
            traces: 0,
            kind: None,
            allowed: 1,
            denied: 7,
            undecided: 0,
            lost: 5,
            first: Some(1),
            last: Some(4),
        };
        assert_eq!(tally, expected);
        assert!(problems.len() == 1 && problems[0].contains("audit.jsonl:6: half a record"), "{problems:?}");
    }

    #[test]
    fn without_a_record_it_is_told_whether_there_is_anything_of_one() {
        let nothing = |text: &str| pass(text, &Selection::default(), 0).1.nothing(None);
        let damaged = |lines| Some(Nothing::Damaged { lines, first: None });
        assert_eq!(nothing(&record(1, "")), None);
        assert_eq!(nothing(&format!("hello\nx{}\n{{{}", record(1, ""), record(2, ""))), damaged(2));
        assert_eq!(nothing(&"{".repeat(17 << 20)), damaged(1));
        let kind = Some("it is packed with bzip2; unpack it first".to_owned());
        let expected = Nothing::NoRecord { others: 2, first: None, kind };
        assert_eq!(nothing("BZh\n{\"a\":1}"), Some(expected));
        let (_, tally, _) = pass(&format!("x{}\n{0}\nx{0}", record(1, "")), &Selection::default(), 0);
        assert_eq!((tally.traces, tally.nothing(None)), (1, None));
    }

    #[test]
    fn a_request_that_has_only_begun_is_not_counted_twice() {
        let begun = r#"{"class_uid":4002,"unmapped":{"audit":{"stage":"request_received"}}}"#;
        let (_, tally, _) =
            pass(&format!("{begun}\n{}", record(1, r#","action_id":1"#)), &Selection::default(), 0);
        assert_eq!((tally.records, tally.allowed, tally.undecided), (2, 1, 0));
    }

    #[test]
    fn two_sinks_take_the_same_until_both_have_had_enough() {
        let lines: String = (1..=9).map(|number| record(number, "") + "\n").collect();
        let size = lines.len() as u64;
        let lines = Lines::of("dropped", io::Cursor::new(lines), size).unwrap();
        let mut sinks = (Ids(Vec::new(), 2), Ids(Vec::new(), 4));
        let tally = scan(lines, &Selection::default(), &mut sinks, &mut |_| {}).unwrap();
        assert_eq!((tally.records, sinks.0.0.len(), sinks.0.0), (9, 9, sinks.1.0));
    }

    #[test]
    fn what_is_not_meant_is_read_and_no_more() {
        let lines: String = (1..=9).map(|number| record(number, "") + "\n").collect();
        let selection = Selection { since: Some(4), until: Some(8), ..Selection::default() };
        let (ids, tally, _) = pass(&lines, &selection, 0);
        assert_eq!(ids, ["c-4", "c-5", "c-6", "c-7"]);
        assert_eq!((tally.records, tally.meant, tally.first, tally.last), (9, 4, Some(4), Some(7)));
        let (ids, tally, _) = pass(&lines, &selection, 2);
        assert_eq!((ids.len(), tally.records), (2, 5), "the sink has had enough");
    }
}
