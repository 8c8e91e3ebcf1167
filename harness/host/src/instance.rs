use std::io::Write;
use std::time::Duration;

use portcullis_abi::{Death, Instantiated, Vm};
use portcullis_inspect::ModuleError;
use portcullis_sim::{Callback, Cost, PluginSetup, Profile, Sim, Trap};
use wasmtime::{Error, Store};

use crate::entry::Entry;
use crate::error::one_line;
use crate::profile::Profiling;
use crate::state::State;
use crate::{Budget, LoadError, trap};

/// One VM with a module in it.
pub struct Instance {
    vm: Vm<Stored>,
    profiling: Option<Profiling>,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use portcullis_sim::Plugin;
        f.debug_struct("Instance").field("cost", &self.vm.cost()).finish_non_exhaustive()
    }
}

impl Instance {
    pub(crate) fn new(
        store: Store<State>,
        instance: wasmtime::Instance,
        (counts_fuel, profile): (bool, Profile),
        setup: &PluginSetup,
    ) -> Result<Self, LoadError> {
        let vm = Vm::new(Stored { store, instance, counts_fuel }, setup, profile);
        Ok(Self { vm: vm.ok_or(ModuleError::NoAllocator)?, profiling: None })
    }

    /// Limits what each callback may take.
    pub fn set_budget(&mut self, budget: Budget) {
        self.vm.instance().state().meter.budget = budget;
    }

    /// Begins to note, at every `interval`, what the module is doing. Its module is loaded with
    /// [`LoadOptions::profile`](crate::LoadOptions::profile); in any other the profile remains empty.
    ///
    /// # Errors
    /// The profiler or its clock could not be started.
    pub fn start_profile(&mut self, interval: Duration) -> std::io::Result<()> {
        let Stored { store, instance, .. } = self.vm.instance();
        let module = instance.module(&store).clone();
        self.profiling = Some(Profiling::start(store, module, interval)?);
        Ok(())
    }

    /// Ends a profile and writes it down, as Firefox's profiler (`https://profiler.firefox.com`) reads it. Nothing is
    /// written where none was begun.
    ///
    /// # Errors
    /// `output` could not be written.
    pub fn finish_profile(&mut self, output: impl Write) -> std::io::Result<()> {
        drop(self.profiling.take());
        let profiler = self.vm.instance().store.data_mut().profiler.take();
        let Some(profiler) = profiler else { return Ok(()) };
        profiler.finish(output).map_err(|error| std::io::Error::other(one_line(&error)))
    }
}

impl portcullis_sim::Plugin for Instance {
    fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap> {
        self.vm.call(sim, callback)
    }

    fn cost(&self) -> Cost {
        self.vm.cost()
    }
}

/// The module in its engine.
struct Stored {
    store: Store<State>,
    instance: wasmtime::Instance,
    counts_fuel: bool,
}

impl Instantiated for Stored {
    type State<'a> = &'a mut portcullis_abi::State;
    type Function = Entry;
    type Trap = Error;

    fn state(&mut self) -> &mut portcullis_abi::State {
        &mut self.store.data_mut().vm
    }

    fn function(&mut self, name: &str) -> Option<Entry> {
        let function = self.instance.get_func(&mut self.store, name)?;
        Some(Entry::of(function, &mut self.store))
    }

    fn set_allocator(&mut self, allocate: Entry) {
        self.store.data_mut().allocate = Some(allocate);
    }

    fn enter(&mut self, entry: &Entry, arguments: &[u32]) -> Result<u32, Error> {
        entry.call(&mut self.store, arguments)
    }

    fn memory_size(&self) -> u64 {
        self.store.data().memory.map_or(0, |memory| memory.data_size(&self.store) as u64)
    }

    fn set_fuel(&mut self, steps: u64) {
        if self.counts_fuel {
            // It fails only in an engine that does not count.
            let _ = self.store.set_fuel(steps);
        }
    }

    fn fuel(&self) -> Option<u64> {
        self.counts_fuel.then(|| self.store.get_fuel().ok()).flatten()
    }

    fn death(&mut self, error: Error) -> Death {
        trap::death(&error, &self.store.data().vm)
    }
}
