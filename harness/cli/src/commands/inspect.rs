use std::path::PathBuf;

use clap::Args;
use portcullis_inspect::{Description, Lint, inspect};
use portcullis_scenario::report::shown_line;
use portcullis_sim::Costs;

use super::read_config;
use super::request::empty;
use crate::Verdict;
use crate::measured::{Given, costs};
use crate::targets::{load_module, module_bytes};
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
        // Of what Envoy gets, which is without the names that lie beside it.
        let description = inspect(&module_bytes(&self.module)?);
        let description = description.map_err(|error| format!("{}: {error}", self.module.display()))?;
        let configuration = self.config.as_deref().map(read_config).transpose()?.unwrap_or_default();
        anstream::println!("{}", shown_line(&self.module.display().to_string()));
        show(&description);
        let exported: Vec<_> = description.callbacks().cloned().collect();
        anstream::println!("\nwhat a start and an empty request take");
        match self.costs(configuration) {
            Ok(costs) => anstream::print!("{}", takes(&exported, &costs)),
            Err(why) => anstream::println!("  not measured{why}"),
        }
        Ok(Verdict::Good)
    }

    /// What it takes, or why that is not known: Envoy's engine can run more than the one here.
    fn costs(&self, configuration: Vec<u8>) -> Result<Costs, String> {
        let module = load_module(&self.module).map_err(|why| format!(": {why}"))?;
        let costs = costs(module, &Given { configuration, clock: None }, &empty(), 1);
        costs.map_err(|why| format!("{}: {why}", self.without()))
    }

    fn without(&self) -> &'static str {
        if self.config.is_some() { "" } else { ", without --config" }
    }
}

fn show(description: &Description) {
    let Description { abi, size, memory, .. } = description;
    let most = description.memory_maximum;
    let most =
        most.map_or_else(|| "no limit of its own".to_owned(), |most| format!("at most {} KiB", most / 1024));
    anstream::println!("  size    {} KiB", size.div_ceil(1024));
    anstream::println!("  ABI     proxy-wasm {abi}");
    anstream::println!("  memory  {} KiB at start, {most}", memory / 1024);
    let imports: Vec<_> = description.imports.iter().map(|it| format!("{}.{}", it.module, it.name)).collect();
    let sections = description.custom_sections.iter();
    let sections: Vec<_> = sections.map(|it| format!("{} ({} bytes)", it.name, it.size)).collect();
    let lints: Vec<_> =
        description.lints.iter().map(|Lint { name, text }| format!("{name}: {text}")).collect();
    for (title, names) in [
        ("Envoy will call, at the start and for every request", &description.called_always),
        ("Envoy will call where there is a body, trailers or metadata", &description.called_for_content),
        ("Envoy will call for TCP", &description.called_for_tcp),
        (
            "Envoy will call after the module has asked for it, or as a stats sink",
            &description.called_on_occasion,
        ),
        ("Envoy will never call, though it checks the signature", &description.never_called),
        ("for start and memory", &description.lifecycle),
    ] {
        list(title, names, names.len());
    }
    list("exported, and never looked at", &description.other_exports, description.other_exports_in_all);
    list("imports", &imports, imports.len());
    list("sections that do nothing at run time", &sections, description.custom_sections_in_all);
    list("remarks", &lints, lints.len());
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

/// A list of so many, of which there may be less.
fn list(title: &str, names: &[String], in_all: usize) {
    if names.is_empty() {
        return;
    }
    anstream::println!("\n{title} ({in_all})");
    for name in names {
        anstream::println!("  {}", shown_line(name));
    }
    if in_all > names.len() {
        anstream::println!("  and {} more", in_all - names.len());
    }
}
