//! Where the buckets of a limit are: in the memory of a worker, or in the data that all workers share.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use portcullis_kit::bucket::Quota;
use portcullis_kit::{CREATE, Host, HostError, WriteError};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

use crate::key::KeyHash;
use crate::rates::Rates;
use crate::slots::{Set, WAYS};

/// The buckets of one limit, in a fixed number of sets.
#[derive(Debug)]
pub(crate) struct Table {
    place: Place,
    shape: Shape,
    /// The number of our rate.
    generation: u8,
}

/// How many buckets there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    sets: u64,
    ways: usize,
}

#[derive(Debug)]
enum Place {
    /// One configuration takes over from another, and both use it for a while.
    Worker(Arc<Mutex<Worker>>),
    /// Entries of the shared data whose names begin so.
    Process { prefix: String, rates: Rates },
}

/// What one worker has for itself.
#[derive(Debug)]
struct Worker {
    sets: HashMap<u64, Set>,
    rates: Rates,
}

/// A set and what it takes to write it back.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) set: Set,
    cas: u32,
    /// Whether it says something else than what was read, and should be written although nothing was taken.
    pub(crate) is_repaired: bool,
}

impl Shape {
    /// One bucket for all.
    pub(crate) const ONE: Self = Self { sets: 1, ways: 1 };

    /// At least so many buckets.
    pub(crate) fn of_keys(keys: u64) -> Self {
        Self { sets: keys.div_ceil(WAYS as u64).max(1), ways: WAYS }
    }

    pub(crate) fn buckets(self) -> u64 {
        self.sets.saturating_mul(self.ways as u64)
    }
}

impl Table {
    /// A table that this worker has for itself.
    pub(crate) fn of_worker(shape: Shape, quota: &Quota, host: &mut dyn Host) -> Self {
        let (rates, generation) = Rates::alone(quota, host);
        let worker = Worker { sets: HashMap::new(), rates };
        Self { place: Place::Worker(Arc::new(Mutex::new(worker))), shape, generation }
    }

    /// The table of this name that all workers share.
    pub(crate) fn of_process(name: &str, shape: Shape, quota: &Quota, host: &mut dyn Host) -> Self {
        let prefix = format!("portcullis/token-bucket/{name}/");
        let (rates, generation) = Rates::shared(&format!("{prefix}rates"), quota, host);
        Self { place: Place::Process { prefix, rates }, shape, generation }
    }

    /// Goes on with the buckets of another table of the same worker.
    pub(crate) fn inherit(&mut self, former: &Self, quota: &Quota) {
        if let (Place::Worker(ours), Place::Worker(theirs)) = (&mut self.place, &former.place)
            && self.shape == former.shape
        {
            *ours = theirs.clone();
            self.generation = lock(ours).rates.include(quota);
        }
    }

    /// Where a key belongs. Nobody who does not know the seed can choose keys that fall together.
    pub(crate) fn hash(&self, key: &[u8]) -> KeyHash {
        if self.shape == Shape::ONE {
            return KeyHash { set: 0, fingerprint: 1 };
        }
        let seed = match &self.place {
            Place::Worker(worker) => *lock(worker).rates.seed(),
            Place::Process { rates, .. } => *rates.seed(),
        };
        let mut hasher = SipHasher13::new_with_key(&seed);
        hasher.write(key);
        let hash = hasher.finish128();
        // The high half of the product: evenly spread over any number of sets.
        let set = (u128::from(hash.h1) * u128::from(self.shape.sets)) >> 64;
        KeyHash {
            set: u64::try_from(set).unwrap_or_default(),
            fingerprint: u32::try_from(hash.h2 >> 32).unwrap_or_default().max(1),
        }
    }

    /// Reads the set of a key, by our rate. `quota` learns how far ahead others, with a larger burst, may have taken.
    ///
    /// # Errors
    /// The proxy refused.
    pub(crate) fn read(
        &mut self,
        key: KeyHash,
        quota: &mut Quota,
        now: u64,
        host: &mut dyn Host,
    ) -> Result<Read, HostError> {
        let (generation, ways) = (self.generation, self.shape.ways);
        let new = || Set::new(ways, generation);
        match &mut self.place {
            Place::Worker(worker) => {
                let mut worker = lock(worker);
                let set = worker.sets.get(&key.set).cloned().unwrap_or_else(new);
                Ok(by_our_rate(set, CREATE, generation, &mut worker.rates, (quota, now), host))
            }
            Place::Process { prefix, rates } => {
                let datum = host.shared(&entry(prefix, key))?;
                let Some(datum) = datum else {
                    return Ok(Read { set: new(), cas: CREATE, is_repaired: false });
                };
                match Set::decode(&datum.value, ways) {
                    Some(set) => Ok(by_our_rate(set, datum.cas, generation, rates, (quota, now), host)),
                    None => {
                        // Somebody else has written here. Nobody knows what was spent, so all of it counts as spent.
                        let set = Set::having_evicted(quota.holding(0, now), ways, generation);
                        Ok(Read { set, cas: datum.cas, is_repaired: true })
                    }
                }
            }
        }
    }

    /// The set of a key as it stands; `None` where there is none, or one by another rate.
    pub(crate) fn peek(&self, key: KeyHash, host: &mut dyn Host) -> Option<Set> {
        let set = match &self.place {
            Place::Worker(worker) => lock(worker).sets.get(&key.set).cloned()?,
            Place::Process { prefix, .. } => {
                let datum = host.shared(&entry(prefix, key)).ok()??;
                Set::decode(&datum.value, self.shape.ways)?
            }
        };
        (set.generation == self.generation).then_some(set)
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
            Place::Worker(worker) => {
                lock(worker).sets.insert(key.set, read.set);
                Ok(())
            }
            Place::Process { prefix, .. } => {
                host.set_shared(&entry(prefix, key), &read.set.encode(with_lent), read.cas)
            }
        }
    }
}

fn by_our_rate(
    mut set: Set,
    cas: u32,
    generation: u8,
    rates: &mut Rates,
    (quota, now): (&mut Quota, u64),
    host: &mut dyn Host,
) -> Read {
    let mut is_repaired = set.generation != generation;
    if is_repaired {
        let former = rates.of(set.generation, host).unwrap_or_else(|| quota.rate());
        quota.widen(rates.horizon(host));
        set.convert(former, generation, quota, now);
    }
    if !set.is_plausible(quota, now) {
        quota.widen(rates.horizon(host));
        is_repaired |= set.repair(quota, now);
    }
    Read { set, cas, is_repaired }
}

/// No holder panics; if one did, the buckets would still be buckets.
fn lock(worker: &Mutex<Worker>) -> MutexGuard<'_, Worker> {
    worker.lock().unwrap_or_else(PoisonError::into_inner)
}

fn entry(prefix: &str, key: KeyHash) -> String {
    let mut name = String::with_capacity(prefix.len() + 16);
    name.push_str(prefix);
    // Writing to a String does not fail.
    let _ = write!(name, "{:x}", key.set);
    name
}
