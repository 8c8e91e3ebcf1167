//! How much is told: a file in which everything is wrong is not to flood a terminal.

use std::collections::BTreeMap;

use portcullis_audit_chain::verify::Uid;

/// How much is told, at most.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Of findings in one chain.
    of_a_chain: u64,
    /// Of all findings.
    of_all: u64,
    /// Of chains.
    pub chains: usize,
}

impl Most {
    /// No bounds.
    pub const ALL: Self = Self { of_a_chain: u64::MAX, of_all: u64::MAX, chains: usize::MAX };
    /// As many as somebody can look at.
    pub const FEW: Self = Self { of_a_chain: 10, of_all: 100, chains: 50 };
}

/// How much was told.
#[derive(Debug)]
pub struct Amount {
    /// How much may be told.
    pub most: Most,
    by_chain: BTreeMap<Option<Uid>, u64>,
    told: u64,
    /// How many findings were not told.
    pub untold: u64,
}

impl Amount {
    /// Nothing so far.
    pub fn new(most: Most) -> Self {
        Self { most, by_chain: BTreeMap::new(), told: 0, untold: 0 }
    }

    /// Whether one more finding is told.
    pub fn allows(&mut self, chain: Option<Uid>) -> bool {
        let is_allowed = self.told < self.most.of_all && {
            let of_chain = self.by_chain.entry(chain).or_default();
            *of_chain += 1;
            *of_chain <= self.most.of_a_chain
        };
        self.told += u64::from(is_allowed);
        self.untold += u64::from(!is_allowed);
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_takes_the_place_of_no_other() {
        let uid = |digit: u8| Uid::parse(&[digit; 32]);
        let mut amount = Amount::new(Most { of_a_chain: 2, of_all: 4, chains: 0 });
        let told: Vec<_> =
            [b'1', b'1', b'1', b'2', b'1', b'3', b'4'].map(|digit| amount.allows(uid(digit))).into();
        assert_eq!(told, [true, true, false, true, false, true, false]);
        assert_eq!((amount.told, amount.untold), (4, 3));
        let mut all = Amount::new(Most::ALL);
        assert!((0..1000).all(|_| all.allows(None)));
    }
}
