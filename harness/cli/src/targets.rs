//! The three places where a scenario can be played.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use portcullis_envoy::{EnvoyBinary, EnvoyTarget};
use portcullis_host::Module;
use portcullis_scenario::{PluginRef, PluginSetup, SimTarget, Start, Target, TargetError};

use crate::filters::Filter;

/// Where a scenario is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TargetName {
    /// Native code in the simulated proxy; for our own filters.
    Native,
    /// The module in the simulated proxy.
    Wasm,
    /// The module in a real Envoy process.
    Envoy,
}

/// One target with one plugin, ready to be started for each scenario.
pub(crate) enum Starter {
    Native(&'static Filter),
    Wasm(Module),
    Envoy(EnvoyBinary, PathBuf),
}

impl Starter {
    /// Finds what a scenario names. `modules` is where our own modules are.
    pub(crate) fn new(
        target: TargetName,
        plugin: &PluginRef,
        scenario: &Path,
        modules: &Path,
    ) -> Result<Option<Self>, String> {
        let path = match plugin {
            PluginRef::Filter(name) => {
                let filter = Filter::named(name)?;
                if target == TargetName::Native {
                    return Ok(Some(Self::Native(filter)));
                }
                modules.join(format!("{name}.wasm"))
            }
            PluginRef::Module(path) => scenario.parent().unwrap_or(scenario).join(path),
        };
        match target {
            TargetName::Native => Ok(None),
            TargetName::Wasm => load_module(&path).map(|module| Some(Self::Wasm(module))),
            TargetName::Envoy => {
                // An absent module would otherwise be Envoy's puzzle.
                std::fs::metadata(&path).map_err(|error| missing(&path, &error))?;
                Ok(Some(Self::Envoy(EnvoyBinary::find()?, path)))
            }
        }
    }
}

/// Reads and checks a module.
pub(crate) fn load_module(path: &Path) -> Result<Module, String> {
    let bytes = std::fs::read(path).map_err(|error| missing(path, &error))?;
    Module::load(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

fn missing(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}; `make build` makes our own modules", path.display())
}

impl Start for Starter {
    fn name(&self) -> &'static str {
        match self {
            Self::Native(_) => "native",
            Self::Wasm(_) => "wasm",
            Self::Envoy(..) => "envoy",
        }
    }

    fn start(&self, setup: &PluginSetup) -> Result<Box<dyn Target>, TargetError> {
        match self {
            Self::Native(filter) => (filter.start)(setup),
            Self::Wasm(module) => {
                let instance =
                    module.instantiate().map_err(|error| TargetError::Broken(error.to_string()))?;
                Ok(Box::new(SimTarget::start("wasm", instance, setup)?))
            }
            Self::Envoy(binary, path) => Ok(Box::new(EnvoyTarget::start(binary, path, setup)?)),
        }
    }
}
