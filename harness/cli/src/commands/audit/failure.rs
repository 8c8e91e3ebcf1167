//! How reading, showing, verifying and exporting fail.

use std::io;

use portcullis_audit::{ScanError, VerifyError};

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
