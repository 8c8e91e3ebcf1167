use wasmtime::{Caller, Linker, Result};

use crate::abi::MODULE;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// The log and the clock.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        MODULE,
        "proxy_log",
        |caller: Caller<'_, State>, level: u32, message: u32, size: u32| {
            hostcall("proxy_log", caller, |guest| log(guest, level, message, size))
        },
    )?;
    linker.func_wrap(MODULE, "proxy_get_log_level", |caller: Caller<'_, State>, level_at: u32| {
        hostcall("proxy_get_log_level", caller, |guest| get_log_level(guest, level_at))
    })?;
    linker.func_wrap(
        MODULE,
        "proxy_get_current_time_nanoseconds",
        |caller: Caller<'_, State>, time_at: u32| {
            hostcall("proxy_get_current_time_nanoseconds", caller, |guest| {
                get_current_time_nanoseconds(guest, time_at)
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "proxy_set_tick_period_milliseconds",
        |caller: Caller<'_, State>, period: u32| {
            hostcall("proxy_set_tick_period_milliseconds", caller, |guest| {
                set_tick_period_milliseconds(guest, period)
            })
        },
    )?;
    Ok(())
}

fn log(guest: &mut Guest<'_>, level: u32, message: u32, size: u32) -> Result<(), Fault> {
    let message = guest.bytes(message, size)?;
    Ok(guest.sim().write_log(level, &message)?)
}

fn get_log_level(guest: &mut Guest<'_>, level_at: u32) -> Result<(), Fault> {
    let level = guest.sim().log_level()?;
    guest.write_u32(level_at, level)
}

fn get_current_time_nanoseconds(guest: &mut Guest<'_>, time_at: u32) -> Result<(), Fault> {
    let now = guest.sim().current_time()?;
    guest.write(time_at, &now.to_le_bytes())
}

fn set_tick_period_milliseconds(guest: &mut Guest<'_>, period: u32) -> Result<(), Fault> {
    Ok(guest.sim().set_tick_period(period)?)
}
