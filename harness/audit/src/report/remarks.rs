//! What has to be known to judge by what was found, and by what was not.

use std::fmt;
use std::path::PathBuf;

use portcullis_audit_chain::verify::{ChainSummary, End, Summary};

use crate::show::counted;

/// For what nothing vouches, or what else has to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What it is.
    pub text: String,
    /// Which option of `portcullis audit verify` is good for it.
    pub option: Option<&'static str>,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.option.map_or(Ok(()), |option| write!(f, "; {option}"))
    }
}

/// What has to be known to judge by a summary. The files are those that were read; `is_anchored` is whether there was more to compare with than the
/// hashes themselves: keys, or checkpoints that were kept.
pub fn remarks(summary: &Summary, files: &[PathBuf], is_anchored: bool) -> Vec<Remark> {
    let sum = |of: fn(&ChainSummary) -> u64| summary.chains.iter().map(of).fold(0, u64::saturating_add);
    let remark = |text: String| Remark { text, option: None };
    let unchecked = sum(|chain| chain.checkpoints.unchecked + chain.checkpoints.kept_unchecked);
    let unvouched = sum(|chain| chain.checkpoints.unvouched);
    let anew = sum(|chain| chain.rendered_anew);
    let is_open = summary.chains.iter().any(|chain| chain.end == End::Open);
    let all = [
        (unchecked > 0).then(|| {
            let checkpoints = counted(unchecked, "checkpoint");
            remark(format!(
                "{checkpoints} could not be compared with the records before: some are missing, so nothing vouches for the others"
            ))
        }),
        (unvouched > 0).then(|| {
            let records = counted(unvouched, "record");
            remark(format!(
                "{records} before a gap and behind the last checkpoint: nothing vouches for what is in such a place"
            ))
        }),
        (anew > 0).then(|| {
            let records = counted(anew, "record");
            remark(format!("{records} written otherwise than by the filter, with the same content"))
        }),
        others(summary, files),
        is_open.then(|| Remark {
            text: "a chain that is open may have had an end that was cut off".to_owned(),
            option: Some("--checkpoints shows that"),
        }),
        if is_anchored { unsigned(summary) } else { Some(without_keys()) },
    ];
    all.into_iter().flatten().collect()
}

fn others(summary: &Summary, files: &[PathBuf]) -> Option<Remark> {
    let place = summary.first_other?;
    let others = counted(summary.others, "line");
    let file = files.get(place.file as usize).map(|file| file.display().to_string()).unwrap_or_default();
    Some(Remark { text: format!("{others} of something else, first {file}:{}", place.line), option: None })
}

/// Chains for which nothing vouches although there is something that could, and that are no finding for that.
fn unsigned(summary: &Summary) -> Option<Remark> {
    let is_unsigned = |chain: &&ChainSummary| {
        chain.checkpoints.vouched == 0 && chain.checkpoints.kept == 0 && chain.found == 0
    };
    let unsigned = summary.chains.iter().filter(is_unsigned).count() as u64;
    (unsigned > 0).then(|| Remark {
        text: format!(
            "{} with no checkpoint that vouches for it: whoever can write these files can have made all its hashes anew",
            counted(unsigned, "chain")
        ),
        option: Some("--require-signed makes that a finding"),
    })
}

fn without_keys() -> Remark {
    Remark {
        text: "no key was given: whoever can write these files can have made all hashes anew".to_owned(),
        option: Some("give --key, --mac-key or --checkpoints"),
    }
}
