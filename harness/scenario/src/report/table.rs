use std::fmt::Write;

use super::text::{mismatches, why};
use super::{ScenarioReport, StepReport};

/// A table of requests and how each was decided, with what is not as expected below its row.
pub fn table(reports: &[ScenarioReport]) -> String {
    let tables: Vec<_> = reports.iter().map(one).collect();
    tables.join("\n")
}

fn one(report: &ScenarioReport) -> String {
    let names = report.steps.iter().map(|step| step.name.chars().count());
    let width = names.max().unwrap_or_default().max("request".len());
    let mut out = format!("{} ({})\n\n", report.name, report.target);
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  {:<width$}  decision  status  reason", "request");
    let _ = writeln!(out, "  {:-<width$}  --------  ------  ------", "");
    for step in &report.steps {
        let (decision, status, reason) = decided(step);
        let _ = writeln!(out, "  {:<width$}  {decision:<8}  {status:<6}  {reason}", step.name);
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
