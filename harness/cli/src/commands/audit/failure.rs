//! How reading, showing, verifying and exporting fail.

use std::io;
use std::path::PathBuf;

use portcullis_audit::show::told;
use portcullis_audit::{Nothing, ScanError, VerifyError};

use crate::Verdict;

pub(super) enum Failure {
    /// What is asked for cannot be done.
    Problem(String),
    /// What was read cannot be written.
    Write(io::Error),
}

/// The end of a command. That nobody wants to read any more is a good one: `portcullis audit show FILE | head`.
pub(super) fn ended(result: Result<Verdict, Failure>) -> Result<Verdict, String> {
    match result {
        Ok(verdict) => Ok(verdict),
        Err(Failure::Problem(problem)) => Err(problem),
        Err(Failure::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Verdict::Good),
        Err(Failure::Write(error)) => Err(format!("cannot write: {error}")),
    }
}

/// Why there is nothing in these files.
pub(super) fn nothing_in(files: &[PathBuf], nothing: &Nothing) -> String {
    let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    told(&format!("{}: {nothing}", files.join(", ")))
}

impl From<String> for Failure {
    fn from(problem: String) -> Self {
        Self::Problem(problem)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<ScanError> for Failure {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Write(error) => Self::Write(error),
            error => Self::Problem(error.to_string()),
        }
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Write(error) => Self::Write(error),
            error => Self::Problem(error.to_string()),
        }
    }
}
