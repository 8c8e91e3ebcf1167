use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use portcullis_scenario::report::{self, ScenarioReport, Totals};
use portcullis_scenario::{Refusal, Scenario, run};

use super::{is_yaml, read_text};
use crate::Verdict;
use crate::targets::{Starter, TargetName};

/// Plays scenario files.
///
/// Exit codes: 0 all played scenarios passed, 1 one failed, 2 a file is wrong or nothing could be played.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Scenario files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Where to play them; several with commas.
    #[arg(long, value_enum, default_value = "wasm", value_delimiter = ',')]
    target: Vec<TargetName>,
    /// The form of the report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Writes the report as JUnit XML to this file too.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Where the modules that scenarios name by `filter` are.
    #[arg(long, value_name = "DIR", default_value = "dist")]
    modules: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// The requests and how each was decided.
    Table,
}

impl Test {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let scenarios = self.scenarios()?;
        let mut reports = Vec::new();
        for target in &self.target {
            let mut starters = Starters { target: *target, modules: &self.modules, known: BTreeMap::new() };
            for (path, scenario) in &scenarios {
                let mut report = starters.run(path, scenario)?;
                report.file = path.display().to_string();
                reports.push(report);
            }
        }
        match self.format {
            Format::Text => anstream::print!("{}", report::text(&reports)),
            Format::Json => anstream::print!("{}", report::json(&reports)),
            Format::Table => anstream::print!("{}", report::table(&reports)),
        }
        if let Some(path) = &self.junit {
            std::fs::write(path, report::junit(&reports))
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        match Totals::of(&reports) {
            Totals { failed: 1.., .. } => Ok(Verdict::Bad),
            Totals { passed: 0, .. } => Err("no scenario could be played on this target".into()),
            _ => Ok(Verdict::Good),
        }
    }

    fn scenarios(&self) -> Result<Vec<(PathBuf, Scenario)>, String> {
        let mut files = Vec::new();
        for path in &self.paths {
            collect(path, &mut files)?;
        }
        if files.is_empty() {
            return Err("no scenario here; scenario files end in .yaml or .yml".into());
        }
        let mut scenarios = Vec::new();
        let mut mistakes = Vec::new();
        for path in files {
            match load(&path) {
                Ok(scenario) => scenarios.push((path, scenario)),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        // All of them at once: nobody wants to mend one, run, and meet the next.
        if mistakes.is_empty() { Ok(scenarios) } else { Err(mistakes.join("\n")) }
    }
}

/// One starter per list of plugins, so that a module is compiled once and not once per scenario.
struct Starters<'a> {
    target: TargetName,
    modules: &'a Path,
    known: BTreeMap<(PathBuf, String), Option<Starter>>,
}

impl Starters<'_> {
    fn run(&mut self, path: &Path, scenario: &Scenario) -> Result<ScenarioReport, String> {
        let key = (path.parent().unwrap_or(path).to_owned(), format!("{:?}", scenario.plugins));
        if !self.known.contains_key(&key) {
            let starter = Starter::new(self.target, &scenario.plugins, path, self.modules)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            self.known.insert(key.clone(), starter);
        }
        let Some(starter) = self.known.get(&key).and_then(Option::as_ref) else {
            return Ok(ScenarioReport::not_run(&scenario.name, "native", "a module has no native code"));
        };
        match starter.problem().filter(|_| !matches!(scenario.refusal, Some(Refusal::Load(_)))) {
            Some(problem) => Err(format!("{}: {problem}", path.display())),
            None => Ok(run(scenario, starter)),
        }
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("{}: {error}", path.display());
    if !std::fs::metadata(path).map_err(fail)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries: Vec<_> = std::fs::read_dir(path)
        .map_err(fail)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()
        .map_err(fail)?;
    entries.sort();
    for entry in entries {
        if is_yaml(&entry) || entry.is_dir() {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

fn load(path: &Path) -> Result<Scenario, String> {
    let folder = path.parent().unwrap_or(path);
    Scenario::load(&path.display().to_string(), &read_text(path)?, &|include| {
        std::fs::read_to_string(folder.join(include)).map_err(|error| error.to_string())
    })
    .map_err(|error| error.to_string())
}
