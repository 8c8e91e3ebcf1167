//! Problems that consecutive records have in common are told once.

/// A run of consecutive records.
#[derive(Debug, Default)]
pub(crate) struct Run(Option<u64>);

/// What is told once for a run of records.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    pub(crate) mixed: Run,
    pub(crate) after_stop: Run,
    pub(crate) reordered: Run,
    pub(crate) conflict: Run,
    pub(crate) stale: Run,
}

impl Run {
    /// Whether a record does not go on with it.
    pub(crate) fn starts(&mut self, sequence: u64) -> bool {
        let last = self.0.replace(sequence);
        last.is_none_or(|last| last + 1 != sequence)
    }
}
