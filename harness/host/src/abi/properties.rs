use wasmtime::{Caller, Linker, Result};

use crate::abi::MODULE;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// Attributes of the stream and filter state.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        MODULE,
        "proxy_get_property",
        |caller: Caller<'_, State>, path: u32, path_size: u32, value_at: u32, size_at: u32| {
            hostcall("proxy_get_property", caller, |guest| {
                get_property(guest, path, path_size, value_at, size_at)
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "proxy_set_property",
        |caller: Caller<'_, State>, path: u32, path_size: u32, value: u32, value_size: u32| {
            hostcall("proxy_set_property", caller, |guest| {
                set_property(guest, path, path_size, value, value_size)
            })
        },
    )?;
    Ok(())
}

fn get_property(
    guest: &mut Guest<'_>,
    path: u32,
    path_size: u32,
    value_at: u32,
    size_at: u32,
) -> Result<(), Fault> {
    let path = guest.bytes(path, path_size)?;
    let value = guest.sim().property_value(&path)?;
    guest.give(&value, value_at, size_at)
}

fn set_property(
    guest: &mut Guest<'_>,
    path: u32,
    path_size: u32,
    value: u32,
    value_size: u32,
) -> Result<(), Fault> {
    let (path, value) = (guest.bytes(path, path_size)?, guest.bytes(value, value_size)?);
    Ok(guest.sim().set_property(&path, &value)?)
}
