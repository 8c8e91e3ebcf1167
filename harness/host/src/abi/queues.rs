use wasmtime::{Linker, Result};

use crate::abi::MODULE;
use crate::abi::link::hostcalls;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// Queues between VMs.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    hostcalls! {
        linker, MODULE, hostcall;
        proxy_register_shared_queue => register_shared_queue(name: u32, size: u32, token_at: u32),
        proxy_resolve_shared_queue =>
            resolve_shared_queue(vm_id: u32, vm_id_size: u32, name: u32, size: u32, token_at: u32),
        proxy_enqueue_shared_queue => enqueue_shared_queue(token: u32, item: u32, size: u32),
        proxy_dequeue_shared_queue => dequeue_shared_queue(token: u32, item_at: u32, size_at: u32),
    }
    Ok(())
}

fn register_shared_queue(guest: &mut Guest<'_>, name: u32, size: u32, token_at: u32) -> Result<(), Fault> {
    let token = guest.ask([(name, size)], |sim, [name]| sim.register_shared_queue(name))?;
    guest.write_u32(token_at, token)
}

fn resolve_shared_queue(
    guest: &mut Guest<'_>,
    vm_id: u32,
    vm_id_size: u32,
    name: u32,
    size: u32,
    token_at: u32,
) -> Result<(), Fault> {
    let names = [(vm_id, vm_id_size), (name, size)];
    let token = guest.ask(names, |sim, [vm_id, name]| sim.resolve_shared_queue(vm_id, name))?;
    guest.write_u32(token_at, token)
}

fn enqueue_shared_queue(guest: &mut Guest<'_>, token: u32, item: u32, size: u32) -> Result<(), Fault> {
    guest.ask([(item, size)], |sim, [item]| sim.enqueue_shared_queue(token, item))
}

fn dequeue_shared_queue(guest: &mut Guest<'_>, token: u32, item_at: u32, size_at: u32) -> Result<(), Fault> {
    let item = guest.sim().dequeue_shared_queue(token)?;
    guest.give(&item, item_at, size_at)
}
