use std::sync::{Mutex, MutexGuard, PoisonError};

use js_sys::{Function, Object, Uint8Array, WebAssembly};
use portcullis_abi::{Death, Engine, Memory, State};
use wasm_bindgen::JsValue;

use super::thrown::Thrown;

/// What a VM and its hostcalls have in common.
pub(super) struct Shared {
    /// Nobody has it while the guest runs.
    state: Mutex<State>,
    /// How many bytes longer the module has become for the engine.
    pub(super) longer: isize,
    /// Marked where the stack has ended within a hostcall.
    pub(super) mark: Object,
    exports: Mutex<Option<Exports>>,
}

/// The exports of a guest that hostcalls use.
#[derive(Clone)]
pub(super) struct Exports {
    pub(super) memory: WebAssembly::Memory,
    pub(super) allocate: Function,
}

impl Shared {
    pub(super) fn new(state: State, longer: isize) -> Self {
        Self { state: Mutex::new(state), longer, mark: Object::new(), exports: Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the guest's exports are, once it has started. They keep the guest, which keeps its imports, which keep this: whoever has no more
    /// use for the guest sets them to none.
    pub(super) fn set_exports(&self, exports: Option<Exports>) {
        *self.exports.lock().unwrap_or_else(PoisonError::into_inner) = exports;
    }

    fn exports(&self) -> Option<Exports> {
        self.exports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The guest during one hostcall.
pub(super) struct Guest<'s>(pub(super) &'s Shared);

impl<'s> Engine for Guest<'s> {
    type State<'a>
        = MutexGuard<'a, State>
    where
        's: 'a;
    type Memory<'a>
        = View
    where
        's: 'a;
    type Trap = Thrown;

    fn state(&mut self) -> MutexGuard<'_, State> {
        self.0.state()
    }

    fn memory(&mut self) -> Option<(View, MutexGuard<'_, State>)> {
        let Exports { memory, .. } = self.0.exports()?;
        Some((View::of(&memory), self.0.state()))
    }

    fn allocate(&mut self, size: u32) -> Option<Result<u32, Death>> {
        let Exports { allocate, .. } = self.0.exports()?;
        let allocated = allocate.call1(&JsValue::NULL, &size.into()).map(|pointer| number(&pointer));
        Some(allocated.map_err(|thrown| Thrown(thrown).death(self.0.state().running, self.0.longer)))
    }
}

/// A guest's memory until it grows.
pub(super) struct View(Uint8Array);

impl View {
    pub(super) fn of(memory: &WebAssembly::Memory) -> Self {
        Self(Uint8Array::new(&memory.buffer()))
    }

    fn part(&self, start: usize, size: usize) -> Option<Uint8Array> {
        let end = start.checked_add(size).filter(|end| *end <= self.size())?;
        Some(self.0.subarray(u32::try_from(start).ok()?, u32::try_from(end).ok()?))
    }
}

impl Memory for View {
    type Piece<'a> = Vec<u8>;

    fn size(&self) -> usize {
        // No memory has more than 1 GiB; of 4 GiB this would be 0.
        self.0.length() as usize
    }

    fn read(&self, start: usize, size: usize) -> Option<Vec<u8>> {
        self.part(start, size).map(|part| part.to_vec())
    }

    fn write(&mut self, start: usize, bytes: &[u8]) -> bool {
        self.part(start, bytes.len()).is_some_and(|part| {
            part.copy_from(bytes);
            true
        })
    }
}

/// An i32 as the engine gives it; 0 for nothing.
pub(super) fn number(value: &JsValue) -> u32 {
    (value.as_f64().unwrap_or_default() as i32).cast_unsigned()
}
