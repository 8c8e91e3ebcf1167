use wasmtime::{Caller, Linker, Result};

use crate::abi::MODULE;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// Whose turn it is.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(MODULE, "proxy_set_effective_context", |caller: Caller<'_, State>, context: u32| {
        hostcall("proxy_set_effective_context", caller, |guest| set_effective_context(guest, context))
    })?;
    linker
        .func_wrap(MODULE, "proxy_done", |caller: Caller<'_, State>| hostcall("proxy_done", caller, done))?;
    Ok(())
}

fn set_effective_context(guest: &mut Guest<'_>, context: u32) -> Result<(), Fault> {
    Ok(guest.sim().set_effective_context(context)?)
}

fn done(guest: &mut Guest<'_>) -> Result<(), Fault> {
    Ok(guest.sim().done()?)
}
