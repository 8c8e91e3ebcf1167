use portcullis_sim::{Callback, Trap};
use wasmtime::{Error, WasmBacktrace};

use crate::budget::Overrun;
use crate::state::State;

/// Says what ended a VM: the cause, the guest's functions on the way to it, and the last hostcalls before.
pub(crate) fn report(error: &Error, state: &State, callback: Callback) -> Trap {
    let mut message = cause(error, state, callback);
    if let Some(code) = state.exited {
        message.push_str(&format!(
            "\nThe module had called proc_exit({code}), which Envoy logs and otherwise ignores."
        ));
    }
    if let Some((name, refusal)) = state.refused.as_ref().filter(|_| is_unreachable(error)) {
        message.push_str(&format!(
            "\nPossible cause: in this callback {name} ended with {refusal}. An SDK panics on a status that it does not expect."
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

fn cause(error: &Error, state: &State, callback: Callback) -> String {
    if let Some(overrun) = error.downcast_ref::<Overrun>() {
        return format!("{}: {overrun}", callback.export().name);
    }
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::OutOfFuel) => format!(
            "{} did not end within {} steps: an infinite loop, which would block an Envoy worker for good",
            callback.export().name,
            state.meter.budget.fuel,
        ),
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    }
}

/// What a panic ends in.
fn is_unreachable(error: &Error) -> bool {
    error.downcast_ref() == Some(&wasmtime::Trap::UnreachableCodeReached)
}
