//! Attributes of the stream and filter state.

use crate::guest::{Guest, Outcome};

pub(crate) fn get_property<E: Guest>(
    guest: &mut E,
    path: u32,
    path_size: u32,
    value_at: u32,
    size_at: u32,
) -> Outcome<E> {
    let value = guest.ask([(path, path_size)], |sim, [path]| sim.property_value(path))?;
    guest.give(&value, value_at, size_at)
}

pub(crate) fn set_property<E: Guest>(
    guest: &mut E,
    path: u32,
    path_size: u32,
    value: u32,
    value_size: u32,
) -> Outcome<E> {
    guest.ask([(path, path_size), (value, value_size)], |sim, [path, value]| sim.set_property(path, value))
}
