use wasmtime::{Caller, Linker, Result};

use crate::abi::MODULE;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// Counters, gauges and histograms.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        MODULE,
        "proxy_define_metric",
        |caller: Caller<'_, State>, kind: u32, name: u32, size: u32, id_at: u32| {
            hostcall("proxy_define_metric", caller, |guest| define_metric(guest, kind, name, size, id_at))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "proxy_increment_metric",
        |caller: Caller<'_, State>, id: u32, delta: i64| {
            hostcall("proxy_increment_metric", caller, |guest| increment_metric(guest, id, delta))
        },
    )?;
    linker.func_wrap(MODULE, "proxy_record_metric", |caller: Caller<'_, State>, id: u32, value: u64| {
        hostcall("proxy_record_metric", caller, |guest| record_metric(guest, id, value))
    })?;
    linker.func_wrap(MODULE, "proxy_get_metric", |caller: Caller<'_, State>, id: u32, value_at: u32| {
        hostcall("proxy_get_metric", caller, |guest| get_metric(guest, id, value_at))
    })?;
    Ok(())
}

fn define_metric(guest: &mut Guest<'_>, kind: u32, name: u32, size: u32, id_at: u32) -> Result<(), Fault> {
    let name = guest.bytes(name, size)?;
    let id = guest.sim().define_metric(kind, &name)?;
    guest.write_u32(id_at, id)
}

fn increment_metric(guest: &mut Guest<'_>, id: u32, delta: i64) -> Result<(), Fault> {
    Ok(guest.sim().increment_metric(id, delta)?)
}

fn record_metric(guest: &mut Guest<'_>, id: u32, value: u64) -> Result<(), Fault> {
    Ok(guest.sim().record_metric(id, value)?)
}

fn get_metric(guest: &mut Guest<'_>, id: u32, value_at: u32) -> Result<(), Fault> {
    let value = guest.sim().metric(id)?;
    guest.write(value_at, &value.to_le_bytes())
}
