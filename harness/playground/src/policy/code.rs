//! What the plugins of a scenario are played with.

use std::sync::Arc;

use portcullis_filters::Filter;
use portcullis_scenario::PluginRef;
use portcullis_sim::{Factory, Plugin, PluginSetup, Profile};

use super::watched::{Seen, Watched};

/// Makes the VMs of a module.
pub type Vms = Factory<Box<dyn Plugin>>;

/// Finds a module that was given along by its path and loads it for such a host; `None` where there is none of that path.
pub type Modules<'a> = &'a dyn Fn(&str, Profile) -> Option<Result<Vms, String>>;

/// The code of one plugin.
#[derive(Clone)]
pub(super) enum Code {
    Native(&'static Filter),
    Module(Vms),
}

/// The code of a scenario's plugins.
pub(super) enum Codes {
    Ready(Vec<Code>),
    /// A module does not load: many a scenario is about that.
    Unloadable(String),
    /// This module was not given along.
    Missing(String),
}

impl Codes {
    /// Finds all of them. A module that has the name of a filter of ours takes its place.
    ///
    /// # Errors
    /// There is no such filter.
    pub(super) fn of(plugins: &[PluginRef], profile: Profile, modules: Modules<'_>) -> Result<Self, String> {
        let mut codes = Vec::new();
        for plugin in plugins {
            let (path, filter) = match plugin {
                PluginRef::Filter(name) => (format!("{name}.wasm"), Some(Filter::named(name)?)),
                PluginRef::Module(path) => (path.clone(), None),
            };
            match (modules(&path, profile), filter) {
                (Some(Ok(vms)), _) => codes.push(Code::Module(vms)),
                (Some(Err(problem)), _) => return Ok(Self::Unloadable(format!("{path}: {problem}"))),
                (None, Some(filter)) => codes.push(Code::Native(filter)),
                (None, None) => return Ok(Self::Missing(path)),
            }
        }
        Ok(Self::Ready(codes))
    }

    /// The name of the target that they are played on: in a browser modules have no budgets of fuel, so it is another than that of the command.
    pub(super) fn target(&self) -> &'static str {
        match self {
            Self::Ready(codes) if codes.iter().all(|code| matches!(code, Code::Native(_))) => "native",
            _ => "browser",
        }
    }
}

/// Makes the VM of each plugin; `seen` hears of the buckets of our own.
pub(super) fn vms(codes: Vec<Code>, seen: Seen) -> Vms {
    Arc::new(move |setup: &PluginSetup| match codes.get(setup.code) {
        Some(Code::Native(filter)) => Ok(Box::new(Watched::new((filter.plugin)(), Arc::clone(&seen)))),
        Some(Code::Module(vms)) => vms(setup),
        None => Err("no such plugin".to_owned()),
    })
}
