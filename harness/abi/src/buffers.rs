//! Bodies and configurations.

use crate::guest::{Guest, Outcome};

pub(crate) fn get_buffer_status<E: Guest>(
    guest: &mut E,
    buffer: u32,
    length_at: u32,
    flags_at: u32,
) -> Outcome<E> {
    let length = guest.state().sim.buffer_status(buffer)?;
    guest.write_u32(length_at, length)?;
    // Envoy has no flags.
    guest.write_u32(flags_at, 0)
}

pub(crate) fn get_buffer_bytes<E: Guest>(
    guest: &mut E,
    buffer: u32,
    start: u32,
    size: u32,
    bytes_at: u32,
    size_at: u32,
) -> Outcome<E> {
    let bytes = guest.state().sim.buffer_bytes(buffer, start, size)?;
    guest.give(&bytes, bytes_at, size_at)
}

pub(crate) fn set_buffer_bytes<E: Guest>(
    guest: &mut E,
    buffer: u32,
    start: u32,
    size: u32,
    bytes: u32,
    bytes_size: u32,
) -> Outcome<E> {
    let is_there = guest.state().sim.has_buffer(buffer);
    guest.ask_of(is_there, [(bytes, bytes_size)], |sim, [bytes]| {
        sim.set_buffer_bytes(buffer, start, size, bytes)
    })
}
