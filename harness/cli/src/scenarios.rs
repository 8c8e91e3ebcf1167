//! Scenario files: which of them are meant, and what belongs to them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use portcullis_scenario::report::{ScenarioReport, shown};
use portcullis_scenario::{PluginRef, Scenario};
use portcullis_sim::Profile;

use crate::commands::{contents, is_yaml, read_text};
use crate::golden::{self, Roots};
use crate::suite;

/// Which scenarios are meant.
pub(crate) struct Selection<'a> {
    /// Files, or folders of them.
    pub(crate) paths: &'a [PathBuf],
    /// A part of the name or path.
    pub(crate) filter: Option<&'a str>,
    /// In place of their own seeds.
    pub(crate) seed: Option<u64>,
    /// In place of their own.
    pub(crate) profile: Option<Profile>,
    /// Whether golden files are written and not compared.
    pub(crate) bless: bool,
    /// Whether golden files hold credentials and queries as they are.
    pub(crate) show_secrets: bool,
    /// Whether our filters are played as the suite.
    pub(crate) suite: bool,
}

/// A scenario and its file.
pub(crate) struct Loaded {
    pub(crate) path: PathBuf,
    pub(crate) scenario: Scenario,
}

impl Selection<'_> {
    /// Reads them.
    pub(crate) fn load(&self) -> Result<Vec<Loaded>, String> {
        let (mut files, mut folders) = (Vec::new(), BTreeSet::new());
        let roots = Roots::of(self.paths);
        for path in self.paths {
            collect(path, true, &mut files, &mut folders)?;
        }
        if files.is_empty() {
            return Err("no scenario here; scenario files end in .yaml or .yml".into());
        }
        let mut scenarios = Vec::new();
        let mut mistakes = Vec::new();
        for path in files {
            match load(&path, &roots) {
                Ok(scenario) => scenarios.push(Loaded { path, scenario }),
                Err(mistake) => mistakes.push((path, mistake)),
            }
        }
        // What is no scenario of its own but belongs to others is right as long as those can read it.
        let included: BTreeSet<_> = scenarios.iter().flat_map(Loaded::included).collect();
        mistakes.retain(|(path, _)| self.paths.contains(path) || !included.contains(&canonical(path)));
        if !mistakes.is_empty() {
            // All of them at once: nobody wants to mend one, run, and meet the next.
            return Err(mistakes
                .into_iter()
                .map(|(_, mistake)| shown(&mistake))
                .collect::<Vec<_>>()
                .join("\n"));
        }
        self.chosen(scenarios)
    }

    fn chosen(&self, mut scenarios: Vec<Loaded>) -> Result<Vec<Loaded>, String> {
        if let Some(part) = self.filter {
            scenarios
                .retain(|it| it.scenario.name.contains(part) || it.path.to_string_lossy().contains(part));
            if scenarios.is_empty() {
                return Err(format!("no scenario has {part:?} in its name or path"));
            }
        }
        for Loaded { scenario, .. } in &mut scenarios {
            scenario.setup.seed = self.seed.unwrap_or(scenario.setup.seed);
            scenario.setup.profile = self.profile.unwrap_or(scenario.setup.profile);
            if self.suite {
                suite::join(scenario);
            }
            if self.show_secrets {
                scenario.show_secrets();
            }
            if self.bless {
                scenario.bless();
            }
        }
        Ok(scenarios)
    }
}

impl Loaded {
    fn included(&self) -> impl Iterator<Item = PathBuf> {
        self.scenario.include.iter().map(|include| canonical(&beside(&self.path, include)))
    }

    /// The files that it includes, and the modules that it names by their path.
    pub(crate) fn parts(&self) -> impl Iterator<Item = PathBuf> {
        let modules = self.scenario.plugins.iter().filter_map(|plugin| match plugin {
            PluginRef::Module(path) => Some(beside(&self.path, path)),
            PluginRef::Filter(_) => None,
        });
        self.included().chain(modules)
    }
}

/// Writes what the golden files should hold, below these roots; gives a line for each that has changed.
pub(crate) fn write_golden(reports: &[ScenarioReport], roots: &Roots) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for report in reports {
        for (golden, text) in &report.golden {
            let path = golden::place(Path::new(&report.file), golden, roots)?;
            if std::fs::read_to_string(&path).is_ok_and(|old| old == *text) {
                continue;
            }
            let fail = |error: std::io::Error| format!("{}: {error}", path.display());
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(fail)?;
            }
            // Once more: the folder is there now.
            golden::place(Path::new(&report.file), golden, roots)?;
            std::fs::write(&path, text).map_err(fail)?;
            lines.push(format!("{}: written", path.display()));
        }
    }
    Ok(lines)
}

/// A path that a file names relative to itself.
pub(crate) fn beside(file: &Path, path: impl AsRef<Path>) -> PathBuf {
    file.parent().unwrap_or(file).join(path)
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The scenario files of a folder; one that a link leads back to counts once.
fn collect(
    path: &Path,
    named: bool,
    files: &mut Vec<PathBuf>,
    folders: &mut BTreeSet<PathBuf>,
) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("{}: {error}", path.display());
    if !std::fs::metadata(path).map_err(fail)?.is_dir() {
        if named || !is_part(path) {
            files.push(path.to_owned());
        }
        return Ok(());
    }
    if !folders.insert(canonical(path)) {
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
            collect(&entry, false, files, folders)?;
        }
    }
    Ok(())
}

/// Whether a file is only a part of scenarios, by its name.
fn is_part(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('_'))
}

fn load(path: &Path, roots: &Roots) -> Result<Scenario, String> {
    let scenario = Scenario::load(&path.display().to_string(), &read_text(path)?, &|include| {
        String::from_utf8(contents(&beside(path, include))?).map_err(|_| "not UTF-8".to_owned())
    });
    let scenario = scenario.map_err(|error| error.to_string())?;
    let of_steps = scenario.steps.iter().filter_map(|step| step.golden.as_ref());
    for file in of_steps.chain(&scenario.golden_fuel) {
        golden::place(path, &file.path, roots)?;
    }
    Ok(scenario)
}
