use portcullis_sim::{Refusal, Sim};
use wasmtime::{Memory, ResourceLimiter, TypedFunc};

use crate::AbiVersion;
use crate::budget::Meter;
use crate::phase::Phase;

/// Envoy's `PROXY_WASM_HOST_MAX_WASM_MEMORY_SIZE_BYTES`.
const MEMORY: usize = 1 << 30;
/// No module comes near it; the engine would allocate what is asked for.
const TABLE_ELEMENTS: usize = 10_000_000;

/// What the hostcalls of one VM work on.
pub(crate) struct State {
    /// The proxy; the real one is here only while a callback runs.
    pub(crate) sim: Sim,
    pub(crate) abi: AbiVersion,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<TypedFunc<u32, u32>>,
    pub(crate) meter: Meter,
    pub(crate) phase: Phase,
    /// What the module's environment holds: `NAME=value`.
    pub(crate) environment: Vec<Vec<u8>>,
    /// The code of a `proc_exit`, which does not end a module in Envoy.
    pub(crate) exited: Option<u32>,
    /// The last hostcall of the running callback that did not end well.
    pub(crate) refused: Option<(&'static str, Refusal)>,
    pub(crate) profiler: Option<Box<wasmtime::GuestProfiler>>,
}

impl State {
    pub(crate) fn new(abi: AbiVersion) -> Self {
        Self {
            sim: Sim::default(),
            abi,
            memory: None,
            allocate: None,
            meter: Meter::default(),
            phase: Phase::Instantiating,
            environment: Vec::new(),
            exited: None,
            refused: None,
            profiler: None,
        }
    }
}

impl ResourceLimiter for State {
    fn memory_growing(&mut self, _: usize, desired: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        self.meter.memory(desired)?;
        Ok(desired <= MEMORY && most.is_none_or(|most| desired <= most))
    }

    fn table_growing(&mut self, _: usize, desired: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS && most.is_none_or(|most| desired <= most))
    }
}
