//! What `portcullis bench`, `inspect` and `run --profile-guest` measure.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Goes around a loop in each request, refuses an empty configuration, and asks for the time.
const WORKS: &str = r#"(module
    (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_configure") (param i32 i32) (result i32) (local.get 1))
    (func (export "proxy_on_tick") (param i32))
    (func $spin (local $i i32)
        (loop $again
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 200000)))))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $now (i32.const 64)))
        (call $spin)
        (i32.const 0)))"#;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("works.wat"), WORKS).unwrap();
    fs::write(folder.path().join("config.yaml"), "a: 1\n").unwrap();
    folder
}

fn portcullis(folder: &TempDir, arguments: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = command.args(arguments.split(' ')).current_dir(folder.path()).output();
    let Output { status, stdout, stderr } = output.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The cells of the row that begins with this.
fn row<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let line =
        text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}\n{text}"));
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn bench_tells_times_and_what_each_callback_takes() {
    let folder = folder();
    let bench = "bench works.wat --config config.yaml --time 100ms --clock 2026-01-01T00:00:00Z";
    let (code, stdout, stderr) = portcullis(&folder, bench);
    assert_eq!(code, 0, "{stderr}");
    for name in ["instances per second", "requests per second, one worker"] {
        assert!(row(&stdout, name)[1].parse::<f64>().unwrap() > 1.0, "{stdout}");
    }
    let micros = |name| row(&stdout, name)[1].trim_end_matches(" us").parse::<f64>().unwrap();
    assert!(
        0.0 < micros("a request, p50") && micros("a request, p50") <= micros("a request, p99"),
        "{stdout}"
    );
    assert_eq!(row(&stdout, "answered with")[1], "200 (via_upstream)");
    assert!(stdout.contains("Envoy runs modules on V8"), "{stdout}");
    let request = row(&stdout, "proxy_on_request_headers");
    assert_eq!((request[1], &request[4..]), ("100", &["1", "8", "0"][..]), "{stdout}");
    assert!(request[3].parse::<u64>().unwrap() > 1_000_000, "{stdout}");
    assert_eq!(row(&stdout, "proxy_on_configure")[1], "3");
    let (_, again, _) = portcullis(&folder, bench);
    assert_eq!(row(&again, "proxy_on_request_headers"), request);
}

#[test]
fn bench_needs_a_module_that_starts() {
    let (code, _, stderr) = portcullis(&folder(), "bench works.wat --time 10ms");
    assert_eq!(code, 2);
    assert!(stderr.contains("works.wat: the plugin refused its configuration"), "{stderr}");
}

#[test]
fn inspect_tells_what_an_empty_request_takes_or_why_not() {
    let folder = folder();
    let (code, stdout, _) = portcullis(&folder, "inspect works.wat --config config.yaml");
    assert_eq!(code, 0);
    let costs = stdout.split("what a start and an empty request take").nth(1).unwrap();
    let request = row(costs, "proxy_on_request_headers");
    assert_eq!((request[1], request[3]), ("1", "1"), "{stdout}");
    assert!(request[2].parse::<u64>().unwrap() > 1_000_000, "{stdout}");
    assert_eq!(row(costs, "proxy_on_tick")[1..], ["-"; 3], "{stdout}");
    let (code, stdout, _) = portcullis(&folder, "inspect works.wat");
    assert_eq!(code, 0, "what can be said without a start is said");
    assert!(
        stdout.contains("not measured, without --config: the plugin refused its configuration"),
        "{stdout}"
    );
}

#[test]
fn a_profile_names_the_function_that_takes_the_time() {
    let folder = folder();
    let run = "run works.wat --config config.yaml --profile-guest profile.json";
    let (code, stdout, stderr) = portcullis(&folder, run);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.starts_with("profile.json: written, after "), "{stderr}");
    assert_eq!(stdout.matches("proxy_on_request_headers(").count(), 1, "only the first request is shown");
    let profile: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("profile.json")).unwrap()).unwrap();
    let thread = &profile["threads"][0];
    assert!(thread["samples"]["length"].as_u64().unwrap() > 100, "{}", thread["samples"]["length"]);
    let strings = profile["shared"]["stringArray"].as_array().or_else(|| thread["stringArray"].as_array());
    assert!(strings.unwrap().iter().any(|name| name == "spin"), "{strings:?}");
}
