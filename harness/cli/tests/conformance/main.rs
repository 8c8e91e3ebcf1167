//! What Envoy makes of the proxy-wasm ABI: the same cases hold in the simulation and in a real Envoy. And what the
//! specification says where Envoy does something else: those cases hold in the simulation, in the profile `spec`.

mod case;
mod parity;

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use portcullis_envoy::EnvoyBinary;

use crate::case::Case;

const OF_ENVOY: &str = "tests/abi";
const OF_SPEC: &str = "tests/spec";
const PAGE: &str = "docs/parity.md";

/// The rows of the list of behaviours: P01 to this one.
const LAST_ROW: u32 = 72;
/// So many of them at least are seen on a real Envoy.
const SEEN_ON_ENVOY: usize = 50;
/// The rows in which the specification says something else than Envoy does.
const OTHER_IN_SPEC: [u32; 23] =
    [1, 2, 4, 7, 15, 16, 21, 25, 26, 27, 28, 30, 31, 33, 34, 38, 48, 51, 52, 53, 58, 61, 66];

#[test]
fn the_simulation_does_what_envoy_does() {
    let cases = case::play();
    // In Envoy a case may be impossible, and says why; in the harness none is.
    let is_wrong = |case: &&Case| case.harness != "ok" || case.envoy == "failed";
    let wrong = cases.iter().filter(is_wrong);
    let wrong: Vec<_> =
        wrong.map(|case| format!("{}: harness {}, Envoy {}", case.file, case.harness, case.envoy)).collect();
    assert!(wrong.is_empty(), "portcullis test says what is different in\n{}", wrong.join("\n"));
    let rows = |cases: &mut dyn Iterator<Item = &Case>| cases.filter_map(|case| case.row).collect();
    let (simulated, seen): (BTreeSet<u32>, BTreeSet<u32>) =
        (rows(&mut cases.iter()), rows(&mut cases.iter().filter(|case| case.envoy == "ok")));
    assert_eq!(simulated, (1..=LAST_ROW).collect(), "there is a case for each row");
    assert!(seen.len() >= SEEN_ON_ENVOY, "only {} rows are seen on a real Envoy", seen.len());
    assert_page(&parity::page(&cases, &envoy_version()));
}

#[test]
fn the_profile_spec_does_what_the_specification_says() {
    let cases = case::play_spec();
    let failed: Vec<_> = cases.iter().filter(|it| it.harness != "ok").map(|it| it.file.as_str()).collect();
    assert!(failed.is_empty(), "portcullis test says what is different in\n{}", failed.join("\n"));
    assert!(cases.iter().all(|case| case.is_of_spec), "a case in {OF_SPEC} has another profile");
    let covered: BTreeSet<_> = cases.iter().filter_map(|case| case.row).collect();
    let missing: Vec<_> = OTHER_IN_SPEC.iter().filter(|row| !covered.contains(row)).collect();
    assert!(missing.is_empty(), "no case for the rows {missing:?}");
}

fn assert_page(page: &str) {
    let path = root().join(PAGE);
    if env::var_os("BLESS").is_some_and(|value| value == "1") {
        return fs::write(path, page).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == page,
        "{PAGE} is not what the cases show; BLESS=1 cargo test --test conformance writes it"
    );
}

/// `1.40` of 1.40.0.
fn envoy_version() -> String {
    let version = EnvoyBinary::find().unwrap().version().unwrap();
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
