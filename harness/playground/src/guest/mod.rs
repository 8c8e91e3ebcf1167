//! Any module, in the WebAssembly engine that the playground itself runs in: a browser's. Like `border` it knows of JavaScript.
//!
//! The hostcalls are those of `portcullis-abi`. The guest's memory is not the playground's own, so that what goes over is copied. There is no
//! fuel: a guest that loops forever holds up its worker, and whoever waits for it ends that. Of memory and tables the guest has no more than the
//! playground writes into it as their bounds.

mod engine;
mod imports;
mod thrown;
mod vm;

use js_sys::{Uint8Array, WebAssembly};
use portcullis_inspect::{Description, Host, Room, bounded, inspect_for};
use portcullis_sim::{PluginSetup, Profile};
use wasm_bindgen::JsValue;

use thrown::message;
pub(crate) use vm::Vm;

/// A compiled module that Envoy would accept.
pub(crate) struct Module {
    compiled: WebAssembly::Module,
    /// How many bytes longer it has become for the engine.
    longer: isize,
    /// What it can have beside what is written into it.
    room: Room,
    description: Description,
    profile: Profile,
}

impl Module {
    /// Compiles a module and checks it as Envoy does when it is configured with it, or as a host that goes by the specification.
    ///
    /// # Errors
    /// The first kind of mistake, in one line.
    pub(crate) fn load(bytes: &[u8], profile: Profile) -> Result<Self, String> {
        let host = match profile {
            Profile::Envoy => Host::Envoy,
            Profile::Spec => Host::Specification,
        };
        let description = inspect_for(host, bytes).map_err(|error| error.to_string())?;
        let (bounded, room) = bounded(bytes).map_err(|error| error.to_string())?;
        let compiled =
            WebAssembly::Module::new(&Uint8Array::from(&*bounded)).map_err(|thrown| broken(&thrown))?;
        let longer = (bounded.len() as isize).saturating_sub_unsigned(bytes.len());
        Ok(Self { compiled, longer, room, description, profile })
    }

    /// A VM of its own, with the environment variables and the capabilities of this plugin.
    ///
    /// # Errors
    /// The engine has no memory for it, its data does not fit into it, or its start section trapped.
    pub(crate) fn instantiate(&self, setup: &PluginSetup) -> Result<Vm, String> {
        vm::new(self, setup).map_err(|thrown| broken(&thrown))
    }
}

fn broken(thrown: &JsValue) -> String {
    format!("the browser's WebAssembly engine failed: {}", message(thrown))
}
