//! What was found, in words, and not too much of it.

use portcullis_audit::show::told;
use portcullis_audit::{Found, Place};
use serde::Serialize;

use super::advice::advice;

/// Findings of which each is told.
const MOST: usize = 1000;
/// Room among them for what only the end shows, such as records that are missing.
const OF_THE_END: usize = 200;

/// One finding.
#[derive(Serialize)]
pub(super) struct FindingRead {
    line: u64,
    /// Where the record of the line is in the file, if it is at hand.
    place: Option<Place>,
    code: &'static str,
    text: String,
    meaning: &'static str,
    advice: &'static str,
}

/// The first findings, and the first of those that only the end shows.
pub(super) struct Findings {
    all: Vec<FindingRead>,
    most: usize,
}

impl Findings {
    pub(super) fn new() -> Self {
        Self { all: Vec::new(), most: MOST - OF_THE_END }
    }

    pub(super) fn add(&mut self, found: &Found<'_>) {
        if self.all.len() < self.most {
            self.all.push(FindingRead::of(found));
        }
    }

    /// All has been read; the rest is what only the end shows.
    pub(super) fn end(&mut self) {
        self.most = MOST;
    }

    pub(super) fn into_inner(self) -> Vec<FindingRead> {
        self.all
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
