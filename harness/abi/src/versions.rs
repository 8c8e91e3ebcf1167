//! What came and went with the versions.

use crate::guest::{Guest, Outcome};

pub(crate) fn continue_request<E: Guest>(guest: &mut E) -> Outcome<E> {
    Ok(guest.state().sim.continue_request()?)
}

pub(crate) fn continue_response<E: Guest>(guest: &mut E) -> Outcome<E> {
    Ok(guest.state().sim.continue_response()?)
}

pub(crate) fn get_configuration<E: Guest>(guest: &mut E, bytes_at: u32, size_at: u32) -> Outcome<E> {
    let configuration = guest.state().sim.configuration()?;
    guest.give(&configuration, bytes_at, size_at)
}

pub(crate) fn clear_route_cache<E: Guest>(guest: &mut E) -> Outcome<E> {
    // The simulated proxy has one route, which no change of a header can exchange for another.
    guest.note("proxy_clear_route_cache", Ok(()));
    Ok(())
}

pub(crate) fn get_log_level<E: Guest>(guest: &mut E, level_at: u32) -> Outcome<E> {
    let level = guest.state().sim.log_level()?;
    guest.write_u32(level_at, level)
}
