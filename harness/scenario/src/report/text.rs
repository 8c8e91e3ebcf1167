use std::fmt::Write;

use anstyle::AnsiColor;

use super::{Outcome, ScenarioReport, Totals};

/// The report that a person reads: one line per scenario, and what is not as expected below it. It is coloured; who
/// prints it to something that is no terminal strips that.
pub fn text(reports: &[ScenarioReport]) -> String {
    let mut out = String::new();
    for report in reports {
        scenario(&mut out, report);
    }
    let Totals { passed, failed, not_run } = Totals::of(reports);
    // Writing to a String cannot fail.
    let _ = write!(out, "{passed} passed, {failed} failed");
    if not_run > 0 {
        let _ = write!(out, ", {not_run} not run on this target");
    }
    out.push('\n');
    out
}

fn scenario(out: &mut String, report: &ScenarioReport) {
    let (mark, color, why) = match &report.outcome {
        Outcome::Passed => ("ok  ", AnsiColor::Green, None),
        Outcome::Failed => ("FAIL", AnsiColor::Red, None),
        Outcome::NotRun(why) => ("--  ", AnsiColor::Yellow, Some(why)),
        Outcome::Broken(why) => ("FAIL", AnsiColor::Red, Some(why)),
    };
    let style = color.on_default();
    let _ = writeln!(out, "{style}{mark}{style:#}  {:<6}  {}", report.target, report.name);
    if report.outcome != Outcome::Passed && !report.file.is_empty() {
        let _ = writeln!(out, "        in {}", report.file);
    }
    for step in report.steps.iter().filter(|step| !step.mismatches.is_empty()) {
        let _ = writeln!(out, "        {}", step.name);
        for mismatch in &step.mismatches {
            let _ = writeln!(out, "            {}", mismatch.what);
            let _ = writeln!(out, "              expected  {}", mismatch.expected);
            let _ = writeln!(out, "              found     {}", mismatch.found);
        }
    }
    if let Some(why) = why {
        let _ = writeln!(out, "        {}", why.replace('\n', "\n        "));
    }
}
