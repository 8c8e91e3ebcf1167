//! In what company the lines of a file are, by which a damaged record is told from a line of somebody else.

use super::finding::Finding;

/// How many lines of a file may be undecided at once. Of each there is what would be told of it, and not the line, which may be long.
const UNDECIDED: usize = 1024;

/// The lines of one file so far.
#[derive(Debug, Default)]
pub(super) struct Company {
    file: Option<u32>,
    /// Whether others write to it too. Clients can put anything into their lines.
    is_mixed: bool,
    /// Whether there were more undecided lines than are kept in mind.
    is_full: bool,
    /// What is to be told of lines that may have been records, if they were.
    undecided: Vec<Finding>,
}

impl Company {
    /// A line of this file comes. What was undecided of the one before comes back: nobody else has written to that, so these were records.
    pub(super) fn enter(&mut self, file: u32) -> Vec<Finding> {
        if self.file.replace(file) == Some(file) {
            return Vec::new();
        }
        (self.is_mixed, self.is_full) = (false, false);
        self.left()
    }

    /// A line of somebody else comes. What was undecided comes back, which is of somebody else as well.
    pub(super) fn mix(&mut self) -> Vec<Finding> {
        self.is_mixed = true;
        self.left()
    }

    /// Whether others write to this file too.
    pub(super) fn is_mixed(&self) -> bool {
        self.is_mixed
    }

    /// A line comes that may have been a record, where it is not known that others write too. What is to be told now comes back: nothing as a rule;
    /// everything, and from then on each, where there are too many of them. They count as records then, for nobody has shown that they are none.
    pub(super) fn suspect(&mut self, damaged: Finding) -> Vec<Finding> {
        self.is_full |= self.undecided.len() >= UNDECIDED;
        self.undecided.push(damaged);
        if self.is_full { self.left() } else { Vec::new() }
    }

    /// What is undecided.
    pub(super) fn left(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.undecided)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{Place, Problem};

    fn suspects(company: &mut Company, count: usize) -> usize {
        let damaged =
            Finding { place: Place::default(), chain: None, sequence: None, problem: Problem::Half };
        (0..count).map(|_| company.suspect(damaged.clone()).len()).sum()
    }

    #[test]
    fn too_many_undecided_lines_were_records() {
        let mut company = Company::default();
        assert_eq!((company.enter(0).len(), suspects(&mut company, UNDECIDED)), (0, 0));
        assert_eq!(suspects(&mut company, 1), UNDECIDED + 1);
        assert_eq!((suspects(&mut company, 7), company.mix().len()), (7, 0), "each is told at once");
        assert!(company.is_mixed());
        assert_eq!((company.enter(1).len(), company.is_mixed()), (0, false));
        assert_eq!((suspects(&mut company, 7), company.mix().len()), (0, 7), "another file begins anew");
    }
}
