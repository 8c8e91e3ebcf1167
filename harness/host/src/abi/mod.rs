//! What a module can import, one file per chapter of the ABI.

mod buffers;
mod calls;
mod contexts;
mod headers;
mod link;
mod logging;
mod metrics;
mod properties;
mod queues;
mod shared_data;
mod streams;
mod wasi;
mod wasi_constants;

use wasmtime::{Linker, Result};

use crate::state::State;

/// Where the proxy's own functions are imported from.
const MODULE: &str = "env";

/// Links everything that Envoy provides to a module of ABI 0.2.1.
pub(crate) fn link(linker: &mut Linker<State>) -> Result<()> {
    buffers::link(linker)?;
    calls::link(linker)?;
    contexts::link(linker)?;
    headers::link(linker)?;
    logging::link(linker)?;
    metrics::link(linker)?;
    properties::link(linker)?;
    queues::link(linker)?;
    shared_data::link(linker)?;
    streams::link(linker)?;
    for module in wasi::MODULES {
        wasi::link(linker, module)?;
        wasi_constants::link(linker, module)?;
    }
    // Emscripten's C library asks for these two.
    linker.func_wrap(MODULE, "pthread_equal", |left: u32, right: u32| u32::from(left == right))?;
    linker.func_wrap(MODULE, "emscripten_notify_memory_growth", |_: u32| {})?;
    Ok(())
}
