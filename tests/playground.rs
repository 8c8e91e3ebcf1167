//! The playground, as `portcullis playground` serves it, in a real browser.

use std::env;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use portcullis_audit_chain::{Chain, Form};
use portcullis_tests::{executable, root};

/// The size of the large file, in bytes.
const LARGE: usize = 100 << 20;
/// Its line that was changed after it had been written, and the one that is gone.
const CHANGED: usize = 50_000;
const GONE: usize = 60_000;

#[test]
fn the_page_does_what_it_should_without_a_browser() {
    let mut test = Command::new("npm");
    run(test.args(["test", "--silent"]));
}

#[test]
fn the_page_does_what_it_should_in_a_browser() {
    let folder = root().join("harness/playground/page/tests/browser");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let wanted = env::var("BROWSER_TESTS").unwrap_or_default();
    let files = files.filter(|file| {
        let name = file.file_name().unwrap().to_string_lossy();
        name.ends_with(".test.mjs") && name.starts_with(&wanted)
    });
    let scratch = tempfile::tempdir().unwrap();
    let (large, guests) = (scratch.path().join("large.jsonl"), scratch.path().join("guests"));
    write_large(&large);
    write_guests(&guests);
    let mut test = Command::new("node");
    // One after the other: a browser wants both processors.
    test.args(["--test", "--test-concurrency=1", "--test-reporter=spec"]);
    test.args(files).env("PORTCULLIS", executable("portcullis"));
    test.env("LARGE_AUDIT_FILE", large).env("CHANGED_LINE", CHANGED.to_string());
    run(test.env("GUESTS", guests));
}

/// The guests of the conformance cases, and those that mean no good.
const GUESTS: [&str; 3] = ["tests/abi/guests", "tests/spec/guests", "harness/playground/page/tests/guests"];

/// All guests as modules.
fn write_guests(folder: &Path) {
    fs::create_dir(folder).unwrap();
    let texts = GUESTS.map(|guests| fs::read_dir(root().join(guests)).unwrap());
    for guest in texts.into_iter().flatten().map(|entry| entry.unwrap().path()) {
        let module = folder.join(guest.file_name().unwrap()).with_extension("wasm");
        fs::write(module, wat::parse_file(&guest).unwrap()).unwrap();
    }
}

/// Of an older page everything would be as it was.
fn assert_fresh() {
    let page = root().join("dist/playground/index.html");
    let built = modified(&page);
    let harness =
        ["abi", "audit", "filters", "foreign", "inspect", "manifest", "playground", "scenario", "sim"];
    let folders = ["filters", "proto"].into_iter().map(str::to_owned);
    for folder in folders.chain(harness.map(|name| format!("harness/{name}"))) {
        let newer = sources(&root().join(folder)).into_iter().find(|file| modified(file) > built);
        assert!(
            newer.is_none(),
            "{} is newer than the page: run `make test`, or `make playground` before `cargo test`",
            newer.unwrap().display()
        );
    }
}

/// What the page and its engine are built from.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let is_named =
            |names: &[&str]| names.iter().any(|name| path.file_name().is_some_and(|it| it == *name));
        let is_source =
            |kinds: &[&str]| kinds.iter().any(|kind| path.extension().is_some_and(|it| it == *kind));
        if path.is_dir() && !is_named(&["node_modules", "tests"]) {
            found.extend(sources(&path));
        } else if is_source(&["css", "html", "mjs", "rs", "ts", "tsx"]) && !is_named(&["test.mjs"]) {
            found.push(path);
        }
    }
    found
}

fn modified(file: &Path) -> SystemTime {
    fs::metadata(file).and_then(|metadata| metadata.modified()).unwrap()
}

/// A hundred megabytes of records in one chain, of which one was changed and one removed.
fn write_large(path: &Path) {
    let text = fs::read_to_string(root().join("docs/audit.jsonl")).unwrap();
    let [genesis, request] = [0, 1].map(|line| Unsealed::of(text.lines().nth(line).unwrap()));
    let mut chain = Chain::new([7; 16], Form::Member, String::new());
    let mut file = BufWriter::new(fs::File::create(path).unwrap());
    let mut written = 0;
    for number in 0.. {
        let record = if number == 0 { &genesis } else { &request };
        let line = match (record.sealed(number, &mut chain), number + 1) {
            (_, GONE) => continue,
            (line, CHANGED) => line.replace("alice", "malor"),
            (line, _) => line,
        };
        file.write_all(line.as_bytes()).unwrap();
        written += line.len();
        if written > LARGE {
            return file.flush().unwrap();
        }
    }
}

/// A record without what its chain says of it: its parts before its number, its name, its time, and the place of that, and the rest.
struct Unsealed([String; 5]);

impl Unsealed {
    fn of(record: &str) -> Self {
        let (before, rest) = record.split_once(r#""sequence":"#).unwrap();
        let (_, rest) = rest.split_once(r#","uid":""#).unwrap();
        let (_, rest) = rest.split_once('"').unwrap();
        let (middle, rest) = rest.split_once(r#""time":"#).unwrap();
        let (_, rest) = rest.split_once(',').unwrap();
        let (end, rest) = rest.split_once(r#","integrity":{"#).unwrap();
        let (_, rest) = rest.split_once('}').unwrap();
        Self([before, r#","uid":""#, middle, end, rest].map(str::to_owned))
    }

    fn sealed(&self, number: usize, chain: &mut Chain) -> String {
        let Self([before, uid, middle, end, rest]) = self;
        let (name, time) = (chain.uid(), 1_790_000_000_000 + 250 * number);
        let text = format!(r#"{before}"sequence":{number}{uid}{name}-{number}"{middle}"time":{time},{end}"#);
        let mut record = format!("{text}{rest}").into_bytes();
        chain.seal(&mut record, text.len());
        record.push(b'\n');
        String::from_utf8(record).unwrap()
    }
}

/// Runs a program in the page's folder; what it prints is shown when it fails.
fn run(test: &mut Command) {
    let page = root().join("harness/playground/page");
    for (needed, remedy) in [
        (page.join("node_modules"), "run `make test`, or `make playground` before `cargo test`"),
        (
            root().join("dist/playground/index.html"),
            "run `make test`, or `make playground` before `cargo test`",
        ),
        (root().join("dist/jwt-auth.wasm"), "run `make test`, or `make build` before `cargo test`"),
        (root().join("dist/probe.wasm"), "run `make test`, or `make dist/probe.wasm` before `cargo test`"),
    ] {
        assert!(needed.exists(), "{} is missing: {remedy}", needed.display());
    }
    assert_fresh();
    let ran = test.current_dir(page).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{test:?}: {}\n{out}{err}", ran.status);
}
