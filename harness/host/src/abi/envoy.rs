use portcullis_sim::{Refusal, Status};
use wasmtime::{Caller, Linker, Result, format_err};

use crate::abi::MODULE;
use crate::abi::link::hostcalls;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// What is neither in the ABI nor in WASI: Envoy's own, and what Emscripten's C library asks for.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    hostcalls! {
        linker, MODULE, hostcall;
        envoy_resolve_dns(name: u32, size: u32, _token_at: u32) => resolve_dns(name, size)
    }
    linker.func_wrap(
        MODULE,
        "pthread_equal",
        |caller: Caller<'_, State>, left: u32, right: u32| match caller.data().phase.forbids("pthread_equal")
        {
            Some(why) => Err(format_err!("pthread_equal was called: {why}")),
            None => Ok(u32::from(left == right)),
        },
    )?;
    linker.func_wrap(MODULE, "emscripten_notify_memory_growth", |_: u32| {})?;
    Ok(())
}

fn resolve_dns(guest: &mut Guest<'_>, name: u32, size: u32) -> Result<(), Fault> {
    guest.ask([(name, size)], |sim, [name]| {
        let why = "names are not resolved in the simulated proxy, which has clusters instead";
        let refusal: Result<(), _> = Err(Refusal::new(Status::Unimplemented, why));
        sim.note("envoy_resolve_dns", &[&name], refusal)
    })
}
