//! From the text of a scenario file to a [`Scenario`].

mod capabilities;
mod manifest;
mod message;
mod setup;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use portcullis_kit::ConfigError;
use portcullis_sim::Callback;
use serde_json::Value;

use crate::budget;
use crate::expectation::Matcher;
use crate::golden::{Golden, portable};
use crate::scenario::{Refusal, Scenario, Step, StepAction};
use crate::schema::{DefaultsFile, IncludedFile, MatrixFile, ScenarioFile, WayName};
use crate::vars::Vars;
use crate::yaml::{LoadError, parse_scenario};

/// A leak shows long before.
const MOST_STREAMS: u32 = 100_000;

/// Gives the text of a file by its path as it is written in a scenario.
type Include<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

impl Scenario {
    /// Reads a scenario. `include` gives the text of a file that it names, by the path as it is written.
    ///
    /// # Errors
    /// The first mistake, with file, line and key.
    pub fn load(file: &str, text: &str, include: &Include<'_>) -> Result<Self, LoadError> {
        let mut read: ScenarioFile = parse_scenario(file, text)?;
        let fail = |error: ConfigError| located(file, text, 1, error);
        let Included { vars, defaults } = included(file, text, &read, include)?;
        read.fill(defaults);
        manifest::fill(&mut read, include).map_err(fail)?;
        let (plugins, setup) = setup::setup(&read, &vars).map_err(fail)?;
        let refusal = refusal(&read, &vars).map_err(fail)?;
        limits(&read).map_err(fail)?;
        let steps = steps(file, text, &read, &vars, include)?;
        distinct(&read, &steps).map_err(|(line, error)| located(file, text, line, error))?;
        served(&read, &steps).map_err(|(line, error)| located(file, text, line, error))?;
        Ok(Self {
            steps,
            skipped: skipped(read.matrix.as_ref()),
            workers: read.workers,
            name: read.name,
            plugins,
            setup,
            refusal,
            tolerate_traps: read.tolerate_traps,
            not_on_envoy: read.not_on_envoy,
            include: read.include,
            budget: read.budget,
            golden_fuel: read.golden_fuel.map(|path| Golden {
                text: include(&path).ok(),
                path,
                bless: false,
                show_secrets: false,
            }),
            leak_check: read.leak_check.map(|check| check.streams),
            allow: read.allow.into_iter().map(Into::into).collect(),
        })
    }
}

fn steps(
    file: &str,
    text: &str,
    read: &ScenarioFile,
    vars: &Vars,
    include: &Include<'_>,
) -> Result<Vec<Step>, LoadError> {
    let mut steps = Vec::new();
    for (index, step) in read.steps.iter().enumerate() {
        let fail = |error: ConfigError| {
            located(file, text, step.defined.line(), error.under(&format!("steps[{index}]")))
        };
        let line = step.defined.line();
        let all = Step::all(index, &step.value, vars, include).map_err(fail)?;
        steps.extend(all.into_iter().map(|step| Step { line, ..step }));
    }
    Ok(steps)
}

fn skipped(file: Option<&MatrixFile>) -> Vec<WayName> {
    match file {
        None | Some(MatrixFile::All(true)) => Vec::new(),
        Some(MatrixFile::All(false)) => {
            vec![WayName::Protocol, WayName::Chunking, WayName::Trailers, WayName::Workers, WayName::Poison]
        }
        Some(MatrixFile::Except(except)) => except.skip.clone(),
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

/// What a scenario has from its own `vars` and `defaults` and from the files that it includes.
struct Included {
    vars: Vars,
    defaults: DefaultsFile,
}

fn included(
    file: &str,
    text: &str,
    read: &ScenarioFile,
    include: &Include<'_>,
) -> Result<Included, LoadError> {
    let mut vars = BTreeMap::new();
    let mut defaults = DefaultsFile::default();
    for path in &read.include {
        let included = include(path).map_err(|error| {
            located(file, text, 1, ConfigError::at("include", format!("{path:?}: {error}")))
        })?;
        let name = Path::new(file).parent().unwrap_or_else(|| Path::new("")).join(path).display().to_string();
        let of_file: BTreeMap<String, Value> =
            parse_scenario(&name, &included).map_err(|error| error.included_by(file))?;
        if of_file.is_empty() || !of_file.keys().all(|key| key == "defaults" || key == "vars") {
            vars.extend(of_file);
            continue;
        }
        let of_file: IncludedFile =
            parse_scenario(&name, &included).map_err(|error| error.included_by(file))?;
        vars.extend(of_file.vars);
        defaults = of_file.defaults.over(defaults);
    }
    vars.extend(read.vars.clone());
    Ok(Included { vars: Vars::from(vars), defaults: read.defaults.clone().over(defaults) })
}

/// A golden file holds one step: of two that name the same, BLESS=1 would keep only the last.
fn distinct(file: &ScenarioFile, steps: &[Step]) -> Result<(), (u64, ConfigError)> {
    let mut seen: BTreeSet<_> = file.golden_fuel.iter().map(String::as_str).collect();
    for step in steps {
        let Some(golden) = &step.golden else { continue };
        if !seen.insert(&golden.path) {
            let problem = format!(
                "{:?} is named twice; put a ${{variable}} or the case into the name, so that each step has its own",
                golden.path
            );
            return Err((step.line, ConfigError::at("golden", problem)));
        }
    }
    Ok(())
}

/// Each worker that a step names is there; where the scenario does not say how many, there may be more than one.
fn served(file: &ScenarioFile, steps: &[Step]) -> Result<(), (u64, ConfigError)> {
    let Some(workers) = file.workers else { return Ok(()) };
    for step in steps {
        let named: Vec<_> = match &step.action {
            StepAction::Send(sent) => sent.iter().filter_map(|sent| sent.sending.worker).collect(),
            StepAction::Converse(conversation, _) => conversation.worker.into_iter().collect(),
            StepAction::Look | StepAction::Advance(_) => Vec::new(),
        };
        if let Some(worker) = named.into_iter().find(|worker| *worker >= workers) {
            let problem = format!(
                "{worker}, but workers is {workers}; write 0 to {}, or more workers",
                workers.saturating_sub(1)
            );
            return Err((step.line, ConfigError::at("worker", problem)));
        }
    }
    Ok(())
}

/// Names and numbers that say nothing if they are wrong.
fn limits(file: &ScenarioFile) -> Result<(), ConfigError> {
    let is_known = |name: &String| name == budget::ANY || Callback::NAMES.contains(&name.as_str());
    if let Some(name) = file.budget.keys().find(|name| !is_known(name)) {
        let problem = format!("no callback; there are any, {}", Callback::NAMES.join(", "));
        return Err(ConfigError::at(format!("budget.{name}"), problem));
    }
    if let Some(path) = &file.golden_fuel {
        portable(path).map_err(|problem| ConfigError::at("golden_fuel", problem))?;
    }
    match file.leak_check.map(|check| check.streams) {
        Some(streams) if !(2..=MOST_STREAMS).contains(&streams) => {
            Err(ConfigError::at("leak_check.streams", format!("{streams}; write 2 to {MOST_STREAMS}")))
        }
        _ => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let text = format!("name: n\nfilter: f\n{text}\n");
        let include = |_: &str| Ok("a: [1\nb: 2\n".to_owned());
        Scenario::load("dir/s.yaml", &text, &include)
            .map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn a_golden_file_belongs_to_one_step_and_stays_beside_it() {
        let step = |golden: &str| format!("{{request: {{}}, expect: {{golden: \"{golden}\"}}}}");
        let twice = format!("steps: [{}, {}]", step("a"), step("a"));
        assert!(problem(&twice).contains("golden: \"a\" is named twice; put a ${variable} or the case"));
        let cases = "cases: [{vars: {v: 1}}, {vars: {v: 2}}]";
        let of_cases =
            |golden: &str| format!("steps: [{}]", step(golden).replacen('{', &format!("{{{cases}, "), 1));
        assert!(problem(&of_cases("a")).contains("is named twice"));
        assert_eq!(problem(&of_cases("a${v}")), "");
        assert!(problem(&format!("golden_fuel: a\nsteps: [{}]", step("a"))).contains("is named twice"));
        assert!(
            problem(&format!("steps: [{}]", step("/etc/x")))
                .contains("write a path relative to the scenario file")
        );
        assert!(problem(&format!("steps: [{}]", step("../.git/hooks/x"))).contains("is hidden"));
    }

    #[test]
    fn a_worker_that_is_named_is_there() {
        let steps = "steps: [{request: {worker: 5}}]";
        assert_eq!(
            problem(&format!("workers: 2\n{steps}")),
            "dir/s.yaml:4:20: worker: 5, but workers is 2; write 0 to 1, or more workers"
        );
        assert_eq!(problem(&format!("workers: 6\n{steps}")), "");
        assert!(problem("workers: 2\nsteps: [{tcp: [{client: x}], worker: 2}]").contains("worker: 2, but"));
    }

    #[test]
    fn a_mistake_in_an_included_file_names_both() {
        let told = problem("include: [_v.yaml]\nsteps: [{request: {}}]");
        let expected =
            "dir/_v.yaml:1:4: a: this [ is still open in line 2; close it (included by dir/s.yaml)";
        assert!(told.starts_with(expected), "{told}");
    }
}
