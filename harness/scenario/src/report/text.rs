use std::fmt::Write;

use anstyle::AnsiColor;

use super::{Ending, ScenarioReport, StepReport, Totals};

/// The report that a person reads: one line per scenario, and what is not as expected below it. It is coloured: strip the colours
/// before you print it to anything but a terminal.
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
    let (mark, color) = match &report.outcome {
        Ending::Passed => ("ok  ", AnsiColor::Green),
        Ending::Failed | Ending::Broken(_) => ("FAIL", AnsiColor::Red),
        Ending::NotRun(_) => ("--  ", AnsiColor::Yellow),
    };
    let style = color.on_default();
    let _ = writeln!(out, "{style}{mark}{style:#}  {:<6}  {}", report.target, report.name);
    if report.outcome != Ending::Passed && !report.file.is_empty() {
        let _ = writeln!(out, "        in {}", report.file);
    }
    for step in report.steps.iter().filter(|step| !step.passed()) {
        let _ = writeln!(out, "        {}", step.name);
        mismatches(out, step);
    }
    why(out, report);
}

/// What is not as expected in a step.
pub(super) fn mismatches(out: &mut String, step: &StepReport) {
    for mismatch in &step.mismatches {
        let _ = writeln!(out, "            {}", mismatch.what);
        let _ = writeln!(out, "              expected  {}", mismatch.expected);
        let _ = writeln!(out, "              found     {}", mismatch.found);
    }
}

/// Why a scenario was not played to its end.
pub(super) fn why(out: &mut String, report: &ScenarioReport) {
    if let Ending::NotRun(why) | Ending::Broken(why) = &report.outcome {
        let _ = writeln!(out, "        {}", why.replace('\n', "\n        "));
    }
}
