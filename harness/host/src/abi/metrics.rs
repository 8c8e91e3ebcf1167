use wasmtime::{Linker, Result};

use crate::abi::MODULE;
use crate::abi::link::hostcalls;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// Counters, gauges and histograms.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    hostcalls! {
        linker, MODULE, hostcall;
        proxy_define_metric => define_metric(kind: u32, name: u32, size: u32, id_at: u32),
        proxy_increment_metric => increment_metric(id: u32, delta: i64),
        proxy_record_metric => record_metric(id: u32, value: u64),
        proxy_get_metric => get_metric(id: u32, value_at: u32),
    }
    Ok(())
}

fn define_metric(guest: &mut Guest<'_>, kind: u32, name: u32, size: u32, id_at: u32) -> Result<(), Fault> {
    let id = guest.ask([(name, size)], |sim, [name]| sim.define_metric(kind, name))?;
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
