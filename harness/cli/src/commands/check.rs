use std::path::PathBuf;

use clap::Args;
use portcullis_host::foreign_functions;
use portcullis_scenario::report::{shown, shown_line};
use portcullis_scenario::{SimTarget, TargetError};
use portcullis_sim::Setup;

use super::read_config;
use crate::Verdict;
use crate::filters::Filter;
use crate::targets::{load_module, vms};

/// Checks a configuration with the filter that will read it.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The configuration, in JSON or YAML.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    reader: Reader,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Reader {
    /// One of our filters.
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Any module: its on_configure decides.
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
}

impl Check {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let configuration = read_config(&self.config)?;
        let refused = match (&self.reader.filter, &self.reader.module) {
            (Some(name), _) => {
                let filter = Filter::named(name)?;
                (filter.check)(&configuration)
                    .err()
                    .map(|error| vec![format!("{name}: configuration: {error}")])
            }
            (None, Some(path)) => {
                let module = load_module(path)?;
                let factory = vms(vec![module]);
                let setup = Setup::of(configuration);
                match SimTarget::start("wasm", factory, &foreign_functions(), &setup) {
                    Ok(_) => None,
                    Err(TargetError::Configuration(lines)) => {
                        Some(lines.into_iter().map(|line| line.message).collect())
                    }
                    Err(error) => return Err(shown(&format!("{}: {error}", path.display()))),
                }
            }
            (None, None) => return Err("name the reader with --filter or --module".into()),
        };
        let file = shown_line(&self.config.display().to_string());
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
