use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use portcullis_scenario::report::shown_line;
use portcullis_scenario::traffic::Recorded;
use portcullis_sim::AnswerKind;
use serde_json::{Value, json};

use crate::Verdict;
use crate::traffic::{Format, Outcome, Source, Started, line, send, short, table, tell_refused};

/// Sends recorded traffic through a module, with the recorded answers as those of the upstream.
///
/// Exit codes: 0 all was sent, 1 the configuration was refused, 2 bad input or a trap.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The module.
    module: PathBuf,
    /// The plugin's configuration, in JSON or YAML.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

/// One request, and what came of it.
struct Row {
    number: usize,
    request: String,
    recorded: Option<u16>,
    status: Option<u16>,
    details: String,
}

impl Replay {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let traffic = self.source.read()?;
        let mut target = match self.source.start(&self.module, self.config.as_deref())? {
            Started::Target(target) => target,
            Started::Refused(lines) => {
                tell_refused(&self.module, &lines);
                return Ok(Verdict::Bad);
            }
        };
        let rows = traffic
            .entries
            .iter()
            .map(|entry| Ok(Row::new(entry, &send(target.as_mut(), entry)?, self.source.show_secrets)));
        let rows = rows.collect::<Result<Vec<_>, String>>()?;
        match self.source.format {
            Format::Text => anstream::print!("{}", text(&rows)),
            Format::Json => anstream::println!("{:#}", rows.iter().map(Row::json).collect::<Value>()),
        }
        Ok(Verdict::Good)
    }
}

impl Row {
    fn new(recorded: &Recorded, outcome: &Outcome, show_secrets: bool) -> Self {
        let answer = match &recorded.sending.upstream.kind {
            AnswerKind::Response(response) => Some(response.status),
            _ => None,
        };
        let (status, details) = match outcome {
            Ok(exchange) => (
                exchange.client.as_ref().map(|response| response.status),
                exchange.details.clone().unwrap_or_else(|| "-".to_owned()),
            ),
            Err(why) => (None, format!("not sent: {why}")),
        };
        Self {
            number: recorded.number,
            request: line(recorded, show_secrets),
            recorded: answer,
            status,
            details,
        }
    }

    fn json(&self) -> Value {
        let Self { number, request, recorded, status, details } = self;
        json!({"entry": number, "request": request, "recorded": recorded, "status": status, "details": details})
    }
}

fn text(rows: &[Row]) -> String {
    let status = |status: Option<u16>| status.map_or_else(|| "-".to_owned(), |status| status.to_string());
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let request = short(&row.request, 60);
            [row.number.to_string(), request, status(row.recorded), status(row.status), row.details.clone()]
        })
        .collect();
    let mut reasons = BTreeMap::new();
    rows.iter().for_each(|row| *reasons.entry(row.details.as_str()).or_insert(0) += 1);
    let reasons: Vec<_> =
        reasons.iter().map(|(details, count)| format!("{count} {}", shown_line(details))).collect();
    let otherwise = rows.iter().filter(|row| row.recorded != row.status).count();
    format!(
        "{}\n{} requests: {}; {otherwise} answered otherwise than recorded\n",
        table(["entry", "request", "recorded", "status", "reason"], &cells),
        rows.len(),
        reasons.join(", "),
    )
}
