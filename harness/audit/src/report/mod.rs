//! What a verification has found, in words.

mod amount;
mod remarks;
mod text;

use std::io;
use std::path::PathBuf;

use portcullis_audit_chain::verify::{Summary, Uid};

pub use amount::{Amount, Most};
pub use remarks::{Remark, remarks};
pub use text::{Text, state};

use crate::verify::Found;

/// What findings and chains are told with.
pub trait Report {
    /// Whether one more finding of a chain, or of none, is told. If it is not, it is counted.
    fn allows(&mut self, chain: Option<Uid>) -> bool;

    /// Tells one finding, which was allowed.
    ///
    /// # Errors
    /// It cannot be written.
    fn found(&mut self, found: Found<'_>) -> io::Result<()>;

    /// Tells what there is to say at the end. The files are those that were read, by the numbers in a `Place`.
    ///
    /// # Errors
    /// It cannot be written.
    fn end(&mut self, summary: &Summary, files: &[PathBuf]) -> io::Result<()>;
}
