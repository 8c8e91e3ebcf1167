mod manifests;

use std::path::{Path, PathBuf};

use clap::Args;
use portcullis_filters::Filter;
use portcullis_foreign::foreign_functions;
use portcullis_scenario::report::{shown, shown_line};
use portcullis_scenario::{SimTarget, TargetError};
use portcullis_sim::Setup;

use super::read_config;
use crate::Verdict;
use crate::targets::{load_module, vms};

/// Checks manifests of Envoy, Istio and Envoy Gateway, or a configuration by itself, with the filters that will read them.
///
/// In manifests, the plugins that are ours are found by their root_id (in Istio pluginName), their module or their name. Beside what their filters say, the
/// command warns of what is known to go wrong. Exit codes: 0 nothing is wrong, 1 something is, 2 bad input.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Manifests, or folders of them: files that belong together, so that clusters and services are found.
    #[arg(required_unless_present = "config", conflicts_with = "config")]
    paths: Vec<PathBuf>,
    /// Warnings make it fail too.
    #[arg(long)]
    deny_warnings: bool,
    /// Leaves out findings by what stands in brackets behind them, such as fails-for-good; several with commas.
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    allow: Vec<String>,
    /// A configuration by itself, in JSON or YAML.
    #[arg(long, value_name = "FILE", requires = "reader")]
    config: Option<PathBuf>,
    #[command(flatten)]
    reader: Reader,
}

#[derive(Debug, Args)]
#[group(id = "reader", multiple = false)]
struct Reader {
    /// One of our filters reads it: jwt-auth, token-bucket, circuit-breaker, trace-injection, audit-log, or portcullis for the suite.
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Any module reads it: its on_configure decides.
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
}

impl Check {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let has_reader = self.reader.filter.is_some() || self.reader.module.is_some();
        match (&self.config, self.paths.as_slice()) {
            (Some(config), _) => self.reader.check(config),
            // Whoever says which filter reads it means a configuration by itself.
            (None, [config]) if has_reader => self.reader.check(config),
            (None, _) if has_reader => {
                Err("--filter and --module read one configuration; name one file".to_owned())
            }
            (None, paths) => manifests::check(paths, self.deny_warnings, &self.allow),
        }
    }
}

impl Reader {
    fn check(&self, path: &Path) -> Result<Verdict, String> {
        let configuration = read_config(path)?;
        let refused = match (&self.filter, &self.module) {
            (Some(name), _) => {
                let filter = Filter::named(name)?;
                (filter.check)(&configuration)
                    .err()
                    .map(|error| vec![format!("{name}: configuration: {error}")])
            }
            (None, Some(module)) => {
                let factory = vms(vec![load_module(module)?]);
                let setup = Setup::of(configuration);
                match SimTarget::start("wasm", factory, &foreign_functions(), &setup) {
                    Ok(_) => None,
                    Err(TargetError::Configuration(lines)) => {
                        Some(lines.into_iter().map(|line| line.message).collect())
                    }
                    Err(error) => return Err(shown(&format!("{}: {error}", module.display()))),
                }
            }
            (None, None) => return Err("name the reader with --filter or --module".into()),
        };
        let file = shown_line(&path.display().to_string());
        let Some(lines) = refused else {
            anstream::println!("{file}: ok");
            return Ok(Verdict::Good);
        };
        for line in &lines {
            anstream::println!("{file}: {}", shown(line));
        }
        if lines.is_empty() {
            anstream::println!("{file}: refused, and the plugin logged no reason");
        }
        Ok(Verdict::Bad)
    }
}
