use portcullis_abi::{Death, Overrun, State};
use portcullis_sim::{Callback, Trap};
use wasmtime::{Error, WasmBacktrace};

/// Says what ended a VM: the cause, the guest's functions on the way to it, and the last hostcalls before.
pub(crate) fn report(error: &Error, state: &State, callback: Callback) -> Trap {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::to_string).unwrap_or_default();
    // A module without a name shows as `<unknown>!` before each function.
    let backtrace = backtrace.lines().skip(1).map(|line| line.replace("<unknown>!", "")).collect();
    let is_unreachable = error.downcast_ref() == Some(&wasmtime::Trap::UnreachableCodeReached);
    state.report(Death { cause: cause(error, state, callback), is_unreachable, backtrace })
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
