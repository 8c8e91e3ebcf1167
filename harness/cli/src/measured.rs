//! A module in a simulated proxy, to be measured.

use portcullis_foreign::foreign_functions;
use portcullis_host::{Instance, Module};
use portcullis_sim::http::Sending;
use portcullis_sim::{Costs, Proxy, Setup, Sim, UnixTime};

use crate::targets::vms;

/// What a plugin is given at its start.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) configuration: Vec<u8>,
    /// The time; `None` for one that is always the same.
    pub(crate) clock: Option<UnixTime>,
}

/// What each callback takes, the start included, while so many of these requests are sent one after the other.
///
/// # Errors
/// The module does not start with this configuration, or traps.
pub(crate) fn costs(
    module: Module,
    plugin: &Given,
    sending: &Sending,
    times: usize,
) -> Result<Costs, String> {
    let mut proxy = start(module, plugin, true)?;
    for _ in 0..times {
        proxy.send(std::slice::from_ref(sending));
    }
    match proxy.trap() {
        Some(trap) => Err(trap.message.clone()),
        None => Ok(proxy.sim().costs().clone()),
    }
}

/// Starts a module with this configuration and one worker.
///
/// # Errors
/// The module does not start.
pub(crate) fn start(module: Module, plugin: &Given, costs: bool) -> Result<Proxy<Instance>, String> {
    let setup = Setup { clock: plugin.clock, costs, ..Setup::of(plugin.configuration.clone()) };
    let mut sim = Sim::new(setup);
    for (name, function) in foreign_functions() {
        sim.register_foreign_function(name, function);
    }
    Proxy::start(sim, vms(vec![module])).map_err(|error| error.to_string())
}
