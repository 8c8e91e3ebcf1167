//! What Envoy makes of the proxy-wasm ABI: the same cases hold in the simulation and in a real Envoy. And what the
//! specification says where Envoy does something else: those cases hold in the simulation, in the profile `spec`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const OF_ENVOY: &str = "tests/abi";
const OF_SPEC: &str = "tests/spec";

/// The rows of the list of behaviours: P01 to this one.
const LAST_ROW: u32 = 72;
/// So many of them at least are seen on a real Envoy.
const SEEN_ON_ENVOY: usize = 50;
/// The rows in which the specification says something else than Envoy does.
const OTHER_IN_SPEC: [u32; 23] =
    [1, 2, 4, 7, 15, 16, 21, 25, 26, 27, 28, 30, 31, 33, 34, 38, 48, 51, 52, 53, 58, 61, 66];

#[test]
fn the_simulation_does_what_envoy_does() {
    let [wasm, envoy] = ["wasm", "envoy"].map(|target| outcomes(OF_ENVOY, target));
    let failed: Vec<_> = [("wasm", &wasm), ("envoy", &envoy)]
        .into_iter()
        .flat_map(|(target, cases)| cases.iter().map(move |case| (target, case)))
        .filter(|(target, case)| !case.passed && (*target == "wasm" || !case.is_not_for_envoy))
        .map(|(target, case)| format!("{target}: {}", case.file))
        .collect();
    assert!(failed.is_empty(), "portcullis test says what is different in\n{}", failed.join("\n"));
    let rows = |cases: &[Case]| cases.iter().filter(|case| case.passed).filter_map(Case::row).collect();
    let (simulated, seen): (BTreeSet<u32>, BTreeSet<u32>) = (rows(&wasm), rows(&envoy));
    let missing: Vec<_> = (1..=LAST_ROW).filter(|row| !simulated.contains(row)).collect();
    assert!(missing.is_empty(), "no case for the rows {missing:?}");
    assert!(seen.len() >= SEEN_ON_ENVOY, "only {} rows are seen on a real Envoy", seen.len());
}

#[test]
fn the_profile_spec_does_what_the_specification_says() {
    let cases = outcomes(OF_SPEC, "wasm");
    let failed: Vec<_> = cases.iter().filter(|case| !case.passed).map(|case| case.file.as_str()).collect();
    assert!(failed.is_empty(), "portcullis test says what is different in\n{}", failed.join("\n"));
    assert!(cases.iter().all(|case| case.is_of_spec), "a case in {OF_SPEC} has another profile");
    let covered: BTreeSet<_> = cases.iter().filter_map(Case::row).collect();
    let missing: Vec<_> = OTHER_IN_SPEC.iter().filter(|row| !covered.contains(row)).collect();
    assert!(missing.is_empty(), "no case for the rows {missing:?}");
}

struct Case {
    file: String,
    passed: bool,
    is_not_for_envoy: bool,
    is_of_spec: bool,
}

impl Case {
    /// 33 of `P33-http-call-timeout.yaml`.
    fn row(&self) -> Option<u32> {
        let name = Path::new(&self.file).file_name()?.to_str()?;
        name.strip_prefix('P')?.get(..2)?.parse().ok()
    }
}

fn outcomes(folder: &str, target: &str) -> Vec<Case> {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["test", folder, "--format", "json", "--target", target])
        .current_dir(root())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{target}: {}", String::from_utf8_lossy(&output.stderr)));
    let case = |scenario: &Value| {
        let file = scenario["file"].as_str().unwrap().to_owned();
        let text = fs::read_to_string(root().join(&file)).unwrap();
        let has_line = |start: &str| text.lines().any(|line| line.starts_with(start));
        Case {
            passed: scenario["outcome"] == "passed",
            is_not_for_envoy: has_line("not_on_envoy:"),
            is_of_spec: has_line("profile: spec"),
            file,
        }
    };
    report["scenarios"].as_array().unwrap().iter().map(case).collect()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
