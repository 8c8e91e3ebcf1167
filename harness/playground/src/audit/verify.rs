//! What was done to records after they were written.

use std::io::Read;

use portcullis_audit::report::{Most, Remark, Report, Text, remarks, state};
use portcullis_audit::show::told;
use portcullis_audit::{Found, Verification, VerifyError};
use portcullis_audit_chain::verify::{ChainSummary, End, Summary, Trust};
use portcullis_audit_chain::{MacKey, VerifierKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::findings::{FindingRead, Findings, Marks};
use super::{Dropped, Refusal, said};

/// Chains of which each is told.
const MOST_CHAINS: usize = 1000;

/// Keys by which checkpoints are verified; empty for none.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Keys {
    /// As `portcullis audit verify --key` takes it.
    #[serde(default)]
    verifier_keys: Vec<String>,
    /// What is in the file that `--mac-key` takes.
    #[serde(default)]
    mac_keys: Vec<String>,
    /// Whether each chain has to have a checkpoint that one of the keys vouches for, as `--require-signed` says.
    #[serde(default)]
    is_required: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verified {
    /// Whether nothing was found.
    is_intact: bool,
    records: u64,
    /// Lines that are no records.
    others: u64,
    /// The first thousand, those with findings before all others.
    chains: Vec<ChainRead>,
    chains_in_all: usize,
    /// For what nothing vouches, and what else has to be known to judge: as `portcullis audit verify` says it, without its options.
    remarks: Vec<String>,
    /// The first thousand; for those that only the end of the file shows there is room among them.
    findings: Vec<FindingRead>,
    findings_in_all: u64,
    /// Where the others are: the first hundred thousand of them.
    marks: Vec<Marks>,
    /// What `portcullis audit verify` prints.
    text: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ChainRead {
    uid: String,
    records: u64,
    /// `complete`, `open`, with what is known of it in a sentence.
    state: String,
    is_intact: bool,
    /// Whether nothing in the file shows that it ends where it ends.
    is_open: bool,
    checkpoints: u64,
    /// Those that one of the keys vouches for.
    signed_checkpoints: u64,
}

/// Verifies a file by the keys of a `Trust`: a `Verified`.
///
/// # Errors
/// A key is none, the file cannot be read, or there is no record in it.
pub fn verify<R, P>(file: Dropped<R, P>, trust: &str) -> Result<String, Refusal>
where
    R: Read + 'static,
    P: FnMut(u64) + 'static,
{
    let trust = said::<Keys>("trust", trust)?.trust()?;
    let name = file.name.clone();
    let is_anchored = !trust.notes.is_empty() || !trust.macs.is_empty();
    let (mut text, mut findings) = (Vec::new(), Findings::new());
    let mut report = Text::new(&mut text, Most::FEW, is_anchored);
    let mut tell = |found: Found<'_>, findings: &mut Findings| {
        findings.add(&found);
        if report.allows(found.finding.chain) { report.found(found) } else { Ok(()) }
    };
    let mut verification = Verification::new(trust);
    verification.read(file.lines()?, &mut |found| tell(found, &mut findings)).map_err(failed)?;
    findings.end();
    let (summary, files) =
        verification.finish(&mut |found| tell(found, &mut findings)).map_err(|error| match error {
            VerifyError::Nothing(nothing) => Refusal::nothing(&name, &nothing),
            error => failed(error),
        })?;
    report.end(&summary, &files).map_err(failed)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let remarks = remarks(&summary, &files, is_anchored).into_iter().map(|Remark { text, .. }| told(&text));
    serde_json::to_string(&verified(&summary, findings, remarks.collect(), text)).map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn failed(error: impl ToString) -> Refusal {
    Refusal::of_file(error.to_string())
}

impl Keys {
    fn trust(&self) -> Result<Trust, Refusal> {
        // A key that is wrong is not repeated: somebody may have taken the secret one.
        fn each<K, E: ToString>(
            member: &'static str,
            keys: &[String],
            read: fn(&str) -> Result<K, E>,
        ) -> Result<Vec<K>, Refusal> {
            let keys = keys.iter().map(|key| key.trim()).enumerate().filter(|(_, key)| !key.is_empty());
            let problem =
                |index: usize, error: E| format!("key {} cannot be read: {}", index + 1, error.to_string());
            keys.map(|(index, key)| {
                read(key).map_err(|error| Refusal { member, problem: problem(index, error) })
            })
            .collect()
        }
        let notes = each("verifierKeys", &self.verifier_keys, VerifierKey::parse)?;
        let macs = each("macKeys", &self.mac_keys, MacKey::parse)?;
        if self.is_required && notes.is_empty() && macs.is_empty() {
            let problem = "give the key as well".to_owned();
            return Err(Refusal { member: "isRequired", problem });
        }
        Ok(Trust { notes, macs, is_required: self.is_required })
    }
}

fn verified(summary: &Summary, findings: Findings, remarks: Vec<String>, text: String) -> Verified {
    let mut chains: Vec<_> = summary.chains.iter().collect();
    let (findings, marks) = findings.into_inner();
    if chains.len() > MOST_CHAINS {
        chains.sort_by_key(|chain| chain.found == 0);
    }
    Verified {
        is_intact: summary.found == 0,
        records: summary.chains.iter().map(|chain| chain.records).fold(0, u64::saturating_add),
        others: summary.others,
        chains: chains.into_iter().take(MOST_CHAINS).map(ChainRead::of).collect(),
        chains_in_all: summary.chains.len(),
        remarks,
        findings,
        findings_in_all: summary.found,
        marks,
        text,
    }
}

impl ChainRead {
    fn of(chain: &ChainSummary) -> Self {
        Self {
            uid: chain.uid.to_string(),
            records: chain.records,
            state: state(chain),
            is_intact: chain.found == 0,
            is_open: is_open(chain),
            checkpoints: chain.checkpoints.total,
            signed_checkpoints: chain.checkpoints.vouched,
        }
    }
}

/// Whether nothing in the file shows that the chain ends where it ends.
fn is_open(chain: &ChainSummary) -> bool {
    chain.end == End::Open
}
