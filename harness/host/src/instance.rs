use std::collections::BTreeMap;
use std::mem;

use portcullis_sim::{Callback, Plugin, Sim, Trap};
use wasmtime::{Error, Func, InstancePre, Store, Val};

use crate::LoadError;
use crate::error::one_line;
use crate::state::{Phase, State};
use crate::trap;

/// Steps of the engine that one callback may take: seconds of time, where a signature check takes milliseconds.
const BUDGET: u64 = 2_000_000_000;

/// One VM with a module in it.
pub struct Instance {
    store: Store<State>,
    functions: BTreeMap<String, Func>,
    budget: u64,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl Instance {
    pub(crate) fn new(linked: &InstancePre<State>) -> Result<Self, LoadError> {
        let broken = |error: Error| LoadError::Engine(one_line(&error));
        let mut store = Store::new(linked.module().engine(), State::new());
        store.limiter(|state| &mut state.limits);
        store.set_fuel(BUDGET).map_err(broken)?;
        let instance = linked.instantiate(&mut store).map_err(broken)?;
        let names: Vec<_> = linked.module().exports().map(|export| export.name().to_owned()).collect();
        let functions: BTreeMap<_, _> = names
            .into_iter()
            .filter_map(|name| instance.get_func(&mut store, &name).map(|function| (name, function)))
            .collect();
        // Envoy takes malloc where there are both.
        let allocate = functions.get("malloc").or_else(|| functions.get("proxy_on_memory_allocate"));
        let allocate = allocate.ok_or(LoadError::NoAllocator)?.typed(&store).map_err(broken)?;
        let memory = instance.get_memory(&mut store, "memory");
        let state = store.data_mut();
        state.memory = memory;
        state.allocate = Some(allocate);
        Ok(Self { store, functions, budget: BUDGET })
    }

    /// Limits the steps of each callback; an honest one takes a few thousand.
    pub fn set_budget(&mut self, steps: u64) {
        self.budget = steps;
    }

    fn run(&mut self, callback: Callback) -> Result<Option<u32>, Error> {
        if callback == Callback::Start {
            return self.start().map(|()| Some(0));
        }
        let export = callback.export();
        let Some(function) = self.functions.get(export.name).copied() else { return Ok(None) };
        let arguments: Vec<_> = export.arguments.iter().map(|value| Val::I32(value.cast_signed())).collect();
        let value = self.enter(function, &arguments)?;
        Ok(Some(if export.returns { value } else { callback.absent() }))
    }

    /// As Envoy: a reactor's `_initialize` and then its `main`, or else a command's `_start`.
    fn start(&mut self) -> Result<(), Error> {
        let function = |name: &str| self.functions.get(name).copied();
        let (first, then) = match function("_initialize") {
            Some(initialize) => (Some(initialize), function("main").or_else(|| function("__main_void"))),
            None => (function("_start"), None),
        };
        self.store.data_mut().phase = Phase::Starting;
        for function in [first, then].into_iter().flatten() {
            let arguments = vec![Val::I32(0); function.ty(&self.store).params().len()];
            self.enter(function, &arguments)?;
        }
        self.store.data_mut().phase = Phase::Running;
        Ok(())
    }

    fn enter(&mut self, function: Func, arguments: &[Val]) -> Result<u32, Error> {
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        function.call(&mut self.store, arguments, &mut results)?;
        Ok(results.first().and_then(Val::i32).unwrap_or_default().cast_unsigned())
    }
}

impl Plugin for Instance {
    fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap> {
        mem::swap(&mut self.store.data_mut().sim, sim);
        // Fuel is on in every engine of this host, so that setting and reading it cannot fail.
        let set = self.store.set_fuel(self.budget);
        let result = set.and_then(|()| self.run(callback));
        let result = result.map_err(|error| trap::report(&error, self.store.data(), self.budget));
        mem::swap(&mut self.store.data_mut().sim, sim);
        result
    }
}
