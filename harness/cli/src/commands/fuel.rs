use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use clap::Args;
use portcullis_scenario::report::{self, Ending, ScenarioReport};

use crate::Verdict;
use crate::fuel::{differences, figures, read, table, written};
use crate::golden::bless;
use crate::scenarios::{Loaded, Selection};
use crate::session::Session;
use crate::targets::TargetName;

/// Tells what each callback takes in each step of scenarios, and compares it with a golden file.
///
/// Steps of the engine (fuel), bytes that are moved, and hostcalls by their names: the same on every machine, for the same module. Exit
/// codes: 0 as the golden file says, 1 not, 2 bad input.
///
/// With BLESS=1 in the environment, the golden file is written instead of compared.
#[derive(Debug, Args)]
pub(crate) struct Fuel {
    /// Scenario files, or folders of them. Each sets a clock.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The figures of before. Fuel and bytes may move by 2 %, hostcalls not at all.
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    /// Where the modules that scenarios name by `filter` are.
    #[arg(long, value_name = "DIR", default_value = "dist")]
    modules: PathBuf,
}

impl Fuel {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let bless = bless()?;
        let reports = self.play()?;
        if reports.iter().any(|report| report.outcome != Ending::Passed) {
            anstream::print!("{}", report::text(&reports));
            return Ok(Verdict::Bad);
        }
        match &self.golden {
            None if bless => Err("BLESS=1 writes the file that --golden names, and none is named".into()),
            None => {
                anstream::print!("{}", table(&reports, None));
                Ok(Verdict::Good)
            }
            Some(path) if bless => {
                let fail = |error: std::io::Error| format!("{}: {error}", path.display());
                std::fs::write(path, written(&reports)).map_err(fail)?;
                anstream::eprintln!("{}: written", path.display());
                Ok(Verdict::Good)
            }
            Some(path) => compare(path, &reports),
        }
    }

    fn play(&self) -> Result<Vec<ScenarioReport>, String> {
        let selection = Selection {
            paths: &self.paths,
            filter: None,
            seed: None,
            profile: None,
            bless: false,
            show_secrets: false,
            suite: false,
        };
        let mut scenarios = selection.load()?;
        let mut names = BTreeSet::new();
        for Loaded { path, scenario } in &mut scenarios {
            let at = path.display();
            if scenario.setup.clock.is_none() {
                return Err(format!(
                    "{at}: what is measured depends on the time; write clock: 2026-01-01T00:00:00Z"
                ));
            }
            if !names.insert(scenario.name.clone()) {
                return Err(format!("{at}: another scenario has the name {:?} too", scenario.name));
            }
            scenario.setup.costs = true;
        }
        let session = Session {
            targets: &[TargetName::Wasm],
            modules: &self.modules,
            matrix: false,
            explore: None,
            leak_check: None,
            deny_warnings: false,
            jobs: available_parallelism().map_or(1, NonZeroUsize::get),
            fail_fast: false,
        };
        Ok(session.play(&scenarios)?.reports)
    }
}

fn compare(path: &Path, reports: &[ScenarioReport]) -> Result<Verdict, String> {
    let (golden, found) = (read(path)?, figures(reports));
    anstream::print!("{}", table(reports, Some(&golden)));
    let differences = differences(&golden, &found);
    if differences.is_empty() {
        anstream::println!("\nAs {} says, within 2 %.", path.display());
        return Ok(Verdict::Good);
    }
    anstream::println!("\nNot as {} says:\n", path.display());
    for difference in &differences {
        anstream::println!("  {}", report::shown_line(&difference.to_string()));
    }
    anstream::println!(
        "\nWhere it has become more, make it less again. Where that is worth it, and where it has become less, BLESS=1 writes the file; say \
         why in the commit."
    );
    Ok(Verdict::Bad)
}
