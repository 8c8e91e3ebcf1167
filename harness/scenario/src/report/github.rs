use std::fmt::Write;

use super::{Ending, ScenarioReport};

/// The report as commands of a GitHub workflow, which shows them as annotations at the lines of the scenario files.
pub fn github(reports: &[ScenarioReport]) -> String {
    let mut out = String::new();
    for report in reports {
        let replay = report.replay.as_ref().map(|replay| format!("\n{replay}")).unwrap_or_default();
        for step in report.steps.iter().filter(|step| !step.passed()) {
            let found = step
                .mismatches
                .iter()
                .map(|it| format!("{}: expected {}, found {}", it.what, it.expected, it.found));
            let message = found.collect::<Vec<_>>().join("\n");
            command(&mut out, "error", report, step.line, &format!("{}: {message}{replay}", step.name));
        }
        if let Ending::Broken(why) = &report.outcome {
            command(&mut out, "error", report, 1, &format!("{why}{replay}"));
        }
        for warning in &report.warnings {
            command(&mut out, "warning", report, 1, &warning.to_string());
        }
    }
    out
}

fn command(out: &mut String, kind: &str, report: &ScenarioReport, line: u64, message: &str) {
    let file = property(&report.file);
    let title = property(&format!("{} ({})", report.name, report.target));
    // Writing to a String cannot fail.
    let _ = writeln!(out, "::{kind} file={file},line={line},title={title}::{}", data(message));
}

/// What ends a command, escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What ends a property, escaped too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expectation::Mismatch;

    #[test]
    fn an_annotation_is_one_line_whatever_it_tells() {
        let mut report = ScenarioReport::new("a: b, c", "wasm");
        report.file = "x.yaml".into();
        report.fail("start", Mismatch::new("log", "50%\nof it", "none"));
        assert_eq!(
            github(&[report]),
            "::error file=x.yaml,line=1,title=a%3A b%2C c (wasm)::start: log: expected 50%25%0Aof it, found none\n"
        );
        assert_eq!(github(&[ScenarioReport::new("fine", "wasm")]), "");
    }
}
