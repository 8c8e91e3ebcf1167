//! What was found, for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;

use portcullis_audit_chain::verify::{ChainSummary, Checkpoints, End, Summary, Uid};
use portcullis_scenario::report::{columns, short};

use super::{Amount, Most, Report, remarks};
use crate::show::{counted, told};
use crate::time::{is_told, rfc3339};
use crate::verify::Found;

/// How much of a name or a reason is shown.
const LONGEST: usize = 60;

/// Tells findings as lines of text, and chains as a table.
pub struct Text<W> {
    out: W,
    amount: Amount,
    /// Whether the meaning of this kind of finding has been told.
    explained: BTreeSet<&'static str>,
    /// Whether there is more to compare with than the hashes themselves.
    is_anchored: bool,
}

impl<W: Write> Text<W> {
    /// To there. `is_anchored` is whether there is more to compare with than the hashes themselves: keys, or checkpoints that were kept.
    pub fn new(out: W, most: Most, is_anchored: bool) -> Self {
        Self { out, amount: Amount::new(most), explained: BTreeSet::new(), is_anchored }
    }
}

impl<W: Write> Report for Text<W> {
    fn allows(&mut self, chain: Option<Uid>) -> bool {
        self.amount.allows(chain)
    }

    fn found(&mut self, Found { file, line, finding, known, .. }: Found<'_>) -> io::Result<()> {
        let mut text = format!("{}:{line}: {finding}", file.display());
        if let Some((file, line)) = known {
            let _ = write!(text, " ({}:{line})", file.display());
        }
        let mut text = told(&text) + "\n";
        if self.explained.insert(finding.problem.code()) {
            let _ = writeln!(text, "    {}", finding.problem.meaning());
        }
        self.out.write_all(text.as_bytes())
    }

    fn end(&mut self, summary: &Summary, files: &[PathBuf]) -> io::Result<()> {
        let mut text = String::new();
        if self.amount.untold > 0 {
            let _ = writeln!(text, "and {} more; --all tells them all", self.amount.untold);
        }
        if summary.found > 0 {
            text.push('\n');
        }
        text.push_str(&chains(summary, self.amount.most.chains));
        for remark in remarks(summary, files, self.is_anchored) {
            let _ = writeln!(text, "{}", told(&remark.to_string()));
        }
        let _ = writeln!(text, "\n{}", verdict(summary));
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

/// A table of the chains, first those with findings if there is no room for all.
fn chains(summary: &Summary, most: usize) -> String {
    let mut chains: Vec<_> = summary.chains.iter().collect();
    if chains.len() > most {
        chains.sort_by_key(|chain| chain.found == 0);
    }
    let rows: Vec<_> = chains.iter().take(most).map(|chain| row(chain)).collect();
    let mut text = columns(["chain", "records", "copies", "lost", "from", "to", "checkpoints", "end"], &rows);
    if let Some(more) = chains.len().checked_sub(most).filter(|more| *more > 0) {
        let _ = writeln!(text, "and {more} more chains; --all tells them all");
    }
    text
}

fn row(chain: &ChainSummary) -> [String; 8] {
    [
        chain.uid.short(),
        chain.records.to_string(),
        chain.duplicates.to_string(),
        chain.declared_missing.saturating_add(chain.lost_before).to_string(),
        time(chain.from),
        time(chain.to),
        checkpoints(&chain.checkpoints),
        end(chain),
    ]
}

fn time(time: Option<i64>) -> String {
    time.filter(|time| is_told(*time)).map_or_else(|| "-".to_owned(), rfc3339)
}

fn checkpoints(it: &Checkpoints) -> String {
    let signers = short(&it.signers.iter().cloned().collect::<Vec<_>>().join(", "), LONGEST);
    let mut text = match (it.total, it.vouched) {
        (0, _) => "none".to_owned(),
        (total, 0) if signers.is_empty() => format!("{total}, unsigned"),
        (total, 0) if total > it.unchecked => format!("{total} by {signers}, not verified"),
        (total, vouched) if vouched == 0 || vouched == total => format!("{total} by {signers}"),
        (total, vouched) => format!("{vouched} of {total} by {signers}"),
    };
    if let Some(to) = it.vouched_to {
        // The checkpoint is of the records before it.
        let _ = write!(text, ", to record {}", to.saturating_sub(1));
    }
    if it.unchecked == it.total && it.total > 0 {
        text.push_str(", not compared");
    } else if it.unchecked > 0 {
        let _ = write!(text, ", {} not compared", it.unchecked);
    }
    if it.kept > 0 {
        let _ = write!(text, ", {} kept elsewhere", it.kept);
    }
    text
}

fn end(chain: &ChainSummary) -> String {
    match &chain.end {
        End::Stopped { reason: Some(reason) } => format!("stop, {}", short(reason, LONGEST)),
        End::Stopped { reason: None } => "stop".to_owned(),
        End::Abandoned { by } => format!("abandoned, says {}", by.short()),
        End::Open => match chain.checkpoints.last {
            Some(_) => format!("open, {} after the last checkpoint", chain.after_checkpoint()),
            None => "open".to_owned(),
        },
    }
}

/// What is known of a chain, in a sentence: `complete: stop, configuration; checkpoints: 2 by audit.example, to record 79`.
pub fn state(chain: &ChainSummary) -> String {
    let end = match &chain.end {
        End::Stopped { .. } => format!("complete: {}", end(chain)),
        End::Abandoned { .. } | End::Open => end(chain),
    };
    let missing = chain.declared_missing.saturating_add(chain.lost_before);
    let lost = (missing > 0).then(|| format!("{} lost, as its writer says", counted(missing, "record")));
    let copies =
        (chain.duplicates > 0).then(|| format!("{} more than once", counted(chain.duplicates, "record")));
    let checkpoints = format!("checkpoints: {}", checkpoints(&chain.checkpoints));
    let parts = [Some(end), lost, copies, Some(checkpoints)].into_iter().flatten();
    told(&parts.collect::<Vec<_>>().join("; "))
}

fn verdict(summary: &Summary) -> String {
    let chains = counted(summary.chains.len() as u64, "chain");
    match summary.found {
        0 => {
            let records = summary.chains.iter().map(|chain| chain.records).sum();
            format!("intact: {} of {chains}", counted(records, "record"))
        }
        found => {
            let (found, lines) = (counted(found, "finding"), counted(summary.lines, "line"));
            format!("not intact: {found} in {lines}, {chains}")
        }
    }
}
