//! Any module, in the WebAssembly engine that the playground itself runs in: a browser's. Like `border` it knows of JavaScript.
//!
//! The hostcalls are those of `portcullis-abi`. The guest's memory is not the playground's own, so that what goes over is copied. There is no
//! fuel: a guest that loops forever holds up its worker, and whoever waits for it ends that.

mod engine;
mod imports;
mod thrown;
mod vm;

use js_sys::{Uint8Array, WebAssembly};
use portcullis_inspect::{Description, Host, inspect_for};
use portcullis_sim::{PluginSetup, Profile};
use wasm_bindgen::JsValue;

use thrown::message;
pub(crate) use vm::Vm;

/// A compiled module that Envoy would accept.
pub(crate) struct Module {
    compiled: WebAssembly::Module,
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
        let compiled =
            WebAssembly::Module::new(&Uint8Array::from(bytes)).map_err(|thrown| broken(&thrown))?;
        Ok(Self { compiled, description, profile })
    }

    /// A VM of its own, with the environment variables and the capabilities of this plugin.
    ///
    /// # Errors
    /// The engine has no memory for it, its data does not fit into it, or its start section trapped.
    pub(crate) fn instantiate(&self, setup: &PluginSetup) -> Result<Vm, String> {
        Vm::new(self, setup).map_err(|thrown| broken(&thrown))
    }
}

fn broken(thrown: &JsValue) -> String {
    format!("the browser's WebAssembly engine failed: {}", message(thrown))
}
