use wasmtime::{Linker, Result};

use crate::abi::MODULE;
use crate::abi::link::hostcalls;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// Whose turn it is.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    hostcalls! {
        linker, MODULE, hostcall;
        proxy_set_effective_context => set_effective_context(context: u32),
        proxy_done => done(),
    }
    Ok(())
}

fn set_effective_context(guest: &mut Guest<'_>, context: u32) -> Result<(), Fault> {
    Ok(guest.sim().set_effective_context(context)?)
}

fn done(guest: &mut Guest<'_>) -> Result<(), Fault> {
    Ok(guest.sim().done()?)
}
