use std::fmt::Write;

use super::{Ending, ScenarioReport, Totals};

/// The report as JUnit XML: a test case per scenario and target.
pub fn junit(reports: &[ScenarioReport]) -> String {
    let Totals { failed, not_run, .. } = Totals::of(reports);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let tests = reports.len();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "<testsuites><testsuite name=\"portcullis\" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" skipped=\"{not_run}\">"
    );
    for report in reports {
        let (name, class) = (escaped(&report.name), escaped(&format!("{}.{}", report.target, report.file)));
        let _ = write!(out, "<testcase name=\"{name}\" classname=\"{class}\">");
        match &report.outcome {
            Ending::Passed => {}
            Ending::NotRun(why) => {
                let _ = write!(out, "<skipped message=\"{}\"/>", escaped(why));
            }
            Ending::Broken(why) => {
                let _ = write!(out, "<failure message=\"{}\"/>", escaped(why));
            }
            Ending::Failed => {
                let _ = write!(
                    out,
                    "<failure message=\"not as expected\">{}</failure>",
                    escaped(&mismatches(report))
                );
            }
        }
        out.push_str("</testcase>\n");
    }
    out.push_str("</testsuite></testsuites>\n");
    out
}

fn mismatches(report: &ScenarioReport) -> String {
    let all =
        report.steps.iter().flat_map(|step| step.mismatches.iter().map(move |mismatch| (step, mismatch)));
    all.map(|(step, m)| format!("{}: {}: expected {}, found {}\n", step.name, m.what, m.expected, m.found))
        .collect()
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
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
