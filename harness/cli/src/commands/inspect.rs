use std::path::PathBuf;

use clap::Args;
use portcullis_host::Description;
use portcullis_scenario::report::shown_line;

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
        anstream::println!("{}", shown_line(&self.module.display().to_string()));
        anstream::println!("  size    {} KiB", size.div_ceil(1024));
        anstream::println!("  ABI     proxy-wasm {abi}");
        anstream::println!("  memory  {} KiB at start, {most}", memory / 1024);
        let (always, on_occasion): (Vec<_>, Vec<_>) =
            callbacks.into_iter().partition(|name| is_always_called(name));
        list("Envoy will call", &always);
        list("Envoy calls for TCP, and after the module has asked for it", &on_occasion);
        list("for start and memory", &lifecycle);
        list("exported, and never looked at", &other_exports);
        let imports: Vec<_> = imports.iter().map(|(module, name)| format!("{module}.{name}")).collect();
        list("imports", &imports);
        Ok(Verdict::Good)
    }
}

/// Whether Envoy calls this in the life of every HTTP plugin and request that gets there.
fn is_always_called(callback: &str) -> bool {
    let part = callback.trim_start_matches("proxy_on_");
    ["request_", "response_"].iter().any(|side| part.starts_with(side))
        || ["context_create", "vm_start", "configure", "done", "log", "delete"].contains(&part)
}

fn list(title: &str, names: &[String]) {
    if names.is_empty() {
        return;
    }
    anstream::println!("\n{title} ({})", names.len());
    for name in names {
        anstream::println!("  {}", shown_line(name));
    }
}
