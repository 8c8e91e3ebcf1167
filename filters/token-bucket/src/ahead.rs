//! Tokens that a worker has taken from the rate limit service in advance, so that no request waits for it.
//!
//! For each key a worker is at most `ahead` tokens behind, while an answer is on its way, and has at most as many in hand when the window
//! of the service ends. So a window may see twice as many too many, for each worker. Once the service has refused or failed, a key has
//! one token on credit and no more, until the service has said yes again.

use std::num::NonZeroUsize;

use lru::LruCache;

use crate::key::LongHash;
use crate::service::{Said, Verdict};

/// How many keys a worker has tokens for at most.
const MOST_KEYS: usize = 16_384;
/// After how long tokens are void, where the service does not say when its window ends.
const LASTS: u64 = 1_000_000_000;
/// For how long nobody asks again after a failure.
const RESTS: u64 = 1_000_000_000;
/// How often the time doubles for which nobody asks again, where the service does not say when its window ends.
const MOST_DOUBLINGS: u32 = 6;

/// What a worker has in hand for the keys of one limit.
#[derive(Debug)]
pub(crate) struct Ahead {
    by_key: LruCache<LongHash, InHand>,
    most: u32,
}

#[derive(Clone, Copy, Debug)]
struct InHand {
    /// Below zero, they are owed: the next call takes them too.
    tokens: i64,
    /// When the window ends that they are from.
    until: u64,
    is_asked: bool,
    /// How many the next call takes, and how many may be owed.
    size: u32,
    state: State,
    /// How often in a row the service has refused.
    refusals: u32,
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
    pub(crate) fn look(&mut self, key: LongHash, tokens: u64, now: u64) -> InStore {
        let it = self.at(key, now);
        match it.state {
            State::Refused(until) if now < until => InStore::Short(until - now),
            State::Failed(until) if now < until => InStore::Failed,
            _ => match i64::try_from(tokens).ok().and_then(|tokens| it.tokens.checked_sub(tokens)) {
                Some(left) if left >= -i64::from(it.size) => InStore::Enough,
                // The answer that is on its way may bring some, or may not.
                _ => InStore::Short(LASTS),
            },
        }
    }

    /// Takes what [`look`](Self::look) has found.
    pub(crate) fn take(&mut self, key: LongHash, tokens: u64, now: u64) {
        let it = self.at(key, now);
        it.tokens = it.tokens.saturating_sub(i64::try_from(tokens).unwrap_or(i64::MAX));
    }

    /// How many to ask for, if it is time to: whoever is denied is not denied for ever.
    pub(crate) fn ask(&mut self, key: LongHash, tokens: u64, now: u64) -> Option<u32> {
        let it = self.at(key, now);
        let rests = matches!(it.state, State::Refused(until) | State::Failed(until) if now < until);
        let is_enough = it.tokens >= i64::from(it.size / 2).max(i64::try_from(tokens).unwrap_or(i64::MAX));
        if it.is_asked || rests || is_enough {
            return None;
        }
        it.is_asked = true;
        // What is in hand is not asked for again, and what is owed is. Fewer than a request takes would help nobody.
        let wanted =
            i64::from(it.size).max(i64::try_from(tokens).unwrap_or(i64::MAX)).saturating_sub(it.tokens);
        Some(u32::try_from(wanted.max(1)).unwrap_or(u32::MAX))
    }

    /// Gives tokens back that were taken.
    pub(crate) fn refund(&mut self, key: LongHash, tokens: u64, now: u64) {
        let most = i64::from(self.most);
        let it = self.at(key, now);
        it.tokens = it.tokens.saturating_add(i64::try_from(tokens).unwrap_or(i64::MAX)).min(most);
    }

    /// Takes the answer to a call for so many tokens.
    pub(crate) fn on_answer(&mut self, key: LongHash, tokens: u32, verdict: &Verdict, now: u64) {
        let most = self.most;
        let it = self.at(key, now);
        it.is_asked = false;
        let window = |said: &Said| said.statuses.first().and_then(|status| status.fill.next);
        match verdict {
            Verdict::Ok(said) => {
                it.tokens = it.tokens.saturating_add(tokens.into()).min(most.into());
                it.until = now.saturating_add(window(said).unwrap_or(LASTS));
                it.size = it.size.saturating_mul(2).min(most);
                (it.state, it.refusals) = (State::Serving, 0);
            }
            // There may still be a few.
            Verdict::OverLimit(_) if it.size > 1 => it.size = (it.size / 4).max(1),
            Verdict::OverLimit(said) => {
                let rest = window(said).unwrap_or_else(|| LASTS << it.refusals);
                it.refusals = it.refusals.saturating_add(1).min(MOST_DOUBLINGS);
                it.state = State::Refused(now.saturating_add(rest));
                // What is owed to a window that is over is not owed to the next one.
                it.tokens = 0;
            }
            Verdict::Failed => {
                it.state = State::Failed(now.saturating_add(RESTS));
                // How the time until then is counted is up to the failure mode.
                (it.tokens, it.size) = (it.tokens.max(0), 1);
            }
        }
    }

    fn at(&mut self, key: LongHash, now: u64) -> &mut InHand {
        let first = InHand {
            tokens: 0,
            until: now.saturating_add(LASTS),
            is_asked: false,
            size: self.most,
            state: State::Serving,
            refusals: 0,
        };
        let it = self.by_key.get_or_insert_mut(key, || first);
        if now >= it.until && !it.is_asked {
            (it.tokens, it.until) = (0, now.saturating_add(LASTS));
        }
        it.tokens = if now >= it.until { it.tokens.min(0) } else { it.tokens };
        it
    }
}

#[cfg(test)]
mod tests {
    use portcullis_kit::bucket::Level;

    use super::*;
    use crate::service::Status;

    const MILLISECOND: u64 = 1_000_000;
    const KEY: LongHash = 7;

    use InStore::{Enough, Failed, Short};

    fn said(next: u64) -> Said {
        let fill = Level { remaining: 0, next: Some(next) };
        Said { statuses: vec![Status { fill, ..Status::default() }], ..Said::default() }
    }

    /// One token for a key, if there is one, and how many are asked for.
    fn take(ahead: &mut Ahead, now: u64) -> (InStore, Option<u32>) {
        let found = ahead.look(KEY, 1, now);
        if found == Enough {
            ahead.take(KEY, 1, now);
        }
        (found, ahead.ask(KEY, 1, now))
    }

    #[test]
    fn the_first_requests_pass_on_credit_and_ask_once() {
        let mut ahead = Ahead::new(4);
        let asked: Vec<_> = (0..4).map(|_| take(&mut ahead, 0)).collect();
        assert_eq!(asked, [(Enough, Some(5)), (Enough, None), (Enough, None), (Enough, None)]);
        assert_eq!(take(&mut ahead, 0), (Short(LASTS), None), "no more than that");
        ahead.on_answer(KEY, 5, &Verdict::Ok(said(MILLISECOND)), 0);
        assert_eq!(take(&mut ahead, 0), (Enough, Some(4)), "one is left, and more are asked for");
    }

    #[test]
    fn tokens_of_a_window_end_with_it() {
        let mut ahead = Ahead::new(4);
        take(&mut ahead, 0);
        ahead.on_answer(KEY, 5, &Verdict::Ok(said(MILLISECOND)), 0);
        assert_eq!(take(&mut ahead, 0), (Enough, None));
        assert_eq!(take(&mut ahead, MILLISECOND), (Enough, Some(5)), "on credit again");
    }

    #[test]
    fn near_the_limit_it_asks_for_less_until_there_is_none() {
        let mut ahead = Ahead::new(16);
        let mut sizes = Vec::new();
        for now in 0..3 {
            let asked = take(&mut ahead, now).1.unwrap();
            ahead.on_answer(KEY, asked, &Verdict::OverLimit(said(MILLISECOND)), now);
            sizes.push(asked);
        }
        assert_eq!(sizes, [17, 6, 3], "16, 4, 1, and what is owed");
        assert_eq!(take(&mut ahead, 2), (Short(MILLISECOND), None));
        assert_eq!(take(&mut ahead, 2 + MILLISECOND), (Enough, Some(2)));
        assert_eq!(take(&mut ahead, 2 + MILLISECOND), (Short(LASTS), None), "one on credit and no more");
    }

    #[test]
    fn a_refusal_without_a_time_is_asked_about_less_and_less() {
        let mut ahead = Ahead::new(1);
        let mut now = 0;
        for seconds in [1, 2, 4, 8, 16, 32, 64, 64] {
            let asked = take(&mut ahead, now).1.unwrap();
            ahead.on_answer(KEY, asked, &Verdict::OverLimit(Said::default()), now);
            assert_eq!(take(&mut ahead, now), (Short(seconds * LASTS), None));
            now += seconds * LASTS;
        }
    }

    #[test]
    fn a_failure_is_not_asked_about_for_a_second_and_costs_nobody_his_limit() {
        let mut ahead = Ahead::new(4);
        let mut now = 0;
        for _ in 0..20 {
            let (found, asked) = take(&mut ahead, now);
            assert_eq!(found, Enough);
            ahead.on_answer(KEY, asked.unwrap(), &Verdict::Failed, now);
            assert_eq!(take(&mut ahead, now + RESTS - 1), (Failed, None));
            now += RESTS;
        }
        let asked = take(&mut ahead, now).1.unwrap();
        ahead.on_answer(KEY, asked, &Verdict::Ok(said(MILLISECOND)), now);
        assert_eq!(take(&mut ahead, now).0, Enough);
    }

    #[test]
    fn whoever_is_denied_is_asked_about() {
        let mut ahead = Ahead::new(4);
        let asked: Vec<_> = (0..4).filter_map(|_| take(&mut ahead, 0).1).collect();
        ahead.on_answer(KEY, asked[0], &Verdict::OverLimit(said(MILLISECOND)), 0);
        assert_eq!(take(&mut ahead, 1), (Short(LASTS), Some(5)));
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let mut ahead = Ahead::new(4);
        for key in 0..2 * MOST_KEYS {
            ahead.look(key as LongHash, 1, 0);
        }
        assert_eq!(ahead.by_key.len(), MOST_KEYS);
    }
}
