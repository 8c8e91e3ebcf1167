use std::sync::Arc;

use portcullis_inspect::{Host, ModuleError, inspect_for};
use portcullis_sim::{PluginSetup, Profile};
use wasmtime::{InstancePre, Linker, Memory, Store};

use crate::error::one_line;
use crate::state::State;
use crate::{Budget, Description, Instance, LoadError, LoadOptions, link};

/// A compiled module that Envoy would accept.
#[derive(Clone)]
pub struct Module {
    module: wasmtime::Module,
    /// Where a VM needs nothing of its own.
    linked: Option<InstancePre<State>>,
    linker: Linker<State>,
    description: Arc<Description>,
    counts_fuel: bool,
    profile: Profile,
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
        let (host, profile) = match options.spec {
            true => (Host::Specification, Profile::Spec),
            false => (Host::Envoy, Profile::Envoy),
        };
        let description = Arc::new(inspect_for(host, bytes)?);
        let engine = options.engine()?;
        // What is valid and not for this engine has exceptions or threads.
        let module = wasmtime::Module::from_binary(&engine, bytes)
            .map_err(|error| LoadError::Unsupported(one_line(&error)))?;
        let mut linker = Linker::new(&engine);
        link::link(&mut linker, description.abi).map_err(|error| LoadError::Engine(one_line(&error)))?;
        let linked = description.made.is_empty().then(|| linker.instantiate_pre(&module)).transpose();
        let linked = linked.map_err(|error| ModuleError::WrongSignature(vec![one_line(&error)]))?;
        Ok(Self { module, linked, linker, description, counts_fuel: options.fuel, profile })
    }

    /// A VM of its own, with the environment variables and the capabilities of this plugin.
    ///
    /// # Errors
    /// [`LoadError::Engine`], for memory that cannot be had or data that does not fit into it.
    pub fn instantiate(&self, setup: &PluginSetup) -> Result<Instance, LoadError> {
        let broken = |error| LoadError::Engine(one_line(&error));
        let mut store = self.store(setup).map_err(broken)?;
        let (instance, memory) = self.instantiated(&mut store, setup).map_err(broken)?;
        store.data_mut().memory = memory;
        Instance::new(store, instance, (self.counts_fuel, self.profile), setup)
    }

    fn store(&self, setup: &PluginSetup) -> wasmtime::Result<Store<State>> {
        let mut store = Store::new(self.module.engine(), State::new(self.description.abi, setup));
        store.limiter(|state| state);
        // Ticks come only while a profile is taken.
        store.set_epoch_deadline(u64::MAX >> 1);
        if self.counts_fuel {
            store.set_fuel(Budget::default().fuel)?;
        }
        Ok(store)
    }

    fn instantiated(
        &self,
        store: &mut Store<State>,
        setup: &PluginSetup,
    ) -> wasmtime::Result<(wasmtime::Instance, Option<Memory>)> {
        let linked = self.linked.as_ref().filter(|_| setup.capabilities.is_empty());
        let (instance, made) = match linked {
            Some(linked) => (linked.instantiate(&mut *store)?, None),
            None => {
                let mut linker = self.linker.clone();
                link::withhold(&mut linker, self.description.abi, &setup.capabilities)?;
                let made = link::make(&mut linker, store, &self.module)?;
                (linker.instantiate(&mut *store, &self.module)?, made)
            }
        };
        let exported = self.description.memory_export.as_ref();
        Ok((instance, exported.map_or(made, |name| instance.get_memory(store, name))))
    }

    /// What the module is made of.
    pub fn describe(&self) -> &Description {
        &self.description
    }
}
