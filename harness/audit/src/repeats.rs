//! Records that were delivered again.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use crate::field::Field;
use crate::row::Row;

/// A batch is sent again before the next one goes, so a repeat is never far from the first. Many writers may share a file.
const REMEMBERED: usize = 1 << 18;

/// Knows the last records by their ids and hashes.
pub(crate) struct Repeats {
    keys: RandomState,
    order: VecDeque<u64>,
    known: HashSet<u64>,
}

impl Repeats {
    pub(crate) fn new() -> Self {
        Self { keys: RandomState::new(), order: VecDeque::new(), known: HashSet::new() }
    }

    /// Whether a record was there a short while ago. Of the same id with another hash both are shown: one of them is wrong.
    pub(crate) fn is_repeat(&mut self, row: &Row<'_>) -> bool {
        let Some(id) = row.text(Field::Id).zip(row.text(Field::Hash)) else { return false };
        let key = self.keys.hash_one(id);
        if !self.known.insert(key) {
            return true;
        }
        self.order.push_back(key);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: usize, hash: &str) -> String {
        format!(
            r#"{{"class_uid":4002,"metadata":{{"uid":"c-{number}"}},"unmapped":{{"integrity":{{"hash":"{hash}"}}}}}}"#
        )
    }

    #[test]
    fn the_same_record_again_is_a_repeat_and_another_with_its_id_is_not() {
        let mut repeats = Repeats::new();
        let mut again =
            |number, hash| repeats.is_repeat(&Row::read(record(number, hash).as_bytes()).unwrap());
        assert!(!again(1, "a") && !again(2, "a") && again(1, "a") && !again(1, "b") && again(1, "b"));
        let nameless = Row::read(br#"{"class_uid":4002}"#).unwrap();
        assert!(!repeats.is_repeat(&nameless) && !repeats.is_repeat(&nameless));
    }

    #[test]
    fn memory_is_bounded() {
        let mut repeats = Repeats::new();
        for number in 0..=REMEMBERED {
            assert!(!repeats.is_repeat(&Row::read(record(number, "a").as_bytes()).unwrap()));
        }
        assert_eq!((repeats.order.len(), repeats.known.len()), (REMEMBERED, REMEMBERED));
        assert!(repeats.is_repeat(&Row::read(record(1, "a").as_bytes()).unwrap()));
        assert!(!repeats.is_repeat(&Row::read(record(0, "a").as_bytes()).unwrap()));
    }
}
