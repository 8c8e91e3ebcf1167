use portcullis_kit::pairs;
use portcullis_sim::Status;
use wasmtime::{Linker, Result};

use crate::AbiVersion;
use crate::abi::MODULE;
use crate::abi::link::hostcalls;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// The highest number of a header map.
const MAPS: u32 = 7;

/// Header maps.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    hostcalls! {
        linker, MODULE, hostcall;
        proxy_get_header_map_value => get_header_map_value(map: u32, name: u32, name_size: u32, value_at: u32, size_at: u32),
        proxy_add_header_map_value => add_header_map_value(map: u32, name: u32, name_size: u32, value: u32, value_size: u32),
        proxy_replace_header_map_value =>
            replace_header_map_value(map: u32, name: u32, name_size: u32, value: u32, value_size: u32),
        proxy_remove_header_map_value => remove_header_map_value(map: u32, name: u32, name_size: u32),
        proxy_get_header_map_pairs => get_header_map_pairs(map: u32, pairs_at: u32, size_at: u32),
        proxy_set_header_map_pairs => set_header_map_pairs(map: u32, pairs: u32, size: u32),
        proxy_get_header_map_size => get_header_map_size(map: u32, size_at: u32),
    }
    Ok(())
}

fn get_header_map_value(
    guest: &mut Guest<'_>,
    map: u32,
    name: u32,
    name_size: u32,
    value_at: u32,
    size_at: u32,
) -> Result<(), Fault> {
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

fn add_header_map_value(
    guest: &mut Guest<'_>,
    map: u32,
    name: u32,
    name_size: u32,
    value: u32,
    value_size: u32,
) -> Result<(), Fault> {
    guest.ask_of(map <= MAPS, [(name, name_size), (value, value_size)], |sim, [name, value]| {
        sim.add_header_map_value(map, name, value)
    })
}

fn replace_header_map_value(
    guest: &mut Guest<'_>,
    map: u32,
    name: u32,
    name_size: u32,
    value: u32,
    value_size: u32,
) -> Result<(), Fault> {
    guest.ask_of(map <= MAPS, [(name, name_size), (value, value_size)], |sim, [name, value]| {
        sim.replace_header_map_value(map, name, value)
    })
}

fn remove_header_map_value(guest: &mut Guest<'_>, map: u32, name: u32, name_size: u32) -> Result<(), Fault> {
    guest.ask_of(map <= MAPS, [(name, name_size)], |sim, [name]| sim.remove_header_map_value(map, name))
}

fn get_header_map_pairs(guest: &mut Guest<'_>, map: u32, pairs_at: u32, size_at: u32) -> Result<(), Fault> {
    let fields = guest.sim().header_map_pairs(map)?;
    // An empty map is no bytes at all rather than a count of zero.
    let block = if fields.is_empty() { Vec::new() } else { pairs::encode(&fields) };
    guest.give(&block, pairs_at, size_at)
}

fn set_header_map_pairs(guest: &mut Guest<'_>, map: u32, pairs: u32, size: u32) -> Result<(), Fault> {
    guest.ask_of(map <= MAPS, [(pairs, size)], |sim, [block]| sim.set_header_map_pairs(map, block))
}

fn get_header_map_size(guest: &mut Guest<'_>, map: u32, size_at: u32) -> Result<(), Fault> {
    let size = guest.sim().header_map_size(map)?;
    guest.write_u32(size_at, size)
}
