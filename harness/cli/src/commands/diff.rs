use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use portcullis_scenario::report::shown_line;
use portcullis_scenario::traffic::{Recorded, differences};
use portcullis_scenario::{Mismatch, Target};
use serde_json::json;

use crate::Verdict;
use crate::traffic::{Format, Outcome, Source, Started, line, send, short, table, tell_refused};

/// Sends the same recorded traffic through two modules, or through one with two configurations, and shows what differs: status,
/// details, and what the upstream gets.
///
/// Exit codes: 0 nothing differs, 1 something does or a configuration was refused, 2 bad input.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The module as it is.
    old: PathBuf,
    /// The module as it is to be.
    new: PathBuf,
    /// The configuration of both, in JSON or YAML.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["old_config", "new_config"])]
    config: Option<PathBuf>,
    /// The configuration of the old one.
    #[arg(long, value_name = "FILE")]
    old_config: Option<PathBuf>,
    /// The configuration of the new one.
    #[arg(long, value_name = "FILE")]
    new_config: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

/// A request that went otherwise.
struct Difference {
    number: usize,
    request: String,
    found: Vec<Mismatch>,
}

impl Diff {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let traffic = self.source.read()?;
        let config = self.config.as_deref();
        let Some(mut old) = self.start(&self.old, self.old_config.as_deref().or(config))? else {
            return Ok(Verdict::Bad);
        };
        let Some(mut new) = self.start(&self.new, self.new_config.as_deref().or(config))? else {
            return Ok(Verdict::Bad);
        };
        let mut all = Vec::new();
        for recorded in &traffic.entries {
            let before = send(old.as_mut(), recorded)?;
            let after = send(new.as_mut(), recorded)?;
            all.extend(Difference::new(recorded, &before, &after, self.source.show_secrets));
        }
        match self.source.format {
            Format::Text => anstream::print!("{}", text(&all, traffic.entries.len())),
            Format::Json => anstream::println!("{:#}", summary(&all, traffic.entries.len())),
        }
        Ok(if all.is_empty() { Verdict::Good } else { Verdict::Bad })
    }

    fn start(&self, module: &Path, config: Option<&Path>) -> Result<Option<Box<dyn Target>>, String> {
        match self.source.start(module, config)? {
            Started::Target(mut target) => {
                // A trap is a difference like others: 503 from then on.
                target.tolerate_traps().map_err(|error| format!("{}: {error}", module.display()))?;
                Ok(Some(target))
            }
            Started::Refused(lines) => {
                tell_refused(module, &lines);
                Ok(None)
            }
        }
    }
}

impl Difference {
    fn new(recorded: &Recorded, old: &Outcome, new: &Outcome, show_secrets: bool) -> Option<Self> {
        let found = match (old, new) {
            (Ok(old), Ok(new)) => differences(old, new, show_secrets),
            (Err(old), Err(new)) if old == new => Vec::new(),
            (old, new) => {
                let told = |outcome: &Outcome| match outcome {
                    Ok(_) => "sent".to_owned(),
                    Err(why) => why.clone(),
                };
                vec![Mismatch { what: "sent".to_owned(), expected: told(old), found: told(new) }]
            }
        };
        let (number, request) = (recorded.number, line(recorded, show_secrets));
        (!found.is_empty()).then_some(Self { number, request, found })
    }
}

/// How many requests differ in what.
fn counts(all: &[Difference]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for found in all.iter().flat_map(|difference| &difference.found) {
        *counts.entry(found.what.as_str()).or_default() += 1;
    }
    counts
}

fn text(all: &[Difference], sent: usize) -> String {
    const WIDTH: usize = 50;
    if all.is_empty() {
        return format!("none of {sent} requests differs\n");
    }
    let mut rows = Vec::new();
    for Difference { number, request, found } in all {
        for (index, mismatch) in found.iter().enumerate() {
            let (number, request) = match index {
                0 => (number.to_string(), short(request, WIDTH)),
                _ => (String::new(), String::new()),
            };
            let (old, new) = (short(&mismatch.expected, WIDTH), short(&mismatch.found, WIDTH));
            rows.push([number, request, mismatch.what.clone(), old, new]);
        }
    }
    let counts: Vec<_> =
        counts(all).iter().map(|(what, count)| format!("{count} {}", shown_line(what))).collect();
    format!(
        "{}\n{} of {sent} requests differ: {}\n",
        table(["entry", "request", "what", "old", "new"], &rows),
        all.len(),
        counts.join(", ")
    )
}

fn summary(all: &[Difference], sent: usize) -> serde_json::Value {
    let differences: Vec<_> = all
        .iter()
        .map(|difference| {
            let found = difference
                .found
                .iter()
                .map(|it| json!({"what": it.what, "old": it.expected, "new": it.found}));
            json!({
                "entry": difference.number,
                "request": difference.request,
                "found": found.collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({"requests": sent, "differ": all.len(), "counts": counts(all), "differences": differences})
}
