//! What was done to records after they were written.

use std::io::Read;

use portcullis_audit::report::{Most, Report, Text, state};
use portcullis_audit::show::told;
use portcullis_audit::{Found, Verification};
use portcullis_audit_chain::verify::{ChainSummary, Summary, Trust};
use portcullis_audit_chain::{MacKey, VerifierKey};
use serde::{Deserialize, Serialize};

use super::{Dropped, no_record, said};

/// Findings of which each is told.
const MOST_FINDINGS: usize = 1000;
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
    checkpoints: u64,
    signed_checkpoints: u64,
}

#[derive(Serialize)]
struct FindingRead {
    line: u64,
    code: &'static str,
    text: String,
    meaning: &'static str,
}

/// Verifies a file by the keys of a `Trust`: a `Verified`.
///
/// # Errors
/// A key is none, the file cannot be read, or there is no record in it.
pub fn verify<R, P>(file: Dropped<R, P>, trust: &str) -> Result<String, String>
where
    R: Read + 'static,
    P: FnMut(u64) + 'static,
{
    let trust = said::<Keys>("trust", trust)?.trust()?;
    let name = file.name.clone();
    let is_anchored = !trust.notes.is_empty() || !trust.macs.is_empty();
    let (mut text, mut findings) = (Vec::new(), Vec::new());
    let mut report = Text::new(&mut text, Most::FEW, is_anchored);
    let mut tell = |found: Found<'_>| {
        if findings.len() < MOST_FINDINGS {
            findings.push(FindingRead::of(&found));
        }
        report.found(found)
    };
    let mut verification = Verification::new(trust);
    verification.read(file.lines()?, &mut tell).map_err(|error| error.to_string())?;
    let (summary, files) = verification.finish(&mut tell).map_err(|error| error.to_string())?;
    if summary.found == 0 && summary.chains.is_empty() {
        return Err(no_record(&name, summary.others));
    }
    report.end(&summary, &files).map_err(|error| error.to_string())?;
    let verified = verified(&summary, findings, String::from_utf8_lossy(&text).into_owned());
    serde_json::to_string(&verified).map_err(|error| error.to_string())
}

impl Keys {
    fn trust(&self) -> Result<Trust, String> {
        // A key that is wrong is not repeated: somebody may have taken the secret one.
        fn each<K, E: ToString>(
            member: &str,
            keys: &[String],
            read: fn(&str) -> Result<K, E>,
        ) -> Result<Vec<K>, String> {
            let keys = keys.iter().map(|key| key.trim()).enumerate().filter(|(_, key)| !key.is_empty());
            keys.map(|(index, key)| {
                read(key).map_err(|error| format!("{member}[{index}]: {}", error.to_string()))
            })
            .collect()
        }
        let notes = each("verifierKeys", &self.verifier_keys, VerifierKey::parse)?;
        let macs = each("macKeys", &self.mac_keys, MacKey::parse)?;
        if self.is_required && notes.is_empty() && macs.is_empty() {
            return Err("isRequired: give the key as well".to_owned());
        }
        Ok(Trust { notes, macs, is_required: self.is_required })
    }
}

impl FindingRead {
    fn of(Found { line, finding, .. }: &Found<'_>) -> Self {
        let problem = &finding.problem;
        Self {
            line: *line,
            code: problem.code(),
            text: told(&finding.to_string()),
            meaning: problem.meaning(),
        }
    }
}

fn verified(summary: &Summary, findings: Vec<FindingRead>, text: String) -> Verified {
    let mut chains: Vec<_> = summary.chains.iter().collect();
    if chains.len() > MOST_CHAINS {
        chains.sort_by_key(|chain| chain.found == 0);
    }
    Verified {
        is_intact: summary.found == 0,
        records: summary.chains.iter().map(|chain| chain.records).fold(0, u64::saturating_add),
        others: summary.others,
        chains: chains.into_iter().take(MOST_CHAINS).map(ChainRead::of).collect(),
        chains_in_all: summary.chains.len(),
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
            checkpoints: chain.checkpoints.total,
            signed_checkpoints: chain.checkpoints.vouched,
        }
    }
}
