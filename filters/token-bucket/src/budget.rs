//! What may be spent under one limit: taken, given back, charged.

use std::cell::Cell;

use portcullis_kit::bucket::{Bucket, Level, Quota, Shortage};
use portcullis_kit::{Host, HostError, WriteError};

use crate::key::KeyHash;
use crate::lease::{Lease, Leases};
use crate::rates::TRIES;
use crate::slots::{Found, How, Slot, Start};
use crate::table::{Read, Table};

/// The buckets of one limit, or of one tier of it.
#[derive(Debug)]
pub(crate) struct Budget {
    /// What tells its buckets from all others.
    name: String,
    quota: Quota,
    start: Start,
    table: Table,
    leases: Option<Leases>,
    pub(crate) events: Events,
}

/// What has happened, to be counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Events {
    /// Writes that another worker was faster with.
    pub(crate) conflicts: u32,
    /// Keys that have lost their bucket.
    pub(crate) evictions: u32,
    /// Slots that nobody had before.
    pub(crate) slots: u32,
}

/// What a request would take, not written yet.
#[derive(Debug)]
pub(crate) struct Prepared {
    key: KeyHash,
    tokens: u64,
    source: Source,
    /// In how many nanoseconds the tokens are there.
    pub(crate) wait: u64,
    /// The bucket as it is then; not known to whoever uses a loan.
    pub(crate) bucket: Bucket,
    /// How the bucket will be.
    pub(crate) level: Level,
}

#[derive(Debug)]
enum Source {
    Lease,
    Bucket(Read, How, Option<Lease>),
}

/// Why a request takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is not enough.
    Short(Shortage, Level),
    /// The proxy's shared data cannot be had, or others are always faster.
    Unavailable,
}

impl Budget {
    pub(crate) fn new(
        name: String,
        quota: Quota,
        start: Start,
        table: Table,
        leases: Option<Leases>,
    ) -> Self {
        Self { name, quota, start, table, leases, events: Events::default() }
    }

    /// Goes on with the same buckets of another configuration in the same worker.
    pub(crate) fn inherit(&mut self, former: &Self) {
        if self.name == former.name {
            self.table.inherit(&former.table, &self.quota);
        }
    }

    /// The place of a key.
    pub(crate) fn hash(&self, key: &[u8]) -> KeyHash {
        self.table.hash(key)
    }

    /// The bucket of a key as it stands, what this worker has on loan from it included. `None` where nobody has used it at this rate.
    pub(crate) fn peek(&self, key: &[u8], now: u64, host: &mut dyn Host) -> Option<Bucket> {
        let key = self.hash(key);
        let mut slot = self.table.peek(key, host)?.known(key)?.slot;
        if let Some(leases) = &self.leases {
            leases.settle(key, &mut slot, &self.quota, now);
        }
        Some(slot.bucket)
    }

    /// Looks whether tokens can be taken, at most `patience` nanoseconds before they are there.
    pub(crate) fn prepare(
        &mut self,
        (key, tokens): (KeyHash, u64),
        patience: u64,
        now: u64,
        host: &mut dyn Host,
    ) -> Result<Prepared, Refused> {
        if let Some(level) = self.leases.as_ref().and_then(|leases| leases.enough(key, tokens, now)) {
            let (source, bucket) = (Source::Lease, Bucket::default());
            return Ok(Prepared { key, tokens, source, wait: 0, bucket, level });
        }
        let (mut read, mut found) = self.find(key, now, host).map_err(|_| Refused::Unavailable)?;
        let slot = &mut found.slot;
        let taken = match self.quota.take(slot.bucket, tokens, now, patience) {
            Ok(taken) => taken,
            Err(shortage) => {
                let level = Level::of(&self.quota, slot.bucket, now);
                // Nothing is taken, but what was found out must not be found out anew each time, nor a bucket that begins with few tokens
                // begin each time. If another worker is faster, so be it.
                if read.is_repaired || (found.how != How::Known && self.start.tokens < self.quota.burst()) {
                    read.set.put(&found, &self.quota);
                    let written = self.write(key, read, found.how, host);
                    if let (Ok(()), Some(leases)) = (written, &mut self.leases) {
                        // Our loan has gone back with this.
                        leases.end(key);
                    }
                }
                return Err(Refused::Short(shortage, level));
            }
        };
        slot.bucket = taken.bucket;
        let level = Level::of(&self.quota, slot.bucket, now);
        let bucket = slot.bucket;
        let leases = self.leases.as_ref().filter(|_| taken.wait == 0);
        let lease = leases.map(|leases| leases.lend(key, slot, &self.quota, now));
        read.set.put(&found, &self.quota);
        let source = Source::Bucket(read, found.how, lease);
        Ok(Prepared { key, tokens, source, wait: taken.wait, bucket, level })
    }

    /// Takes what was prepared.
    ///
    /// # Errors
    /// Another worker was faster, so that it has to be prepared again, or the proxy refused.
    pub(crate) fn commit(
        &mut self,
        prepared: Prepared,
        now: u64,
        host: &mut dyn Host,
    ) -> Result<(), WriteError> {
        let Prepared { key, tokens, source, .. } = prepared;
        match (source, &mut self.leases) {
            (Source::Lease, Some(leases)) => leases.spend(key, tokens, now),
            (Source::Lease, None) => {}
            (Source::Bucket(read, how, lease), _) => {
                self.write(key, read, how, host)?;
                match (&mut self.leases, lease) {
                    (Some(leases), Some(lease)) => leases.insert(key, lease),
                    // Our loan has gone back with this.
                    (Some(leases), None) => leases.end(key),
                    (None, _) => {}
                }
            }
        }
        Ok(())
    }

    /// Gives back tokens that were taken at a time; a bucket that had to go has nobody to give them to.
    pub(crate) fn refund(
        &mut self,
        (key, tokens): (KeyHash, u64),
        taken_at: u64,
        now: u64,
        host: &mut dyn Host,
    ) {
        let into_lease = |leases: &mut Leases| taken_at == now && leases.refund(key, tokens, now);
        if tokens == 0 || self.leases.as_mut().is_some_and(into_lease) {
            return;
        }
        self.update(key, host, now, |quota, found| {
            found.slot.bucket = quota.refund(found.slot.bucket, tokens, taken_at, now);
            found.how == How::Known
        });
    }

    /// Gives tokens back that are still waited for, if nobody has taken any since; whoever has was promised his for a time that counts
    /// on them. The bucket was not full in the meantime, so that all of them are still missing from it. How the bucket is then.
    pub(crate) fn refund_last(
        &mut self,
        (key, tokens): (KeyHash, u64),
        left: Bucket,
        now: u64,
        host: &mut dyn Host,
    ) -> Option<Bucket> {
        let refunded = Cell::new(None);
        let written = self.update(key, host, now, |quota, found| {
            let is_last = found.how == How::Known && found.slot.bucket == left;
            found.slot.bucket = quota.refund(found.slot.bucket, tokens, now, now);
            refunded.set(is_last.then_some(found.slot.bucket));
            is_last
        });
        refunded.get().filter(|_| written)
    }

    /// Takes tokens whether they are there or not.
    pub(crate) fn charge(&mut self, (key, tokens): (KeyHash, u64), now: u64, host: &mut dyn Host) {
        self.update(key, host, now, |quota, found| {
            found.slot.bucket = quota.charge(found.slot.bucket, tokens, now);
            tokens > 0
        });
    }

    /// Ends loans that nobody uses. Whether there are any left.
    pub(crate) fn on_tick(&mut self, now: u64, host: &mut dyn Host) -> bool {
        let Some(leases) = &mut self.leases else { return false };
        for key in leases.idle(now) {
            // To settle is to give back.
            self.update(key, host, now, |_, found| found.how == How::Known);
            if let Some(leases) = &mut self.leases {
                leases.end(key);
            }
        }
        self.has_loans()
    }

    /// Whether anything is on loan.
    pub(crate) fn has_loans(&self) -> bool {
        self.leases.as_ref().is_some_and(|leases| !leases.is_empty())
    }

    /// The bucket of a key, settled with what this worker has on loan from it.
    fn find(&mut self, key: KeyHash, now: u64, host: &mut dyn Host) -> Result<(Read, Found), HostError> {
        let mut read = self.table.read(key, &mut self.quota, now, host)?;
        if self.leases.is_none() {
            read.set.settle(&self.quota);
        }
        // A set has a slot at least.
        let found = read.set.find(key, self.start, &self.quota, now);
        let mut found = found.unwrap_or_else(|| Found { place: 0, slot: Slot::default(), how: How::Known });
        if let Some(leases) = &self.leases {
            leases.settle(key, &mut found.slot, &self.quota, now);
        }
        Ok((read, found))
    }

    /// Changes a bucket where `change` says so; tries up to [`TRIES`] times while others are faster, and gives up where the proxy refuses.
    /// Whether it was changed.
    fn update(
        &mut self,
        key: KeyHash,
        host: &mut dyn Host,
        now: u64,
        change: impl Fn(&Quota, &mut Found) -> bool,
    ) -> bool {
        for _ in 0..TRIES {
            let Ok((mut read, mut found)) = self.find(key, now, host) else { return false };
            if !change(&self.quota, &mut found) {
                return false;
            }
            read.set.put(&found, &self.quota);
            let written = self.write(key, read, found.how, host);
            if written != Err(WriteError::Conflict) {
                // The bucket knows of no loan of ours any more.
                if let Some(leases) = &mut self.leases {
                    leases.end(key);
                }
                return written.is_ok();
            }
        }
        false
    }

    fn write(&mut self, key: KeyHash, read: Read, how: How, host: &mut dyn Host) -> Result<(), WriteError> {
        let written = self.table.write(key, read, self.leases.is_some(), host);
        match (written, how) {
            (Err(WriteError::Conflict), _) => self.events.conflicts += 1,
            (Ok(()), How::Unused) => self.events.slots += 1,
            (Ok(()), How::Evicted) => self.events.evictions += 1,
            _ => {}
        }
        written
    }
}
