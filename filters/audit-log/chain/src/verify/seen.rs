//! The last records of a chain, by which a copy is told from a forgery.

use std::collections::VecDeque;

use crate::merkle::Hash;

/// How many are remembered. Copies come in runs as long as a batch, which is far shorter.
const REMEMBERED: usize = 4096;

/// The last records of a chain: the number of each and eight bytes of its hash, in their order.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    records: VecDeque<(u64, u64)>,
    /// All before this one are forgotten.
    since: u64,
}

/// What is known of an earlier record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is too long ago.
    Forgotten,
    /// It has not come.
    Missing,
    /// It has come, with this hash.
    Same,
    /// It has come with another hash.
    Other,
}

impl Seen {
    /// A record has come that is later than all before.
    pub(crate) fn follow(&mut self, sequence: u64, hash: &Hash) {
        self.forget();
        self.records.push_back((sequence, short(hash)));
    }

    /// A record has come that was missing.
    pub(crate) fn fill(&mut self, sequence: u64, hash: &Hash) {
        self.forget();
        if let (Err(place), true) = (self.place(sequence), sequence >= self.since) {
            self.records.insert(place, (sequence, short(hash)));
        }
    }

    fn forget(&mut self) {
        if self.records.len() >= REMEMBERED
            && let Some((sequence, _)) = self.records.pop_front()
        {
            self.since = sequence + 1;
        }
    }

    fn place(&self, sequence: u64) -> Result<usize, usize> {
        self.records.binary_search_by_key(&sequence, |(sequence, _)| *sequence)
    }

    /// What is known of this record.
    pub(crate) fn known(&self, sequence: u64, hash: &Hash) -> Known {
        if sequence < self.since {
            return Known::Forgotten;
        }
        let known = self.place(sequence).ok().and_then(|place| self.records.get(place));
        match known {
            None => Known::Missing,
            Some((_, known)) if *known == short(hash) => Known::Same,
            Some(_) => Known::Other,
        }
    }
}

fn short(hash: &Hash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> Hash {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        hash
    }

    #[test]
    fn what_has_come_is_known_for_a_while() {
        let mut seen = Seen::default();
        for sequence in 0..10_000 {
            seen.follow(sequence, &hash(sequence));
        }
        assert_eq!(seen.records.len(), REMEMBERED);
        for (sequence, expected) in [
            (9_999, Known::Same),
            (10_000 - REMEMBERED as u64, Known::Same),
            (9_999 - REMEMBERED as u64, Known::Forgotten),
            (10_000, Known::Missing),
        ] {
            assert_eq!(seen.known(sequence, &hash(sequence)), expected, "{sequence}");
        }
        assert_eq!(seen.known(9_000, &hash(1)), Known::Other);
    }

    #[test]
    fn what_was_left_out_is_missing_until_it_comes() {
        let mut seen = Seen::default();
        for sequence in (0..5_000).chain(5_010..5_020) {
            seen.follow(sequence, &hash(sequence));
        }
        for sequence in 5_000..5_010 {
            assert_eq!(seen.known(sequence, &hash(sequence)), Known::Missing);
        }
        seen.fill(5_003, &hash(5_003));
        assert_eq!(seen.known(5_003, &hash(5_003)), Known::Same);
        seen.fill(3, &hash(3));
        assert_eq!(seen.known(3, &hash(3)), Known::Forgotten);
        // However much is left out, it takes no room.
        seen.follow(1 << 52, &hash(7));
        assert_eq!(seen.known((1 << 52) - 1, &hash(7)), Known::Missing);
        assert_eq!(seen.known(5_019, &hash(5_019)), Known::Same);
        assert!(seen.records.len() <= REMEMBERED);
    }
}
