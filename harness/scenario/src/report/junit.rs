use std::fmt::Write;
use std::time::Duration;

use super::shown::{cut, sides};
use super::{Ending, ScenarioReport};

/// The report as JUnit XML, as Jenkins and Surefire read it: a test suite per target, a test case per scenario.
pub fn junit(reports: &[ScenarioReport]) -> String {
    let mut targets: Vec<_> = reports.iter().map(|report| report.target).collect();
    targets.sort_unstable();
    targets.dedup();
    let all: Vec<_> = reports.iter().collect();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites name=\"portcullis\" {}>", counts(&all, false));
    for target in targets {
        let reports: Vec<_> = reports.iter().filter(|report| report.target == target).collect();
        let _ = writeln!(out, "<testsuite name=\"portcullis.{target}\" {}>", counts(&reports, true));
        reports.iter().for_each(|report| case(&mut out, report));
        out.push_str("</testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn counts(reports: &[&ScenarioReport], with_skipped: bool) -> String {
    let count = |is: fn(&Ending) -> bool| reports.iter().filter(|report| is(&report.outcome)).count();
    let failures = count(|ending| *ending == Ending::Failed);
    let errors = count(|ending| matches!(ending, Ending::Broken(_)));
    let skipped = count(|ending| matches!(ending, Ending::NotRun(_)));
    let took = reports.iter().filter_map(|report| report.took).sum::<Duration>();
    let skipped = if with_skipped { format!(" skipped=\"{skipped}\"") } else { String::new() };
    let (tests, time) = (reports.len(), took.as_secs_f64());
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"{skipped} time=\"{time:.3}\"")
}

fn case(out: &mut String, report: &ScenarioReport) {
    let (name, class) = (escaped(&report.name), escaped(&format!("{}.{}", report.target, report.file)));
    let time = report.took.unwrap_or_default().as_secs_f64();
    // Writing to a String cannot fail.
    let _ = write!(out, "<testcase name=\"{name}\" classname=\"{class}\" time=\"{time:.3}\">");
    let mismatches = mismatches(report);
    match &report.outcome {
        Ending::Passed => {}
        Ending::NotRun(why) => {
            let _ = write!(out, "<skipped message=\"{}\"/>", escaped(&cut(why)));
        }
        Ending::Broken(why) => {
            let _ =
                write!(out, "<error message=\"{}\" type=\"broken\">{mismatches}</error>", escaped(&cut(why)));
        }
        Ending::Failed => {
            let _ =
                write!(out, "<failure message=\"not as expected\" type=\"mismatch\">{mismatches}</failure>");
        }
    }
    if !report.warnings.is_empty() {
        let lines = report.warnings.iter().map(|warning| format!("warning: {warning}\n"));
        let _ = write!(out, "<system-out>{}</system-out>", escaped(&lines.collect::<String>()));
    }
    out.push_str("</testcase>\n");
}

fn mismatches(report: &ScenarioReport) -> String {
    let all =
        report.steps.iter().flat_map(|step| step.mismatches.iter().map(move |mismatch| (step, mismatch)));
    let lines = all.map(|(step, it)| (step, it, sides(it))).map(|(step, it, (expected, found))| {
        format!("{}: {}: expected {expected}, found {found}\n", step.name, it.what)
    });
    escaped(&lines.chain(report.replay.clone()).collect::<String>())
}

/// Text for XML 1.0: its five special characters as references, and without the characters that it cannot hold.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // In an attribute they would become spaces.
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
