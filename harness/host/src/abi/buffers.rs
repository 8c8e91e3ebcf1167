use wasmtime::{Linker, Result};

use crate::abi::MODULE;
use crate::abi::link::hostcalls;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// The highest number of a buffer.
const BUFFERS: u32 = 8;

/// Bodies and configurations.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    hostcalls! {
        linker, MODULE, hostcall;
        proxy_get_buffer_status => get_buffer_status(buffer: u32, length_at: u32, flags_at: u32),
        proxy_get_buffer_bytes => get_buffer_bytes(buffer: u32, start: u32, size: u32, bytes_at: u32, size_at: u32),
        proxy_set_buffer_bytes => set_buffer_bytes(buffer: u32, start: u32, size: u32, bytes: u32, bytes_size: u32),
    }
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
    guest.ask_of(buffer <= BUFFERS, [(bytes, bytes_size)], |sim, [bytes]| {
        sim.set_buffer_bytes(buffer, start, size, bytes)
    })
}
