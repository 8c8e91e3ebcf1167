//! In what company the lines of a file are, by which a damaged record is told from a line of somebody else.

use super::finding::Place;

/// How many lines of a file are kept in mind that may have been records.
const UNDECIDED: usize = 1024;

/// The lines of one file so far.
#[derive(Debug, Default)]
pub(super) struct Company {
    file: Option<u32>,
    /// Whether others write to it too. Clients can put anything into their lines.
    is_mixed: bool,
    undecided: Vec<Suspect>,
}

/// A line that may have been a record.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    pub(super) place: Place,
    pub(super) line: Vec<u8>,
}

impl Company {
    /// A line of this file comes. What was undecided of the one before comes back: nobody else has written to that, so these were records.
    pub(super) fn enter(&mut self, file: u32) -> Vec<Suspect> {
        if self.file.replace(file) == Some(file) {
            return Vec::new();
        }
        self.is_mixed = false;
        self.left()
    }

    /// A line of somebody else comes. What was undecided comes back, which is of somebody else as well.
    pub(super) fn mix(&mut self) -> Vec<Suspect> {
        self.is_mixed = true;
        self.left()
    }

    /// A line comes that may have been a record. Whether it was one is told later, unless it is known that nobody can tell.
    pub(super) fn suspect(&mut self, place: Place, line: &[u8]) -> bool {
        let is_possible = !self.is_mixed && self.undecided.len() < UNDECIDED;
        if is_possible {
            self.undecided.push(Suspect { place, line: line.to_owned() });
        }
        is_possible
    }

    /// What is undecided.
    pub(super) fn left(&mut self) -> Vec<Suspect> {
        std::mem::take(&mut self.undecided)
    }
}
