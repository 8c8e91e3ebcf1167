//! Findings of which it is not known yet whether they are of an audit file at all.

use std::io;
use std::path::PathBuf;

use portcullis_audit::Found;
use portcullis_audit::report::Report;
use portcullis_audit_chain::verify::Finding;

/// How many findings wait, at most, where all are told.
const MOST: usize = 4096;

/// Tells findings, those of lines that belong to no chain with the first that belongs to one: a file that has no other lines is of another kind, and
/// that is all there is to say of it. Of those that are not told nothing is kept but their number.
pub(super) struct Patient<'r> {
    report: &'r mut dyn Report,
    waiting: Vec<(PathBuf, u64, Finding)>,
    is_over: bool,
}

impl<'r> Patient<'r> {
    pub(super) fn new(report: &'r mut dyn Report) -> Self {
        Self { report, waiting: Vec::new(), is_over: false }
    }

    pub(super) fn found(&mut self, found: Found<'_>) -> io::Result<()> {
        if !self.report.allows(found.finding.chain) {
            return Ok(());
        }
        let may_wait = found.finding.chain.is_none() && !self.is_over && self.waiting.len() < MOST;
        if may_wait {
            self.waiting.push((found.file.to_owned(), found.line, found.finding.clone()));
            return Ok(());
        }
        self.release()?;
        self.report.found(found)
    }

    /// Tells what waits, for it is of an audit file.
    pub(super) fn release(&mut self) -> io::Result<()> {
        self.is_over = true;
        for (file, line, finding) in std::mem::take(&mut self.waiting) {
            self.report.found(Found { file: &file, line, finding: &finding, known: None, read: None })?;
        }
        Ok(())
    }
}
