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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use portcullis_inspect::imports;
    use wasmtime::{Engine, FuncType, Store};

    use super::*;

    /// A signature as `inspect` writes it.
    fn shown(kind: &FuncType) -> String {
        let list = |types: Vec<String>| if types.is_empty() { "void".to_owned() } else { types.join(" ") };
        let parameters = list(kind.params().map(|value| value.to_string()).collect());
        format!("{parameters} -> {}", list(kind.results().map(|value| value.to_string()).collect()))
    }

    #[test]
    fn what_is_linked_is_what_the_table_of_imports_says() {
        let engine = Engine::default();
        for (abi, count) in AbiVersion::ALL.into_iter().zip([133, 131, 132]) {
            let mut linker = Linker::new(&engine);
            link(&mut linker, abi).unwrap();
            let mut store = Store::new(&engine, State::new(abi));
            let provided: Vec<_> = linker
                .iter(&mut store)
                .map(|(module, name, it)| (module.to_owned(), name.to_owned(), it))
                .collect();
            let linked = provided
                .into_iter()
                .map(|(module, name, it)| (module, name, shown(it.ty(&store).unwrap_func())));
            let table =
                imports::all(abi).map(|it| (it.module.to_owned(), it.name.to_owned(), it.to_string()));
            let (linked, table): (BTreeSet<_>, BTreeSet<_>) = (linked.collect(), table.collect());
            assert_eq!(
                linked.difference(&table).collect::<Vec<_>>(),
                Vec::<&(String, String, String)>::new(),
                "{abi}"
            );
            assert_eq!(
                table.difference(&linked).collect::<Vec<_>>(),
                Vec::<&(String, String, String)>::new(),
                "{abi}"
            );
            assert_eq!(table.len(), count, "{abi}");
        }
    }
}
