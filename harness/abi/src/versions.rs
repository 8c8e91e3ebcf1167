//! What came and went with the versions.

use crate::guest::{Guest, Outcome};
use crate::streams::continue_stream;

/// The request of `proxy_continue_request`, the response of `proxy_continue_response`.
const REQUEST: u32 = 0;
const RESPONSE: u32 = 1;
/// The buffer that the configuration is in since 0.2.0.
const PLUGIN_CONFIGURATION: u32 = 7;

pub(crate) fn continue_request<E: Guest>(guest: &mut E) -> Outcome<E> {
    continue_stream(guest, REQUEST)
}

pub(crate) fn continue_response<E: Guest>(guest: &mut E) -> Outcome<E> {
    continue_stream(guest, RESPONSE)
}

/// Empty outside the callbacks in which the buffer can be read.
pub(crate) fn get_configuration<E: Guest>(guest: &mut E, bytes_at: u32, size_at: u32) -> Outcome<E> {
    let configuration = guest.state().sim.buffer_bytes(PLUGIN_CONFIGURATION, 0, u32::MAX).unwrap_or_default();
    guest.give(&configuration, bytes_at, size_at)
}

pub(crate) fn clear_route_cache<E: Guest>(guest: &mut E) -> Outcome<E> {
    // The simulated proxy has one route, which no change of a header can exchange for another.
    guest.note("proxy_clear_route_cache", &[]);
    Ok(())
}

pub(crate) fn get_log_level<E: Guest>(guest: &mut E, level_at: u32) -> Outcome<E> {
    let level = guest.state().sim.log_level()?;
    guest.write_u32(level_at, level)
}
