use std::sync::Arc;

use portcullis_inspect::{Host, ModuleError, inspect_for};
use portcullis_sim::PluginSetup;
use wasmtime::{InstancePre, Linker};

use crate::error::one_line;
use crate::state::State;
use crate::{Description, Instance, LoadError, LoadOptions, link};

/// A compiled module that Envoy would accept.
#[derive(Clone)]
pub struct Module {
    linked: InstancePre<State>,
    linker: Linker<State>,
    description: Arc<Description>,
    counts_fuel: bool,
    spec: bool,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Description { abi, size, .. } = &*self.description;
        f.debug_struct("Module").field("abi", abi).field("size", size).finish_non_exhaustive()
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
        let host = if options.spec { Host::Specification } else { Host::Envoy };
        let description = Arc::new(inspect_for(host, bytes)?);
        let engine = options.engine()?;
        // What is valid and not for this engine has exceptions or threads.
        let module = wasmtime::Module::from_binary(&engine, bytes)
            .map_err(|error| LoadError::Unsupported(one_line(&error)))?;
        let mut linker = Linker::new(&engine);
        link::link(&mut linker, description.abi).map_err(|error| LoadError::Engine(one_line(&error)))?;
        let linked = linker
            .instantiate_pre(&module)
            .map_err(|error| ModuleError::WrongSignature(vec![one_line(&error)]))?;
        Ok(Self { linked, linker, description, counts_fuel: options.fuel, spec: options.spec })
    }

    /// A VM of its own, with the environment variables and the capabilities of this plugin.
    ///
    /// # Errors
    /// [`LoadError::Engine`], for memory that cannot be had or data that does not fit into it.
    pub fn instantiate(&self, setup: &PluginSetup) -> Result<Instance, LoadError> {
        let (abi, rules) = (self.description.abi, (self.counts_fuel, self.spec));
        if setup.capabilities.is_empty() {
            return Instance::new(&self.linked, abi, rules, setup);
        }
        let linked = link::withhold(self.linker.clone(), self.linked.module(), &setup.capabilities)
            .map_err(|error| LoadError::Engine(one_line(&error)))?;
        Instance::new(&linked, abi, rules, setup)
    }

    /// What the module is made of.
    pub fn describe(&self) -> &Description {
        &self.description
    }
}
