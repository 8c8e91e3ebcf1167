use portcullis_abi::{Death, Overrun, State};
use portcullis_inspect::short;
use wasmtime::{Error, WasmBacktrace};

/// What ended a VM, and the guest's functions on the way to it.
pub(crate) fn death(error: &Error, state: &State) -> Death {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(lines).unwrap_or_default();
    let is_unreachable = error.downcast_ref() == Some(&wasmtime::Trap::UnreachableCodeReached);
    Death { cause: cause(error, state), is_unreachable, backtrace }
}

/// The module's functions, each in a line, whatever its name is.
fn lines(backtrace: &WasmBacktrace) -> Vec<String> {
    let names = backtrace.frames().iter().flat_map(|frame| [frame.func_name(), frame.module().name()]);
    let text = names.flatten().fold(backtrace.to_string(), |text, name| match short(name) {
        shown if shown == name => text,
        shown => text.replace(name, &shown),
    });
    // A module without a name shows as `<unknown>!` before each function.
    text.lines().skip(1).map(|line| line.replace("<unknown>!", "")).collect()
}

fn cause(error: &Error, state: &State) -> String {
    if let Some(overrun) = error.downcast_ref::<Overrun>() {
        return format!("{}: {overrun}", state.running);
    }
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::OutOfFuel) => format!(
            "{} did not end within {} steps: an infinite loop, which would block an Envoy worker for good",
            state.running, state.meter.budget.fuel,
        ),
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    }
}
