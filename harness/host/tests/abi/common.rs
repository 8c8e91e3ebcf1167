//! What the tests of the host share: guests written in the text format, and a plugin call without a proxy around it.

use std::sync::Arc;

use portcullis_host::{Budget, Instance, LoadError, Module};
use portcullis_sim::{Callback, Plugin, PluginSetup, Proxy, Setup, Sim, StartError, Trap};

/// An allocator that gives the same place every time.
pub(crate) const MALLOC: &str = "(func (export \"malloc\") (param i32) (result i32) (i32.const 1024))";
/// An import that most guests want.
pub(crate) const LOG: &str = "(import \"env\" \"proxy_log\" (func $log (param i32 i32 i32) (result i32)))";

/// A guest of this version of the ABI, `0_2_1` for example: a memory, the marker, and the rest, whose imports come first.
pub(crate) fn guest(abi: &str, rest: &str) -> String {
    format!("(module {rest} (memory (export \"memory\") 1) (func (export \"proxy_abi_version_{abi}\")))")
}

/// Loads what the text format says.
pub(crate) fn load(text: &str) -> Result<Module, LoadError> {
    Module::load(&wat::parse_str(text).unwrap())
}

/// A proxy with this guest in it, configured with `configuration`, and a budget for each of its callbacks.
pub(crate) fn start(text: &str, budget: Budget) -> Result<Proxy<Instance>, StartError> {
    let module = load(text).unwrap();
    let factory = move |plugin: &PluginSetup| {
        let mut instance = module.instantiate(plugin).map_err(|error| error.to_string())?;
        instance.set_budget(budget);
        Ok(instance)
    };
    Proxy::start(Sim::new(Setup::of("configuration")), Arc::new(factory))
}

/// One VM with a plugin of its own, called directly.
pub(crate) struct Vm {
    pub(crate) instance: Instance,
    pub(crate) sim: Sim,
}

impl Vm {
    /// Starts a guest that can be loaded.
    pub(crate) fn start(text: &str, setup: &PluginSetup) -> Result<Self, Trap> {
        Self::of(load(text).unwrap().instantiate(setup).unwrap())
    }

    /// Starts an instance.
    pub(crate) fn of(instance: Instance) -> Result<Self, Trap> {
        let mut vm = Self { instance, sim: Sim::default() };
        vm.sim.set_journal(true);
        vm.call(Callback::Start)?;
        Ok(vm)
    }

    /// Makes one call.
    pub(crate) fn call(&mut self, callback: Callback) -> Result<Option<u32>, Trap> {
        self.instance.call(&mut self.sim, callback)
    }

    /// What `proxy_on_tick` of a guest does; nothing is known of its context.
    pub(crate) fn tick(&mut self) -> Result<Option<u32>, Trap> {
        self.call(Callback::Tick { context: 1 })
    }

    /// The text of every line in the log.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.sim.log().iter().map(|line| line.message.clone()).collect()
    }
}
