use std::collections::BTreeSet;
use std::io::Write;
use std::mem::{self, Discriminant};
use std::time::Duration;

use portcullis_abi::Phase;
use portcullis_inspect::ModuleError;
use portcullis_inspect::exports::{self, ALLOCATORS};
use portcullis_sim::{Callback, Cost, PluginSetup, Sim, Trap};
use wasmtime::{Error, Func, InstancePre, Memory, Store, TypedFunc, Val};

use crate::entry::Entry;
use crate::error::one_line;
use crate::profile::Profiling;
use crate::state::State;
use crate::{AbiVersion, Budget, LoadError, trap};

/// One VM with a module in it.
pub struct Instance {
    store: Store<State>,
    instance: wasmtime::Instance,
    capabilities: BTreeSet<String>,
    /// The callbacks that have been called, with their exports; few, so that a search beats a map.
    entries: Vec<(Discriminant<Callback>, Option<Entry>)>,
    counts_fuel: bool,
    cost: Cost,
    profiling: Option<Profiling>,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("cost", &self.cost).finish_non_exhaustive()
    }
}

impl Instance {
    pub(crate) fn new(
        linked: &InstancePre<State>,
        abi: AbiVersion,
        (counts_fuel, spec): (bool, bool),
        setup: &PluginSetup,
    ) -> Result<Self, LoadError> {
        let broken = |error: Error| LoadError::Engine(one_line(&error));
        let mut store = Store::new(linked.module().engine(), State::new(abi, setup));
        store.limiter(|state| state);
        // Ticks come only while a profile is taken.
        store.set_epoch_deadline(u64::MAX >> 1);
        if counts_fuel {
            store.set_fuel(Budget::default().fuel).map_err(broken)?;
        }
        let instance = linked.instantiate(&mut store).map_err(broken)?;
        let memory = instance.get_memory(&mut store, "memory");
        let allocate =
            allocator(&instance, &mut store, spec).map_err(broken)?.ok_or(ModuleError::NoAllocator)?;
        let state = store.data_mut();
        state.memory = memory;
        state.allocate = Some(allocate);
        state.vm.phase = Phase::Running;
        Ok(Self {
            store,
            instance,
            capabilities: setup.capabilities.clone(),
            entries: Vec::new(),
            counts_fuel,
            cost: Cost::default(),
            profiling: None,
        })
    }

    /// Limits what each callback may take.
    pub fn set_budget(&mut self, budget: Budget) {
        self.store.data_mut().vm.meter.budget = budget;
    }

    /// Begins to note, at every `interval`, what the module is doing. Its module is loaded with
    /// [`LoadOptions::profile`](crate::LoadOptions::profile); in any other the profile remains empty.
    ///
    /// # Errors
    /// The profiler or its clock could not be started.
    pub fn start_profile(&mut self, interval: Duration) -> std::io::Result<()> {
        let module = self.instance.module(&self.store).clone();
        self.profiling = Some(Profiling::start(&mut self.store, module, interval)?);
        Ok(())
    }

    /// Ends a profile and writes it down, as Firefox's profiler (`https://profiler.firefox.com`) reads it. Nothing is
    /// written where none was begun.
    ///
    /// # Errors
    /// `output` could not be written.
    pub fn finish_profile(&mut self, output: impl Write) -> std::io::Result<()> {
        drop(self.profiling.take());
        let Some(profiler) = self.store.data_mut().profiler.take() else { return Ok(()) };
        profiler.finish(output).map_err(|error| std::io::Error::other(one_line(&error)))
    }

    fn run(&mut self, callback: Callback) -> Result<Option<u32>, Error> {
        if callback == Callback::Start {
            return self.start().map(|()| Some(0));
        }
        let export = callback.export();
        let Some(entry) = self.entry(callback, export.name)? else { return Ok(None) };
        let value = entry.call(&mut self.store, &export.arguments)?;
        Ok(Some(if export.returns { value } else { callback.absent() }))
    }

    fn entry(&mut self, callback: Callback, name: &str) -> Result<Option<Entry>, Error> {
        let kind = mem::discriminant(&callback);
        if let Some((_, entry)) = self.entries.iter().find(|(known, _)| *known == kind) {
            return Ok(entry.clone());
        }
        let is_allowed = self.capabilities.is_empty() || self.capabilities.contains(name);
        let is_called = exports::callback(self.store.data().vm.abi, name).is_some() && is_allowed;
        let function = self.instance.get_func(&mut self.store, name).filter(|_| is_called);
        let entry = function.map(|function| Entry::of(function, &mut self.store)).transpose()?;
        self.entries.push((kind, entry.clone()));
        Ok(entry)
    }

    /// As Envoy: a reactor's `_initialize` and then its `main`, or else a command's `_start`.
    fn start(&mut self) -> Result<(), Error> {
        let mut function = |name: &str| self.instance.get_func(&mut self.store, name);
        let (first, then) = match function("_initialize") {
            Some(initialize) => (Some(initialize), function("main").or_else(|| function("__main_void"))),
            None => (function("_start"), None),
        };
        self.store.data_mut().vm.phase = Phase::Starting;
        let result = [first, then].into_iter().flatten().try_for_each(|function| self.enter(function));
        self.store.data_mut().vm.phase = Phase::Running;
        result
    }

    fn enter(&mut self, function: Func) -> Result<(), Error> {
        let kind = function.ty(&self.store);
        let arguments = vec![Val::I32(0); kind.params().len()];
        let mut results = vec![Val::I32(0); kind.results().len()];
        function.call(&mut self.store, &arguments, &mut results)
    }

    fn memory_size(&self) -> u64 {
        let memory: Option<Memory> = self.store.data().memory;
        memory.map_or(0, |memory| memory.data_size(&self.store) as u64)
    }

    fn metered(&mut self, callback: Callback) -> Result<Option<u32>, Error> {
        let memory = self.memory_size();
        let state = &mut self.store.data_mut().vm;
        state.begin();
        let fuel = state.meter.budget.fuel;
        if self.counts_fuel {
            self.store.set_fuel(fuel)?;
        }
        let result = self.run(callback);
        let left = if self.counts_fuel { self.store.get_fuel()? } else { fuel };
        let after = self.memory_size();
        self.cost = Cost {
            fuel: fuel.saturating_sub(left),
            memory: after,
            memory_growth: after.saturating_sub(memory),
            ..self.store.data().vm.meter.cost
        };
        result
    }
}

impl portcullis_sim::Plugin for Instance {
    fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap> {
        mem::swap(&mut self.store.data_mut().vm.sim, sim);
        let result = self.metered(callback);
        let result = result.map_err(|error| trap::report(&error, &self.store.data().vm, callback));
        mem::swap(&mut self.store.data_mut().vm.sim, sim);
        result
    }

    fn cost(&self) -> Cost {
        self.cost
    }
}

/// Envoy takes malloc where there are both; the specification has deprecated it.
fn allocator(
    instance: &wasmtime::Instance,
    store: &mut Store<State>,
    spec: bool,
) -> Result<Option<TypedFunc<u32, u32>>, Error> {
    let mut find = |name: &&str| instance.get_func(&mut *store, name);
    let mut names = ALLOCATORS.iter();
    let function = if spec { names.rev().find_map(find) } else { names.find_map(&mut find) };
    function.map(|function| function.typed(&*store)).transpose()
}
