//! What a module can import, one file per chapter of the ABI.

mod buffers;
mod calls;
mod capabilities;
mod contexts;
mod envoy;
mod headers;
mod link;
mod logging;
mod metrics;
mod properties;
mod queues;
mod shared_data;
mod streams;
mod versions;
mod wasi;
mod wasi_constants;

pub(crate) use capabilities::withhold;
pub(crate) use versions::versions;
use wasmtime::{Linker, Result};

use crate::AbiVersion;
use crate::state::State;

/// Where the proxy's own functions are imported from.
const MODULE: &str = "env";

/// Links everything that Envoy provides to a module of this version of the ABI.
pub(crate) fn link(linker: &mut Linker<State>, abi: AbiVersion) -> Result<()> {
    buffers::link(linker)?;
    calls::link(linker)?;
    contexts::link(linker)?;
    envoy::link(linker)?;
    headers::link(linker)?;
    logging::link(linker)?;
    metrics::link(linker)?;
    properties::link(linker)?;
    queues::link(linker)?;
    shared_data::link(linker)?;
    streams::link(linker)?;
    versions::link(linker, abi)?;
    for module in wasi::MODULES {
        wasi::link(linker, module)?;
        wasi_constants::link(linker, module)?;
    }
    Ok(())
}
