//! Why something cannot be done, and what of the question is at fault.

use std::fmt;

use portcullis_audit::Nothing;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// What of a question is at fault, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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

    /// Why there is nothing in a file of this name.
    pub(super) fn nothing(name: &str, nothing: &Nothing) -> Self {
        Self::of_file(format!("{name}: {nothing}"))
    }

    /// As `page/src/forms.ts` has it.
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
