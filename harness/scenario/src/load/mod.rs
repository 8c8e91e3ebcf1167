//! From the text of a scenario file to a [`Scenario`].

mod message;
mod setup;
mod step;

use std::collections::BTreeMap;

use portcullis_kit::ConfigError;
use serde_json::Value;

use crate::expectation::Matcher;
use crate::scenario::{Refusal, Scenario, Step};
use crate::schema::ScenarioFile;
use crate::vars::Vars;
use crate::yaml::{LoadError, parse_scenario};

impl Scenario {
    /// Reads a scenario. `include` gives the text of a file that it names, by the path as it is written.
    ///
    /// # Errors
    /// The first mistake, with file, line and key.
    pub fn load(
        file: &str,
        text: &str,
        include: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, LoadError> {
        let read: ScenarioFile = parse_scenario(file, text)?;
        let vars = Vars(variables(file, &read, text, include)?);
        let at_top = |error: ConfigError| located(file, text, 1, error);
        let (plugins, setup) = setup::setup(&read, &vars).map_err(at_top)?;
        let refusal = refusal(&read, &vars).map_err(at_top)?;
        let steps = read.steps.iter().enumerate().map(|(index, step)| {
            let fail = |error: ConfigError| {
                located(file, text, step.defined.line(), error.under(&format!("steps[{index}]")))
            };
            Step::new(index, &step.value, &vars).map_err(fail)
        });
        let steps = steps.collect::<Result<_, _>>()?;
        Ok(Self {
            name: read.name,
            plugins,
            setup,
            refusal,
            tolerate_traps: read.tolerate_traps,
            not_on_envoy: read.not_on_envoy,
            steps,
        })
    }
}

/// A mistake at the line of its key: the first line from `start` on that has the last part of its path as a key.
fn located(file: &str, text: &str, start: u64, error: ConfigError) -> LoadError {
    let key = error.path.rsplit('.').next().unwrap_or_default().split('[').next().unwrap_or_default();
    let lines = (1_u64..).zip(text.lines()).skip_while(|(number, _)| *number < start);
    let found = lines
        .filter(|_| !key.is_empty())
        .find_map(|(number, line)| Some((number, 1 + line.find(&format!("{key}:"))? as u64)));
    let position = found.or_else(|| (start > 1).then_some((start, 1)));
    LoadError { file: file.to_owned(), position, problem: error.to_string() }
}

fn variables(
    file: &str,
    read: &ScenarioFile,
    text: &str,
    include: &dyn Fn(&str) -> Result<String, String>,
) -> Result<BTreeMap<String, Value>, LoadError> {
    let mut vars = BTreeMap::new();
    for path in &read.include {
        let included = include(path).map_err(|error| {
            located(file, text, 1, ConfigError::at("include", format!("{path:?}: {error}")))
        })?;
        let of_file: BTreeMap<String, Value> =
            parse_scenario(&format!("{path}, included by {file}"), &included)?;
        vars.extend(of_file);
    }
    vars.extend(read.vars.clone());
    Ok(vars)
}

fn refusal(file: &ScenarioFile, vars: &Vars) -> Result<Option<Refusal>, ConfigError> {
    const ONE_OF: &str = "write one of steps, config_error for a configuration that must be refused, and load_error for a \
                          module that must not load";
    let refusal = match (&file.config_error, &file.load_error) {
        (Some(_), Some(_)) => return Err(ConfigError::at("load_error", ONE_OF)),
        (Some(text), None) => Some(Refusal::Configuration(
            Matcher::new(text, vars).map_err(|error| error.under("config_error"))?,
        )),
        (None, Some(text)) => {
            Some(Refusal::Load(Matcher::new(text, vars).map_err(|error| error.under("load_error"))?))
        }
        (None, None) => None,
    };
    match refusal.is_some() == file.steps.is_empty() {
        true => Ok(refusal),
        false => Err(ConfigError::at("", ONE_OF)),
    }
}
