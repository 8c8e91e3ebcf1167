//! The cases, and how they ended.

use std::fs;
use std::path::Path;
use std::process::Command;

use portcullis_scenario::parse_yaml;
use portcullis_scenario::schema::ScenarioFile;
use serde_json::Value;

use crate::{FOLDER, root};

/// One file, and how it ended in the harness and in a real Envoy.
pub(crate) struct Case {
    pub(crate) file: String,
    /// 33 of `row: P33`.
    pub(crate) row: Option<u32>,
    /// Its name without the row.
    pub(crate) topic: String,
    pub(crate) spec: String,
    pub(crate) does: String,
    pub(crate) observed: String,
    /// `ok`, `failed`, or why it was not run.
    pub(crate) harness: String,
    /// The same.
    pub(crate) envoy: String,
}

/// Plays all cases on both targets.
pub(crate) fn play() -> Vec<Case> {
    let [wasm, envoy] = ["wasm", "envoy"].map(outcomes);
    assert_eq!(wasm.len(), envoy.len(), "both targets are asked for the same files");
    let cases = wasm.into_iter().zip(envoy);
    cases
        .map(|((file, harness), (same, envoy))| {
            assert_eq!(file, same, "reports keep the order of the files");
            Case::read(file, harness, envoy)
        })
        .collect()
}

impl Case {
    fn read(file: String, harness: String, envoy: String) -> Self {
        let text = fs::read_to_string(root().join(&file)).unwrap();
        let scenario: ScenarioFile = parse_yaml(&file, &text).unwrap();
        let row = scenario.row.as_ref().map(|row| format!("{} ", row.as_str().unwrap()));
        let topic = scenario.name.strip_prefix(row.as_deref().unwrap_or_default());
        let topic = topic.unwrap_or_else(|| panic!("{file}: the name begins with the row")).to_owned();
        let is_named_after_its_row = Path::new(&file).file_name().unwrap().to_str().unwrap().starts_with('P');
        assert_eq!(is_named_after_its_row, row.is_some(), "{file}: the row, or the name of the file");
        let said = |key: &str, value: &Option<Value>| {
            let text = value.as_ref().and_then(Value::as_str).filter(|text| !text.is_empty());
            text.unwrap_or_else(|| panic!("{file}: there is no {key}")).to_owned()
        };
        Self {
            row: row.map(|row| row.trim().trim_start_matches('P').parse().unwrap()),
            topic,
            spec: said("spec", &scenario.spec),
            does: said("envoy", &scenario.envoy),
            observed: said("observed", &scenario.observed),
            file,
            harness,
            envoy,
        }
    }
}

/// Each file with how it ended.
fn outcomes(target: &str) -> Vec<(String, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["test", FOLDER, "--format", "json", "--target", target])
        .env_remove("BLESS")
        .current_dir(root())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{target}: {}", String::from_utf8_lossy(&output.stderr)));
    let scenarios = report["scenarios"].as_array().unwrap();
    scenarios.iter().map(|it| (it["file"].as_str().unwrap().to_owned(), outcome(&it["outcome"]))).collect()
}

fn outcome(outcome: &Value) -> String {
    match (outcome.as_str(), outcome["not_run"].as_str()) {
        (Some("passed"), _) => "ok".to_owned(),
        (_, Some(why)) => format!("not observable: {why}"),
        _ => "failed".to_owned(),
    }
}
