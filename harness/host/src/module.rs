use portcullis_sim::PluginSetup;
use wasmtime::{InstancePre, Linker};

use crate::error::one_line;
use crate::exports::{self, is_lifecycle};
use crate::state::State;
use crate::{AbiVersion, Description, Instance, LoadError, LoadOptions, abi, check};

/// A compiled module that Envoy would accept.
#[derive(Clone)]
pub struct Module {
    linked: InstancePre<State>,
    linker: Linker<State>,
    abi: AbiVersion,
    size: usize,
    counts_fuel: bool,
    spec: bool,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module").field("abi", &self.abi).field("size", &self.size).finish_non_exhaustive()
    }
}

impl Module {
    /// Compiles a module and checks it as Envoy does when it is configured with it.
    ///
    /// # Errors
    /// The first kind of mistake, in one line.
    pub fn load(bytes: &[u8]) -> Result<Self, LoadError> {
        Self::load_with(bytes, &LoadOptions::default())
    }

    /// Compiles a module as asked for and checks it as Envoy does when it is configured with it.
    ///
    /// # Errors
    /// The first kind of mistake, in one line; [`LoadError::Engine`] for a cache that cannot be used.
    pub fn load_with(bytes: &[u8], options: &LoadOptions<'_>) -> Result<Self, LoadError> {
        check::header(bytes)?;
        let engine = options.engine()?;
        let module = wasmtime::Module::from_binary(&engine, bytes)
            .map_err(|error| LoadError::Damaged(one_line(&error)))?;
        let abi = check::abi_version(&module)?;
        check::exports(&module, abi, options.spec)?;
        let mut linker = Linker::new(&engine);
        abi::link(&mut linker, abi).map_err(|error| LoadError::Engine(one_line(&error)))?;
        check::imports(&linker, &module, abi, options.spec)?;
        let linked = linker
            .instantiate_pre(&module)
            .map_err(|error| LoadError::WrongSignature(vec![one_line(&error)]))?;
        let (counts_fuel, spec) = (options.fuel, options.spec);
        Ok(Self { linked, linker, abi, size: bytes.len(), counts_fuel, spec })
    }

    /// A VM of its own, with the environment variables and the capabilities of this plugin.
    ///
    /// # Errors
    /// [`LoadError::Engine`], for memory that cannot be had or data that does not fit into it.
    pub fn instantiate(&self, setup: &PluginSetup) -> Result<Instance, LoadError> {
        if setup.capabilities.is_empty() {
            return Instance::new(&self.linked, self.abi, (self.counts_fuel, self.spec), setup);
        }
        let linked = abi::withhold(self.linker.clone(), self.linked.module(), &setup.capabilities)
            .map_err(|error| LoadError::Engine(one_line(&error)))?;
        Instance::new(&linked, self.abi, (self.counts_fuel, self.spec), setup)
    }

    /// What the module is made of.
    pub fn describe(&self) -> Description {
        let module = self.linked.module();
        let exports = || module.exports().map(|export| export.name().to_owned());
        let is_callback = |name: &String| exports::callback(self.abi, name).is_some();
        let memory = module.get_export("memory").and_then(|kind| kind.memory().cloned());
        let bytes = |pages: u64| pages.saturating_mul(64 << 10);
        Description {
            abi: self.abi,
            imports: module.imports().map(|it| (it.module().to_owned(), it.name().to_owned())).collect(),
            callbacks: exports().filter(is_callback).collect(),
            lifecycle: exports().filter(|name| is_lifecycle(name)).collect(),
            other_exports: exports().filter(|name| !is_callback(name) && !is_lifecycle(name)).collect(),
            size: self.size,
            memory: memory.as_ref().map_or(0, |memory| bytes(memory.minimum())),
            memory_maximum: memory.and_then(|memory| memory.maximum()).map(bytes),
        }
    }
}
