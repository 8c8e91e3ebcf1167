//! What the specification says where Envoy does something else: those cases hold in the simulation, in the profile `spec`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const FOLDER: &str = "tests/spec";
/// The rows in which the specification says something else than Envoy does.
const ROWS: [u32; 23] =
    [1, 2, 4, 7, 15, 16, 21, 25, 26, 27, 28, 30, 31, 33, 34, 38, 48, 51, 52, 53, 58, 61, 66];

#[test]
fn the_profile_spec_does_what_the_specification_says() {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["test", FOLDER, "--format", "json", "--target", "wasm"])
        .current_dir(root())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let mut covered = BTreeSet::new();
    for scenario in report["scenarios"].as_array().unwrap() {
        let file = scenario["file"].as_str().unwrap();
        assert_eq!(scenario["outcome"], "passed", "portcullis test {file} says what is different");
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(text.lines().any(|line| line == "profile: spec"), "{file} has another profile");
        covered.extend(row(file));
    }
    let missing: Vec<_> = ROWS.iter().filter(|row| !covered.contains(row)).collect();
    assert!(missing.is_empty(), "no case for the rows {missing:?}");
}

/// 33 of `P33-http-call-timeout.yaml`.
fn row(file: &str) -> Option<u32> {
    Path::new(file).file_name()?.to_str()?.strip_prefix('P')?.get(..2)?.parse().ok()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
