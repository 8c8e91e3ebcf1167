//! What came of a run, and the forms in which it is told.

mod columns;
mod github;
mod json;
mod junit;
mod shown;
mod table;
mod text;

use std::time::Duration;

use portcullis_sim::Warning;
use schemars::JsonSchema;
use serde::Serialize;

pub use columns::{columns, short};
pub use github::github;
pub use json::json;
pub use junit::junit;
pub use shown::{shown, shown_line};
pub use table::table;
pub use text::text;

use crate::expectation::Mismatch;
use crate::taken::StepTaken;
use crate::target::TargetError;

/// What came of one scenario on one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ScenarioReport {
    /// The file; empty for a scenario that did not come from one.
    pub file: String,
    /// What it shows.
    pub name: String,
    /// The target.
    pub target: &'static str,
    /// Whose behaviour was expected of a simulated target: `envoy` or `spec`.
    pub profile: &'static str,
    /// How long it took, if that was measured.
    #[serde(skip)]
    pub took: Option<Duration>,
    /// How it ended.
    pub outcome: Ending,
    /// The steps that were played.
    pub steps: Vec<StepReport>,
    /// In which other ways it was played.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<String>,
    /// What the plugins have done that works here and will hurt elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<WarningReport>,
    /// In how many orders its workers have taken turns.
    #[serde(skip_serializing_if = "is_zero")]
    pub explored: u64,
    /// How to see the failure again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
    /// What the golden files should hold, by their paths relative to the scenario file.
    #[serde(skip)]
    pub golden: Vec<(String, String)>,
    /// What each step has taken, the start first; nothing unless [`Setup::costs`](portcullis_sim::Setup::costs) asks for it.
    #[serde(skip)]
    pub taken: Vec<StepTaken>,
}

/// A warning, and why it is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WarningReport {
    /// Its name.
    pub lint: &'static str,
    /// The row of the list of behaviours that it rests on.
    pub row: &'static str,
    /// What is wrong, in a sentence.
    pub explanation: &'static str,
    /// How often it was seen.
    pub times: u64,
    /// Where it was seen first.
    pub place: String,
}

impl From<Warning> for WarningReport {
    fn from(Warning { lint, times, place }: Warning) -> Self {
        Self { lint: lint.name(), row: lint.row(), explanation: lint.explanation(), times, place }
    }
}

impl std::fmt::Display for WarningReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { lint, row, explanation, times, place } = self;
        write!(f, "{lint} ({row}): {place}")?;
        if *times > 1 {
            write!(f, ", {times} times in all")?;
        }
        write!(f, ": {explanation}")
    }
}

/// How a scenario ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Everything was as expected.
    Passed,
    /// Something was not.
    Failed,
    /// The target cannot play it.
    NotRun(String),
    /// The target itself failed.
    Broken(String),
}

/// What came of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StepReport {
    /// What it shows.
    pub name: String,
    /// The line of the scenario file where it begins.
    pub line: u64,
    /// The status that the client got.
    pub status: Option<u16>,
    /// Envoy's `response_code_details`.
    pub details: Option<String>,
    /// Whether the request got to the upstream.
    pub upstream_called: Option<bool>,
    /// What was not as expected.
    pub mismatches: Vec<Mismatch>,
    /// What may explain that: hostcalls that were refused, with their reasons, and streams that nobody resumed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How many scenarios ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Passed.
    pub passed: usize,
    /// Failed or broken.
    pub failed: usize,
    /// Not run on their target.
    pub not_run: usize,
}

impl ScenarioReport {
    pub(crate) fn new(name: &str, target: &'static str) -> Self {
        Self {
            file: String::new(),
            name: name.to_owned(),
            target,
            profile: "envoy",
            took: None,
            outcome: Ending::Passed,
            steps: Vec::new(),
            ways: Vec::new(),
            warnings: Vec::new(),
            explored: 0,
            replay: None,
            golden: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// A scenario that a target cannot play at all.
    pub fn not_run(name: &str, target: &'static str, why: &str) -> Self {
        Self { outcome: Ending::NotRun(why.to_owned()), ..Self::new(name, target) }
    }

    pub(crate) fn fail(&mut self, step: &str, mismatch: Mismatch) {
        self.steps.push(StepReport {
            name: step.to_owned(),
            line: 1,
            status: None,
            details: None,
            upstream_called: None,
            mismatches: vec![mismatch],
            hints: Vec::new(),
        });
        self.outcome = Ending::Failed;
    }

    /// Takes warnings for failures.
    pub fn deny_warnings(&mut self) {
        if matches!(self.outcome, Ending::Passed | Ending::Failed) {
            for warning in std::mem::take(&mut self.warnings) {
                let what = format!("warning {}", warning.lint);
                self.fail("warnings", Mismatch::new(what, "none", warning));
            }
        }
    }

    /// Failed, if a step has.
    pub(crate) fn settle(&mut self) {
        if self.outcome == Ending::Passed && !self.steps.iter().all(StepReport::passed) {
            self.outcome = Ending::Failed;
        }
    }

    /// The target could go no further. What had already failed stays failed.
    pub(crate) fn stop(&mut self, step: &str, error: TargetError) {
        self.outcome = match (&self.outcome, error) {
            (Ending::Passed, TargetError::NotHere(why)) => Ending::NotRun(why),
            (Ending::Failed, TargetError::NotHere(_)) => Ending::Failed,
            (_, error) => Ending::Broken(format!("{step}: {error}")),
        };
    }
}

impl StepReport {
    pub(crate) fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }
}

impl Totals {
    /// Counts a run.
    pub fn of(reports: &[ScenarioReport]) -> Self {
        reports.iter().fold(Self::default(), |mut totals, report| {
            match report.outcome {
                Ending::Passed => totals.passed += 1,
                Ending::Failed | Ending::Broken(_) => totals.failed += 1,
                Ending::NotRun(_) => totals.not_run += 1,
            }
            totals
        })
    }
}
