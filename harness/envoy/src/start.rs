use std::path::{Path, PathBuf};

use portcullis_scenario::TargetError;
use portcullis_sim::{Faults, PluginSetup, Profile, Setup};

use crate::{Filter, Obituary, StartError};

/// Looks for what only a simulation can do.
///
/// # Errors
/// What no real Envoy can be set up with.
pub(crate) fn check(setup: &Setup) -> Result<(), TargetError> {
    if setup.clock.is_some() {
        return not_here("this scenario sets the clock; Envoy has only the real one");
    }
    if setup.profile == Profile::Spec {
        return not_here("Envoy behaves as Envoy, not as the specification says");
    }
    if setup.faults != Faults::default() {
        return not_here("a real Envoy cannot be made to go wrong by chance");
    }
    if !setup.shared_data.is_empty() {
        return not_here("nobody but a plugin can write into Envoy's shared data");
    }
    Ok(())
}

/// The plugins of a setup as filters.
///
/// # Errors
/// There is no such module.
pub(crate) fn filters(modules: &[PathBuf], setup: &Setup) -> Result<Vec<Filter>, TargetError> {
    let filter = |plugin: &PluginSetup| {
        let missing =
            || TargetError::Broken(format!("a plugin runs module {}, which is not given", plugin.code));
        let module: &Path = modules.get(plugin.code).ok_or_else(missing)?;
        Ok(Filter::Wasm(module.to_owned(), plugin.clone()))
    };
    setup.plugins.iter().map(filter).collect()
}

/// What an Envoy that has not started means for a scenario.
pub(crate) fn not_started(error: StartError) -> TargetError {
    match error {
        StartError::Exited(obituary) if obituary.is_refusal() => TargetError::Configuration(obituary.plugin),
        StartError::Exited(Obituary { trap: Some(backtrace), .. }) => TargetError::Trap(backtrace),
        other => TargetError::Broken(other.to_string()),
    }
}

fn not_here(why: &str) -> Result<(), TargetError> {
    Err(TargetError::NotHere(why.to_owned()))
}
