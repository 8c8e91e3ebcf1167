use std::collections::BTreeSet;
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::Range;
use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::{Args, ValueEnum};
use portcullis_scenario::report::{self, ScenarioReport, Totals};
use portcullis_sim::Profile;

use crate::Verdict;
use crate::golden::{Roots, bless};
use crate::scenarios::{Loaded, Selection, write_golden};
use crate::session::{Played, Session};
use crate::targets::TargetName;
use crate::watch;

/// Plays scenario files.
///
/// Exit codes: 0 all played scenarios passed, 1 one failed, 2 a file is wrong or nothing could be played.
///
/// With BLESS=1 in the environment, the golden files that scenarios name are written instead of compared.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Scenario files, or folders of them. In a folder, files whose name begins with _ and files that others include are left
    /// out.
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
    /// Plays our own filters as the suite: those that stand one behind the other, in its order, as one plugin. Golden files are not
    /// compared, and scenarios of configurations that are refused stay as they are.
    #[arg(long)]
    suite: bool,
    /// Plays only scenarios with this in their name or path.
    #[arg(long, value_name = "TEXT", alias = "filter")]
    only: Option<String>,
    /// Plays each scenario in other ways too: the other protocol, other pieces of a body, trailers, several workers, poisoned
    /// headers. It must end the same, unless it says why not.
    #[arg(long)]
    matrix: bool,
    /// Plays each scenario with several workers that take turns after each hostcall, in this many orders, up to the first in
    /// which it fails. On simulated targets.
    #[arg(long, value_name = "N", conflicts_with = "matrix")]
    explore: Option<NonZeroU64>,
    /// Which order is the first.
    #[arg(long, value_name = "NUMBER", default_value = "0", requires = "explore")]
    explore_seed: u64,
    /// Repeats all that each scenario sends, 200 streams if it says nothing else: a module's memory must not grow in the second
    /// half, and nothing may be left over.
    #[arg(long)]
    leak_check: bool,
    /// Takes warnings for failures.
    #[arg(long)]
    deny_warnings: bool,
    /// Scenarios that are played at the same time. Left out: as many as there are processors.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Begins no further scenario after one has failed.
    #[arg(long)]
    fail_fast: bool,
    /// What random choices of the simulated targets follow from, in place of the scenarios' own seeds.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Whose behaviour is simulated, in place of what the scenarios say.
    #[arg(long, value_enum)]
    profile: Option<ProfileName>,
    /// Golden files hold credentials and queries as they are, and not only their lengths and digests.
    #[arg(long)]
    show_secrets: bool,
    /// Plays them again whenever one of their files changes, until it is interrupted.
    #[arg(long)]
    watch: bool,
}

/// Streams in which a leak shows.
const LEAK_CHECK: u32 = 200;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProfileName {
    /// Envoy 1.40, bug for bug.
    Envoy,
    /// The proxy-wasm specification 0.2.1.
    Spec,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Envoy => Self::Envoy,
            ProfileName::Spec => Self::Spec,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// The requests and how each was decided.
    Table,
    /// Annotations of a GitHub workflow.
    Github,
}

impl Test {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        if self.watch {
            return watch::repeat(|| self.folders(), || self.once());
        }
        self.once()
    }

    fn selection(&self, bless: bool) -> Selection<'_> {
        Selection {
            paths: &self.paths,
            filter: self.only.as_deref(),
            seed: self.seed,
            profile: self.profile.map(Profile::from),
            bless,
            show_secrets: self.show_secrets,
            suite: self.suite,
        }
    }

    /// The folders of everything that has a part in the scenarios.
    fn folders(&self) -> BTreeSet<PathBuf> {
        let scenarios = self.selection(false).load().unwrap_or_default();
        let parts = scenarios.iter().flat_map(Loaded::parts);
        let all = self.paths.iter().cloned().chain([self.modules.clone()]).chain(parts);
        all.filter(|path| path.exists()).map(|path| watch::folder(&path)).collect()
    }

    fn once(&self) -> Result<Verdict, String> {
        let bless = bless()?;
        let scenarios = self.selection(bless).load()?;
        let session = Session {
            targets: &self.target,
            modules: &self.modules,
            matrix: self.matrix && !bless,
            explore: self.explored(bless)?,
            leak_check: self.leak_check.then_some(LEAK_CHECK),
            deny_warnings: self.deny_warnings,
            jobs: self.jobs.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get),
            fail_fast: self.fail_fast,
        };
        let Played { reports, left_out } = session.play(&scenarios)?;
        if bless {
            for line in write_golden(&reports, &Roots::of(&self.paths))? {
                anstream::eprintln!("{line}");
            }
        }
        self.tell(&reports)?;
        if left_out > 0 {
            anstream::eprintln!("portcullis: {left_out} more were not begun, because of --fail-fast");
        }
        match Totals::of(&reports) {
            Totals { failed: 1.., .. } => Ok(Verdict::Bad),
            Totals { passed: 0, .. } => Err("no scenario could be played on this target".into()),
            _ => Ok(Verdict::Good),
        }
    }

    fn explored(&self, bless: bool) -> Result<Option<Range<u64>>, String> {
        let Some(orders) = self.explore else { return Ok(None) };
        if self.target.contains(&TargetName::Envoy) {
            return Err("--explore: a real Envoy's workers take turns as they like; play it with --target wasm or native".into());
        }
        if bless {
            return Err("--explore: golden files hold the plain run; leave out BLESS=1".into());
        }
        Ok(Some(self.explore_seed..self.explore_seed.saturating_add(orders.get())))
    }

    fn tell(&self, reports: &[ScenarioReport]) -> Result<(), String> {
        match self.format {
            Format::Text => anstream::print!("{}", report::text(reports)),
            Format::Json => anstream::print!("{}", report::json(reports)),
            Format::Table => anstream::print!("{}", report::table(reports)),
            Format::Github => anstream::print!("{}", report::github(reports)),
        }
        let Some(path) = &self.junit else { return Ok(()) };
        std::fs::write(path, report::junit(reports)).map_err(|error| format!("{}: {error}", path.display()))
    }
}
