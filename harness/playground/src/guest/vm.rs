use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;

use js_sys::{Array, Function, Object, Reflect, WebAssembly};
use portcullis_abi::{Memory, Phase, State};
use portcullis_inspect::AbiVersion;
use portcullis_inspect::exports::{ALLOCATORS, callback as exported};
use portcullis_sim::{Callback, Cost, Plugin, PluginSetup, Profile, Sim, Trap};
use wasm_bindgen::{JsCast, JsValue};

use super::Module;
use super::engine::{Exports, Shared, View, number};
use super::imports;
use super::thrown::Thrown;

/// One VM with a module in it.
pub(crate) struct Vm {
    abi: AbiVersion,
    capabilities: BTreeSet<String>,
    exports: Object,
    memory: WebAssembly::Memory,
    shared: Arc<Shared>,
    cost: Cost,
}

impl Vm {
    pub(super) fn new(module: &Module, setup: &PluginSetup) -> Result<Self, JsValue> {
        let Module { compiled, description, profile } = module;
        let shared = Arc::new(Shared::new(State::new(description.abi, setup)));
        let imports = imports::object(description, &setup.capabilities, &shared)?;
        let exports = WebAssembly::Instance::new(compiled, &imports)?.exports();
        let memory: WebAssembly::Memory = Reflect::get(&exports, &"memory".into())?.dyn_into()?;
        let allocate = allocator(&exports, *profile).ok_or("the module exports no allocator")?;
        shared.set_exports(Some(Exports { memory: memory.clone(), allocate }));
        shared.state().phase = Phase::Running;
        let (abi, capabilities) = (description.abi, setup.capabilities.clone());
        Ok(Self { abi, capabilities, exports, memory, shared, cost: Cost::default() })
    }

    fn run(&self, callback: Callback) -> Result<Option<u32>, JsValue> {
        if callback == Callback::Start {
            return self.start().map(|()| Some(0));
        }
        let export = callback.export();
        let is_allowed = self.capabilities.is_empty() || self.capabilities.contains(export.name);
        let is_called = exported(self.abi, export.name).is_some() && is_allowed;
        let Some(function) = function(&self.exports, export.name).filter(|_| is_called) else {
            return Ok(None);
        };
        // One that takes less than there is, as in older versions, leaves out what is behind.
        let arguments: Array = export.arguments.iter().copied().map(JsValue::from).collect();
        let value = number(&function.apply(&JsValue::NULL, &arguments)?);
        Ok(Some(if export.returns { value } else { callback.absent() }))
    }

    /// As Envoy: a reactor's `_initialize` and then its `main`, or else a command's `_start`.
    fn start(&self) -> Result<(), JsValue> {
        let function = |name: &str| function(&self.exports, name);
        let (first, then) = match function("_initialize") {
            Some(initialize) => (Some(initialize), function("main").or_else(|| function("__main_void"))),
            None => (function("_start"), None),
        };
        self.shared.state().phase = Phase::Starting;
        // What is not given is 0.
        let mut functions = [first, then].into_iter().flatten();
        let result = functions.try_for_each(|function| function.call0(&JsValue::NULL).map(drop));
        self.shared.state().phase = Phase::Running;
        result
    }

    fn memory_size(&self) -> u64 {
        View::of(&self.memory).size() as u64
    }

    fn metered(&mut self, callback: Callback) -> Result<Option<u32>, JsValue> {
        let before = self.memory_size();
        self.shared.state().begin();
        let result = self.run(callback);
        let memory = self.memory_size();
        let counted = self.shared.state().meter.cost;
        self.cost = Cost { memory, memory_growth: memory.saturating_sub(before), ..counted };
        result
    }
}

impl Plugin for Vm {
    fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap> {
        mem::swap(&mut self.shared.state().sim, sim);
        let result = self.metered(callback);
        let mut state = self.shared.state();
        let result = result.map_err(|thrown| state.report(Thrown(thrown).death(callback)));
        mem::swap(&mut state.sim, sim);
        result
    }

    fn cost(&self) -> Cost {
        self.cost
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.shared.set_exports(None);
    }
}

/// Envoy takes malloc where there are both; the specification has deprecated it.
fn allocator(exports: &Object, profile: Profile) -> Option<Function> {
    let mut names = ALLOCATORS.iter();
    match profile {
        Profile::Envoy => names.find_map(|name| function(exports, name)),
        Profile::Spec => names.rev().find_map(|name| function(exports, name)),
    }
}

fn function(exports: &Object, name: &str) -> Option<Function> {
    Reflect::get(exports, &name.into()).ok()?.dyn_into().ok()
}
