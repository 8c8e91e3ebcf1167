//! Where the buckets of a limit are: in the memory of a worker, or in the data that all workers share.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use portcullis_kit::{Host, HostError, WriteError};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

use crate::bucket::Quota;
use crate::key::KeyHash;
use crate::rates::Rates;
use crate::slots::{Set, WAYS};

/// How often a write is tried again when another worker was faster. Each time one of them was.
pub(crate) const TRIES: usize = 64;

/// Creates and never overwrites: a missing key takes any number, and the numbers of the store begin at the other end.
const CREATE: u32 = u32::MAX;

/// The buckets of one limit, in a fixed number of sets.
#[derive(Debug)]
pub(crate) struct Table {
    place: Place,
    shape: Shape,
    rates: Rates,
    /// The number of our rate.
    generation: u8,
}

/// How many buckets there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    sets: u64,
    ways: usize,
}

/// The sets that one worker keeps, also while one configuration takes over from another.
pub(crate) type WorkerSets = Arc<Mutex<HashMap<u64, Set>>>;

#[derive(Debug)]
enum Place {
    Worker(WorkerSets),
    /// Entries of the shared data whose names begin so.
    Process(String),
}

/// A set and what it takes to write it back.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) set: Set,
    cas: u32,
}

impl Shape {
    /// One bucket for all.
    pub(crate) const ONE: Self = Self { sets: 1, ways: 1 };

    /// At least so many buckets.
    pub(crate) fn of_keys(keys: u64) -> Self {
        Self { sets: keys.div_ceil(WAYS as u64).max(1), ways: WAYS }
    }
}

impl Table {
    /// A table that this worker has for itself.
    pub(crate) fn of_worker(shape: Shape, quota: &Quota, host: &mut dyn Host) -> Self {
        let (rates, generation) = Rates::alone(quota.rate(), host);
        Self { place: Place::Worker(WorkerSets::default()), shape, rates, generation }
    }

    /// The table of this name that all workers share.
    pub(crate) fn of_process(name: &str, shape: Shape, quota: &Quota, host: &mut dyn Host) -> Self {
        let prefix = format!("portcullis/token-bucket/{name}/");
        let (rates, generation) = Rates::shared(&format!("{prefix}rates"), quota.rate(), host);
        Self { place: Place::Process(prefix), shape, rates, generation }
    }

    /// Goes on with the buckets of another table of the same worker.
    pub(crate) fn inherit(&mut self, former: &Self) {
        if let (Place::Worker(ours), Place::Worker(theirs)) = (&mut self.place, &former.place)
            && self.shape == former.shape
        {
            *ours = theirs.clone();
            self.generation = self.rates.continued(&former.rates, self.generation);
        }
    }

    /// Where a key belongs. Nobody who does not know the seed can choose keys that fall together.
    pub(crate) fn hash(&self, key: &[u8]) -> KeyHash {
        if self.shape == Shape::ONE {
            return KeyHash { set: 0, fingerprint: 1 };
        }
        let mut hasher = SipHasher13::new_with_key(self.rates.seed());
        hasher.write(key);
        let hash = hasher.finish128();
        // The high half of the product: evenly spread over any number of sets.
        let set = (u128::from(hash.h1) * u128::from(self.shape.sets)) >> 64;
        KeyHash {
            set: u64::try_from(set).unwrap_or_default(),
            fingerprint: u32::try_from(hash.h2 >> 32).unwrap_or_default().max(1),
        }
    }

    /// Reads the set of a key, by our rate.
    ///
    /// # Errors
    /// The proxy refused.
    pub(crate) fn read(
        &mut self,
        key: KeyHash,
        quota: &Quota,
        now: u64,
        host: &mut dyn Host,
    ) -> Result<Read, HostError> {
        let (set, cas) = match &self.place {
            Place::Worker(sets) => {
                let sets = sets.lock().unwrap_or_else(PoisonError::into_inner);
                (sets.get(&key.set).cloned(), CREATE)
            }
            Place::Process(prefix) => match host.shared(&entry(prefix, key))? {
                Some(datum) => {
                    let set = Set::decode(&datum.value, self.shape.ways);
                    (Some(set.unwrap_or_else(|| self.unreadable(quota, now))), datum.cas)
                }
                None => (None, CREATE),
            },
        };
        let mut set = set.unwrap_or_else(|| Set::new(self.shape.ways, self.generation));
        if set.generation != self.generation {
            let former = self.rates.of(set.generation, host).unwrap_or_else(|| quota.rate());
            set.convert(former, self.generation, quota, now);
        }
        Ok(Read { set, cas })
    }

    /// What stands for a set that somebody else has written over: nobody knows what was spent, so all of it counts as spent.
    fn unreadable(&self, quota: &Quota, now: u64) -> Set {
        Set::having_evicted(quota.holding(0, now), self.shape.ways, self.generation)
    }

    /// Writes it back.
    ///
    /// # Errors
    /// Another worker was faster, or the proxy refused.
    pub(crate) fn write(
        &self,
        key: KeyHash,
        read: Read,
        with_lent: bool,
        host: &mut dyn Host,
    ) -> Result<(), WriteError> {
        match &self.place {
            Place::Worker(sets) => {
                sets.lock().unwrap_or_else(PoisonError::into_inner).insert(key.set, read.set);
                Ok(())
            }
            Place::Process(prefix) => {
                host.set_shared(&entry(prefix, key), &read.set.encode(with_lent), read.cas)
            }
        }
    }
}

fn entry(prefix: &str, key: KeyHash) -> String {
    let mut name = String::with_capacity(prefix.len() + 16);
    name.push_str(prefix);
    // Writing to a String does not fail.
    let _ = write!(name, "{:x}", key.set);
    name
}
