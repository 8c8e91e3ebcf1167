//! Records that are looked for.

use std::io::Read;

use portcullis_audit::show::told;
use portcullis_audit::{Bars, Broken, Histogram, Page, PageRow, Tally, scan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::query::Query;
use super::{Dropped, Refusal, said};

/// Rows of a page, at most.
const MOST_ROWS: usize = 1000;
/// Lines that cannot be read, of which each is told.
const MOST_BROKEN: usize = 100;

/// Which of the records are shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    skip: u64,
    take: usize,
}

/// What was found.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Found {
    /// Records in the file.
    records: u64,
    /// How many of them are meant.
    meant: u64,
    allowed: u64,
    denied: u64,
    undecided: u64,
    /// Lines whose record cannot be read: the first hundred.
    broken: Vec<BrokenLine>,
    broken_in_all: u64,
    /// Lines of something else.
    others: u64,
    /// Records that came again, byte for byte, and are left out.
    repeats: u64,
    /// Records that writers have lost in the time that is meant, by their own account: they may be some that are looked for.
    lost: u64,
    /// Those of one page.
    rows: Vec<PageRow>,
    histogram: Option<Bars>,
}

/// A line whose record cannot be read.
#[derive(Serialize, JsonSchema)]
struct BrokenLine {
    line: u64,
    problem: String,
}

/// Finds the records of a `Query`: a `Found`, with the rows of one page.
///
/// # Errors
/// The query or the page cannot be read, or the file, or there is no record in it.
pub fn search<R, P>(file: Dropped<R, P>, query: &str, page: &str) -> Result<String, Refusal>
where
    R: Read + 'static,
    P: FnMut(u64) + 'static,
{
    let selection = said::<Query>("query", query)?.selection()?;
    let Wanted { skip, take } = said("page", page)?;
    if take > MOST_ROWS {
        let problem = format!("page: take: {take} rows at once are too many; take at most {MOST_ROWS}");
        return Err(Refusal::of_file(problem));
    }
    let name = file.name.clone();
    let mut sinks = (Page::new(skip, take), Histogram::default());
    let mut broken = Vec::new();
    let mut tell = |Broken { number, problem, .. }: Broken| {
        if broken.len() < MOST_BROKEN {
            broken.push(BrokenLine { line: number, problem: told(&problem) });
        }
    };
    let failed = |error: &dyn ToString| Refusal::of_file(error.to_string());
    let tally = scan(file.lines()?, &selection, &mut sinks, &mut tell).map_err(|error| failed(&error))?;
    let first = broken.first().map(|BrokenLine { line, problem }| format!("line {line}: {problem}"));
    if let Some(nothing) = tally.nothing(first) {
        return Err(Refusal::nothing(&name, &nothing));
    }
    let (page, histogram) = sinks;
    let found = found(tally, broken, page.into_rows(), histogram.bars());
    serde_json::to_string(&found).map_err(|error| failed(&error))
}

fn found(tally: Tally, broken: Vec<BrokenLine>, rows: Vec<PageRow>, histogram: Option<Bars>) -> Found {
    let Tally {
        records,
        meant,
        allowed,
        denied,
        undecided,
        others,
        repeats,
        lost,
        broken: broken_in_all,
        ..
    } = tally;
    Found {
        records,
        meant,
        allowed,
        denied,
        undecided,
        broken,
        broken_in_all,
        others,
        repeats,
        lost,
        rows,
        histogram,
    }
}
