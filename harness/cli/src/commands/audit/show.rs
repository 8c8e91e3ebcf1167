use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use clap::{Args, ValueEnum};
use console::Term;
use indicatif::ProgressBar;
use portcullis_audit::show::{Column, Objects, Table, footer, one, told};
use portcullis_audit::{Field, First, Last, Lines, Pattern, Row, Selection, Sink, Tally};

use super::chosen::{Chosen, KindName};
use super::failure::{Failure, ended};
use super::progress::Beside;
use crate::Verdict;

/// The columns of a table that is not on a terminal.
const ELSEWHERE: usize = 200;

/// Shows records.
///
/// Exit codes: 0 all lines could be read, 1 some could not or there is not one such record alone, 2 a file cannot be read or is of another kind.
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    chosen: Chosen,
    /// The record with this id, in full.
    #[arg(long, value_name = "ID", conflicts_with_all = ["limit", "tail", "columns", "format"])]
    one: Option<String>,
    /// No more than the first so many.
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroUsize>,
    /// The last so many.
    #[arg(long, value_name = "N", conflicts_with = "limit")]
    tail: Option<NonZeroUsize>,
    /// The columns, with commas: request, who, why, or the name of a field.
    #[arg(long, value_name = "NAMES", value_parser = column, value_delimiter = ',')]
    columns: Vec<Column>,
    /// The form.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// How wide the table is. Left out: as wide as the terminal, or 200.
    #[arg(long, value_name = "COLUMNS")]
    width: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// One list of objects, of which each has the fields of a record.
    Json,
    /// The same objects, each on a line of its own.
    Jsonl,
}

impl Show {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let (lines, bar) = self.chosen.open()?;
        ended(match &self.one {
            Some(id) => self.one(id, lines, &bar),
            None => self.many(lines, &bar),
        })
    }

    fn many(&self, lines: Lines, bar: &ProgressBar) -> Result<Verdict, Failure> {
        let selection = self.chosen.selection(&[KindName::Request, KindName::Loss])?;
        let columns = (!self.columns.is_empty()).then(|| self.columns.clone());
        if self.format == Format::Table {
            let width = self.width.unwrap_or_else(width);
            let mut out = Beside::new(bar, anstream::stdout().lock());
            let mut table = Table::new(&mut out, width, columns);
            let tally = self.pass(lines, bar, &selection, &mut table)?;
            return Ok(self.verdict(&tally));
        }
        let mut out = BufWriter::new(Beside::new(bar, io::stdout().lock()));
        let mut objects = Objects::new(&mut out, columns, self.format == Format::Json);
        let tally = self.pass(lines, bar, &selection, &mut objects)?;
        anstream::eprint!("{}", footer(&tally));
        Ok(self.verdict(&tally))
    }

    fn pass(
        &self,
        lines: Lines,
        bar: &ProgressBar,
        selection: &Selection,
        sink: &mut dyn Sink,
    ) -> Result<Tally, Failure> {
        let tally = match (self.limit, self.tail) {
            (Some(most), _) => self.chosen.pass(lines, bar, selection, &mut First::new(sink, most.get()))?,
            (None, Some(most)) => {
                let mut last = Last::new(most.get());
                let tally = self.chosen.pass(lines, bar, selection, &mut last)?;
                last.give(sink)?;
                tally
            }
            (None, None) => self.chosen.pass(lines, bar, selection, sink)?,
        };
        sink.end(&tally)?;
        Ok(tally)
    }

    fn verdict(&self, tally: &Tally) -> Verdict {
        if self.limit.is_some_and(|most| tally.meant >= most.get() as u64) {
            anstream::eprintln!(
                "portcullis: nothing was read after record {}, because of --limit",
                tally.meant
            );
        }
        if let Some(most) = self.tail.filter(|most| (most.get() as u64) < tally.meant) {
            anstream::eprintln!(
                "portcullis: the last {most} of {} are shown, because of --tail",
                tally.meant
            );
        }
        if tally.broken > 0 { Verdict::Bad } else { Verdict::Good }
    }

    fn one(&self, id: &str, lines: Lines, bar: &ProgressBar) -> Result<Verdict, Failure> {
        let mut selection = self.chosen.selection(&[KindName::All])?;
        selection.texts.push((Field::Id, Pattern::Exact(id.to_owned())));
        // All is read: whoever can write to the file can put a record of his own with this id before the genuine one.
        let out = Beside::new(bar, anstream::stdout().lock());
        let tally = self.chosen.pass(lines, bar, &selection, &mut Full { out, is_begun: false })?;
        match tally.meant {
            1 => return Ok(if tally.broken > 0 { Verdict::Bad } else { Verdict::Good }),
            0 => anstream::eprintln!("portcullis: no record {} among {}", told(id), tally.records),
            several => anstream::eprintln!(
                "portcullis: {several} records have the id {}, and they differ; portcullis audit verify tells which of them hold",
                told(id)
            ),
        }
        Ok(Verdict::Bad)
    }
}

/// Shows records in full, with an empty line between them.
struct Full<W> {
    out: W,
    is_begun: bool,
}

impl<W: Write> Sink for Full<W> {
    fn take(&mut self, row: &Row<'_>, record: &[u8]) -> io::Result<ControlFlow<()>> {
        if std::mem::replace(&mut self.is_begun, true) {
            self.out.write_all(b"\n")?;
        }
        self.out.write_all(one(row, record).as_bytes())?;
        self.out.flush()?;
        Ok(ControlFlow::Continue(()))
    }
}

fn width() -> usize {
    Term::stdout().size_checked().map_or(ELSEWHERE, |(_, columns)| columns.into())
}

fn column(name: &str) -> Result<Column, String> {
    let known = || format!("no column; there are request, who, why, clock, {}", Field::names());
    Column::named(name.trim()).ok_or_else(known)
}
