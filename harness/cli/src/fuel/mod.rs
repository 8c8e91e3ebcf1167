//! What callbacks take, step by step, beside a golden file.

mod difference;
mod file;
mod table;

pub(crate) use difference::differences;
pub(crate) use file::{read, written};
pub(crate) use table::table;

use std::collections::BTreeMap;

use portcullis_scenario::Taken;
use portcullis_scenario::report::ScenarioReport;

/// What was measured or is expected: scenario, step, callback.
pub(crate) type Figures = BTreeMap<String, BTreeMap<String, BTreeMap<String, Taken>>>;

/// What scenarios have taken. A step without callbacks has no place in it.
pub(crate) fn figures(reports: &[ScenarioReport]) -> Figures {
    let of_steps = |report: &ScenarioReport| {
        let steps = report.taken.iter().filter(|taken| !taken.callbacks.is_empty());
        steps.map(|taken| (taken.step.clone(), taken.callbacks.clone())).collect()
    };
    let measured = reports.iter().filter(|report| !report.taken.is_empty());
    measured.map(|report| (report.name.clone(), of_steps(report))).collect()
}
