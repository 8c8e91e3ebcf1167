use wasmtime::{Caller, Linker, Result};

use crate::abi::MODULE;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// Queues between VMs.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        MODULE,
        "proxy_register_shared_queue",
        |caller: Caller<'_, State>, name: u32, size: u32, token_at: u32| {
            hostcall("proxy_register_shared_queue", caller, |guest| {
                register_shared_queue(guest, name, size, token_at)
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "proxy_resolve_shared_queue",
        |caller: Caller<'_, State>, vm_id: u32, vm_id_size: u32, name: u32, size: u32, token_at: u32| {
            hostcall("proxy_resolve_shared_queue", caller, |guest| {
                resolve_shared_queue(guest, vm_id, vm_id_size, name, size, token_at)
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "proxy_enqueue_shared_queue",
        |caller: Caller<'_, State>, token: u32, item: u32, size: u32| {
            hostcall("proxy_enqueue_shared_queue", caller, |guest| {
                enqueue_shared_queue(guest, token, item, size)
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "proxy_dequeue_shared_queue",
        |caller: Caller<'_, State>, token: u32, item_at: u32, size_at: u32| {
            hostcall("proxy_dequeue_shared_queue", caller, |guest| {
                dequeue_shared_queue(guest, token, item_at, size_at)
            })
        },
    )?;
    Ok(())
}

fn register_shared_queue(guest: &mut Guest<'_>, name: u32, size: u32, token_at: u32) -> Result<(), Fault> {
    let name = guest.bytes(name, size)?;
    let token = guest.sim().register_shared_queue(&name)?;
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
    let (vm_id, name) = (guest.bytes(vm_id, vm_id_size)?, guest.bytes(name, size)?);
    let token = guest.sim().resolve_shared_queue(&vm_id, &name)?;
    guest.write_u32(token_at, token)
}

fn enqueue_shared_queue(guest: &mut Guest<'_>, token: u32, item: u32, size: u32) -> Result<(), Fault> {
    let item = guest.bytes(item, size)?;
    Ok(guest.sim().enqueue_shared_queue(token, &item)?)
}

fn dequeue_shared_queue(guest: &mut Guest<'_>, token: u32, item_at: u32, size_at: u32) -> Result<(), Fault> {
    let item = guest.sim().dequeue_shared_queue(token)?;
    guest.give(&item, item_at, size_at)
}
