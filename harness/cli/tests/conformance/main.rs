//! What Envoy makes of the proxy-wasm ABI: the same cases hold in the simulation and in a real Envoy.

mod case;
mod parity;

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use portcullis_envoy::EnvoyBinary;

use crate::case::Case;

const FOLDER: &str = "tests/abi";
const PAGE: &str = "docs/parity.md";

/// The rows of the list of behaviours: P01 to this one.
const LAST_ROW: u32 = 72;
/// So many of them at least are seen on a real Envoy.
const SEEN_ON_ENVOY: usize = 50;

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
