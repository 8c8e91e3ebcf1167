//! Records that were delivered again.

use std::collections::{HashSet, VecDeque};

use sha2::{Digest, Sha256};

use crate::field::Field;
use crate::row::Row;

/// A batch is sent again before the next one goes, so a repeat is never far from the first. Many writers may share a file.
const REMEMBERED: usize = 1 << 18;

/// So much of a digest that nobody can make another record with the same, and no more.
type Key = [u8; 16];

/// Knows the last records by all that is in them.
#[derive(Default)]
pub(crate) struct Repeats {
    order: VecDeque<Key>,
    known: HashSet<Key>,
}

impl Repeats {
    /// Whether the same record was there a short while ago, byte for byte: a batch that is sent again is the same bytes. Whoever can write to the
    /// file can give any record the id and the hash of another one, so nothing less hides it.
    pub(crate) fn is_repeat(&mut self, row: &Row<'_>, record: &[u8]) -> bool {
        // Without an id, the same may have happened twice.
        if row.text(Field::Id).is_none() {
            return false;
        }
        let key = key(record);
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

fn key(record: &[u8]) -> Key {
    let digest: [u8; 32] = Sha256::digest(record).into();
    let [key, _] = *digest.as_chunks().0 else { return Key::default() };
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: usize, user: &str) -> String {
        format!(
            r#"{{"actor":{{"user":{{"uid":"{user}"}}}},"class_uid":4002,"metadata":{{"uid":"c-{number}"}},"unmapped":{{"integrity":{{"hash":"h"}}}}}}"#
        )
    }

    fn is_repeat(repeats: &mut Repeats, record: &str) -> bool {
        repeats.is_repeat(&Row::read(record.as_bytes()).unwrap(), record.as_bytes())
    }

    #[test]
    fn the_same_record_again_is_a_repeat_and_another_with_its_id_and_its_hash_is_not() {
        let mut repeats = Repeats::default();
        let mut again = |number, user| is_repeat(&mut repeats, &record(number, user));
        assert!(!again(1, "eve") && !again(2, "eve") && again(1, "eve"));
        assert!(!again(1, "bob") && again(1, "bob") && again(1, "eve"));
        let nameless = r#"{"class_uid":4002}"#;
        assert!(!is_repeat(&mut repeats, nameless) && !is_repeat(&mut repeats, nameless));
    }

    #[test]
    fn memory_is_bounded() {
        let mut repeats = Repeats::default();
        for number in 0..=REMEMBERED {
            assert!(!is_repeat(&mut repeats, &record(number, "bob")));
        }
        assert_eq!((repeats.order.len(), repeats.known.len()), (REMEMBERED, REMEMBERED));
        assert!(is_repeat(&mut repeats, &record(1, "bob")));
        assert!(!is_repeat(&mut repeats, &record(0, "bob")));
    }
}
