use wasmtime::{Linker, Result};

use crate::abi::MODULE;
use crate::abi::link::hostcalls;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// Attributes of the stream and filter state.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    hostcalls! {
        linker, MODULE, hostcall;
        proxy_get_property => get_property(path: u32, path_size: u32, value_at: u32, size_at: u32),
        proxy_set_property => set_property(path: u32, path_size: u32, value: u32, value_size: u32),
    }
    Ok(())
}

fn get_property(
    guest: &mut Guest<'_>,
    path: u32,
    path_size: u32,
    value_at: u32,
    size_at: u32,
) -> Result<(), Fault> {
    let value = guest.ask([(path, path_size)], |sim, [path]| sim.property_value(path))?;
    guest.give(&value, value_at, size_at)
}

fn set_property(
    guest: &mut Guest<'_>,
    path: u32,
    path_size: u32,
    value: u32,
    value_size: u32,
) -> Result<(), Fault> {
    guest.ask([(path, path_size), (value, value_size)], |sim, [path, value]| sim.set_property(path, value))
}
