//! Every scenario gives the same result natively, as a module in the harness, and in a real Envoy.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What is compared: file, and for each step what the client saw.
type Seen = BTreeMap<String, Value>;

#[test]
fn all_targets_agree() {
    let mut counts = Vec::new();
    let mut play = |what: &str, arguments: &[&str]| {
        let report = report(arguments);
        let totals = &report["totals"];
        counts.push(format!("{what}: {} passed, {} not run", totals["passed"], totals["not_run"]));
        let failed =
            scenarios(&report).filter(|s| s["outcome"] != "passed" && s["outcome"].get("not_run").is_none());
        let failed: Vec<_> = failed.map(|s| serde_json::to_string_pretty(s).unwrap()).collect();
        assert!(failed.is_empty(), "{what}: {}", failed.join("\n"));
        seen(&report)
    };

    let wasm = play("wasm", &["tests/scenarios", "--target", "wasm"]);
    assert_eq!(wasm.keys().cloned().collect::<Vec<_>>(), files(), "every scenario is played as a module");
    let native = play("native", &["tests/scenarios", "--target", "native"]);
    // Only another module in the chain keeps it from being played natively.
    let mut alone = wasm.clone();
    alone.retain(|file, _| !has_a_line(file, &["  - module:", "  - {module:"]));
    assert_eq!(native, alone);

    // Filters of ours do the same where they are one module together.
    let arguments = ["tests/scenarios", "--suite", "--target"];
    assert_eq!(play("native, as the suite", &[&arguments[..], &["native"]].concat()), native);
    assert_eq!(play("wasm, as the suite", &[&arguments[..], &["wasm"]].concat()), wasm);
    let suite = play("envoy, as the suite", &["tests/scenarios/portcullis", "--suite", "--target", "envoy"]);
    for (file, steps) in suite {
        assert_eq!(Some(&steps), wasm.get(&file), "{file}");
    }

    let envoy = play("envoy", &["tests/scenarios", "--target", "envoy"]);
    // Only a clock that the scenario sets keeps it from a real Envoy.
    let timeless: Vec<_> = files().into_iter().filter(|file| !has_a_line(file, &["clock:"])).collect();
    assert_eq!(envoy.keys().cloned().collect::<Vec<_>>(), timeless);
    for (file, steps) in envoy {
        assert_eq!(Some(&steps), wasm.get(&file), "{file}");
    }
    // The counts are worth seeing although the test passes.
    fs::write(root().join("target/scenarios.txt"), counts.join("\n") + "\n").unwrap();
}

fn report(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["test", "--format", "json"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Every scenario file, as reports name it.
fn files() -> Vec<String> {
    let mut files: Vec<_> = entries("tests/scenarios").iter().flat_map(|folder| entries(folder)).collect();
    // Those begin with `_` that others include.
    files.retain(|file| !file.contains("/_"));
    files.sort();
    files
}

fn entries(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    entries.map(|entry| format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap())).collect()
}

fn has_a_line(file: &str, starts: &[&str]) -> bool {
    let text = fs::read_to_string(root().join(file)).unwrap();
    text.lines().any(|line| starts.iter().any(|start| line.starts_with(start)))
}

fn scenarios(report: &Value) -> impl Iterator<Item = &Value> {
    report["scenarios"].as_array().unwrap().iter()
}

/// Status and details of each step of the scenarios that were run.
fn seen(report: &Value) -> Seen {
    let run = scenarios(report).filter(|scenario| scenario["outcome"] == "passed");
    run.map(|scenario| (scenario["file"].as_str().unwrap().to_owned(), steps(scenario))).collect()
}

fn steps(scenario: &Value) -> Value {
    let mut steps = scenario["steps"].clone();
    // What a real Envoy says of a client that left without an answer tells of the client alone.
    for step in steps.as_array_mut().unwrap().iter_mut().filter(|step| step["status"].is_null()) {
        step["details"] = Value::Null;
    }
    steps
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
