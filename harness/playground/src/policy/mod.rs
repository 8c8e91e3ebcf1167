//! Scenarios in the simulated proxy, with everything that can be seen of them.

mod check;
mod moment;
mod tape;
mod token;
mod watched;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use portcullis_filters::{FILTERS, Filter};
use portcullis_kit::{Module, UnixTime};
use portcullis_manifest::starter::{Platform, Starter};
use portcullis_scenario::report::ScenarioReport;
use portcullis_scenario::{LoadError, PluginRef, Scenario, run};
use portcullis_suite::Suite;
use serde::Serialize;
use serde_json::{Value, json};

pub use check::{check, schema};
use tape::Tape;
pub use token::token;

/// Why a scenario about a module is not played here, nor on the native target of the command.
const NO_CODE: &str = "a module has no native code";

/// What is wrong with a text, and in which line; 0 where it is about all of it.
#[derive(Debug, Serialize)]
struct Problem {
    line: u64,
    problem: String,
}

/// The filters, and what their configurations begin with.
pub fn filters() -> String {
    let filters = FILTERS.iter().map(|filter| {
        // The suite is all of them.
        let chosen = if filter.name == Suite::TITLE { Vec::new() } else { vec![filter.name.to_owned()] };
        let sample = Starter::new(&chosen, "").map(|starter| starter.configuration(Platform::Envoy));
        json!({ "name": filter.name, "sample": sample.unwrap_or_default() })
    });
    Value::from_iter(filters).to_string()
}

/// Plays a scenario. `files` are those that it includes, by their paths relative to it, as a JSON object; `now` is the time of a scenario without a clock, in milliseconds since the epoch.
///
/// # Errors
/// It is no scenario: a JSON object with the line and the problem.
pub fn play(path: &str, text: &str, files: &str, now: u64) -> Result<String, String> {
    let files: BTreeMap<String, String> =
        serde_json::from_str(files).map_err(|error| problem(0, format!("files: {error}")))?;
    let include = |include: &str| {
        let found = files.get(include).or_else(|| files.get(&plain(include)));
        found.cloned().ok_or_else(|| "it was not given along; add the file to the scenario".to_owned())
    };
    let mut scenario = Scenario::load(path, text, &include).map_err(|error| told(&error))?;
    let now = UnixTime::from_nanos(now.saturating_mul(1_000_000));
    scenario.setup.clock.get_or_insert(now);
    scenario.setup.journal = true;
    let (mut report, moments, lost) = match native(&scenario.plugins)? {
        None => (ScenarioReport::not_run(&scenario.name, "native", NO_CODE), Vec::new(), 0),
        Some(filters) => {
            let tape = Tape::new(filters);
            let report = run(&scenario, &tape);
            let (moments, lost) = tape.moments(&scenario);
            (report, moments, lost)
        }
    };
    path.clone_into(&mut report.file);
    Ok(json!({ "report": report, "moments": moments, "lostCalls": lost }).to_string())
}

/// The filters of a scenario; `None` where it is about a module.
fn native(plugins: &[PluginRef]) -> Result<Option<Vec<&'static Filter>>, String> {
    let filters = plugins.iter().map(|plugin| match plugin {
        PluginRef::Filter(name) => Filter::named(name).map(Some).map_err(|error| problem(0, error)),
        PluginRef::Module(_) => Ok(None),
    });
    filters.collect()
}

fn told(error: &LoadError) -> String {
    problem(error.position.map_or(0, |(line, _)| line), error.problem.clone())
}

fn problem(line: u64, problem: String) -> String {
    json!(Problem { line, problem }).to_string()
}

/// A path without what leads nowhere: `./a` is `a`.
fn plain(path: &str) -> String {
    Path::new(path)
        .components()
        .collect::<PathBuf>()
        .display()
        .to_string()
        .trim_start_matches("./")
        .to_owned()
}

#[cfg(test)]
mod tests;
