use std::path::PathBuf;

use clap::Args;
use portcullis_host::Description;
use portcullis_scenario::report::shown_line;
use portcullis_sim::Costs;

use super::read_config;
use super::request::empty;
use crate::Verdict;
use crate::measured::{Given, costs};
use crate::targets::{load_module, module_size};
use crate::traffic::table;

/// Shows what a module imports and exports, and what Envoy will call.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The module.
    module: PathBuf,
    /// The plugin's configuration, in JSON or YAML, with which the costs of a request are measured. Left out: an empty one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Inspect {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let module = load_module(&self.module)?;
        let configuration = self.config.as_deref().map(read_config).transpose()?.unwrap_or_default();
        let given = Given { configuration, clock: None };
        let Description { abi, imports, callbacks, lifecycle, other_exports, memory, memory_maximum, .. } =
            module.describe();
        let most = memory_maximum
            .map_or_else(|| "no limit of its own".to_owned(), |most| format!("at most {} KiB", most / 1024));
        anstream::println!("{}", shown_line(&self.module.display().to_string()));
        anstream::println!("  size    {} KiB", module_size(&self.module)?.div_ceil(1024));
        anstream::println!("  ABI     proxy-wasm {abi}");
        anstream::println!("  memory  {} KiB at start, {most}", memory / 1024);
        let exported = callbacks.clone();
        let (always, on_occasion): (Vec<_>, Vec<_>) =
            callbacks.into_iter().partition(|name| is_always_called(name));
        list("Envoy will call", &always);
        list("Envoy calls for TCP, and after the module has asked for it", &on_occasion);
        list("for start and memory", &lifecycle);
        list("exported, and never looked at", &other_exports);
        let imports: Vec<_> = imports.iter().map(|(module, name)| format!("{module}.{name}")).collect();
        list("imports", &imports);
        anstream::println!("\nwhat a start and an empty request take");
        match costs(module, &given, &empty(), 1) {
            Ok(costs) => anstream::print!("{}", takes(&exported, &costs)),
            Err(why) => anstream::println!("  not measured{}: {why}", self.without()),
        }
        Ok(Verdict::Good)
    }

    fn without(&self) -> &'static str {
        if self.config.is_some() { "" } else { ", without --config" }
    }
}

/// The most that one call of each callback takes.
fn takes(exported: &[String], costs: &Costs) -> String {
    let rows = exported.iter().map(|name| match costs.get(name.as_str()) {
        Some(tally) => {
            let figures =
                [tally.calls, tally.most.fuel, tally.most.hostcalls].map(|figure| figure.to_string());
            let [calls, fuel, hostcalls] = figures;
            [name.clone(), calls, fuel, hostcalls]
        }
        None => [name.clone(), "-".into(), "-".into(), "-".into()],
    });
    table(["callback", "calls", "fuel", "hostcalls"], &rows.collect::<Vec<_>>())
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
