//! `portcullis test --explore`: the order of the workers in which a scenario fails, found and played again.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Counts requests in shared data: reads, adds one, writes, and never looks whether somebody else has written in between.
const CARELESS: &str = r#"(module
    (import "env" "proxy_get_shared_data" (func $get (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_set_shared_data" (func $set (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "count")
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (i32.store8 (i32.const 64) (i32.const 48))
        (if (i32.eqz (call $get (i32.const 16) (i32.const 5) (i32.const 32) (i32.const 36) (i32.const 40)))
            (then (i32.store8 (i32.const 64) (i32.load8_u (i32.load (i32.const 32))))))
        (i32.store8 (i32.const 64) (i32.add (i32.load8_u (i32.const 64)) (i32.const 1)))
        (drop (call $set (i32.const 16) (i32.const 5) (i32.const 64) (i32.const 1) (i32.const 0)))
        (drop (call $log (i32.const 2) (i32.const 64) (i32.const 1)))
        (i32.const 0)))"#;

const SCENARIO: &str = "name: two are counted\nmodule: careless.wat\nclock: 2026-01-01T00:00:00Z\nsteps:\n  \
    - concurrent: [{request: {}}, {request: {}}]\n    expect: {logs: [\"2\"]}\n";
const ALONE: &str = "name: one\nmodule: careless.wat\nsteps: [{request: {}}]\n";

fn test(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = command.arg("test").args(arguments).current_dir(folder).env_remove("BLESS").output();
    let Output { status, stdout, stderr } = output.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("careless.wat", CARELESS), ("a.yaml", SCENARIO), ("b.yaml", ALONE)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn a_lost_update_is_found_and_played_again() {
    let folder = folder();
    assert_eq!(test(folder.path(), &["a.yaml"]).0, 0, "one after the other all is well");
    let (code, stdout, stderr) = test(folder.path(), &["a.yaml", "--explore", "100"]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    let advice = stdout.lines().find_map(|line| line.trim().strip_prefix("fails with ")).unwrap();
    let replay: Vec<_> = ["a.yaml"].into_iter().chain(advice.split(' ')).collect();
    let again: Vec<_> = (0..3).map(|_| test(folder.path(), &replay)).collect();
    let seen =
        |text: &str| text.lines().filter(|it| !it.contains("orders")).map(str::to_owned).collect::<Vec<_>>();
    for (code, text, _) in again {
        assert_eq!((code, seen(&text)), (1, seen(&stdout)));
    }
}

#[test]
fn some_order_is_right_and_what_has_no_order_is_named() {
    let folder = folder();
    let passes = (0..20).filter(|seed| {
        let seed = seed.to_string();
        test(folder.path(), &["a.yaml", "--explore", "1", "--explore-seed", &seed]).0 == 0
    });
    let passes = passes.count();
    assert!((1..20).contains(&passes), "{passes}");
    let (_, stdout, _) = test(folder.path(), &[".", "--explore", "3"]);
    assert!(
        stdout.contains("--    wasm    one\n")
            && stdout.contains("        no two workers have something to do"),
        "{stdout}"
    );
    let (code, _, stderr) = test(folder.path(), &["a.yaml", "--explore", "3", "--target", "envoy"]);
    assert_eq!((code, stderr.contains("--target wasm or native")), (2, true), "{stderr}");
}

#[test]
fn no_order_of_the_workers_breaks_a_token_bucket() {
    explore("token-bucket", "20", 100);
}

#[test]
fn no_order_of_the_workers_breaks_a_circuit_breaker() {
    explore("circuit-breaker", "100", 300);
}

/// Plays the scenarios of a filter, each in so many orders of the workers, and at least so many in all.
fn explore(filter: &str, orders: &str, least: u32) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = format!("tests/scenarios/{filter}");
    let scenarios = [folder.as_str(), "--explore", orders, "--target", "native"];
    let (code, stdout, stderr) = test(&root, &scenarios);
    assert_eq!(code, 0, "{stdout}{stderr}");
    let orders = stdout.rsplit(", ").next().and_then(|totals| totals.split_once(" orders of workers"));
    let orders: u32 = orders.unwrap_or_else(|| panic!("{stdout}")).0.parse().unwrap();
    assert!(orders >= least, "{stdout}");
}
