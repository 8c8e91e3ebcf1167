use std::fmt::Write;

use super::shown::{cut, shown_line};
use super::text::{mismatches, why};
use super::{ScenarioReport, StepReport};

/// A table of requests and how each was decided, with what is not as expected below its row.
pub fn table(reports: &[ScenarioReport]) -> String {
    let tables: Vec<_> = reports.iter().map(one).collect();
    tables.join("\n")
}

fn one(report: &ScenarioReport) -> String {
    let names: Vec<_> = report.steps.iter().map(|step| shown_line(&cut(&step.name))).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default().max("request".len());
    let mut out = format!("{} ({})\n\n", shown_line(&cut(&report.name)), report.target);
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  {:<width$}  decision  status  reason", "request");
    let _ = writeln!(out, "  {:-<width$}  --------  ------  ------", "");
    for (step, name) in report.steps.iter().zip(&names) {
        let (decision, status, reason) = decided(step);
        let _ = writeln!(out, "  {name:<width$}  {decision:<8}  {status:<6}  {}", shown_line(reason));
        mismatches(&mut out, step);
    }
    why(&mut out, report);
    out
}

/// Allowed is what came from the upstream; whatever the plugin answered itself is a denial, but for a 2xx.
fn decided(step: &StepReport) -> (&'static str, String, &str) {
    let Some(status) = step.status else { return ("-", "-".into(), "-") };
    let details = step.details.as_deref().unwrap_or("-");
    let decision = match (details, status) {
        ("via_upstream", _) => "allow",
        (_, 200..=299) => "answer",
        _ => "deny",
    };
    (decision, status.to_string(), details)
}
