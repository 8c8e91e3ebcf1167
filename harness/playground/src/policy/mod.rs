//! Scenarios in the simulated proxy, with everything that can be seen of them.

mod check;
mod code;
mod moment;
mod tape;
mod token;
mod watched;

use std::collections::BTreeMap;

use portcullis_filters::FILTERS;
use portcullis_kit::{Module, UnixTime};
use portcullis_manifest::starter::{Platform, Starter};
use portcullis_scenario::report::ScenarioReport;
use portcullis_scenario::{LoadError, Scenario, run};
use portcullis_suite::Suite;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

pub use check::{check, schema};
use code::Codes;
pub use code::{Modules, Vms};
use moment::Moment;
use tape::Tape;
#[cfg(test)]
pub(crate) use token::TokenRead;
pub use token::token;

/// What is wrong with a text, and where.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// From 1 on; 0 where it is about all of it.
    line: u64,
    problem: String,
}

/// A filter.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Filter {
    /// `jwt-auth`; the suite is `portcullis`.
    name: &'static str,
    /// Its configuration to begin with, in YAML.
    sample: String,
}

/// A scenario that was played.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Played {
    report: ScenarioReport,
    moments: Vec<Moment>,
    /// Calls for which there was no room.
    lost_calls: u64,
}

/// The filters, and what their configurations begin with.
pub fn filters() -> String {
    let filters = FILTERS.iter().map(|filter| {
        // The suite is all of them.
        let chosen = if filter.name == Suite::TITLE { Vec::new() } else { vec![filter.name.to_owned()] };
        let sample = Starter::new(&chosen, "").map(|starter| starter.configuration(Platform::Envoy));
        Filter { name: filter.name, sample: sample.unwrap_or_default() }
    });
    json!(filters.collect::<Vec<_>>()).to_string()
}

/// Plays a scenario. `files` are those that it includes, by their paths relative to it, as a JSON object; `now` is the time of a scenario without a clock, in milliseconds since the epoch;
/// `modules` finds the modules that it is about.
///
/// # Errors
/// It is no scenario: a JSON object with the line and the problem.
pub fn play(path: &str, text: &str, files: &str, modules: Modules<'_>, now: u64) -> Result<String, String> {
    let files: BTreeMap<String, String> =
        serde_json::from_str(files).map_err(|error| problem(0, format!("files: {error}")))?;
    let include = |include: &str| {
        files
            .get(include)
            .cloned()
            .ok_or_else(|| "it was not given along; add the file to the scenario".to_owned())
    };
    let mut scenario = Scenario::load(path, text, &include).map_err(|error| told(&error))?;
    let now = UnixTime::from_nanos(now.saturating_mul(1_000_000));
    scenario.setup.clock.get_or_insert(now);
    scenario.setup.journal = true;
    let codes = Codes::of(&scenario.plugins, scenario.setup.profile, modules);
    let tape = Tape::new(codes.map_err(|error| problem(0, error))?);
    let mut report = run(&scenario, &tape);
    let (moments, lost_calls) = tape.moments(&scenario);
    path.clone_into(&mut report.file);
    Ok(json!(Played { report, moments, lost_calls }).to_string())
}

fn told(error: &LoadError) -> String {
    problem(error.position.map_or(0, |(line, _)| line), error.problem.clone())
}

fn problem(line: u64, problem: String) -> String {
    json!(Problem { line, problem }).to_string()
}

#[cfg(test)]
mod tests;
