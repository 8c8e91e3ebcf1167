use wasmtime::{Caller, Linker, Result};

use crate::abi::MODULE;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// Bodies and configurations.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        MODULE,
        "proxy_get_buffer_status",
        |caller: Caller<'_, State>, buffer: u32, length_at: u32, flags_at: u32| {
            hostcall("proxy_get_buffer_status", caller, |guest| {
                get_buffer_status(guest, buffer, length_at, flags_at)
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "proxy_get_buffer_bytes",
        |caller: Caller<'_, State>, buffer: u32, start: u32, size: u32, bytes_at: u32, size_at: u32| {
            hostcall("proxy_get_buffer_bytes", caller, |guest| {
                get_buffer_bytes(guest, buffer, start, size, bytes_at, size_at)
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "proxy_set_buffer_bytes",
        |caller: Caller<'_, State>, buffer: u32, start: u32, size: u32, bytes: u32, bytes_size: u32| {
            hostcall("proxy_set_buffer_bytes", caller, |guest| {
                set_buffer_bytes(guest, buffer, start, size, bytes, bytes_size)
            })
        },
    )?;
    Ok(())
}

fn get_buffer_status(guest: &mut Guest<'_>, buffer: u32, length_at: u32, flags_at: u32) -> Result<(), Fault> {
    let length = guest.sim().buffer_status(buffer)?;
    guest.write_u32(length_at, length)?;
    // Envoy has no flags.
    guest.write_u32(flags_at, 0)
}

fn get_buffer_bytes(
    guest: &mut Guest<'_>,
    buffer: u32,
    start: u32,
    size: u32,
    bytes_at: u32,
    size_at: u32,
) -> Result<(), Fault> {
    let bytes = guest.sim().buffer_bytes(buffer, start, size)?;
    guest.give(&bytes, bytes_at, size_at)
}

fn set_buffer_bytes(
    guest: &mut Guest<'_>,
    buffer: u32,
    start: u32,
    size: u32,
    bytes: u32,
    bytes_size: u32,
) -> Result<(), Fault> {
    let bytes = guest.bytes(bytes, bytes_size)?;
    Ok(guest.sim().set_buffer_bytes(buffer, start, size, &bytes)?)
}
