//! Records as a table that a person reads.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::ControlFlow;

use anstyle::{AnsiColor, Style};

use super::column::{Column, date_and_clock};
use super::footer::footer;
use super::layout::{GAP, needed, widths};
use super::sentence::sentence;
use super::text::{cut_host, padded, told};
use crate::field::Field;
use crate::row::{Decision, REQUEST, Row};
use crate::scan::{Sink, Tally};

/// Lines that are written at once. The first ones say how wide columns are, if they are all.
const BLOCK: usize = 200;
/// From this width on, each line has its date.
const DATED: usize = 110;
/// From this width on there is room for a trace.
const TRACED: usize = 150;

const HEAD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const LOSS: Style = AnsiColor::Yellow.on_default();

/// Writes records as a table. What their writers say of themselves are sentences in it. It is coloured: strip the colours before you print
/// it to anything but a terminal.
pub struct Table<'w> {
    out: &'w mut dyn Write,
    columns: Vec<Column>,
    total: usize,
    widths: Vec<usize>,
    /// The day of the last line, where a day stands above its lines.
    day: String,
    block: Vec<Line>,
}

struct Line {
    day: String,
    content: Content,
}

enum Content {
    Cells(Decision, Vec<String>),
    Sentence(Style, String),
}

impl<'w> Table<'w> {
    /// A table of this width: of these columns, or of those that fit.
    pub fn new(out: &'w mut dyn Write, total: usize, columns: Option<Vec<Column>>) -> Self {
        let columns = columns.unwrap_or_else(|| common(total));
        Self { out, columns, total, widths: Vec::new(), day: String::new(), block: Vec::new() }
    }

    fn flush(&mut self, is_all: bool) -> io::Result<()> {
        let mut text = String::new();
        if self.widths.is_empty() {
            self.measure(is_all);
            let names: Vec<_> = self.columns.iter().map(|column| column.name().to_owned()).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{HEAD}{}{HEAD:#}", self.row(&names, None));
        }
        for line in std::mem::take(&mut self.block) {
            self.write(&mut text, &line);
        }
        // At once: a bar of progress makes place for it.
        self.out.write_all(text.as_bytes())
    }

    fn measure(&mut self, is_all: bool) {
        let rows = self.block.iter().filter_map(|line| match &line.content {
            Content::Cells(_, cells) => Some(cells.as_slice()),
            Content::Sentence(..) => None,
        });
        let needed = needed(&self.columns, rows);
        self.widths = widths(&self.columns, &needed, self.total, is_all);
    }

    fn write(&mut self, text: &mut String, line: &Line) {
        if self.columns.contains(&Column::Clock) && self.day != line.day {
            self.day.clone_from(&line.day);
            let _ = writeln!(text, "{FAINT}-- {}{FAINT:#}", self.day);
        }
        let _ = match &line.content {
            Content::Cells(decision, cells) => writeln!(text, "{}", self.row(cells, Some(*decision))),
            Content::Sentence(style, said) => writeln!(text, "{style}{said}{style:#}"),
        };
    }

    fn row(&self, cells: &[String], decision: Option<Decision>) -> String {
        let mut line = String::new();
        for ((column, cell), width) in self.columns.iter().zip(cells).zip(&self.widths) {
            let is_decision = *column == Column::Field(Field::Decision);
            let style = decision.filter(|_| is_decision).map_or(Style::new(), style);
            let cell = if *column == Column::Request { &cut_host(cell, *width) } else { cell };
            let _ = write!(line, "{style}{}{style:#}{:GAP$}", padded(cell, *width), "");
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// The columns for which there is room.
fn common(total: usize) -> Vec<Column> {
    let mut columns = Column::COMMON.to_vec();
    columns.retain(|column| total >= TRACED || *column != Column::Field(Field::TraceId));
    if total < DATED
        && let Some(time) = columns.first_mut()
    {
        *time = Column::Clock;
    }
    columns
}

fn style(decision: Decision) -> Style {
    match decision {
        Decision::Allowed => AnsiColor::Green.on_default(),
        Decision::Denied => AnsiColor::Red.on_default().bold(),
        Decision::Other => AnsiColor::Yellow.on_default(),
    }
}

impl Table<'_> {
    fn cells(&self, row: &Row<'_>) -> Vec<String> {
        let cell = |column: &Column| column.cell(row).map_or_else(|| "-".to_owned(), |cell| told(&cell));
        self.columns.iter().map(cell).collect()
    }

    /// What a writer says of itself, behind the time.
    fn said(&self, row: &Row<'_>, record: &[u8]) -> String {
        let clock = match self.columns.first() {
            Some(Column::Clock) => Column::Clock,
            _ => Column::Field(Field::Time),
        };
        format!("{}  -- {}", clock.cell(row).as_deref().unwrap_or("-"), told(&sentence(row, record)))
    }
}

impl Sink for Table<'_> {
    fn take(&mut self, row: &Row<'_>, record: &[u8]) -> io::Result<ControlFlow<()>> {
        let content = match row.kind() {
            REQUEST => Content::Cells(row.decision(), self.cells(row)),
            "loss" => Content::Sentence(LOSS, self.said(row, record)),
            _ => Content::Sentence(FAINT, self.said(row, record)),
        };
        let day =
            row.integer(Field::Time).map_or_else(|| "no time".to_owned(), |time| date_and_clock(time).0);
        self.block.push(Line { day, content });
        if self.block.len() >= BLOCK {
            self.flush(false)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Writes what is left, and what was read.
    fn end(&mut self, tally: &Tally) -> io::Result<()> {
        let is_empty = self.block.is_empty() && self.widths.is_empty();
        if !is_empty {
            self.flush(true)?;
            writeln!(self.out)?;
        }
        self.out.write_all(footer(tally).as_bytes())?;
        self.out.flush()
    }
}
