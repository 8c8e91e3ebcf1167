//! Queues between VMs.

use crate::guest::{Guest, Outcome};

pub(crate) fn register_shared_queue<E: Guest>(
    guest: &mut E,
    name: u32,
    size: u32,
    token_at: u32,
) -> Outcome<E> {
    let token = guest.ask([(name, size)], |sim, [name]| sim.register_shared_queue(name))?;
    guest.write_u32(token_at, token)
}

pub(crate) fn resolve_shared_queue<E: Guest>(
    guest: &mut E,
    vm_id: u32,
    vm_id_size: u32,
    name: u32,
    size: u32,
    token_at: u32,
) -> Outcome<E> {
    let names = [(vm_id, vm_id_size), (name, size)];
    let token = guest.ask(names, |sim, [vm_id, name]| sim.resolve_shared_queue(vm_id, name))?;
    guest.write_u32(token_at, token)
}

pub(crate) fn enqueue_shared_queue<E: Guest>(guest: &mut E, token: u32, item: u32, size: u32) -> Outcome<E> {
    guest.ask([(item, size)], |sim, [item]| sim.enqueue_shared_queue(token, item))
}

pub(crate) fn dequeue_shared_queue<E: Guest>(
    guest: &mut E,
    token: u32,
    item_at: u32,
    size_at: u32,
) -> Outcome<E> {
    let item = guest.state().sim.dequeue_shared_queue(token)?;
    guest.give(&item, item_at, size_at)
}
