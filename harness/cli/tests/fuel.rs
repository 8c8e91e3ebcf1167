//! `portcullis fuel`: what our modules take, beside what they took; and the command as its users meet it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const GOLDEN: &str = "tests/fuel/_golden.yaml";

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.arg("fuel").args(arguments).current_dir(folder).env_remove("BLESS");
    command
}

fn output(mut command: Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn our_modules_take_what_the_golden_file_says() {
    let (code, stdout, stderr) = output(command(root(), &["tests/fuel", "--golden", GOLDEN]));
    let told = stdout.split_once("Not as ").map_or(stdout.as_str(), |(_, told)| told);
    assert_eq!(
        code, 0,
        "make bench-fuel shows the whole table; BLESS=1 make bench-fuel writes {told}{stderr}"
    );
}

#[test]
fn each_filter_is_measured() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let filters = makefile.lines().find_map(|line| line.strip_prefix("FILTERS := ")).unwrap();
    let golden = fs::read_to_string(root().join(GOLDEN)).unwrap();
    for filter in filters.split_whitespace().chain(["portcullis"]) {
        assert!(golden.contains(&format!("\n\"{filter}: ")), "tests/fuel has no scenario \"{filter}: ...\"");
    }
}

/// Goes so many times around a loop in each request, of eight steps a round, and logs so many times.
fn module(rounds: u32, lines: usize) -> String {
    let log = "(drop (call $log (i32.const 2) (i32.const 0) (i32.const 5)))".repeat(lines);
    format!(
        r#"(module
            (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "hello")
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "proxy_on_context_create") (param i32 i32))
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (local $i i32)
                (loop $again
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if $again (i32.lt_u (local.get $i) (i32.const {rounds}))))
                {log}
                (i32.const 0)))"#
    )
}

const SCENARIO: &str = "name: a loop\nmodule: loop.wat\nclock: 2026-01-01T00:00:00Z\nsteps:\n  \
    - {name: once, request: {}, expect: {status: 200}}\n  \
    - {name: more, request: {}, expect: {status: 200}, cases: [{name: again}, {name: again}]}\n";

/// A folder with a module and its golden file.
fn blessed(rounds: u32, lines: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("loop.wat"), module(rounds, lines)).unwrap();
    fs::write(folder.path().join("s.yaml"), SCENARIO).unwrap();
    let mut bless = command(folder.path(), &[".", "--golden", "_golden.yaml"]);
    bless.env("BLESS", "1");
    let (code, _, stderr) = output(bless);
    assert_eq!((code, stderr.as_str()), (0, "_golden.yaml: written\n"));
    folder
}

fn compared(folder: &TempDir) -> (i32, String) {
    let (code, stdout, stderr) = output(command(folder.path(), &[".", "--golden", "_golden.yaml"]));
    assert_eq!(stderr, "");
    (code, stdout)
}

fn golden(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join("_golden.yaml")).unwrap()
}

#[test]
fn a_golden_file_has_a_line_for_each_callback_of_a_step() {
    let folder = blessed(1000, 2);
    let text = golden(&folder);
    let line = |calls: u64| {
        let logs = 2 * calls;
        let found = text.lines().find(|line| {
            line.starts_with(&format!("    proxy_on_request_headers: {{calls: {calls}, fuel: "))
                && line.ends_with(&format!(", bytes: {}, hostcalls: {{proxy_log: {logs}}}}}", 5 * logs))
        });
        assert!(found.is_some(), "{text}");
    };
    line(1);
    line(2);
    assert!(text.contains("\"a loop\":\n  \"start\":\n    proxy_on_context_create: {calls: 3, "), "{text}");
    assert!(text.contains("\n  \"more: again\":\n"), "{text}");
    let (code, stdout) = compared(&folder);
    assert_eq!((code, stdout.contains("As _golden.yaml says, within 2 %.")), (0, true), "{stdout}");
}

#[test]
fn a_rise_of_more_than_two_percent_fails_and_so_does_a_fall() {
    let folder = blessed(10_000, 1);
    for (rounds, code) in [(10_190, 0), (9810, 0), (10_210, 1), (9790, 1)] {
        fs::write(folder.path().join("loop.wat"), module(rounds, 1)).unwrap();
        let (found, stdout) = compared(&folder);
        assert_eq!(found, code, "{rounds}: {stdout}");
    }
    let (_, stdout) = compared(&folder);
    assert!(stdout.contains("a loop / once / proxy_on_request_headers: fuel "), "{stdout}");
    assert!(stdout.contains("(-2.1 %): less, which is not blessed yet"), "{stdout}");
    assert!(stdout.contains("BLESS=1 writes the file"), "{stdout}");
    fs::write(folder.path().join("loop.wat"), module(10_000, 2)).unwrap();
    let (code, stdout) = compared(&folder);
    let log = "a loop / once / proxy_on_request_headers: proxy_log 1 -> 2 (+100.0 %): more";
    assert_eq!((code, stdout.contains(log)), (1, true), "{stdout}");
}

#[test]
fn what_is_only_in_the_file_or_only_measured_fails() {
    let folder = blessed(10, 1);
    let place = folder.path().join("_golden.yaml");
    let text = golden(&folder);
    fs::write(&place, text.replace("\"once\"", "\"twice\"")).unwrap();
    let (code, stdout) = compared(&folder);
    assert_eq!(code, 1);
    for told in [
        "a loop / once / proxy_on_request_headers: not in the golden file",
        "a loop / twice / proxy_on_request_headers: in the golden file, but not called",
    ] {
        assert!(stdout.contains(told), "{stdout}");
    }
    fs::remove_file(&place).unwrap();
    let (code, _, stderr) = output(command(folder.path(), &[".", "--golden", "_golden.yaml"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("_golden.yaml: no such file; BLESS=1 writes it"), "{stderr}");
    fs::write(&place, text.replace("fuel:", "fule:")).unwrap();
    let (code, _, stderr) = output(command(folder.path(), &[".", "--golden", "_golden.yaml"]));
    assert_eq!((code, stderr.contains("_golden.yaml:") && stderr.contains("fule")), (2, true), "{stderr}");
}

#[test]
fn scenarios_are_played_for_what_they_are() {
    let folder = blessed(10, 1);
    let fuel = |scenario: &str| {
        fs::write(folder.path().join("s.yaml"), scenario).unwrap();
        output(command(folder.path(), &["s.yaml"]))
    };
    let (code, stdout, _) = fuel(SCENARIO);
    assert_eq!(
        (code, stdout.contains("log 1")),
        (0, true),
        "without a golden file there is the table: {stdout}"
    );
    let (code, stdout, _) = fuel(&SCENARIO.replace("status: 200", "status: 201"));
    assert_eq!((code, stdout.contains("expected  201")), (1, true), "{stdout}");
    let (code, _, stderr) = fuel(&SCENARIO.replace("clock:", "# clock:"));
    let told = "s.yaml: what is measured depends on the time; write clock: 2026-01-01T00:00:00Z";
    assert_eq!((code, stderr.contains(told)), (2, true), "{stderr}");
    fuel(SCENARIO);
    fs::write(folder.path().join("t.yaml"), SCENARIO).unwrap();
    let (code, _, stderr) = output(command(folder.path(), &["."]));
    let told = "t.yaml: another scenario has the name \"a loop\" too";
    assert_eq!((code, stderr.contains(told)), (2, true), "{stderr}");
    let mut bless = command(folder.path(), &["s.yaml"]);
    bless.env("BLESS", "1");
    let (code, _, stderr) = output(bless);
    assert_eq!((code, stderr.contains("the file that --golden names")), (2, true), "{stderr}");
}
