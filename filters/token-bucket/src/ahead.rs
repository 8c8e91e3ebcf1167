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
    /// None, for so many nanoseconds.
    Short(u64),
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
            State::Refused(until) if now < until => InStore::Short(until - now),
            State::Failed(until) if now < until => InStore::Failed,
            _ => match i64::try_from(tokens).ok().and_then(|tokens| it.tokens.checked_sub(tokens)) {
                Some(left) if left >= -most => InStore::Enough,
                // The answer that is on its way may bring some, or may not.
                _ => InStore::Short(LASTS),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Level;
    use crate::service::Status;

    const MILLISECOND: u64 = 1_000_000;

    fn said(next: u64) -> Said {
        let fill = Level { remaining: 0, next: Some(next) };
        Said { statuses: vec![Status { fill, ..Status::default() }], ..Said::default() }
    }

    /// One token for a key, if there is one; how many to ask for.
    fn take(ahead: &mut Ahead, now: u64) -> Result<Option<u32>, InStore> {
        match ahead.look(b"k", 1, now) {
            InStore::Enough => Ok(ahead.take(b"k", 1, now)),
            other => Err(other),
        }
    }

    #[test]
    fn the_first_requests_pass_on_credit_and_ask_once() {
        let mut ahead = Ahead::new(4);
        let asked: Vec<_> = (0..4).map(|_| take(&mut ahead, 0).unwrap()).collect();
        assert_eq!(asked, [Some(5), None, None, None]);
        assert_eq!(take(&mut ahead, 0), Err(InStore::Short(LASTS)), "no more than that");
        ahead.on_answer(b"k", 5, &Verdict::Ok(said(MILLISECOND)), 0);
        assert_eq!(take(&mut ahead, 0), Ok(Some(4)), "one is left, and more are asked for");
    }

    #[test]
    fn tokens_of_a_window_end_with_it() {
        let mut ahead = Ahead::new(4);
        take(&mut ahead, 0).unwrap();
        ahead.on_answer(b"k", 5, &Verdict::Ok(said(MILLISECOND)), 0);
        assert_eq!(take(&mut ahead, 0), Ok(None));
        assert_eq!(take(&mut ahead, MILLISECOND), Ok(Some(5)), "on credit again");
    }

    #[test]
    fn near_the_limit_it_asks_for_less_until_there_is_none() {
        let mut ahead = Ahead::new(16);
        let mut now = 0;
        let sizes: Vec<_> = (0..3)
            .map(|_| {
                now += 1;
                let asked = take(&mut ahead, now).unwrap().unwrap();
                ahead.on_answer(b"k", asked, &Verdict::OverLimit(said(MILLISECOND)), now);
                asked
            })
            .collect();
        assert_eq!(sizes, [17, 6, 4], "what is owed and 16, 4, 1");
        assert_eq!(take(&mut ahead, now), Err(InStore::Short(MILLISECOND)));
        assert_eq!(take(&mut ahead, now + MILLISECOND), Ok(Some(2)));
    }

    #[test]
    fn a_failure_is_not_asked_about_for_a_second() {
        let mut ahead = Ahead::new(4);
        take(&mut ahead, 0).unwrap();
        ahead.on_answer(b"k", 5, &Verdict::Failed, 0);
        assert_eq!(take(&mut ahead, RESTS - 1), Err(InStore::Failed));
        assert_eq!(take(&mut ahead, RESTS), Ok(Some(6)));
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let mut ahead = Ahead::new(4);
        for key in 0..2 * MOST_KEYS {
            ahead.look(&key.to_le_bytes(), 1, 0);
        }
        assert_eq!(ahead.by_key.len(), MOST_KEYS);
    }
}
