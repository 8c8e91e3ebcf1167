//! Tokens that a worker has taken from the rate limit service in advance, so that no request waits for it.
//!
//! For each key a worker is at most `ahead` tokens behind, while the first answer is on its way, and has at most as many in hand when
//! the window of the service ends. So a window may see twice as many too many, for each worker, and no more.

use std::num::NonZeroUsize;

use lru::LruCache;

use crate::service::{Said, Verdict};

/// How many keys a worker has tokens for at most.
const MOST_KEYS: usize = 16_384;
/// After how long tokens are void, where the service does not say when its window ends.
const LASTS: u64 = 1_000_000_000;
/// For how long nobody asks again after a failure.
const RESTS: u64 = 1_000_000_000;

/// What a worker has in hand for the keys of one limit.
#[derive(Debug)]
pub(crate) struct Ahead {
    by_key: LruCache<Vec<u8>, InHand>,
    most: u32,
}

#[derive(Clone, Copy, Debug)]
struct InHand {
    /// Below zero, they are owed: the next call takes them too.
    tokens: i64,
    /// Until when tokens in hand are good.
    until: u64,
    is_asked: bool,
    /// How many the next call takes.
    size: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Serving,
    /// The service has no more before this time.
    Refused(u64),
    /// It could not be asked before this time.
    Failed(u64),
}

/// What a request finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InStore {
    /// Its tokens.
    Enough,
    /// None, for so many nanoseconds if that is known.
    Short(Option<u64>),
    /// Nobody knows.
    Failed,
}

impl Ahead {
    pub(crate) fn new(most: u32) -> Self {
        let keys = NonZeroUsize::new(MOST_KEYS).unwrap_or(NonZeroUsize::MIN);
        Self { by_key: LruCache::new(keys), most }
    }

    /// Looks whether a request may take so many tokens.
    pub(crate) fn look(&mut self, key: &[u8], tokens: u64, now: u64) -> InStore {
        let most = i64::from(self.most);
        let it = self.at(key, now);
        match it.state {
            State::Refused(until) if now < until => InStore::Short(Some(until - now)),
            State::Failed(until) if now < until => InStore::Failed,
            _ => match i64::try_from(tokens).ok().and_then(|tokens| it.tokens.checked_sub(tokens)) {
                Some(left) if left >= -most => InStore::Enough,
                _ => InStore::Short(None),
            },
        }
    }

    /// Takes them. How many to ask for, if it is time to.
    pub(crate) fn take(&mut self, key: &[u8], tokens: u64, now: u64) -> Option<u32> {
        let it = self.at(key, now);
        it.tokens = it.tokens.saturating_sub(i64::try_from(tokens).unwrap_or(i64::MAX));
        if it.is_asked || it.tokens >= i64::from(it.size / 2) {
            return None;
        }
        it.is_asked = true;
        let owed = u32::try_from(it.tokens.min(0).unsigned_abs()).unwrap_or(u32::MAX);
        Some(it.size.saturating_add(owed))
    }

    /// Gives tokens back that were taken.
    pub(crate) fn refund(&mut self, key: &[u8], tokens: u64, now: u64) {
        let most = i64::from(self.most);
        let it = self.at(key, now);
        it.tokens = it.tokens.saturating_add(i64::try_from(tokens).unwrap_or(i64::MAX)).min(most);
    }

    /// Takes the answer to a call for so many tokens.
    pub(crate) fn on_answer(&mut self, key: &[u8], tokens: u32, verdict: &Verdict, now: u64) {
        let most = self.most;
        let it = self.at(key, now);
        it.is_asked = false;
        let window = |said: &Said| said.statuses.first().and_then(|status| status.fill.next);
        match verdict {
            Verdict::Ok(said) => {
                it.tokens = it.tokens.saturating_add(tokens.into()).min(most.into());
                it.until = now.saturating_add(window(said).unwrap_or(LASTS));
                it.size = it.size.saturating_mul(2).min(most);
                it.state = State::Serving;
            }
            // There may still be a few.
            Verdict::OverLimit(_) if it.size > 1 => it.size = (it.size / 4).max(1),
            Verdict::OverLimit(said) => {
                it.state = State::Refused(now.saturating_add(window(said).unwrap_or(LASTS)));
                // What is owed to a window that is over is not owed to the next one.
                it.tokens = 0;
            }
            Verdict::Failed => it.state = State::Failed(now.saturating_add(RESTS)),
        }
    }

    fn at(&mut self, key: &[u8], now: u64) -> &mut InHand {
        let first = InHand {
            tokens: 0,
            until: now.saturating_add(LASTS),
            is_asked: false,
            size: self.most,
            state: State::Serving,
        };
        let it = self.by_key.get_or_insert_mut_ref(key, || first);
        if now >= it.until && it.tokens > 0 {
            it.tokens = 0;
        }
        it
    }
}
