//! `portcullis test` on what a plugin takes, keeps, and should not do.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Works 100 times around a loop in each request, and makes a hostcall.
const WORKS: &str = r#"(module
    (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $i i32)
        (drop (call $now (i32.const 64)))
        (loop $again
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const TURNS))))
        (i32.const 0)))"#;

/// Takes another 64 KiB in every 50th request, and never gives them back.
const LEAKS: &str = r#"(module
    (memory (export "memory") 1)
    (global $requests (mut i32) (i32.const 0))
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (global.set $requests (i32.add (global.get $requests) (i32.const 1)))
        (if (i32.eqz (i32.rem_u (global.get $requests) (i32.const 50)))
            (then (drop (memory.grow (i32.const 1)))))
        (i32.const 0)))"#;

/// Reads a request header in the response, where none can be read.
const LATE: &str = r#"(module
    (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) ":path")
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
        (drop (call $get (i32.const 0) (i32.const 16) (i32.const 5) (i32.const 32) (i32.const 36)))
        (i32.const 0)))"#;

const REQUEST: &str = "clock: 2026-01-01T00:00:00Z\nsteps: [{request: {}}]\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let works = WORKS.replace("TURNS", "100");
    let modules = [("works.wat", works.as_str()), ("leaks.wat", LEAKS), ("late.wat", LATE)];
    for (name, text) in files.iter().chain(&modules) {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn test_with(folder: &TempDir, arguments: &[&str], bless: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.arg("test").args(arguments).current_dir(folder.path()).env("BLESS", bless);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn test(folder: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    test_with(folder, arguments, "0")
}

#[test]
fn a_budget_names_callback_limit_and_amount() {
    let scenario = |budget: &str| format!("name: n\nmodule: works.wat\nbudget: {{{budget}}}\n{REQUEST}");
    let plenty =
        scenario("proxy_on_request_headers: {fuel: 50000, hostcalls: 1, bytes: 8}, any: {memory_growth: 0}");
    let (own, any) =
        (scenario("proxy_on_request_headers: {fuel: 100, hostcalls: 0}"), scenario("any: {bytes: 7}"));
    let folder = folder(&[("plenty.yaml", &plenty), ("own.yaml", &own), ("any.yaml", &any)]);
    assert_eq!(test(&folder, &["plenty.yaml"]).0, 0);
    assert_eq!(test(&folder, &["plenty.yaml", "--matrix"]).0, 0);
    let (code, stdout, _) = test(&folder, &["own.yaml", "any.yaml"]);
    assert_eq!(code, 1);
    for (what, expected) in [("fuel", "at most 100"), ("hostcalls", "at most 0"), ("bytes", "at most 7")] {
        let told = stdout.split(&format!("{what} of proxy_on_request_headers\n")).nth(1).unwrap_or_default();
        assert!(told.lines().next().is_some_and(|line| line.ends_with(expected)), "{what}\n{stdout}");
    }
    assert!(stdout.contains("found     1\n") && stdout.contains("found     8\n"), "{stdout}");
}

#[test]
fn a_budget_of_no_callback_is_a_mistake() {
    let unknown =
        format!("name: n\nmodule: works.wat\nbudget: {{proxy_on_requests: {{fuel: 1}}}}\n{REQUEST}");
    let (code, _, stderr) = test(&folder(&[("a.yaml", &unknown)]), &["a.yaml"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("a.yaml:3:10: budget.proxy_on_requests: no callback; there are any, "),
        "{stderr}"
    );
}

#[test]
fn fuel_is_the_same_every_time_and_a_change_is_seen() {
    let scenario = format!("name: n\nmodule: works.wat\ngolden_fuel: golden/fuel.txt\n{REQUEST}");
    let folder = folder(&[("a.yaml", &scenario)]);
    assert_eq!(test(&folder, &["a.yaml"]).0, 1, "it is not there yet");
    let (code, _, stderr) = test_with(&folder, &["a.yaml"], "1");
    assert_eq!((code, stderr.as_str()), (0, "golden/fuel.txt: written\n"));
    let golden = fs::read_to_string(folder.path().join("golden/fuel.txt")).unwrap();
    assert!(golden.contains("proxy_on_request_headers: 1 calls, "), "{golden}");
    assert_eq!((0..3).map(|_| test(&folder, &["a.yaml"]).0).collect::<Vec<_>>(), [0; 3]);
    assert_eq!(test(&folder, &["a.yaml", "--matrix"]).0, 0);
    fs::write(folder.path().join("works.wat"), WORKS.replace("TURNS", "101")).unwrap();
    let (code, stdout, _) = test(&folder, &["a.yaml"]);
    assert_eq!(code, 1);
    assert!(stdout.contains("golden golden/fuel.txt"), "{stdout}");
}

#[test]
fn a_leak_is_found_where_the_scenario_itself_passes() {
    let scenario = |module: &str, key: &str| format!("name: {module}\nmodule: {module}.wat\n{key}{REQUEST}");
    let (leaks, works) = (scenario("leaks", ""), scenario("works", ""));
    let own = scenario("leaks", "leak_check: {streams: 60}\n");
    let folder = folder(&[("leaks.yaml", &leaks), ("works.yaml", &works), ("own.yaml", &own)]);
    assert_eq!(test(&folder, &["leaks.yaml"]).0, 0);
    assert_eq!(test(&folder, &["works.yaml", "--leak-check"]).0, 0);
    for (arguments, grown) in
        [(&["leaks.yaml", "--leak-check"][..], "128 KiB more"), (&["own.yaml"], "64 KiB more")]
    {
        let (code, stdout, _) = test(&folder, arguments);
        assert_eq!(code, 1);
        assert!(stdout.contains("memory in proxy_on_request_headers, second half"), "{stdout}");
        assert!(stdout.contains(grown), "{stdout}");
    }
}

#[test]
fn warnings_stand_in_every_report_and_can_be_denied_or_allowed() {
    let late = format!("name: n\nmodule: late.wat\n{REQUEST}");
    let allowed = format!("allow: [headers-out-of-phase]\n{late}");
    let unknown = format!("allow: [nothing]\n{late}");
    let folder = folder(&[("a.yaml", &late), ("b.yaml", &allowed), ("c.yaml", &unknown)]);
    let line =
        "headers-out-of-phase (P13): proxy_get_header_map_value in proxy_on_response_headers: outside of";
    let (code, stdout, _) = test(&folder, &["a.yaml", "--junit", "j.xml"]);
    assert_eq!(code, 0, "a warning is no failure");
    assert!(stdout.contains(&format!("        warning: {line}")), "{stdout}");
    let junit = fs::read_to_string(folder.path().join("j.xml")).unwrap();
    assert!(junit.contains(&format!("<system-out>warning: {line}")), "{junit}");
    let (_, stdout, _) = test(&folder, &["a.yaml", "--format", "github"]);
    assert!(stdout.starts_with(&format!("::warning file=a.yaml,line=1,title=n (wasm)::{line}")), "{stdout}");
    let (_, stdout, _) = test(&folder, &["a.yaml", "--format", "json"]);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let warning = &report["scenarios"][0]["warnings"][0];
    assert_eq!(
        (&warning["lint"], &warning["row"], &warning["times"]),
        (&"headers-out-of-phase".into(), &"P13".into(), &1.into())
    );

    let (code, stdout, _) = test(&folder, &["a.yaml", "--deny-warnings"]);
    assert_eq!(code, 1);
    assert!(stdout.contains("warning headers-out-of-phase"), "{stdout}");
    let (code, stdout, _) = test(&folder, &["b.yaml", "--deny-warnings"]);
    assert_eq!((code, stdout.contains("warning")), (0, false), "{stdout}");
    let (code, _, stderr) = test(&folder, &["c.yaml"]);
    assert_eq!((code, stderr.contains("unknown variant `nothing`")), (2, true), "{stderr}");
}
