//! The rules of ARCHITECTURE.md that a compiler does not check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};
use portcullis_tests::root;

/// Which of our crates each of them may use, tests left aside.
const ARROWS: &[(&str, &[&str])] = &[
    ("kit", &[]),
    ("shell", &["kit"]),
    ("jwt-auth", &["kit"]),
    ("jwt-auth-wasm", &["jwt-auth", "shell"]),
    ("token-bucket", &["kit", "proto"]),
    ("token-bucket-wasm", &["shell", "token-bucket"]),
    ("circuit-breaker", &["kit"]),
    ("circuit-breaker-wasm", &["circuit-breaker", "shell"]),
    ("trace-injection", &["kit", "proto"]),
    ("trace-injection-wasm", &["shell", "trace-injection"]),
    ("audit-chain", &[]),
    ("audit-log", &["audit-chain", "kit", "proto"]),
    ("audit-log-wasm", &["audit-log", "shell"]),
    ("suite", &["audit-log", "circuit-breaker", "jwt-auth", "kit", "token-bucket", "trace-injection"]),
    ("suite-wasm", &["shell", "suite"]),
    ("pack", &[]),
    ("probe", &[]),
    ("proto", &[]),
    ("sim", &["kit"]),
    ("inspect", &[]),
    ("foreign", &["sim"]),
    ("abi", &["inspect", "kit", "sim"]),
    ("host", &["abi", "inspect", "sim"]),
    ("scenario", &["kit", "manifest", "sim"]),
    ("envoy", &["kit", "scenario", "sim"]),
    ("manifest", &[]),
    ("oci", &[]),
    ("audit", &["audit-chain", "kit", "proto", "scenario"]),
    ("audit-parquet", &["audit"]),
    (
        "filters",
        &[
            "audit-log",
            "circuit-breaker",
            "jwt-auth",
            "kit",
            "sim",
            "suite",
            "token-bucket",
            "trace-injection",
        ],
    ),
    (
        "playground",
        &[
            "abi",
            "audit",
            "audit-chain",
            "filters",
            "foreign",
            "inspect",
            "jwt-auth",
            "kit",
            "manifest",
            "scenario",
            "sim",
            "suite",
            "token-bucket",
        ],
    ),
    ("bindgen", &[]),
    (
        "cli",
        &[
            "audit",
            "audit-chain",
            "audit-parquet",
            "envoy",
            "filters",
            "foreign",
            "host",
            "inspect",
            "kit",
            "manifest",
            "oci",
            "scenario",
            "sim",
            "suite",
        ],
    ),
    ("rls", &[]),
    ("bench", &["envoy", "scenario", "sim"]),
    ("fuzz", &[]),
];

/// The crates that may use a dependency.
const OWNERS: [(&str, &[&str]); 10] = [
    ("clap", &["cli"]),
    ("csv", &["audit"]),
    ("hyper", &["cli", "envoy"]),
    ("js-sys", &["playground"]),
    ("parquet", &["audit-parquet"]),
    ("proxy-wasm", &["shell"]),
    ("walrus", &["pack"]),
    ("wasm-bindgen", &["playground"]),
    ("wasmparser", &["inspect"]),
    ("wasmtime", &["host"]),
];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let ours = |name: &str| name.strip_prefix("portcullis-").unwrap_or(name).to_owned();
    let crates = metadata.packages.iter().map(|package| {
        let normal = package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal);
        (ours(&package.name), normal.map(|d| ours(&d.name)).collect())
    });
    crates.collect()
}

#[test]
fn crates_use_only_what_the_arrows_allow() {
    let crates = dependencies();
    let known: BTreeSet<_> = crates.keys().cloned().collect();
    for (name, used) in &crates {
        let Some((_, allowed)) = ARROWS.iter().find(|(crate_name, _)| crate_name == name) else {
            assert_eq!(name, "tests", "a new crate: say in ARROWS what it may use");
            continue;
        };
        for dependency in used.intersection(&known) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not use {dependency}");
        }
    }
    for (name, _) in ARROWS {
        assert!(crates.contains_key(*name), "ARROWS speaks of {name}, which is gone");
    }
}

#[test]
fn a_dependency_has_its_owners() {
    for (name, used) in dependencies() {
        for (dependency, owners) in OWNERS {
            assert!(
                !used.contains(dependency) || owners.contains(&name.as_str()),
                "{name} must not use {dependency}: only {} may",
                owners.join(" and ")
            );
        }
    }
}

#[test]
fn every_member_and_every_dependency_says_why_it_is_there() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for line in manifest.lines().filter(|line| line.starts_with("    \"") && !line.contains("\", \"")) {
        assert!(line.contains("\", ") && line.contains("# "), "no reason given: {line}");
    }
    let external =
        manifest.split("# In the modules.").nth(1).unwrap().split("[workspace.lints").next().unwrap();
    for line in external.lines().filter(|line| line.contains(" = ")) {
        assert!(line.contains(" # "), "no reason given: {line}");
    }
}

#[test]
fn every_dependency_is_used() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let listed =
        manifest.split("[workspace.dependencies]").nth(1).unwrap().split("[workspace.lints").next().unwrap();
    let manifests = files(&root(), "toml").into_iter().filter(|file| file != &root().join("Cargo.toml"));
    let used: String = manifests.map(|file| fs::read_to_string(file).unwrap()).collect();
    for name in listed.lines().filter_map(|line| Some(line.split_once(" = ")?.0)) {
        assert!(
            used.contains(&format!("\n{name}.workspace"))
                || used.contains(&format!("\n{name} = {{ workspace")),
            "nobody uses {name}"
        );
    }
}

#[test]
fn files_named_in_the_documentation_exist() {
    for page in files(&root(), "md") {
        let text = fs::read_to_string(&page).unwrap();
        let folder = page.parent().unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            if !path.is_empty() && !path.contains("://") {
                assert!(folder.join(path).exists(), "{}: {path} is not there", page.display());
            }
        }
        for path in text.split('`').skip(1).step_by(2).filter(|quoted| is_path(quoted)) {
            assert!(
                root().join(path).exists() || folder.join(path).exists(),
                "{}: {path} is not there",
                page.display()
            );
        }
    }
}

#[test]
fn the_scenario_of_the_readme_is_one_that_is_played() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let scenario = fs::read_to_string(root().join("tests/scenarios/jwt-auth/readme.yaml")).unwrap();
    let quoted: String = scenario.lines().map(|line| format!("    {line}\n")).collect();
    assert!(readme.contains(&quoted));
}

#[test]
fn files_stay_readable() {
    for file in files(&root(), "rs") {
        let text = fs::read_to_string(&file).unwrap();
        // Of generated code, people read what it was generated from.
        if text.starts_with("// Generated from ") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap().lines().count();
        assert!(code <= 400, "{}: {code} lines; give one of its ideas a file of its own", file.display());
    }
}

/// Whether a quoted text is meant as a path of the project: `filters/kit`, `envoy/standalone/jwt-auth.yaml`.
fn is_path(quoted: &str) -> bool {
    let plain = quoted.bytes().all(|b| b.is_ascii_alphanumeric() || b"/.-_".contains(&b));
    let top = quoted.split('/').next().unwrap_or_default();
    plain
        && !quoted.contains("NAME")
        && ["filters", "harness", "envoy", "tests", "docs", ".ci"].contains(&top)
        && quoted.contains('/')
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if entry.is_dir() && !["target", "dist", ".git", ".venv", "node_modules"].contains(&name.as_str()) {
            found.extend(files(&entry, extension));
        } else if entry.extension().is_some_and(|e| e == extension) {
            found.push(entry);
        }
    }
    found
}
