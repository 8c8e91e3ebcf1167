//! `portcullis test` as its users meet it: what it plays, in which ways, and how it tells of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use tempfile::TempDir;

/// A module that lets everything pass.
const PASS: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024)))"#;

const GOOD: &str = "name: good\nmodule: pass.wat\nsteps: [{request: {}, expect: {status: 200}}]\n";
const BAD: &str = "name: bad <&\"\nmodule: pass.wat\nsteps:\n  - request: {}\n    upstream: {body: \"a\\tb\\x01\"}\n    expect: {status: 404, body: c}\n";

/// A folder with these files, and the module.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files.iter().chain(&[("pass.wat", PASS)]) {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.arg("test").args(arguments).current_dir(folder).env_remove("BLESS");
    command
}

fn test(folder: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    output(command(folder.path(), arguments).output().unwrap())
}

fn output(Output { status, stdout, stderr }: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn reports_keep_their_order_whatever_the_number_of_jobs() {
    let files: Vec<_> =
        (0..20).map(|n| (format!("{n:02}.yaml"), GOOD.replace("good", &format!("number {n}")))).collect();
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let folder = folder(&files);
    let (code, one, _) = test(&folder, &[".", "--jobs", "1"]);
    let (_, many, _) = test(&folder, &[".", "--jobs", "7"]);
    assert_eq!((code, &one), (0, &many));
    assert!(one.contains("20 passed, 0 failed (profile envoy)"), "{one}");
    let (_, spec, _) = test(&folder, &[".", "--profile", "spec"]);
    assert!(spec.ends_with("(profile spec)\n"), "{spec}");
    let (_, some, _) = test(&folder, &[".", "--filter", "number 1"]);
    assert!(some.contains("11 passed"), "{some}");
    let (code, _, stderr) = test(&folder, &[".", "--filter", "nothing"]);
    assert_eq!((code, stderr.contains("no scenario has \"nothing\"")), (2, true));
}

#[test]
fn fail_fast_begins_nothing_after_a_failure() {
    let folder = folder(&[("a.yaml", BAD), ("b.yaml", GOOD), ("c.yaml", GOOD)]);
    let (code, stdout, stderr) = test(&folder, &[".", "--jobs", "1", "--fail-fast"]);
    assert_eq!(code, 1);
    assert!(stdout.contains("0 passed, 1 failed"), "{stdout}");
    assert!(stderr.contains("2 more were not begun"), "{stderr}");
}

#[test]
fn github_gets_an_annotation_at_the_line_of_the_step() {
    let folder = folder(&[("a.yaml", BAD), ("b.yaml", GOOD)]);
    let (code, stdout, _) = test(&folder, &["a.yaml", "b.yaml", "--format", "github"]);
    assert_eq!(code, 1);
    assert!(
        stdout.starts_with("::error file=a.yaml,line=4,title=bad <&\" (wasm)::step 1: status: "),
        "{stdout}"
    );
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
}

#[test]
fn junit_is_what_jenkins_and_surefire_read() {
    let broken = "name: never\nmodule: pass.wat\nclock: 2026-01-01T00:00:00Z\nplugins: []\nworkers: 3\nsteps: [{tcp: [{client: x}]}]\n";
    let folder = folder(&[("a.yaml", BAD), ("b.yaml", GOOD), ("c.yaml", broken)]);
    test(&folder, &[".", "--target", "native,wasm", "--junit", "report.xml"]);
    let xml = fs::read_to_string(folder.path().join("report.xml")).unwrap();
    let mut reader = Reader::from_str(&xml);
    let (mut open, mut suites) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                element(&start, &open);
                suites.extend((start.name().as_ref() == b"testsuite").then(|| counts(&start)));
                open.push(start.name().as_ref().to_vec());
            }
            Event::Empty(start) => {
                element(&start, &open);
                suites.last_mut().unwrap()[3] -= u32::from(start.name().as_ref() == b"skipped");
            }
            Event::End(end) => {
                let found = match end.name().as_ref() {
                    b"testcase" => 0,
                    b"failure" => 1,
                    b"error" => 2,
                    _ => 4,
                };
                if let Some(count) = suites.last_mut().and_then(|counts| counts.get_mut(found)) {
                    *count -= 1;
                }
                open.pop();
            }
            Event::Text(text) => {
                text.xml_content().unwrap();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(open.is_empty());
    // Each count says how many elements of its kind there are.
    assert_eq!(suites, [[0; 4], [0; 4]], "{xml}");
    assert!(xml.contains("name=\"bad &lt;&amp;&quot;\""), "{xml}");
}

/// An element stands where it may, with the attributes that it must have.
fn element(start: &BytesStart<'_>, open: &[Vec<u8>]) {
    let (parent, required): (&[u8], &[&str]) = match start.name().as_ref() {
        b"testsuites" => (b"", &[]),
        b"testsuite" => (b"testsuites", &["name", "tests", "failures", "errors", "skipped", "time"]),
        b"testcase" => (b"testsuite", &["name", "classname", "time"]),
        b"failure" | b"error" => (b"testcase", &["message", "type"]),
        b"skipped" => (b"testcase", &["message"]),
        other => panic!("an unknown element {}", String::from_utf8_lossy(other)),
    };
    assert_eq!(open.last().map(Vec::as_slice).unwrap_or_default(), parent);
    for name in required {
        let attribute = start.try_get_attribute(name).unwrap().unwrap_or_else(|| panic!("no {name}"));
        attribute.unescape_value().unwrap();
    }
}

fn counts(suite: &BytesStart<'_>) -> [u32; 4] {
    ["tests", "failures", "errors", "skipped"].map(|name| {
        let attribute = suite.try_get_attribute(name).unwrap().unwrap();
        attribute.unescape_value().unwrap().parse().unwrap()
    })
}

#[test]
fn golden_files_are_written_on_request_and_then_compared() {
    let scenario = "name: g\nmodule: pass.wat\nclock: 2026-01-01T00:00:00Z\nsteps:\n  - request: {path: /x}\n    upstream: {body: BODY}\n    expect: {golden: golden/x.txt}\n";
    let folder = folder(&[("g.yaml", scenario)]);
    let (code, stdout, _) = test(&folder, &["g.yaml"]);
    assert_eq!(code, 1);
    assert!(stdout.contains("a file, which is not there; BLESS=1 writes it"), "{stdout}");

    let (code, _, stderr) = output(command(folder.path(), &["g.yaml"]).env("BLESS", "1").output().unwrap());
    assert_eq!((code, stderr.as_str()), (0, "golden/x.txt: written\n"));
    let golden = fs::read_to_string(folder.path().join("golden/x.txt")).unwrap();
    for line in ["status 200", "BODY", "--- details via_upstream", ":path: /x", "x-request-id: (differs)"] {
        assert!(golden.lines().any(|it| it == line), "{line}\n{golden}");
    }
    assert_eq!(test(&folder, &["g.yaml"]).0, 0);
    assert_eq!(test(&folder, &["g.yaml", "--matrix"]).0, 0);

    fs::write(folder.path().join("g.yaml"), scenario.replace("BODY", "other")).unwrap();
    let (code, stdout, _) = test(&folder, &["g.yaml"]);
    assert_eq!(code, 1);
    assert!(stdout.contains("- BODY\n") && stdout.contains("+ other\n"), "{stdout}");
}

#[test]
fn bless_is_1_or_0_and_nothing_is_written_outside() {
    let scenario =
        "name: g\nmodule: ../pass.wat\nsteps: [{request: {}, expect: {golden: ../../../out.txt}}]\n";
    let folder = folder(&[]);
    fs::create_dir_all(folder.path().join("a/b")).unwrap();
    fs::write(folder.path().join("a/b/s.yaml"), scenario).unwrap();
    let bless = |path: &str, value: &str| {
        output(command(&folder.path().join("a"), &[path]).env("BLESS", value).output().unwrap())
    };
    let (code, _, stderr) = bless("b/s.yaml", "1");
    assert_eq!((code, stderr.contains("outside of the folders on the command line")), (2, true), "{stderr}");
    assert!(!folder.path().join("out.txt").exists());
    let (code, _, stderr) = bless("b/s.yaml", "true");
    assert_eq!((code, stderr.contains("BLESS=\"true\"; 1 writes golden files")), (2, true), "{stderr}");
}

#[cfg(unix)]
#[test]
fn folders_end_and_devices_are_not_read() {
    let endless = GOOD.replace("module:", "include: [/dev/zero]\nmodule:");
    let folder = folder(&[("a.yaml", GOOD), ("z.yml", &endless)]);
    std::os::unix::fs::symlink(".", folder.path().join("self")).unwrap();
    let (code, _, stderr) = test(&folder, &["."]);
    assert_eq!((code, stderr.matches("\"/dev/zero\": not a regular file").count()), (2, 1), "{stderr}");
    fs::remove_file(folder.path().join("z.yml")).unwrap();
    let (code, stdout, _) = test(&folder, &["."]);
    assert_eq!((code, stdout.contains("1 passed")), (0, true), "{stdout}");
    fs::write(folder.path().join("a.yaml"), GOOD.replace("pass.wat", "pss.wat")).unwrap();
    let (code, _, stderr) = test(&folder, &["."]);
    assert_eq!(code, 2);
    assert!(stderr.contains("a.yaml: module \"pss.wat\": there is no"), "{stderr}");
}

#[test]
fn defaults_and_cases_keep_scenarios_short() {
    let parts = "vars: {host: a.example}\ndefaults:\n  module: pass.wat\n  request: {host: \"${host}\", headers: {x-a: \"1\", x-b: \"2\"}}\n";
    let scenario = r#"
name: table
include: [parts.yaml, more.yaml]
steps:
  - name: path
    request: {path: "${path}", headers: {x-b: []}}
    upstream: {status: 201}
    expect:
      status: "${status}"
      upstream: {headers: {":path": "${path}", ":authority": a.example, x-a: "1", x-b: {absent: true}, x-c: {absent: true}}}
    cases:
      - {name: one, vars: {path: /1, status: 201}}
      - {name: two, vars: {path: /2, status: 404}}
      - {name: three, vars: {path: /3, status: 204}, upstream: {status: 204}}
"#;
    let more = "path: /never\n";
    let folder =
        folder(&[("table.yaml", scenario), ("parts.yaml", parts), ("more.yaml", more), ("_x.yaml", "x")]);
    let (code, stdout, _) = test(&folder, &[".", "--format", "json"]);
    assert_eq!(code, 1, "{stdout}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let steps = report["scenarios"][0]["steps"].as_array().unwrap();
    let seen: Vec<_> = steps
        .iter()
        .map(|step| (step["name"].as_str().unwrap(), step["mismatches"].as_array().unwrap().len()))
        .collect();
    assert_eq!(seen, [("path: one", 0), ("path: two", 1), ("path: three", 0)]);
    let (code, _, stderr) = test(&folder, &["more.yaml"]);
    assert_eq!(code, 2, "named itself, it must be a scenario");
    assert!(stderr.contains("unknown field `path`"), "{stderr}");
}

#[test]
fn the_matrix_plays_other_ways_and_says_how_many() {
    let folder = folder(&[("a.yaml", &GOOD.replace("request: {}", "request: {body: abc}"))]);
    let (code, stdout, _) = test(&folder, &[".", "--matrix"]);
    assert_eq!(code, 0, "{stdout}");
    let ways = stdout.split(" more runs in other ways").next().unwrap().rsplit(", ").next().unwrap();
    assert!(ways.parse::<u32>().unwrap() >= 4, "{stdout}");
}

#[test]
fn a_module_that_must_not_load_says_why() {
    let scenario = |text: &str| format!("name: n\nmodule: broken.wat\nload_error: {{contains: {text}}}\n");
    let broken = r#"(module (memory (export "memory") 1))"#;
    let (good, bad) = (scenario("proxy_abi_version"), scenario("something else"));
    let folder = folder(&[("good.yaml", &good), ("bad.yaml", &bad), ("broken.wat", broken)]);
    assert_eq!(test(&folder, &["good.yaml"]).0, 0);
    assert_eq!(test(&folder, &["bad.yaml"]).0, 1);
    fs::write(folder.path().join("bad.yaml"), GOOD.replace("pass", "broken")).unwrap();
    assert_eq!(test(&folder, &["bad.yaml"]).0, 2);
}

#[test]
fn watch_plays_again_when_a_file_changes() {
    let folder = folder(&[("a.yaml", GOOD)]);
    let mut child = command(folder.path(), &["a.yaml", "--watch"])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut waits = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut totals = || told.by_ref().map(Result::unwrap).find(|line| line.contains("passed")).unwrap();
    assert!(totals().starts_with("1 passed"));
    assert!(waits.next().unwrap().unwrap().contains("waiting for changes"));
    fs::write(folder.path().join("a.yaml"), BAD).unwrap();
    assert!(totals().starts_with("0 passed, 1 failed"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_failure_says_what_was_refused_and_who_waits() {
    let pause = r#"(module
        (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $log (i32.const 9) (i32.const 0) (i32.const 0))) (i32.const 1)))"#;
    let scenario = "name: waits\nmodule: pause.wat\nsteps: [{request: {}, expect: {status: 200}}]\n";
    let folder = folder(&[("pause.wat", pause), ("s.yaml", scenario)]);
    let (code, text, _) = test(&folder, &["s.yaml"]);
    assert_eq!(code, 1);
    for hint in [
        "hint: proxy_log: BAD_ARGUMENT: 9 is not a log level; 0 to 5 are",
        "hint: plugin 0 has paused the request, and nothing resumed it",
    ] {
        assert!(text.contains(hint), "{text}");
    }
}
