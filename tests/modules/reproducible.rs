//! Two builds in two places make the same bytes.

use std::fs;
use std::path::Path;
use std::process::Command;

use portcullis_tests::{executable, root};

use crate::built;

/// One of the smaller modules, with all that is in the others: macros that write code, and crates from a registry.
const MODULE: &str = "dist/token-bucket.wasm";
const BILL: &str = "token-bucket.cdx.json";

#[test]
fn a_build_elsewhere_makes_the_same_module() {
    let elsewhere = tempfile::tempdir().unwrap();
    for part in ["Cargo.toml", "Cargo.lock", "Makefile", "filters", "proto", "harness", "tests"] {
        copy(&root().join(part), &elsewhere.path().join(part));
    }
    let make = Command::new("make")
        .arg(MODULE)
        // The tools are there.
        .args(["TOOLS=rust-target".to_owned(), format!("PACK={}", executable("portcullis-pack").display())])
        .env_remove("CARGO_TARGET_DIR")
        .env("RUSTFLAGS", "-C target-cpu=native")
        .env_remove("MAKEFLAGS")
        .current_dir(elsewhere.path())
        .output()
        .unwrap();
    assert!(make.status.success(), "{}", String::from_utf8_lossy(&make.stderr));
    let again = fs::read(elsewhere.path().join(MODULE)).unwrap();
    assert!(
        again == built("token-bucket.wasm"),
        "{MODULE} differs from a build elsewhere; is it up to date?"
    );
    let bill = fs::read_to_string(elsewhere.path().join("dist").join(BILL)).unwrap();
    assert_eq!(bill.into_bytes(), built(BILL), "the bill of materials");
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else if from.is_file() {
        fs::copy(from, to).unwrap();
    }
}
