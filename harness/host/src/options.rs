use std::path::Path;

use wasmtime::{Cache, CacheConfig, Config, Engine, WasmBacktraceDetails};

use crate::LoadError;
use crate::error::one_line;

/// How a module is compiled.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions<'a> {
    /// Whether the steps of the engine are counted, and limited by a [`Budget`](crate::Budget). Without it a module is faster,
    /// and one that loops forever does so.
    pub fuel: bool,
    /// A directory that compiled modules are kept in, which makes the next start faster; `None` for compiling every time.
    pub cache: Option<&'a Path>,
    /// Whether [`Instance::start_profile`](crate::Instance::start_profile) has anything to see.
    pub profile: bool,
    /// Whether the module gets what the proxy-wasm specification 0.2.1 says, and not what Envoy has beside that or instead: fewer
    /// functions of WASI, and the other allocator of two.
    pub spec: bool,
}

impl Default for LoadOptions<'_> {
    fn default() -> Self {
        Self { fuel: true, cache: None, profile: false, spec: false }
    }
}

impl LoadOptions<'_> {
    pub(crate) fn engine(&self) -> Result<Engine, LoadError> {
        let mut config = Config::new();
        config.consume_fuel(self.fuel);
        config.epoch_interruption(self.profile);
        config.cranelift_nan_canonicalization(true);
        config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
        config.cache(self.cache.map(cache).transpose()?);
        Engine::new(&config).map_err(|error| LoadError::Engine(one_line(&error)))
    }
}

fn cache(directory: &Path) -> Result<Cache, LoadError> {
    let unusable =
        |why: String| LoadError::Engine(format!("the cache {} cannot be used: {why}", directory.display()));
    // The engine wants to know where it is, wherever its process may go.
    let absolute = std::path::absolute(directory).map_err(|error| unusable(error.to_string()))?;
    let mut config = CacheConfig::new();
    config.with_directory(absolute);
    Cache::new(config).map_err(|error| unusable(one_line(&error)))
}
