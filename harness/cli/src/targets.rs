//! The three places where a scenario can be played.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::ValueEnum;
use portcullis_envoy::{EnvoyBinary, EnvoyTarget};
use portcullis_host::Module;
use portcullis_kit::UnixTime;
use portcullis_scenario::{PluginRef, SimTarget, Start, Target, TargetError};
use portcullis_sim::Setup;

use crate::commands::read;
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
                let path = modules.join(format!("{name}.wasm"));
                if !path.exists() {
                    return Err(format!(
                        "{}: no such file; make build makes it, --modules says where it is",
                        path.display()
                    ));
                }
                path
            }
            PluginRef::Module(path) => scenario.parent().unwrap_or(scenario).join(path),
        };
        match target {
            TargetName::Native => Ok(None),
            TargetName::Wasm => load_module(&path).map(|module| Some(Self::Wasm(module))),
            TargetName::Envoy => {
                // What is no module would otherwise be Envoy's puzzle.
                load_module(&path)?;
                Ok(Some(Self::Envoy(EnvoyBinary::find()?, path)))
            }
        }
    }
}

/// Reads and checks a module.
pub(crate) fn load_module(path: &Path) -> Result<Module, String> {
    let bytes = read(path)?;
    Module::load(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// The real time, for a simulated clock.
pub(crate) fn real_time() -> UnixTime {
    since_epoch(SystemTime::now())
}

/// A time as the simulation counts it.
pub(crate) fn since_epoch(time: SystemTime) -> UnixTime {
    let span = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_nanos(0).saturating_add(span)
}

impl Start for Starter {
    fn name(&self) -> &'static str {
        match self {
            Self::Native(_) => "native",
            Self::Wasm(_) => "wasm",
            Self::Envoy(..) => "envoy",
        }
    }

    fn start(&self, setup: &Setup) -> Result<Box<dyn Target>, TargetError> {
        // A scenario without a clock means the same time on every target: the real one.
        let timed = || Setup { clock: setup.clock.or_else(|| Some(real_time())), ..setup.clone() };
        match self {
            Self::Native(filter) => (filter.start)(&timed()),
            Self::Wasm(module) => {
                let plugin = setup.plugins.first().cloned().unwrap_or_default();
                let instance =
                    module.instantiate(&plugin).map_err(|error| TargetError::Broken(error.to_string()))?;
                Ok(Box::new(SimTarget::start("wasm", instance, &timed())?))
            }
            Self::Envoy(binary, path) => Ok(Box::new(EnvoyTarget::start(binary, path, setup)?)),
        }
    }
}
