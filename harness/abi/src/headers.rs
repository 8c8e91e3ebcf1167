//! Header maps.

use portcullis_inspect::AbiVersion;
use portcullis_kit::pairs;
use portcullis_sim::Status;

use crate::guest::{Fault, Guest, Outcome};

/// The highest number of a header map.
const MAPS: u32 = 7;

pub(crate) fn get_header_map_value<E: Guest>(
    guest: &mut E,
    map: u32,
    name: u32,
    name_size: u32,
    value_at: u32,
    size_at: u32,
) -> Outcome<E> {
    let value = guest.ask_of(map <= MAPS, [(name, name_size)], |sim, [name]| sim.header_map_value(map, name));
    let is_old = guest.state().abi == AbiVersion::V0_1_0;
    match value {
        Ok(value) => guest.give(&value, value_at, size_at),
        // Before 0.2.0 what is missing was empty.
        Err(Fault::Refused(refusal)) if is_old && refusal.status == Status::NotFound => {
            guest.give(&[], value_at, size_at)
        }
        Err(fault) => Err(fault),
    }
}

pub(crate) fn add_header_map_value<E: Guest>(
    guest: &mut E,
    map: u32,
    name: u32,
    name_size: u32,
    value: u32,
    value_size: u32,
) -> Outcome<E> {
    guest.ask_of(map <= MAPS, [(name, name_size), (value, value_size)], |sim, [name, value]| {
        sim.add_header_map_value(map, name, value)
    })
}

pub(crate) fn replace_header_map_value<E: Guest>(
    guest: &mut E,
    map: u32,
    name: u32,
    name_size: u32,
    value: u32,
    value_size: u32,
) -> Outcome<E> {
    guest.ask_of(map <= MAPS, [(name, name_size), (value, value_size)], |sim, [name, value]| {
        sim.replace_header_map_value(map, name, value)
    })
}

pub(crate) fn remove_header_map_value<E: Guest>(
    guest: &mut E,
    map: u32,
    name: u32,
    name_size: u32,
) -> Outcome<E> {
    guest.ask_of(map <= MAPS, [(name, name_size)], |sim, [name]| sim.remove_header_map_value(map, name))
}

pub(crate) fn get_header_map_pairs<E: Guest>(
    guest: &mut E,
    map: u32,
    pairs_at: u32,
    size_at: u32,
) -> Outcome<E> {
    let fields = guest.state().sim.header_map_pairs(map)?;
    // An empty map is no bytes at all rather than a count of zero.
    let block = if fields.is_empty() { Vec::new() } else { pairs::encode(&fields) };
    guest.give(&block, pairs_at, size_at)
}

pub(crate) fn set_header_map_pairs<E: Guest>(guest: &mut E, map: u32, pairs: u32, size: u32) -> Outcome<E> {
    guest.ask_of(map <= MAPS, [(pairs, size)], |sim, [block]| sim.set_header_map_pairs(map, block))
}

pub(crate) fn get_header_map_size<E: Guest>(guest: &mut E, map: u32, size_at: u32) -> Outcome<E> {
    let size = guest.state().sim.header_map_size(map)?;
    guest.write_u32(size_at, size)
}
