use std::fmt;

use crate::Path;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It does what is written there, which may not be what is meant.
    Warning,
    /// It does not work, or it lets pass what it should not.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Something that is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What it is called: `fail-open`. Who knows better can leave it out by that.
    pub code: &'static str,
    /// Where.
    pub place: Path,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl Finding {
    pub(crate) fn error(code: &'static str, place: &Path, problem: impl Into<String>) -> Self {
        Self { level: Level::Error, code, place: place.clone(), problem: problem.into() }
    }

    pub(crate) fn warning(code: &'static str, place: &Path, problem: impl Into<String>) -> Self {
        Self { level: Level::Warning, code, place: place.clone(), problem: problem.into() }
    }
}
