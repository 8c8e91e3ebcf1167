use std::sync::{Arc, MutexGuard};

use js_sys::{Array, Function, Object, RangeError, Reflect, WebAssembly};
use portcullis_abi::{Death, Instantiated, Memory, State};
use portcullis_inspect::Description;
use portcullis_sim::PluginSetup;
use wasm_bindgen::{JsCast, JsValue};

use super::Module;
use super::engine::{Exports, Shared, View, number};
use super::imports;
use super::thrown::Thrown;

/// One VM with a module in it.
pub(crate) type Vm = portcullis_abi::Vm<Instance>;

/// The module in the engine.
pub(crate) struct Instance {
    exports: Object,
    memory: WebAssembly::Memory,
    shared: Arc<Shared>,
}

pub(super) fn new(module: &Module, setup: &PluginSetup) -> Result<Vm, JsValue> {
    let Module { compiled, longer, room, description, profile } = module;
    let shared = Arc::new(Shared::new(State::new(description.abi, setup), *longer));
    let imports = imports::object(description, *room, &setup.capabilities, &shared)?;
    let exports = WebAssembly::Instance::new(compiled, &imports)?.exports();
    let memory = memory(description, &exports, &imports)?.dyn_into()?;
    let vm = Vm::new(Instance { exports, memory, shared }, setup, *profile);
    vm.ok_or_else(|| "the module exports no allocator".into())
}

/// The memory that hostcalls see: one that is exported, or else the last that is imported.
fn memory(description: &Description, exports: &Object, imports: &Object) -> Result<JsValue, JsValue> {
    if let Some(name) = &description.memory_export {
        return Reflect::get(exports, &name.into());
    }
    let memory = description.made.iter().rfind(|made| made.element.is_none());
    let memory = memory.ok_or("the module has no memory")?;
    Reflect::get(&Reflect::get(imports, &JsValue::from(&memory.module))?, &JsValue::from(&memory.name))
}

impl Instantiated for Instance {
    type State<'a> = MutexGuard<'a, State>;
    type Function = Function;
    type Trap = JsValue;

    fn state(&mut self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    fn function(&mut self, name: &str) -> Option<Function> {
        Reflect::get(&self.exports, &name.into()).ok()?.dyn_into().ok()
    }

    fn set_allocator(&mut self, allocate: Function) {
        self.shared.set_exports(Some(Exports { memory: self.memory.clone(), allocate }));
    }

    fn enter(&mut self, function: &Function, arguments: &[u32]) -> Result<u32, JsValue> {
        // One that takes less than there is, as in older versions, leaves out what is behind.
        let arguments: Array = arguments.iter().copied().map(JsValue::from).collect();
        let value = function.apply(&JsValue::NULL, &arguments)?;
        if imports::is_too_deep(&self.shared.mark) {
            return Err(RangeError::new("Maximum call stack size exceeded").into());
        }
        Ok(number(&value))
    }

    fn memory_size(&self) -> u64 {
        View::of(&self.memory).size() as u64
    }

    fn death(&mut self, thrown: JsValue) -> Death {
        Thrown(thrown).death(self.shared.state().running, self.shared.longer)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.shared.set_exports(None);
    }
}
