use std::path::PathBuf;

use clap::Args;
use portcullis_host::Description;

use crate::Verdict;
use crate::targets::load_module;

/// Shows what a module imports and exports, and what Envoy will call.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The module.
    module: PathBuf,
}

impl Inspect {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let module = load_module(&self.module)?;
        let Description { abi, imports, callbacks, lifecycle, other_exports, size, memory, memory_maximum } =
            module.describe();
        let most = memory_maximum
            .map_or_else(|| "no limit of its own".to_owned(), |most| format!("at most {} KiB", most / 1024));
        anstream::println!("{}", self.module.display());
        anstream::println!("  size    {} KiB", size.div_ceil(1024));
        anstream::println!("  ABI     proxy-wasm {abi}");
        anstream::println!("  memory  {} KiB at start, {most}", memory / 1024);
        list("Envoy will call", &callbacks);
        list("for start and memory", &lifecycle);
        list("exported, and never looked at", &other_exports);
        let imports: Vec<_> = imports.iter().map(|(module, name)| format!("{module}.{name}")).collect();
        list("imports", &imports);
        Ok(Verdict::Good)
    }
}

fn list(title: &str, names: &[String]) {
    if names.is_empty() {
        return;
    }
    anstream::println!("\n{title} ({})", names.len());
    for name in names {
        anstream::println!("  {name}");
    }
}
