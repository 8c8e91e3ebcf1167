use std::fmt::Write;

use super::{Outcome, ScenarioReport};

/// A table of requests and decisions, one row per request.
pub fn table(reports: &[ScenarioReport]) -> String {
    let mut out = String::new();
    for report in reports {
        let rows: Vec<_> = report.steps.iter().filter_map(|step| Some((step, step.status?))).collect();
        let width = rows.iter().map(|(step, _)| step.name.chars().count()).max().unwrap_or_default().max(7);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}\n", report.name);
        let _ = writeln!(out, "  {:<width$}  decision  status  reason", "request");
        let _ = writeln!(out, "  {:-<width$}  --------  ------  ------", "");
        for (step, status) in rows {
            let details = step.details.as_deref().unwrap_or("-");
            let decision = if details == "via_upstream" { "allow" } else { "deny" };
            let unexpected = if step.mismatches.is_empty() { "" } else { "   <- not as expected" };
            let _ =
                writeln!(out, "  {:<width$}  {decision:<8}  {status:<6}  {details}{unexpected}", step.name);
        }
        if let Outcome::NotRun(why) | Outcome::Broken(why) = &report.outcome {
            let _ = writeln!(out, "  {why}");
        }
    }
    out
}
