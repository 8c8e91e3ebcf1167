use std::collections::BTreeSet;
use std::fmt::{Display, Write};

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

use super::shown::{cut, shown, shown_line, sides};
use super::{Ending, ScenarioReport, StepReport, Totals};

const EXPECTED: Style = AnsiColor::Green.on_default();
const WARNING: Style = AnsiColor::Yellow.on_default();
const FOUND: Style = AnsiColor::Red.on_default();
/// Lines of a difference that are shown.
const MOST_LINES: usize = 60;

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
    let ways: usize = reports.iter().map(|report| report.ways.len()).sum();
    if ways > 0 {
        let _ = write!(out, ", {ways} more runs in other ways");
    }
    let explored: u64 = reports.iter().map(|report| report.explored).sum();
    if explored > 0 {
        let _ = write!(out, ", {explored} orders of workers");
    }
    let profiles: BTreeSet<_> = reports.iter().map(|report| report.profile).collect();
    let _ = writeln!(out, " (profile {})", profiles.into_iter().collect::<Vec<_>>().join(", "));
    out
}

fn scenario(out: &mut String, report: &ScenarioReport) {
    let (mark, color) = match &report.outcome {
        Ending::Passed => ("ok  ", AnsiColor::Green),
        Ending::Failed | Ending::Broken(_) => ("FAIL", AnsiColor::Red),
        Ending::NotRun(_) => ("--  ", AnsiColor::Yellow),
    };
    let style = color.on_default();
    let _ = writeln!(out, "{style}{mark}{style:#}  {:<6}  {}", report.target, shown_line(&cut(&report.name)));
    if report.outcome != Ending::Passed && !report.file.is_empty() {
        let _ = writeln!(out, "        in {}", shown_line(&report.file));
    }
    for step in report.steps.iter().filter(|step| !step.passed()) {
        let _ = writeln!(out, "        {} (line {})", shown_line(&cut(&step.name)), step.line);
        mismatches(out, step);
        for hint in &step.hints {
            let _ = writeln!(out, "            {WARNING}hint{WARNING:#}: {}", shown_line(&cut(hint)));
        }
    }
    why(out, report);
    for warning in &report.warnings {
        let _ =
            writeln!(out, "        {WARNING}warning{WARNING:#}: {}", shown_line(&cut(&warning.to_string())));
    }
}

/// What is not as expected in a step.
pub(super) fn mismatches(out: &mut String, step: &StepReport) {
    for mismatch in &step.mismatches {
        let _ = writeln!(out, "            {}", shown_line(&cut(&mismatch.what)));
        let (expected, found) = sides(mismatch);
        match expected.contains('\n') || found.contains('\n') {
            true => by_line(out, &expected, &found),
            false => {
                side(out, EXPECTED, "expected", shown_line(&expected));
                side(out, FOUND, "found   ", shown_line(&found));
            }
        }
    }
}

fn side(out: &mut String, style: Style, name: &str, value: impl Display) {
    let _ = writeln!(out, "              {name}  {style}{value}{style:#}");
}

/// Two texts of several lines as one, with the lines marked that only one of them has.
fn by_line(out: &mut String, expected: &str, found: &str) {
    let _ = writeln!(out, "              {EXPECTED}- expected{EXPECTED:#}  {FOUND}+ found{FOUND:#}");
    let diff = TextDiff::from_lines(expected, found);
    let hunks = diff.grouped_ops(3);
    let changes: Vec<_> = hunks.iter().flatten().flat_map(|operation| diff.iter_changes(operation)).collect();
    for change in changes.iter().take(MOST_LINES) {
        let (mark, style) = match change.tag() {
            ChangeTag::Delete => ('-', EXPECTED),
            ChangeTag::Insert => ('+', FOUND),
            ChangeTag::Equal => ('|', Style::new()),
        };
        let line = shown_line(change.value().trim_end_matches('\n'));
        let _ = writeln!(out, "              {style}{mark} {line}{style:#}");
    }
    if let Some(more) = changes.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
        let _ = writeln!(out, "              ... and {more} lines more");
    }
}

/// Why a scenario was not played to its end.
pub(super) fn why(out: &mut String, report: &ScenarioReport) {
    if let Ending::NotRun(why) | Ending::Broken(why) = &report.outcome {
        let _ = writeln!(out, "        {}", shown(&cut(why)).replace('\n', "\n        "));
    }
    if let Some(replay) = &report.replay {
        let _ = writeln!(out, "        {}", shown_line(replay));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expectation::Mismatch;

    #[test]
    fn texts_of_several_lines_are_compared_by_line() {
        let mut report = ScenarioReport::new("n", "wasm");
        report.fail("s", Mismatch::new("body", "a\nb\nc", "a\nx\nc"));
        let shown = text(&[report]).replace(['\u{1b}'], "");
        for line in ["| a", "- b", "+ x", "| c"] {
            assert!(shown.lines().any(|shown| shown.contains(line)), "{line}\n{shown}");
        }
        assert!(shown.ends_with("0 passed, 1 failed (profile envoy)\n"));
    }

    #[test]
    fn no_line_is_a_command_and_no_text_moves_the_cursor() {
        let attack = "a\n::error::b\r\u{9b}2J\n0 failed";
        let mut report = ScenarioReport::new(attack, "wasm");
        report.fail(attack, Mismatch::new(attack, attack, format!("{attack}!")));
        report.fail("s", Mismatch::new("log", "::x", "y"));
        report.outcome = Ending::Broken(attack.into());
        let by_table = super::super::table(std::slice::from_ref(&report));
        for told in [text(&[report]), by_table] {
            assert!(!told.contains(['\r', '\u{9b}']), "{told}");
            assert!(!told.lines().any(|line| line.trim_start().starts_with("::")), "{told}");
            assert!(!told.lines().any(|line| line.trim_start().starts_with("0 failed")), "{told}");
            assert!(told.contains("\n        | 0 failed\n"), "{told}");
        }
    }
}
