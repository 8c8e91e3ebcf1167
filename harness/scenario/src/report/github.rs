use std::fmt::Write;

use super::shown::{cut, shown_line, sides};
use super::{Ending, ScenarioReport};

/// The report as commands of a GitHub workflow, which shows them as annotations at the lines of the scenario files.
pub fn github(reports: &[ScenarioReport]) -> String {
    let mut out = String::new();
    for report in reports {
        let replay = report.replay.as_ref().map(|replay| format!("\n{replay}")).unwrap_or_default();
        for step in report.steps.iter().filter(|step| !step.passed()) {
            let found =
                step.mismatches.iter().map(|it| (it, sides(it))).map(|(it, (expected, found))| {
                    format!("{}: expected {expected}, found {found}", it.what)
                });
            let message = found.collect::<Vec<_>>().join("\n");
            command(&mut out, "error", report, step.line, &format!("{}: {message}{replay}", step.name));
        }
        if let Ending::Broken(why) = &report.outcome {
            command(&mut out, "error", report, 1, &format!("{}{replay}", cut(why)));
        }
        for warning in &report.warnings {
            command(&mut out, "warning", report, 1, &warning.to_string());
        }
    }
    out
}

fn command(out: &mut String, kind: &str, report: &ScenarioReport, line: u64, message: &str) {
    let file = property(&shown_line(&report.file));
    let title = property(&shown_line(&format!("{} ({})", cut(&report.name), report.target)));
    // Writing to a String cannot fail.
    let _ = writeln!(out, "::{kind} file={file},line={line},title={title}::{}", data(&lines(message)));
}

/// A message whose lines are those of one command.
fn lines(message: &str) -> String {
    message.split('\n').map(shown_line).collect::<Vec<_>>().join("\n")
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
        let mut report = ScenarioReport::new("a\n::error::b", "wasm");
        report.fail("s\x1b", Mismatch::new("log", "x".repeat(1 << 20), "c\r\n::stop-commands::d"));
        let told = github(&[report]);
        assert!(
            told.starts_with(r"::error file=,line=1,title=a\n%3A%3Aerror%3A%3Ab (wasm)::s\u{1b}: log: "),
            "{told}"
        );
        assert!(told.ends_with("c\\r%0A\\u{3a}:stop-commands::d\n") && told.len() < 4096, "{told}");
        assert_eq!(told.lines().count(), 1);
        assert_eq!(github(&[ScenarioReport::new("fine", "wasm")]), "");
    }
}
