//! `portcullis init`: what it writes passes its own check and its own test.

use std::path::Path;
use std::process::{Command, Output};

fn portcullis(arguments: &[&str]) -> (i32, String) {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis")).args(arguments).current_dir(root).output();
    let Output { status, stdout, stderr } = output.unwrap();
    (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

#[test]
fn what_it_writes_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let filters = [
        "trace-injection",
        "audit-log",
        "jwt-auth",
        "token-bucket",
        "circuit-breaker",
        "jwt-auth,token-bucket",
        "portcullis",
    ];
    for (number, filter) in filters.into_iter().enumerate() {
        for options in [
            &["--for", "envoy"][..],
            &["--for", "istio"],
            &["--for", "istio", "--at", "gateway"],
            &["--for", "istio", "--at", "waypoint"],
            &["--for", "envoy-gateway"],
        ] {
            let directory = folder.path().join(format!("{number}-{}", options.join("")));
            let directory = directory.to_str().unwrap();
            let (code, text) = portcullis(&[&["init", directory, "--filter", filter], options].concat());
            assert_eq!(code, 0, "{text}");
            let (code, text) = portcullis(&["check", directory, "--deny-warnings"]);
            assert_eq!(code, 0, "{filter} {options:?}: {text}");
            let tests = format!("{directory}/tests");
            let (code, text) = portcullis(&["test", &tests, "--target", "native,wasm"]);
            assert_eq!(code, 0, "{filter} {options:?}: {text}");
        }
    }
}

#[test]
fn nothing_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), "").unwrap();
    let directory = folder.path().to_str().unwrap();
    let (code, text) = portcullis(&["init", directory, "--for", "envoy", "--filter", "jwt-auth"]);
    assert!(code == 2 && text.contains("is not empty"), "{text}");
    let other = folder.path().join("b");
    let other = other.to_str().unwrap();
    let (code, text) = portcullis(&["init", other, "--for", "envoy", "--filter", "jwt"]);
    assert!(code == 2 && text.contains("\"jwt\" is no filter"), "{text}");
}
