use portcullis_sim::PluginSetup;
use wasmtime::{Memory, ResourceLimiter};

use crate::AbiVersion;
use crate::entry::Entry;

/// Envoy's `PROXY_WASM_HOST_MAX_WASM_MEMORY_SIZE_BYTES`.
const MEMORY: usize = 1 << 30;
/// No module comes near it; the engine would allocate what is asked for.
const TABLE_ELEMENTS: usize = 10_000_000;

/// What the engine keeps of one VM.
pub(crate) struct State {
    /// What its hostcalls work on.
    pub(crate) vm: portcullis_abi::State,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<Entry>,
    pub(crate) profiler: Option<Box<wasmtime::GuestProfiler>>,
}

impl State {
    pub(crate) fn new(abi: AbiVersion, setup: &PluginSetup) -> Self {
        Self { vm: portcullis_abi::State::new(abi, setup), memory: None, allocate: None, profiler: None }
    }
}

impl ResourceLimiter for State {
    fn memory_growing(&mut self, _: usize, desired: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        self.vm.meter.memory(desired)?;
        Ok(desired <= MEMORY && most.is_none_or(|most| desired <= most))
    }

    fn table_growing(&mut self, _: usize, desired: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS && most.is_none_or(|most| desired <= most))
    }
}
