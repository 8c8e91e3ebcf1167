//! The golden file: YAML with a line for each callback, so that a difference shows which.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use portcullis_scenario::report::ScenarioReport;
use portcullis_scenario::{Taken, parse_yaml};
use serde_json::Value;

use super::Figures;
use crate::commands::read_text;

const HEAD: &str = "\
# What callbacks take: scenario, step, callback. BLESS=1 portcullis fuel writes this file.
# Figures are those of all calls of a callback in the step together; the start is that of all VMs: one that is thrown away, one of the main thread, one for each worker.
";

/// The golden file as it is.
pub(crate) fn read(path: &Path) -> Result<Figures, String> {
    if !path.exists() {
        return Err(format!("{}: no such file; BLESS=1 writes it", path.display()));
    }
    parse_yaml(&path.display().to_string(), &read_text(path)?).map_err(|error| error.to_string())
}

/// The golden file as it should be, in the order in which steps were played.
pub(crate) fn written(reports: &[ScenarioReport]) -> String {
    let mut text = HEAD.to_owned();
    for report in reports.iter().filter(|report| !report.taken.is_empty()) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{}:", quoted(&report.name));
        for taken in report.taken.iter().filter(|taken| !taken.callbacks.is_empty()) {
            let _ = writeln!(text, "  {}:", quoted(&taken.step));
            for (callback, Taken { calls, fuel, bytes, hostcalls }) in &taken.callbacks {
                let hostcalls = listed(hostcalls);
                let _ = writeln!(
                    text,
                    "    {callback}: {{calls: {calls}, fuel: {fuel}, bytes: {bytes}, hostcalls: {{{hostcalls}}}}}"
                );
            }
        }
    }
    text
}

/// A text of JSON is one of YAML.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn listed(hostcalls: &BTreeMap<String, u64>) -> String {
    hostcalls.iter().map(|(name, times)| format!("{name}: {times}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use portcullis_scenario::StepTaken;

    use super::*;
    use crate::fuel::figures;

    fn report() -> ScenarioReport {
        let hostcalls = BTreeMap::from([("proxy_log".to_owned(), 2), ("random_get".to_owned(), 1)]);
        let log = Taken { calls: 2, fuel: 10, bytes: 3, hostcalls };
        let callbacks = BTreeMap::from([
            ("proxy_on_log".to_owned(), log),
            ("proxy_on_delete".to_owned(), Taken { calls: 1, ..Taken::default() }),
        ]);
        let start = StepTaken { step: "start".to_owned(), callbacks: callbacks.clone() };
        let quiet = StepTaken { step: "time passes".to_owned(), callbacks: BTreeMap::new() };
        let last = StepTaken { step: "a: \"b\", #\n".to_owned(), callbacks };
        let mut report = ScenarioReport::not_run("no: it's [odd]", "wasm", "");
        report.taken = vec![start, quiet, last];
        report
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("golden.yaml");
        assert!(read(&path).unwrap_err().ends_with("golden.yaml: no such file; BLESS=1 writes it"));
        // One that is refused its configuration has nothing to measure.
        let reports = [ScenarioReport::not_run("refused", "wasm", ""), report()];
        fs::write(&path, written(&reports)).unwrap();
        assert_eq!(read(&path).unwrap(), figures(&reports));
    }

    #[test]
    fn a_callback_is_a_line() {
        let text = written(&[report()]);
        let line =
            "    proxy_on_log: {calls: 2, fuel: 10, bytes: 3, hostcalls: {proxy_log: 2, random_get: 1}}";
        assert_eq!(text.lines().filter(|it| *it == line).count(), 2, "{text}");
        assert!(
            text.contains(
                "  \"start\":\n    proxy_on_delete: {calls: 1, fuel: 0, bytes: 0, hostcalls: {}}\n"
            )
        );
        assert!(!text.contains("time passes"), "{text}");
    }
}
