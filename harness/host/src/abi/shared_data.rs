use wasmtime::{Linker, Result};

use crate::abi::MODULE;
use crate::abi::link::hostcalls;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// The key-value store that VMs share.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    hostcalls! {
        linker, MODULE, hostcall;
        proxy_get_shared_data => get_shared_data(key: u32, key_size: u32, value_at: u32, size_at: u32, cas_at: u32),
        proxy_set_shared_data => set_shared_data(key: u32, key_size: u32, value: u32, value_size: u32, cas: u32),
    }
    Ok(())
}

fn get_shared_data(
    guest: &mut Guest<'_>,
    key: u32,
    key_size: u32,
    value_at: u32,
    size_at: u32,
    cas_at: u32,
) -> Result<(), Fault> {
    let (value, cas) = guest.ask([(key, key_size)], |sim, [key]| sim.shared_data(key))?;
    guest.give(&value, value_at, size_at)?;
    guest.write_u32(cas_at, cas)
}

fn set_shared_data(
    guest: &mut Guest<'_>,
    key: u32,
    key_size: u32,
    value: u32,
    value_size: u32,
    cas: u32,
) -> Result<(), Fault> {
    guest
        .ask([(key, key_size), (value, value_size)], |sim, [key, value]| sim.set_shared_data(key, value, cas))
}
