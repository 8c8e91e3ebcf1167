//! A module that is watched while it serves requests.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portcullis_host::{Instance, Module};
use portcullis_sim::{Callback, Cost, Factory, Plugin, PluginSetup, Sim, Trap};

/// Between one look and the next.
const INTERVAL: Duration = Duration::from_micros(500);

/// Where the profile goes when its VM does.
#[derive(Clone, Default)]
pub(crate) struct Profile(Arc<Mutex<Option<io::Result<Vec<u8>>>>>);

/// A VM whose profile begins with its first request: those that are only started have none.
struct Profiled {
    instance: Instance,
    has_begun: bool,
    profile: Profile,
}

impl Profile {
    /// Makes VMs, of which the one that serves the requests leaves its profile here.
    pub(crate) fn vms(&self, module: Module) -> Factory<Box<dyn Plugin>> {
        let profile = self.clone();
        Arc::new(move |setup: &PluginSetup| {
            let instance = module.instantiate(setup).map_err(|error| error.to_string())?;
            Ok(Box::new(Profiled { instance, has_begun: false, profile: profile.clone() }) as Box<dyn Plugin>)
        })
    }

    /// Writes the profile to a file, once its VM is gone.
    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        let fail = |error: io::Error| format!("{}: {error}", path.display());
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            None => Err("no profile: the module was asked about no request".into()),
            Some(profile) => profile.and_then(|json| std::fs::write(path, json)).map_err(fail),
        }
    }

    fn put(&self, profile: io::Result<Vec<u8>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(profile);
    }
}

impl Plugin for Profiled {
    fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap> {
        let is_stream = matches!(callback, Callback::ContextCreate { parent, .. } if parent > 0);
        if is_stream && !self.has_begun {
            self.has_begun = true;
            if let Err(error) = self.instance.start_profile(INTERVAL) {
                self.has_begun = false;
                self.profile.put(Err(error));
            }
        }
        self.instance.call(sim, callback)
    }

    fn cost(&self) -> Cost {
        self.instance.cost()
    }
}

impl Drop for Profiled {
    fn drop(&mut self) {
        if self.has_begun {
            let mut json = Vec::new();
            let finished = self.instance.finish_profile(&mut json);
            self.profile.put(finished.map(|()| json));
        }
    }
}
