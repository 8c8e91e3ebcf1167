//! Why something cannot be done, and what of the question is at fault.

use std::fmt;

use serde::Serialize;
use serde_json::json;

/// What of a question is at fault, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The member of the query or of the trust; `file` for all else.
    pub member: &'static str,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

impl Refusal {
    /// Something about the file, which the text names.
    pub(crate) fn of_file(problem: String) -> Self {
        Self { member: "file", problem }
    }

    /// That there is no record in a file: how many lines of something else, and what is wrong with the first that might have been one.
    pub(super) fn no_record(name: &str, others: u64, first: Option<&str>) -> Self {
        let others = match others {
            0 => "it is empty".to_owned(),
            1 => "1 line of something else".to_owned(),
            others => format!("{others} lines of something else"),
        };
        let first = first.map(|first| format!(" ({first})")).unwrap_or_default();
        Self::of_file(format!("{name}: no audit record in it: {others}{first}"))
    }

    /// As `page/src/engine.ts` has it.
    pub fn to_json(&self) -> String {
        json!(self).to_string()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Refusal {}
