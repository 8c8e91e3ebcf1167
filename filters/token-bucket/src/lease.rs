//! Tokens that a worker takes a few at a time, so that not every request has to go to the shared data.
//!
//! What is lent has left the bucket, and does not come back while it may still be used: a bucket with five tokens lent is at most
//! full but for five. So there are never more tokens about than the bucket holds, and the law of the bucket is the law of all
//! workers together. The loans from one bucket end together, a second after the first of them; what a worker that is gone has not
//! used counts as used then.

use hashbrown::HashMap;
use portcullis_kit::bucket::{LOAN, Level, Quota};

use crate::key::KeyHash;
use crate::slots::{Lent, Slot};

/// How long a loan should last.
const LASTS: u64 = 10_000_000;
/// A loan that nobody has used for so long goes back.
const IDLE: u64 = 50_000_000;
/// For so many keys a worker has loans at the same time; the others go to the bucket each time.
const MOST_KEYS: usize = 1024;

/// So many loans go back in one tick.
const MOST_AT_ONCE: usize = 64;

/// The loans of one worker.
#[derive(Debug)]
pub(crate) struct Leases {
    by_key: HashMap<KeyHash, Lease>,
    /// How many tokens one loan has at most.
    most: u32,
}

/// One loan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    /// What is left of it.
    tokens: u32,
    /// What the bucket thinks is out.
    out: u32,
    /// When it ends.
    until: u64,
    /// When it was made.
    since: u64,
    used_at: u64,
    /// How many tokens the next one should have.
    size: u32,
    /// How full the bucket was without it.
    level: Level,
}

impl Leases {
    pub(crate) fn new(most: u32) -> Self {
        Self { by_key: HashMap::new(), most }
    }

    /// How full the bucket was, and what is left of the loan, where that is enough.
    pub(crate) fn enough(&self, key: KeyHash, tokens: u64, now: u64) -> Option<Level> {
        let lease = self.by_key.get(&key).filter(|lease| now < lease.until)?;
        // Whoever takes none has to find one.
        let left = u64::from(lease.tokens).checked_sub(tokens.max(1))?.saturating_add(tokens.max(1) - tokens);
        Some(Level { remaining: lease.level.remaining.saturating_add(left), ..lease.level })
    }

    /// Uses what [`enough`](Self::enough) has found.
    pub(crate) fn spend(&mut self, key: KeyHash, tokens: u64, now: u64) {
        if let Some(lease) = self.by_key.get_mut(&key) {
            lease.tokens = lease.tokens.saturating_sub(u32::try_from(tokens).unwrap_or(u32::MAX));
            lease.used_at = now;
        }
    }

    /// Takes back what was taken from a loan that lasts; `false` where it was not.
    pub(crate) fn refund(&mut self, key: KeyHash, tokens: u64, now: u64) -> bool {
        let Some(lease) = self.by_key.get_mut(&key).filter(|lease| now < lease.until) else { return false };
        match u32::try_from(tokens).ok().and_then(|tokens| lease.tokens.checked_add(tokens)) {
            Some(tokens) if tokens <= lease.out => {
                lease.tokens = tokens;
                true
            }
            _ => false,
        }
    }

    /// Whether anything is on loan.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Settles with the bucket before more is taken: what is over counts as used, and ours goes back.
    pub(crate) fn settle(&self, key: KeyHash, slot: &mut Slot, quota: &Quota, now: u64) {
        let ours = self.by_key.get(&key).filter(|lease| lease.until == slot.lent.until && now < lease.until);
        if slot.lent.tokens > 0 && now >= slot.lent.until {
            slot.settle(quota);
        }
        // While they are out, they are not in the bucket.
        if slot.lent.tokens > 0 {
            slot.bucket = slot.bucket.max(quota.bucket(now, quota.cost(slot.lent.tokens.into())));
        }
        if let Some(lease) = ours {
            slot.lent.tokens = slot.lent.tokens.saturating_sub(lease.out);
            slot.bucket = quota.refund(slot.bucket, lease.tokens.into(), now, now);
        }
    }

    /// Takes a loan beside what the request needs, from a bucket that is settled; the half of what is left at most, so that the last
    /// tokens are not out at one worker when another asks for them.
    pub(crate) fn lend(&self, key: KeyHash, slot: &mut Slot, quota: &Quota, now: u64) -> Lease {
        let size = self.next_size(key, now);
        let half = u32::try_from(quota.remaining(slot.bucket, now) / 2).unwrap_or(u32::MAX);
        let has_room = self.by_key.len() < MOST_KEYS || self.by_key.contains_key(&key);
        let tokens = if has_room { size.min(half) } else { 0 };
        // The first one sets the end of all; no two slots of a key have the same one.
        let until = if slot.lent.tokens > 0 { slot.lent.until } else { now.saturating_add(LOAN) };
        if tokens > 0
            && let Ok(taken) = quota.take(slot.bucket, tokens.into(), now, 0)
        {
            slot.bucket = taken.bucket;
            slot.lent = Lent { tokens: slot.lent.tokens.saturating_add(tokens), until };
        }
        let level = Level::of(quota, slot.bucket, now);
        Lease { tokens, out: tokens, until, since: now, used_at: now, size, level }
    }

    /// Notes what was lent, once the bucket has it.
    pub(crate) fn insert(&mut self, key: KeyHash, lease: Lease) {
        if self.by_key.len() < MOST_KEYS || self.by_key.contains_key(&key) {
            self.by_key.insert(key, lease);
        }
    }

    /// Ends the loans that are over, and those that nobody uses; names some of the latter, whose tokens can go back.
    pub(crate) fn idle(&mut self, now: u64) -> Vec<KeyHash> {
        let is_idle = |lease: &Lease| now.saturating_sub(lease.used_at) > IDLE;
        self.by_key.retain(|_, lease| now < lease.until && !(lease.out == 0 && is_idle(lease)));
        let idle = self.by_key.iter().filter(|(_, lease)| is_idle(lease));
        idle.map(|(key, _)| *key).take(MOST_AT_ONCE).collect()
    }

    /// Ends a loan whose tokens have gone back, or could not.
    pub(crate) fn end(&mut self, key: KeyHash) {
        self.by_key.remove(&key);
    }

    /// Twice as many when the last loan did not last, half when it lasted long or was not used up. A key that comes for the first time,
    /// or rarely, gets none.
    fn next_size(&self, key: KeyHash, now: u64) -> u32 {
        let Some(lease) = self.by_key.get(&key) else { return 0 };
        let size = match now.saturating_sub(lease.since) {
            lasted if lasted < LASTS => lease.size.saturating_mul(2).max(1),
            lasted if lasted > 4 * LASTS || lease.tokens > 0 => lease.size / 2,
            _ => lease.size,
        };
        size.min(self.most)
    }
}
