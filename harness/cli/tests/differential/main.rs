//! Requests and answers that nobody thought of: the simulation makes of them what a real Envoy makes of them.

mod generate;
mod seen;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_envoy::{EnvoyBinary, EnvoyTarget};
use portcullis_host::Module;
use portcullis_scenario::{SimTarget, Target};
use portcullis_sim::http::Sending;
use portcullis_sim::{PluginSetup, Setup};

use crate::seen::seen;

/// Requests in all; each follows from its number, so that a difference can be had again.
const SEEDS: std::ops::Range<u64> = 0..400;

/// On a busy machine a real Envoy may read two pieces of a body at once, and tell of them so.
const ATTEMPTS: usize = 3;

/// What the probe logs: every callback, and what it is given.
const SCRIPT: &str = "\
request_headers: pairs 0
request_body: buffer 0 0 100
request_trailers: pairs 1
response_headers: pairs 2
response_body: buffer 1 0 100
response_trailers: pairs 3
log: property response\\0code; property response\\0flags; property request\\0size; property response\\0size
";

#[test]
fn the_simulation_and_envoy_agree_on_requests_that_nobody_thought_of() {
    let module = probe();
    let bytes = fs::read(&module).unwrap_or_else(|_| panic!("{}: make dist/probe.wasm", module.display()));
    let setup = Setup::of(SCRIPT);
    let module_in_sim = Module::load(&bytes).unwrap();
    let factory = move |plugin: &PluginSetup| module_in_sim.instantiate(plugin).map_err(|e| e.to_string());
    let mut sim = SimTarget::start("wasm", Arc::new(factory), &[], &setup).unwrap();
    let mut envoy = EnvoyTarget::start(&EnvoyBinary::find().unwrap(), &[module], &setup).unwrap();

    let differences: Vec<_> = seeds().filter_map(|seed| differs(&mut sim, &mut envoy, seed)).collect();
    assert!(differences.is_empty(), "{} differ\n{}", differences.len(), differences.join("\n"));
}

/// Others than the usual ones, for whoever looks for a difference or for the reason of one: `SEEDS=17..18 cargo test --test differential`.
fn seeds() -> std::ops::Range<u64> {
    let Ok(range) = std::env::var("SEEDS") else { return SEEDS };
    let (first, end) = range.split_once("..").expect("SEEDS is two numbers with .. between them");
    first.parse().unwrap()..end.parse().unwrap()
}

fn differs(sim: &mut dyn Target, envoy: &mut dyn Target, seed: u64) -> Option<String> {
    let sending = generate::sending(seed);
    let mut difference = None;
    for _ in 0..ATTEMPTS {
        let (simulated, real) = (play(sim, &sending), play(envoy, &sending));
        if simulated == real {
            return None;
        }
        difference = Some(seen::difference(seed, &sending, &simulated, &real));
    }
    difference
}

fn play(target: &mut dyn Target, sending: &Sending) -> Vec<String> {
    let before = target.logs().unwrap().len();
    let exchange = target.send(std::slice::from_ref(sending)).unwrap().remove(0);
    seen(&exchange, &target.logs().unwrap()[before..])
}

fn probe() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist/probe.wasm")).to_owned()
}
