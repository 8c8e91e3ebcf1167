//! Lines that belong to no chain.

use portcullis_audit::show::told;
use portcullis_audit::{Content, Found, Line, Row, Schema};
use portcullis_audit_chain::verify::Summary;

use super::Refusal;

/// Of how many such lines it is asked what they are.
const ASKED: u64 = 100;

/// Findings in lines that belong to no chain: if there is nothing else in a file, it was not tampered with, but is of something else.
#[derive(Default)]
pub(super) struct Strangers {
    count: u64,
    /// The first of them, in words.
    first: Option<String>,
    /// In which schema those are that are records for all that.
    records: Option<Schema>,
}

impl Strangers {
    /// Looks at what was found.
    pub(super) fn found(&mut self, Found { line, finding, read, .. }: &Found<'_>) {
        if finding.chain.is_some() {
            return;
        }
        self.count += 1;
        self.first.get_or_insert_with(|| format!("line {line}: {}", told(&finding.to_string())));
        if let Some(Line { content: Content::Record(record), .. }) = read
            && self.records.is_none()
            && self.count <= ASKED
        {
            self.records = Row::read(record).ok().map(|row| row.schema());
        }
    }

    /// Why there is nothing to verify in a file, if there is nothing.
    pub(super) fn refusal(&self, name: &str, summary: &Summary) -> Option<Refusal> {
        if !summary.chains.is_empty() || self.count < summary.found {
            return None;
        }
        let why = match self.records {
            None => {
                return Some(Refusal::no_record(name, self.count + summary.others, self.first.as_deref()));
            }
            Some(Schema::Ecs) => {
                "its records are in ECS, as portcullis audit export --ecs makes them; their hashes are of the records in OCSF that they were made of: verify those"
            }
            Some(Schema::Ocsf) => {
                "its records have no hashes; the writer's integrity is off, or they were taken out"
            }
        };
        Some(Refusal::of_file(format!("{name}: nothing can be verified: {why}")))
    }
}
