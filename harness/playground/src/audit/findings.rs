//! What was found, in words, and not too much of it.

use std::collections::BTreeMap;

use portcullis_audit::show::told;
use portcullis_audit::{Found, Place};
use portcullis_audit_chain::verify::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use super::advice::advice;

/// Findings of which each is told.
const MOST: usize = 1000;
/// Room among them for what only the end shows, such as records that are missing.
const OF_THE_END: usize = 200;

/// Findings beyond these of which the line is kept.
const MOST_MARKED: usize = 100_000;

/// One finding.
#[derive(Serialize, JsonSchema)]
pub(super) struct FindingRead {
    line: u64,
    /// Where the record of the line is in the file; null for what only the end of the file shows.
    place: Option<Place>,
    /// `changed`, `missing`, `tail_cut`.
    code: &'static str,
    text: String,
    /// What a finding of this code means.
    meaning: &'static str,
    /// What to do now.
    advice: &'static str,
}

/// Findings of one code of which no more than their lines is told.
#[derive(Serialize, JsonSchema)]
pub(super) struct Marks {
    code: &'static str,
    /// What a finding of this code means.
    meaning: &'static str,
    /// What to do now.
    advice: &'static str,
    /// The line of each.
    lines: Vec<u64>,
}

/// The first findings, and the first of those that only the end shows; of the others, where they are.
pub(super) struct Findings {
    all: Vec<FindingRead>,
    most: usize,
    marks: BTreeMap<&'static str, Marks>,
    marked: usize,
}

impl Findings {
    pub(super) fn new() -> Self {
        Self { all: Vec::new(), most: MOST - OF_THE_END, marks: BTreeMap::new(), marked: 0 }
    }

    pub(super) fn add(&mut self, found: &Found<'_>) {
        if self.all.len() < self.most {
            self.all.push(FindingRead::of(found));
        } else if self.marked < MOST_MARKED {
            self.marked += 1;
            let problem = &found.finding.problem;
            self.marks.entry(problem.code()).or_insert_with(|| Marks::of(problem)).lines.push(found.line);
        }
    }

    /// All has been read; the rest is what only the end shows.
    pub(super) fn end(&mut self) {
        self.most = MOST;
    }

    pub(super) fn into_inner(self) -> (Vec<FindingRead>, Vec<Marks>) {
        (self.all, self.marks.into_values().collect())
    }
}

impl Marks {
    fn of(problem: &Problem) -> Self {
        let (code, meaning, advice) = (problem.code(), problem.meaning(), advice(problem));
        Self { code, meaning, advice, lines: Vec::new() }
    }
}

impl FindingRead {
    fn of(Found { line, finding, read, .. }: &Found<'_>) -> Self {
        let problem = &finding.problem;
        Self {
            line: *line,
            place: read.map(|read| read.place),
            code: problem.code(),
            text: told(&finding.to_string()),
            meaning: problem.meaning(),
            advice: advice(problem),
        }
    }
}
