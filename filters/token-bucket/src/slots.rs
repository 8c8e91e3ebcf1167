//! A few buckets in one value of the store.

use portcullis_kit::bucket::{Bucket, LOAN, Quota, Rate};

use crate::key::KeyHash;

/// How many keys share a set.
pub const WAYS: usize = 8;

const LAYOUT: [u8; 3] = *b"Pb\x01";
const HEADER: usize = 16;
const BUCKET: usize = 16;
const LENT: usize = 12;

/// The buckets of the keys that fall on one place of a table; one without a key has a place to itself.
///
/// A bucket that is full says nothing, so its slot is free for the next key. Where none is full, the fullest goes, and the set
/// remembers how far any that went was from full: a key that is not here starts no fuller than that, for it may be the one that
/// went. So no key ever gets more than its limit, however many there are; a new one may get less for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Which rate the buckets are kept by, as the table numbers them.
    pub generation: u8,
    evicted: Bucket,
    slots: Vec<Slot>,
}

/// One bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// The key's, never 0.
    fingerprint: u32,
    /// The bucket.
    pub bucket: Bucket,
    /// The tokens that workers have taken from it and not used yet.
    pub lent: Lent,
}

/// Tokens that are out of the bucket and may still be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lent {
    /// How many.
    pub tokens: u32,
    /// Until when; whatever has not come back by then counts as used.
    pub until: u64,
}

/// How the bucket of a new key begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// With so many tokens in it.
    pub tokens: u64,
    /// But no fuller than any bucket that had to go.
    pub remembers: bool,
}

/// The slot of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub place: usize,
    /// What is in it.
    pub slot: Slot,
    /// What became of the slot.
    pub how: How,
}

/// How a key came to its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It was there.
    Known,
    /// Nobody had the slot.
    Unused,
    /// Another key's bucket was full.
    Free,
    /// Another key has lost its bucket.
    Evicted,
}

impl Set {
    /// A set in which no key has been seen.
    pub fn new(ways: usize, generation: u8) -> Self {
        Self::having_evicted(Bucket::default(), ways, generation)
    }

    /// A set that has lost a bucket.
    pub fn having_evicted(evicted: Bucket, ways: usize, generation: u8) -> Self {
        Self { generation, evicted, slots: vec![Slot::default(); ways] }
    }

    /// The bucket of a key. One that is not there gets a slot, and `start` in it or less. `None` for a set without slots.
    pub fn find(&self, key: KeyHash, start: Start, quota: &Quota, now: u64) -> Option<Found> {
        if let Some(found) = self.known(key) {
            return Some(found);
        }
        let slots = self.slots.iter().enumerate();
        let (place, victim) = slots.min_by_key(|(_, slot)| slot.full_at(quota))?;
        let how = match victim {
            Slot { fingerprint: 0, .. } => How::Unused,
            slot if slot.full_at(quota) <= (Bucket { nanos: now, part: 0 }) => How::Free,
            _ => How::Evicted,
        };
        let full = quota.holding(start.tokens, now);
        let bucket = if start.remembers { full.max(self.evicted) } else { full };
        let slot = Slot { fingerprint: key.fingerprint, bucket, lent: Lent::default() };
        Some(Found { place, slot, how })
    }

    /// Puts a slot where [`find`](Self::find) has found it.
    pub fn put(&mut self, found: &Found, quota: &Quota) {
        if let Some(place) = self.slots.get_mut(found.place) {
            if found.how == How::Evicted {
                self.evicted = self.evicted.max(place.full_at(quota));
            }
            *place = found.slot;
        }
    }

    /// The slot of a key, if it is there.
    pub fn known(&self, key: KeyHash) -> Option<Found> {
        let place = self.slots.iter().position(|slot| slot.fingerprint == key.fingerprint)?;
        Some(Found { place, slot: *self.slots.get(place)?, how: How::Known })
    }

    /// Takes buckets that cannot be as they are, because the clock was set back, for as empty as they can be. Whether there were any.
    pub(crate) fn repair(&mut self, quota: &Quota, now: u64) -> bool {
        let mut any = !quota.is_plausible(self.evicted, now);
        if any {
            self.evicted = quota.deepest(now);
        }
        for slot in self.slots.iter_mut().filter(|slot| !slot.is_plausible(quota, now)) {
            (slot.bucket, slot.lent) = (quota.deepest(now), Lent::default());
            any = true;
        }
        any
    }

    /// Whether all buckets can be as they are.
    pub(crate) fn is_plausible(&self, quota: &Quota, now: u64) -> bool {
        quota.is_plausible(self.evicted, now) && self.slots.iter().all(|slot| slot.is_plausible(quota, now))
    }

    /// Takes everything that is lent for used: whoever writes the set next keeps no count of it.
    pub(crate) fn settle(&mut self, quota: &Quota) {
        self.slots.iter_mut().for_each(|slot| slot.settle(quota));
    }

    /// Keeps the buckets by another rate: what was spent stays spent.
    pub fn convert(&mut self, former: Rate, generation: u8, quota: &Quota, now: u64) {
        self.generation = generation;
        self.evicted = quota.converted(self.evicted, former, now);
        for slot in &mut self.slots {
            slot.bucket = quota.converted(slot.bucket, former, now);
        }
    }

    /// As bytes; what is lent takes a place only where something can be.
    pub fn encode(&self, with_lent: bool) -> Vec<u8> {
        let slot = if with_lent { BUCKET + LENT } else { BUCKET };
        let mut bytes = Vec::with_capacity(HEADER + self.slots.len() * slot);
        bytes.extend(LAYOUT);
        bytes.push(self.generation << 1 | u8::from(with_lent));
        put_bucket(&mut bytes, self.evicted);
        for slot in &self.slots {
            bytes.extend(slot.fingerprint.to_le_bytes());
            put_bucket(&mut bytes, slot.bucket);
            if with_lent {
                bytes.extend(slot.lent.tokens.to_le_bytes());
                bytes.extend(slot.lent.until.to_le_bytes());
            }
        }
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote for so many ways. `None` for anything else.
    pub fn decode(bytes: &[u8], ways: usize) -> Option<Self> {
        let rest = bytes.strip_prefix(&LAYOUT)?;
        let (flags, rest) = rest.split_first()?;
        let with_lent = flags & 1 == 1;
        let (evicted, mut rest) = take_bucket(rest)?;
        let mut slots = Vec::with_capacity(ways);
        for _ in 0..ways {
            let (fingerprint, after) = rest.split_first_chunk::<4>()?;
            let (bucket, after) = take_bucket(after)?;
            let (lent, after) = if with_lent { take_lent(after)? } else { (Lent::default(), after) };
            slots.push(Slot { fingerprint: u32::from_le_bytes(*fingerprint), bucket, lent });
            rest = after;
        }
        rest.is_empty().then_some(Self { generation: flags >> 1, evicted, slots })
    }
}

impl Slot {
    /// When the bucket is full at the latest, whatever becomes of what is lent.
    fn full_at(&self, quota: &Quota) -> Bucket {
        match self.lent.tokens {
            0 => self.bucket,
            tokens => self.bucket.max(quota.bucket(self.lent.until, quota.cost(tokens.into()))),
        }
    }

    fn is_plausible(&self, quota: &Quota, now: u64) -> bool {
        // Whoever wrote it may have looked at the clock a little later than we.
        let is_lent_too_long = self.lent.tokens > 0 && self.lent.until > now.saturating_add(2 * LOAN);
        !is_lent_too_long && quota.is_plausible(self.bucket, now)
    }

    /// Takes what is lent for used, when its time is over or nobody keeps count of it any more.
    pub fn settle(&mut self, quota: &Quota) {
        self.bucket = self.full_at(quota);
        self.lent = Lent::default();
    }
}

fn put_bucket(bytes: &mut Vec<u8>, bucket: Bucket) {
    bytes.extend(bucket.nanos.to_le_bytes());
    bytes.extend(bucket.part.to_le_bytes());
}

fn take_bucket(bytes: &[u8]) -> Option<(Bucket, &[u8])> {
    let (nanos, rest) = bytes.split_first_chunk::<8>()?;
    let (part, rest) = rest.split_first_chunk::<4>()?;
    Some((Bucket { nanos: u64::from_le_bytes(*nanos), part: u32::from_le_bytes(*part) }, rest))
}

fn take_lent(bytes: &[u8]) -> Option<(Lent, &[u8])> {
    let (tokens, rest) = bytes.split_first_chunk::<4>()?;
    let (until, rest) = rest.split_first_chunk::<8>()?;
    Some((Lent { tokens: u32::from_le_bytes(*tokens), until: u64::from_le_bytes(*until) }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const FULL: Start = Start { tokens: 10, remembers: true };

    fn quota() -> Quota {
        Quota::new(Rate::parse("1/1s").unwrap(), 10).unwrap()
    }

    fn key(fingerprint: u32) -> KeyHash {
        KeyHash { set: 0, fingerprint }
    }

    /// Takes tokens for a key at a time in seconds; what is left, and what became of the slot.
    fn take(set: &mut Set, fingerprint: u32, tokens: u64, seconds: u64) -> (u64, How) {
        let now = seconds * SECOND;
        let mut found = set.find(key(fingerprint), FULL, &quota(), now).unwrap();
        found.slot.bucket = quota().take(found.slot.bucket, tokens, now, 0).unwrap().bucket;
        set.put(&found, &quota());
        (quota().remaining(found.slot.bucket, now), found.how)
    }

    #[test]
    fn a_full_bucket_makes_room_and_is_no_loss() {
        let mut set = Set::new(2, 0);
        assert_eq!(take(&mut set, 1, 3, 100), (7, How::Unused));
        assert_eq!(take(&mut set, 2, 9, 100), (1, How::Unused));
        assert_eq!(take(&mut set, 1, 1, 100), (6, How::Known));
        assert_eq!(take(&mut set, 3, 1, 104), (9, How::Free), "the first was full again");
        assert_eq!(take(&mut set, 2, 1, 104), (4, How::Known));
    }

    #[test]
    fn nobody_gains_by_being_pushed_out() {
        let mut set = Set::new(1, 0);
        assert_eq!(take(&mut set, 1, 8, 100), (2, How::Unused));
        assert_eq!(take(&mut set, 2, 1, 100), (9, How::Evicted));
        assert_eq!(take(&mut set, 1, 0, 100), (2, How::Evicted), "it has what it had");
        assert_eq!(take(&mut set, 2, 0, 100), (2, How::Evicted), "nobody knows which of the two it is");
        assert_eq!(take(&mut set, 3, 0, 109), (10, How::Free), "in the end all is forgiven");
    }

    #[test]
    fn what_is_lent_when_a_bucket_goes_counts_as_used_when_the_loan_ends() {
        let mut set = Set::new(1, 0);
        let mut found = set.find(key(1), FULL, &quota(), 100 * SECOND).unwrap();
        found.slot.lent = Lent { tokens: 4, until: 101 * SECOND };
        set.put(&found, &quota());
        assert_eq!(take(&mut set, 2, 1, 100), (9, How::Evicted));
        assert_eq!(take(&mut set, 1, 0, 100), (5, How::Evicted));
    }

    #[test]
    fn a_worker_whose_clock_reading_is_older_takes_nothing_for_odd() {
        let mut set = Set::new(1, 0);
        let later = 100 * SECOND + SECOND / 2;
        let mut found = set.find(key(1), FULL, &quota(), later).unwrap();
        found.slot.bucket = quota().take(found.slot.bucket, 10, later, 0).unwrap().bucket;
        found.slot.lent = Lent { tokens: 10, until: later + LOAN };
        set.put(&found, &quota());
        assert!(set.is_plausible(&quota(), 100 * SECOND));
        found.slot.settle(&quota());
        set.put(&found, &quota());
        assert!(set.is_plausible(&quota(), 100 * SECOND));
        assert!(!set.is_plausible(&quota(), 90 * SECOND), "that clock was set back");
    }

    #[test]
    fn sets_are_read_as_they_were_written() {
        let mut set = Set::new(8, 77);
        take(&mut set, 5, 2, 100);
        assert_eq!(Set::decode(&set.encode(false), 8).as_ref(), Some(&set));
        assert_eq!(set.encode(false).len(), 16 + 8 * 16);
        let mut found = set.known(key(5)).unwrap();
        found.slot.lent = Lent { tokens: 4, until: 7 };
        set.put(&found, &quota());
        assert_eq!(Set::decode(&set.encode(true), 8).as_ref(), Some(&set));
        let bytes = set.encode(true);
        for end in 0..bytes.len() {
            assert_eq!(Set::decode(&bytes[..end], 8), None, "{end}");
        }
        assert_eq!(Set::decode(&bytes, 7), None);
    }
}
