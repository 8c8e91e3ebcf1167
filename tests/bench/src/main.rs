//! CPU per request in a real Envoy, ours beside its native filters.
//!
//! Every case is an Envoy process of its own with one worker. All stay up; in every round each is loaded in its
//! turn, so that whatever else the machine does falls on all of them. The figure is the CPU time of the
//! loaded process, user and system, divided by the requests that it served.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod arguments;
mod cases;
mod cpu;
mod guard;
mod load;
mod native;
mod ours;
mod report;
mod running;
mod tokens;

use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use portcullis_envoy::EnvoyBinary;

use arguments::Arguments;
use cases::{Case, Pools};
use report::{Report, Row, Sample};
use running::Running;
use tokens::Pool;

/// Before the first round: V8 compiles a function anew once it is hot.
const WARM_UP: Duration = Duration::from_secs(3);

/// Something is not there that can be made or installed.
const NOT_SET_UP: u8 = 2;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => return fail(&message, NOT_SET_UP),
    };
    let (binary, version) = match envoy() {
        Ok(found) => found,
        Err(remedy) => return fail(&remedy, NOT_SET_UP),
    };
    let modules = root().join("dist");
    let mut needed = arguments.cases.iter().flat_map(|case| case.modules());
    if let Some(missing) = needed.find(|module| !modules.join(module).is_file()) {
        return fail(&format!("dist/{missing} is missing: run `make build`"), NOT_SET_UP);
    }
    match bench(&arguments, &binary, &modules) {
        Ok(rows) => finish(&Report::new(rows, version)),
        Err(message) => fail(&message, 1),
    }
}

fn envoy() -> Result<(EnvoyBinary, String), String> {
    let binary = EnvoyBinary::find()?;
    let version = binary.version()?;
    Ok((binary, version))
}

fn bench(arguments: &Arguments, binary: &EnvoyBinary, modules: &Path) -> Result<Vec<Row>, String> {
    let pools = pools(&arguments.cases)?;
    let start = |case: &Case| {
        let pool = pools.get(&case.algorithm).ok_or("a case without tokens")?;
        Running::start(*case, binary, modules, pool)
    };
    let mut running = arguments.cases.iter().map(start).collect::<Result<Vec<_>, _>>()?;
    for case in &running {
        eprintln!("warming up {}", case.name());
        case.load(WARM_UP)?;
    }
    let mut samples: Vec<Vec<Sample>> = running.iter().map(|_| Vec::new()).collect();
    for round in 1..=arguments.rounds {
        for (case, samples) in running.iter_mut().zip(&mut samples) {
            eprintln!("round {round} of {}: {}", arguments.rounds, case.name());
            samples.push(case.sample(arguments.span)?);
        }
    }
    let names = running.iter().map(Running::name);
    Ok(Row::all(names.zip(samples).collect()))
}

fn pools(cases: &[Case]) -> Result<Pools, String> {
    let directory = root().join("target");
    let mut pools = Pools::new();
    for case in cases {
        if let Entry::Vacant(place) = pools.entry(case.algorithm) {
            place.insert(Pool::load_or_mint(&directory, case.algorithm)?);
        }
    }
    Ok(pools)
}

fn finish(report: &Report) -> ExitCode {
    println!("{report}");
    let path = root().join("target/bench.json");
    match std::fs::write(&path, report.to_json()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("target/bench.json: {error}"), 1),
    }
}

fn fail(message: &str, code: u8) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(code)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
