//! Plays many scenarios, several at a time.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use portcullis_scenario::report::{Ending, ScenarioReport};
use portcullis_scenario::{Refusal, check_leaks, explore, run, run_matrix};

use crate::scenarios::Loaded;
use crate::targets::{Starter, TargetName};

/// How scenarios are played.
pub(crate) struct Session<'a> {
    pub(crate) targets: &'a [TargetName],
    /// Where our own modules are.
    pub(crate) modules: &'a Path,
    /// Whether each is played in other ways too.
    pub(crate) matrix: bool,
    /// The seeds of the orders in which workers take turns, in place of the plain run.
    pub(crate) explore: Option<Range<u64>>,
    /// After how many streams nothing may have been kept, in a scenario that does not say.
    pub(crate) leak_check: Option<u32>,
    /// Whether warnings are failures.
    pub(crate) deny_warnings: bool,
    /// How many at a time.
    pub(crate) jobs: usize,
    /// Whether none is begun after one has failed.
    pub(crate) fail_fast: bool,
}

/// What came of it.
pub(crate) struct Played {
    /// In the order of the targets, and of the scenarios on each.
    pub(crate) reports: Vec<ScenarioReport>,
    /// How many were not begun.
    pub(crate) left_out: usize,
}

/// One scenario on one target; without a starter it has nothing to be run with.
struct Job<'a> {
    loaded: &'a Loaded,
    target: TargetName,
    starter: Option<&'a Starter>,
}

/// A starter serves all scenarios of a folder with the same plugins and profile, so that a module is compiled once.
type Key = (PathBuf, String);

impl Session<'_> {
    pub(crate) fn play(&self, scenarios: &[Loaded]) -> Result<Played, String> {
        let starters = self.targets.iter().map(|target| self.starters(*target, scenarios));
        let starters = starters.collect::<Result<Vec<_>, _>>()?;
        let jobs = self.targets.iter().zip(&starters).flat_map(|(target, starters)| {
            scenarios.iter().map(|loaded| Job {
                loaded,
                target: *target,
                starter: starters.get(&key(loaded)).and_then(Option::as_ref),
            })
        });
        Ok(self.all(&jobs.collect::<Vec<_>>()))
    }

    fn starters(
        &self,
        target: TargetName,
        scenarios: &[Loaded],
    ) -> Result<BTreeMap<Key, Option<Starter>>, String> {
        let mut starters = BTreeMap::new();
        for loaded in scenarios {
            let fail = |error: &str| format!("{}: {error}", loaded.path.display());
            let key = key(loaded);
            if !starters.contains_key(&key) {
                let plugins = (loaded.scenario.plugins.as_slice(), loaded.scenario.setup.profile);
                let starter = Starter::new(target, plugins, &loaded.path, self.modules);
                starters.insert(key.clone(), starter.map_err(|error| fail(&error))?);
            }
            let problem = starters.get(&key).and_then(|starter| starter.as_ref()?.problem());
            if let Some(problem) = problem
                && !matches!(loaded.scenario.refusal, Some(Refusal::Load(_)))
            {
                return Err(fail(problem));
            }
        }
        Ok(starters)
    }

    fn all(&self, jobs: &[Job<'_>]) -> Played {
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let reports = Mutex::new(BTreeMap::new());
        let progress = progress(jobs.len());
        let work = || {
            while !(self.fail_fast && failed.load(Ordering::Relaxed)) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(job) = jobs.get(index) else { return };
                let report = self.one(job);
                if matches!(report.outcome, Ending::Failed | Ending::Broken(_)) {
                    failed.store(true, Ordering::Relaxed);
                }
                progress.inc(1);
                reports.lock().unwrap_or_else(PoisonError::into_inner).insert(index, report);
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.jobs.min(jobs.len()) {
                scope.spawn(work);
            }
            work();
        });
        progress.finish_and_clear();
        let reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
        let left_out = jobs.len().saturating_sub(reports.len());
        Played { reports: reports.into_values().collect(), left_out }
    }

    fn one(&self, job: &Job<'_>) -> ScenarioReport {
        let scenario = &job.loaded.scenario;
        let begin = Instant::now();
        let mut report = match (job.starter, &self.explore) {
            (None, _) => {
                ScenarioReport::not_run(&scenario.name, job.target.name(), "a module has no native code")
            }
            (Some(starter), Some(seeds)) => explore(scenario, starter, seeds.clone()),
            (Some(starter), None) if self.matrix => run_matrix(scenario, starter),
            (Some(starter), None) => run(scenario, starter),
        };
        if let (Some(starter), Some(streams)) = (job.starter, scenario.leak_check.or(self.leak_check))
            && report.outcome == Ending::Passed
            && self.explore.is_none()
        {
            check_leaks(scenario, starter, streams, &mut report);
        }
        if self.deny_warnings {
            report.deny_warnings();
        }
        report.took = Some(begin.elapsed());
        report.file = job.loaded.path.display().to_string();
        report
    }
}

fn key(loaded: &Loaded) -> Key {
    let folder = loaded.path.parent().unwrap_or(&loaded.path).to_owned();
    (folder, format!("{:?} {:?}", loaded.scenario.plugins, loaded.scenario.setup.profile))
}

/// A bar on a terminal; nothing anywhere else.
fn progress(scenarios: usize) -> ProgressBar {
    let bar = ProgressBar::new(scenarios as u64);
    match ProgressStyle::with_template("{bar:30} {pos}/{len} scenarios, {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
