use portcullis_sim::Trap;
use wasmtime::{Error, WasmBacktrace};

use crate::state::State;

/// Says what ended a VM: the cause, the guest's functions on the way to it, and the last hostcalls before.
pub(crate) fn report(error: &Error, state: &State, budget: u64) -> Trap {
    let mut message = cause(error, budget);
    if let Some(code) = state.exited {
        message.push_str(&format!(
            "\nThe module had called proc_exit({code}), which Envoy logs and otherwise ignores."
        ));
    }
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        message.push_str("\nIn-VM backtrace:");
        for line in backtrace.to_string().lines().skip(1) {
            message.push('\n');
            // A module without a name shows as `<unknown>!` before each function.
            message.push_str(&line.replace("<unknown>!", ""));
        }
    }
    let recent = state.sim.recent_hostcalls();
    if !recent.is_empty() {
        message.push_str("\nLast hostcalls:\n  ");
        message.push_str(&recent.join("\n  "));
    }
    Trap { message }
}

fn cause(error: &Error, budget: u64) -> String {
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::OutOfFuel) => {
            format!(
                "the callback did not end within {budget} steps: an infinite loop, which would block an Envoy worker for good"
            )
        }
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    }
}
