use std::collections::BTreeSet;
use std::mem::{self, Discriminant};
use std::ops::DerefMut;

use portcullis_inspect::exports::{ALLOCATORS, callback as known};
use portcullis_sim::{Callback, Cost, Export, Plugin, PluginSetup, Profile, Sim, Trap};

use crate::{Death, Phase, State};

/// A module that an engine has instantiated, and that nobody has called yet.
pub trait Instantiated {
    /// A way to the state; one that is behind a lock has it for as long as it is held.
    type State<'a>: DerefMut<Target = State>
    where
        Self: 'a;
    /// A function that the module exports.
    type Function: Clone;
    /// What ends the guest.
    type Trap;

    /// What the hostcalls of this guest work on.
    fn state(&mut self) -> Self::State<'_>;

    /// The function that the module exports under this name.
    fn function(&mut self, name: &str) -> Option<Self::Function>;

    /// From now on, hostcalls get memory from this function.
    fn set_allocator(&mut self, allocate: Self::Function);

    /// Calls a function with as many of the arguments as it takes; 0 where it returns nothing.
    ///
    /// # Errors
    /// The guest was ended.
    fn enter(&mut self, function: &Self::Function, arguments: &[u32]) -> Result<u32, Self::Trap>;

    /// How many bytes of memory the guest has.
    fn memory_size(&self) -> u64;

    /// Allows the guest so many steps, where the engine counts them.
    fn set_fuel(&mut self, _steps: u64) {}

    /// How many steps the guest has left; `None` where the engine does not count them.
    fn fuel(&self) -> Option<u64> {
        None
    }

    /// What ended the guest.
    fn death(&mut self, trap: Self::Trap) -> Death;
}

/// One VM with a module in it, whose exports are called as Envoy does.
#[derive(Debug)]
pub struct Vm<I: Instantiated> {
    instance: I,
    capabilities: BTreeSet<String>,
    /// The callbacks that have been called, with their exports; few, so that a search beats a map.
    entries: Vec<(Discriminant<Callback>, Option<I::Function>)>,
    cost: Cost,
}

impl<I: Instantiated> Vm<I> {
    /// A VM of a plugin with these capabilities; `None` for a module that exports no allocator.
    pub fn new(mut instance: I, setup: &PluginSetup, profile: Profile) -> Option<Self> {
        // Envoy takes malloc where there are both; the specification has deprecated it.
        let (name, allocate) = match profile {
            Profile::Envoy => find(&mut instance, ALLOCATORS),
            Profile::Spec => find(&mut instance, ALLOCATORS.into_iter().rev()),
        }?;
        instance.set_allocator(allocate);
        let mut state = instance.state();
        state.allocator = name;
        state.phase = Phase::Running;
        drop(state);
        let capabilities = setup.capabilities.clone();
        Some(Self { instance, capabilities, entries: Vec::new(), cost: Cost::default() })
    }

    /// The module in its engine.
    pub fn instance(&mut self) -> &mut I {
        &mut self.instance
    }

    fn metered(&mut self, callback: Callback) -> Result<Option<u32>, I::Trap> {
        let before = self.instance.memory_size();
        let export = callback.export();
        let mut state = self.instance.state();
        state.begin(export.name);
        let fuel = state.meter.budget.fuel;
        drop(state);
        self.instance.set_fuel(fuel);
        let result = if callback == Callback::Start { Ok(self.start()) } else { self.run(callback, &export) };
        let left = self.instance.fuel().unwrap_or(fuel);
        let memory = self.instance.memory_size();
        self.cost = Cost {
            fuel: fuel.saturating_sub(left),
            memory,
            memory_growth: memory.saturating_sub(before),
            ..self.instance.state().meter.cost
        };
        result
    }

    /// What ended the guest, which may have gone on after that, and have come to another end.
    #[cold]
    fn ended(&mut self, result: Result<Option<u32>, I::Trap>) -> Result<Option<u32>, Trap> {
        let has_failed = self.instance.state().failed.is_some();
        let (value, death) = match result {
            Ok(value) if has_failed => (value, None),
            Ok(value) => (value, self.instance.state().swallowed()),
            Err(trap) => (None, Some(self.instance.death(trap))),
        };
        let mut state = self.instance.state();
        let running = state.running;
        match death {
            Some(death) if has_failed => state.fail(running, death),
            Some(death) => return Err(state.report(death)),
            None => {}
        }
        state.failed.take().map_or(Ok(value), Err)
    }

    /// As Envoy: a reactor's `_initialize` and then its `main`, or else a command's `_start`.
    fn start(&mut self) -> Option<u32> {
        let (first, then): (_, &[_]) = match find(&mut self.instance, ["_initialize"]) {
            Some(initialize) => (Some(initialize), &["main", "__main_void"]),
            None => (find(&mut self.instance, ["_start"]), &[]),
        };
        let then = find(&mut self.instance, then.iter().copied());
        self.instance.state().phase = Phase::Starting;
        let mut value = None;
        // The second runs even where the first has trapped.
        for (name, function) in first.into_iter().chain(then) {
            value = Some(0);
            self.instance.state().running = name;
            let ended = self.instance.enter(&function, &[0, 0]);
            let swallowed = self.instance.state().forbidden.take();
            let death = ended.map_err(|trap| self.instance.death(trap)).err();
            if let Some(death) = death.or_else(|| swallowed.as_ref().map(Death::of)) {
                self.instance.state().fail(name, death);
            }
        }
        self.instance.state().phase = Phase::Running;
        value
    }

    fn run(&mut self, callback: Callback, export: &Export) -> Result<Option<u32>, I::Trap> {
        let Some(function) = self.entry(callback, export.name) else { return Ok(None) };
        let value = self.instance.enter(&function, &export.arguments)?;
        Ok(Some(if export.returns { value } else { callback.absent() }))
    }

    fn entry(&mut self, callback: Callback, name: &str) -> Option<I::Function> {
        let kind = mem::discriminant(&callback);
        if let Some((_, entry)) = self.entries.iter().find(|(known, _)| *known == kind) {
            return entry.clone();
        }
        let is_allowed = self.capabilities.is_empty() || self.capabilities.contains(name);
        let is_called = is_allowed && known(self.instance.state().abi, name).is_some();
        let function = self.instance.function(name).filter(|_| is_called);
        self.entries.push((kind, function.clone()));
        function
    }
}

impl<I: Instantiated + Send> Plugin for Vm<I>
where
    I::Function: Send,
{
    fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap> {
        mem::swap(&mut self.instance.state().sim, sim);
        let result = self.metered(callback);
        let result = match result {
            Ok(value) if self.instance.state().is_well() => Ok(value),
            result => self.ended(result),
        };
        mem::swap(&mut self.instance.state().sim, sim);
        result
    }

    fn cost(&self) -> Cost {
        self.cost
    }
}

/// The first of these exports that is there.
fn find<I: Instantiated>(
    instance: &mut I,
    names: impl IntoIterator<Item = &'static str>,
) -> Option<(&'static str, I::Function)> {
    names.into_iter().find_map(|name| Some((name, instance.function(name)?)))
}
