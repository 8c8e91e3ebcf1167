//! `capability_restriction_config`: what a plugin may import and does not get.

use std::collections::BTreeSet;

use log::Level;
use portcullis_inspect::exports::is_capability;
use portcullis_inspect::imports::Provided;
use portcullis_sim::{Refusal, Status};

use crate::Engine;
use crate::guest::enter;
use crate::table::OWN;

/// What WASI calls ENOTCAPABLE.
const NOTCAPABLE: u32 = 76;

/// Whether a plugin with these capabilities does not get this import; one without any is not restricted.
pub fn is_withheld(name: &str, capabilities: &BTreeSet<String>) -> bool {
    !capabilities.is_empty() && is_capability(name) && !capabilities.contains(name)
}

/// What a guest gets from an import that is withheld: a status, or an error number of WASI.
///
/// # Errors
/// The call is not allowed now, or the budget of hostcalls is used up; the VM is of no more use.
pub fn withheld<E: Engine>(engine: &mut E, import: Provided) -> Result<u32, E::Trap> {
    let name = import.name;
    enter(name, engine)?;
    let is_own = import.module == OWN;
    let chapter = if is_own { "proxy-wasm" } else { "WASI" };
    let mut state = engine.state();
    state.sim.push_log(Level::Error, &format!("Attempted call to restricted {chapter} capability: {name}"));
    let why = format!("{name} is not among the plugin's allowed_capabilities");
    let refusal = Refusal::new(Status::InternalFailure, why);
    // The journal gives back what it is given.
    let _ = state.sim.note::<()>("capability_restriction_config", &[&name], Err(refusal));
    Ok(if is_own { Status::InternalFailure as u32 } else { NOTCAPABLE })
}
