//! The log and the clock.

use crate::guest::{Guest, Outcome};

/// The highest level of a log line.
const LEVELS: u32 = 5;

pub(crate) fn log<E: Guest>(guest: &mut E, level: u32, message: u32, size: u32) -> Outcome<E> {
    guest.ask_of(level <= LEVELS, [(message, size)], |sim, [message]| sim.write_log(level, message))
}

pub(crate) fn get_current_time_nanoseconds<E: Guest>(guest: &mut E, time_at: u32) -> Outcome<E> {
    let now = guest.state().sim.current_time()?;
    guest.write(time_at, &now.to_le_bytes())
}

pub(crate) fn set_tick_period_milliseconds<E: Guest>(guest: &mut E, period: u32) -> Outcome<E> {
    Ok(guest.state().sim.set_tick_period(period)?)
}
