//! What the verifier finds, and where.

use std::fmt;

use super::problem::Problem;
use super::uid::Uid;

/// Where a line is. The verifier does not look into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which file.
    pub file: u32,
    /// Which line of it.
    pub line: u64,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// In which chain, if that is known.
    pub chain: Option<Uid>,
    /// At which record of it.
    pub sequence: Option<u64>,
    /// What it is.
    pub problem: Problem,
}

/// Who knows of a chain beside its own records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knower {
    /// A checkpoint that was kept elsewhere.
    Checkpoint(Place),
    /// A writer that has noticed that the chain was abandoned.
    Writer(Uid),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.chain, self.sequence) {
            (Some(chain), Some(sequence)) => write!(f, "chain {} record {sequence}: ", chain.short())?,
            (Some(chain), None) => write!(f, "chain {}: ", chain.short())?,
            (None, _) => (),
        }
        write!(f, "{}", self.problem)
    }
}

impl fmt::Display for Knower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint(_) => f.write_str("a checkpoint that was kept elsewhere"),
            Self::Writer(chain) => write!(f, "the writer of chain {}", chain.short()),
        }
    }
}
