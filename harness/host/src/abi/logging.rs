use wasmtime::{Linker, Result};

use crate::abi::MODULE;
use crate::abi::link::hostcalls;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// The highest level of a log line.
const LEVELS: u32 = 5;

/// The log and the clock.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    hostcalls! {
        linker, MODULE, hostcall;
        proxy_log => log(level: u32, message: u32, size: u32),
        proxy_get_current_time_nanoseconds => get_current_time_nanoseconds(time_at: u32),
        proxy_set_tick_period_milliseconds => set_tick_period_milliseconds(period: u32),
    }
    Ok(())
}

fn log(guest: &mut Guest<'_>, level: u32, message: u32, size: u32) -> Result<(), Fault> {
    guest.ask_of(level <= LEVELS, [(message, size)], |sim, [message]| sim.write_log(level, message))
}

fn get_current_time_nanoseconds(guest: &mut Guest<'_>, time_at: u32) -> Result<(), Fault> {
    let now = guest.sim().current_time()?;
    guest.write(time_at, &now.to_le_bytes())
}

fn set_tick_period_milliseconds(guest: &mut Guest<'_>, period: u32) -> Result<(), Fault> {
    Ok(guest.sim().set_tick_period(period)?)
}
