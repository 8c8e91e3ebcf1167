//! What was found, for programs: one object, which is written when it is whole.

use std::io::{self, Seek, Write};
use std::path::PathBuf;

use portcullis_audit::Found;
use portcullis_audit::report::{Amount, Most, Report};
use portcullis_audit_chain::verify::{ChainSummary, End, Summary, Uid};
use serde_json::{Value, json};
use tempfile::SpooledTempFile;

/// How much of it is kept in memory; of what is more, a file has it.
const IN_MEMORY: usize = 1 << 20;

pub(super) struct Json<W> {
    out: W,
    amount: Amount,
    /// What there is of it so far.
    text: SpooledTempFile,
    is_begun: bool,
}

impl<W: Write> Json<W> {
    pub(super) fn new(out: W, most: Most) -> Self {
        let text = tempfile::spooled_tempfile(IN_MEMORY);
        Self { out, amount: Amount::new(most), text, is_begun: false }
    }

    /// What comes before the next finding, or before the end of them.
    fn begin(&mut self, otherwise: &str) -> io::Result<()> {
        let before = if self.is_begun { otherwise } else { "{\"findings\":[\n" };
        self.is_begun = true;
        self.text.write_all(before.as_bytes())
    }
}

impl<W: Write> Report for Json<W> {
    fn allows(&mut self, chain: Option<Uid>) -> bool {
        self.amount.allows(chain)
    }

    fn found(&mut self, Found { file, line, finding, known, .. }: Found<'_>) -> io::Result<()> {
        self.begin(",\n")?;
        let mut told = json!({
            "code": finding.problem.code(),
            "file": file.display().to_string(),
            "line": line,
            "chain": finding.chain.map(|chain| chain.to_string()),
            "sequence": finding.sequence,
            "message": finding.problem.to_string(),
            "meaning": finding.problem.meaning(),
        });
        if let Some((file, line)) = known {
            told["checkpoint"] = json!({"file": file.display().to_string(), "line": line});
        }
        self.text.write_all(told.to_string().as_bytes())
    }

    fn end(&mut self, summary: &Summary, files: &[PathBuf]) -> io::Result<()> {
        self.begin("\n")?;
        let most = self.amount.most.chains;
        let chains = summary.chains.iter().take(most).map(chain).collect::<Vec<_>>();
        let first_other = summary.first_other.map(|place| {
            let file = files.get(place.file as usize).map(|file| file.display().to_string());
            json!({"file": file, "line": place.line})
        });
        let rest = json!({
            "chains": chains,
            "first_other": first_other,
            "found": summary.found,
            "intact": summary.found == 0,
            "lines": summary.lines,
            "others": summary.others,
            "untold_chains": summary.chains.len().saturating_sub(most),
            "untold_findings": self.amount.untold,
        });
        // Its members go on behind those that have been written.
        let rest = rest.to_string();
        writeln!(self.text, "],\n{}", rest.trim_start_matches('{'))?;
        self.text.rewind()?;
        io::copy(&mut self.text, &mut self.out)?;
        self.out.flush()
    }
}

fn chain(chain: &ChainSummary) -> Value {
    let it = &chain.checkpoints;
    let end = match &chain.end {
        End::Stopped { reason } => json!({"kind": "stop", "reason": reason}),
        End::Abandoned { by } => json!({"kind": "abandoned", "by": by.to_string()}),
        End::Open => json!({"kind": "open", "after_checkpoint": chain.after_checkpoint()}),
    };
    json!({
        "chain": chain.uid.to_string(),
        "checkpoints": {
            "kept": it.kept,
            "kept_unchecked": it.kept_unchecked,
            "signers": it.signers,
            "total": it.total,
            "unchecked": it.unchecked,
            "unvouched": it.unvouched,
            "vouched": it.vouched,
            "vouched_to": it.vouched_to,
        },
        "copies": chain.duplicates,
        "declared_missing": chain.declared_missing,
        "end": end,
        "found": chain.found,
        "from": chain.from,
        "last": chain.last,
        "lost_before": chain.lost_before,
        "previous_chain": chain.previous_chain.map(|chain| chain.to_string()),
        "records": chain.records,
        "rendered_anew": chain.rendered_anew,
        "to": chain.to,
    })
}
