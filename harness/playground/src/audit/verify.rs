//! What was done to records after they were written.

use std::io::Read;

use portcullis_audit::report::{Most, Report, Text, state};
use portcullis_audit::{Found, Verification};
use portcullis_audit_chain::verify::{ChainSummary, End, Summary, Trust};
use portcullis_audit_chain::{MacKey, VerifierKey};
use serde::{Deserialize, Serialize};

use super::findings::{FindingRead, Findings};
use super::strangers::Strangers;
use super::{Dropped, Refusal, said};

/// Chains of which each is told.
const MOST_CHAINS: usize = 1000;

/// Keys by which checkpoints are verified.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Keys {
    #[serde(default)]
    verifier_keys: Vec<String>,
    #[serde(default)]
    mac_keys: Vec<String>,
    /// Whether each chain has to have a checkpoint that one of them vouches for.
    #[serde(default)]
    is_required: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    is_intact: bool,
    records: u64,
    others: u64,
    chains: Vec<ChainRead>,
    chains_in_all: usize,
    open_chains: usize,
    unsigned_chains: usize,
    findings: Vec<FindingRead>,
    findings_in_all: u64,
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChainRead {
    uid: String,
    records: u64,
    state: String,
    is_intact: bool,
    is_open: bool,
    checkpoints: u64,
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
    let (mut text, mut findings, mut strangers) = (Vec::new(), Findings::new(), Strangers::default());
    let mut report = Text::new(&mut text, Most::FEW, is_anchored);
    let mut tell = |found: Found<'_>, findings: &mut Findings| {
        findings.add(&found);
        strangers.found(&found);
        report.found(found)
    };
    let mut verification = Verification::new(trust);
    verification.read(file.lines()?, &mut |found| tell(found, &mut findings)).map_err(failed)?;
    findings.end();
    let (summary, files) = verification.finish(&mut |found| tell(found, &mut findings)).map_err(failed)?;
    if let Some(refusal) = strangers.refusal(&name, &summary) {
        return Err(refusal);
    }
    report.end(&summary, &files).map_err(failed)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    serde_json::to_string(&verified(&summary, findings.into_inner(), text)).map_err(failed)
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

fn verified(summary: &Summary, findings: Vec<FindingRead>, text: String) -> Verified {
    let mut chains: Vec<_> = summary.chains.iter().collect();
    let count = |is_meant: fn(&ChainSummary) -> bool| chains.iter().filter(|chain| is_meant(chain)).count();
    let (open_chains, unsigned_chains) = (count(is_open), count(|chain| chain.checkpoints.vouched == 0));
    if chains.len() > MOST_CHAINS {
        chains.sort_by_key(|chain| chain.found == 0);
    }
    Verified {
        is_intact: summary.found == 0,
        records: summary.chains.iter().map(|chain| chain.records).fold(0, u64::saturating_add),
        others: summary.others,
        chains: chains.into_iter().take(MOST_CHAINS).map(ChainRead::of).collect(),
        chains_in_all: summary.chains.len(),
        open_chains,
        unsigned_chains,
        findings,
        findings_in_all: summary.found,
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
