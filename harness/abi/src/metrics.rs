//! Counters, gauges and histograms.

use crate::guest::{Guest, Outcome};

pub(crate) fn define_metric<E: Guest>(
    guest: &mut E,
    kind: u32,
    name: u32,
    size: u32,
    id_at: u32,
) -> Outcome<E> {
    let id = guest.ask([(name, size)], |sim, [name]| sim.define_metric(kind, name))?;
    guest.write_u32(id_at, id)
}

pub(crate) fn increment_metric<E: Guest>(guest: &mut E, id: u32, delta: i64) -> Outcome<E> {
    Ok(guest.state().sim.increment_metric(id, delta)?)
}

pub(crate) fn record_metric<E: Guest>(guest: &mut E, id: u32, value: u64) -> Outcome<E> {
    Ok(guest.state().sim.record_metric(id, value)?)
}

pub(crate) fn get_metric<E: Guest>(guest: &mut E, id: u32, value_at: u32) -> Outcome<E> {
    let value = guest.state().sim.metric(id)?;
    guest.write(value_at, &value.to_le_bytes())
}
