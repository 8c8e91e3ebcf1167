//! The key-value store that VMs share.

use crate::guest::{Guest, Outcome};

pub(crate) fn get_shared_data<E: Guest>(
    guest: &mut E,
    key: u32,
    key_size: u32,
    value_at: u32,
    size_at: u32,
    cas_at: u32,
) -> Outcome<E> {
    let (value, cas) = guest.ask([(key, key_size)], |sim, [key]| sim.shared_data(key))?;
    guest.give(&value, value_at, size_at)?;
    guest.write_u32(cas_at, cas)
}

pub(crate) fn set_shared_data<E: Guest>(
    guest: &mut E,
    key: u32,
    key_size: u32,
    value: u32,
    value_size: u32,
    cas: u32,
) -> Outcome<E> {
    guest
        .ask([(key, key_size), (value, value_size)], |sim, [key, value]| sim.set_shared_data(key, value, cas))
}
