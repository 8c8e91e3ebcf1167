//! The bucket: one point in time.
//!
//! Times are nanoseconds on a monotonic clock that all workers share, spans are nanoseconds.

mod rate;
mod shared;

pub use rate::Rate;
pub use shared::SharedBucket;

/// A token bucket, by the time at which it will be full: `nanos` and `part / rate.parts()` of a nanosecond, on a clock that all of its
/// users share. A time that has passed is a full bucket.
///
/// This is the virtual scheduling of the generic cell rate algorithm (ITU-T I.371, annex A): taking a token moves the time on by
/// what a token takes to come. What is left, when the next token comes and when there is enough all follow from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    /// The time at which it will be full, in nanoseconds.
    pub nanos: u64,
    /// What comes on top of that, in the unit of the rate ([`Rate::parts`]).
    pub part: u32,
}

/// What a bucket holds and how fast it fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    rate: Rate,
    burst: u64,
    /// How far behind zero a bucket may get, in nanoseconds of its rate: tokens that are waited for, or charged afterwards.
    overdraft: u64,
    /// How many nanoseconds ahead a bucket can be full at all; with one that is further ahead the clock was set back.
    horizon: u64,
}

/// Tokens were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The bucket as it is now.
    pub bucket: Bucket,
    /// In how many nanoseconds they are there; 0 for now.
    pub wait: u64,
}

/// There are not enough tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// In how many nanoseconds there are enough; `None` when the bucket never holds so many.
    pub until: Option<u64>,
}

/// How full a bucket is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Whole tokens.
    pub remaining: u64,
    /// In how many nanoseconds there is one more; `None` when it is full.
    pub next: Option<u64>,
}

impl Level {
    /// How full this one is.
    pub fn of(quota: &Quota, bucket: Bucket, now: u64) -> Self {
        Self { remaining: quota.remaining(bucket, now), next: quota.next_token(bucket, now) }
    }
}

/// How many nanoseconds after the first of them all loans of a bucket end; until then it may be further ahead than what was spent of it.
pub const LOAN: u64 = 1_000_000_000;

/// How long the largest burst may take to fill: a century.
const LONGEST: u128 = 100 * 366 * 24 * 3_600_000_000_000;

impl Quota {
    /// A bucket of `burst` tokens. `None` without any, or where it takes more than a hundred years to fill.
    pub fn new(rate: Rate, burst: u64) -> Option<Self> {
        let fills_in = u128::from(burst) * u128::from(rate.per_token()) / u128::from(rate.parts());
        let quota = Self { rate, burst, overdraft: 0, horizon: 0 };
        (burst > 0 && fills_in <= LONGEST).then(|| quota.with_overdraft(0))
    }

    /// The same, where buckets may get behind zero by what comes in so many nanoseconds.
    #[must_use]
    pub fn with_overdraft(self, nanos: u64) -> Self {
        let overdraft = self.overdraft.max(nanos);
        // A loan ahead, and again for whoever has looked at the clock earlier than who wrote the bucket.
        let horizon = self.fills_in().saturating_add(overdraft).saturating_add(2 * LOAN);
        Self { overdraft, horizon: self.horizon.max(horizon), ..self }
    }

    /// How many nanoseconds ahead a bucket can be full.
    pub fn horizon(&self) -> u64 {
        self.horizon
    }

    /// Takes into account that others, with a larger burst, use the same buckets.
    pub fn widen(&mut self, horizon: u64) {
        self.horizon = self.horizon.max(horizon);
    }

    /// Whether a bucket can be as it is.
    pub fn is_plausible(&self, bucket: Bucket, now: u64) -> bool {
        bucket.nanos <= now.saturating_add(self.horizon)
    }

    /// A bucket that is as far behind as it can get.
    pub fn deepest(&self, now: u64) -> Bucket {
        self.bucket(now, self.most())
    }

    /// How many tokens a bucket holds.
    pub fn burst(&self) -> u64 {
        self.burst
    }

    /// How fast it fills.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// A bucket with so many tokens in it, at most all.
    pub fn holding(&self, tokens: u64, now: u64) -> Bucket {
        self.bucket(now, self.capacity() - self.cost(tokens.min(self.burst)))
    }

    /// Takes `tokens` from a bucket, at most `patience` nanoseconds before they are there. Whoever takes none has to find one.
    ///
    /// # Errors
    /// There are not enough: nothing is taken.
    pub fn take(&self, bucket: Bucket, tokens: u64, now: u64, patience: u64) -> Result<Taken, Shortage> {
        let spent = self.debt(bucket, now);
        let debt = spent + self.cost(tokens);
        let missing = (spent + self.cost(tokens.max(1))).saturating_sub(self.capacity());
        if tokens > self.burst {
            return Err(Shortage { until: None });
        }
        let wait = self.nanos(missing);
        match wait <= patience {
            true => Ok(Taken { bucket: self.bucket(now, debt), wait }),
            false => Err(Shortage { until: Some(wait) }),
        }
    }

    /// Takes `tokens` whether they are there or not: what a request turned out to cost. A bucket gets behind zero by no more than its
    /// overdraft.
    pub fn charge(&self, bucket: Bucket, tokens: u64, now: u64) -> Bucket {
        let debt = self.debt(bucket, now);
        self.bucket(now, (debt + self.cost(tokens)).min(self.most()).max(debt))
    }

    /// Gives `tokens` back that were taken at a time, as far as they have not come again since: whoever took many, one by one, and gives
    /// all back at once has no more than if they had never been taken.
    pub fn refund(&self, bucket: Bucket, tokens: u64, taken_at: u64, now: u64) -> Bucket {
        let come_again = u128::from(now.saturating_sub(taken_at)) * u128::from(self.rate.parts());
        let owed = self.cost(tokens).saturating_sub(come_again);
        self.bucket(now, self.debt(bucket, now).saturating_sub(owed))
    }

    /// How many whole tokens there are.
    pub fn remaining(&self, bucket: Bucket, now: u64) -> u64 {
        let left = self.capacity().saturating_sub(self.debt(bucket, now)) / u128::from(self.rate.per_token());
        u64::try_from(left).unwrap_or(self.burst)
    }

    /// How many tokens there are with their fractions, below zero where more were taken: for tools that draw it.
    pub fn balance(&self, bucket: Bucket, now: u64) -> f64 {
        (self.capacity() as f64 - self.debt(bucket, now) as f64) / self.rate.per_token() as f64
    }

    /// In how many nanoseconds there is one token more; `None` when the bucket is full.
    pub fn next_token(&self, bucket: Bucket, now: u64) -> Option<u64> {
        let debt = self.debt(bucket, now);
        let more = self.cost(self.remaining(bucket, now) + 1);
        (debt > 0).then(|| self.nanos((debt + more).saturating_sub(self.capacity())))
    }

    /// In how many nanoseconds an empty bucket is full.
    pub fn fills_in(&self) -> u64 {
        self.comes_in(self.burst)
    }

    /// In how many nanoseconds so many tokens come.
    pub fn comes_in(&self, tokens: u64) -> u64 {
        self.nanos(self.cost(tokens))
    }

    /// The same tokens missing, for another rate than that by which the bucket was kept: who has spent something has spent it.
    pub fn converted(&self, bucket: Bucket, former: Rate, now: u64) -> Bucket {
        let debt = debt(bucket, former, now);
        let converted = debt
            .checked_mul(self.rate.per_token().into())
            .map_or(u128::MAX, |debt| debt.div_ceil(former.per_token().into()));
        self.bucket(now, converted.min(u128::from(self.horizon) * u128::from(self.rate.parts())))
    }

    /// What is missing until the bucket is full, in the unit of the rate. A bucket that cannot be as it is was used before the clock
    /// was set back: it is taken for as empty as it can be, neither filled up nor locked.
    fn debt(&self, bucket: Bucket, now: u64) -> u128 {
        match self.is_plausible(bucket, now) {
            true => debt(bucket, self.rate, now),
            false => self.most(),
        }
    }

    /// The bucket that misses so much.
    pub fn bucket(&self, now: u64, debt: u128) -> Bucket {
        let parts = u128::from(self.rate.parts());
        let nanos = u64::try_from(debt / parts).unwrap_or(u64::MAX);
        Bucket {
            nanos: now.saturating_add(nanos),
            // Less than the parts, which are a u32.
            part: u32::try_from(debt % parts).unwrap_or_default(),
        }
    }

    /// What so many tokens are in the unit of the rate.
    pub fn cost(&self, tokens: u64) -> u128 {
        u128::from(tokens) * u128::from(self.rate.per_token())
    }

    /// What is missing from an empty bucket.
    fn capacity(&self) -> u128 {
        self.cost(self.burst)
    }

    /// What is missing from a bucket that is as far behind as it can get.
    fn most(&self) -> u128 {
        self.capacity() + u128::from(self.overdraft) * u128::from(self.rate.parts())
    }

    /// Rounded up: never early.
    fn nanos(&self, debt: u128) -> u64 {
        u64::try_from(debt.div_ceil(self.rate.parts().into())).unwrap_or(u64::MAX)
    }
}

fn debt(bucket: Bucket, rate: Rate, now: u64) -> u128 {
    match bucket.nanos.checked_sub(now) {
        Some(nanos) => u128::from(nanos) * u128::from(rate.parts()) + u128::from(bucket.part),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn quota(rate: &str, burst: u64) -> Quota {
        Quota::new(Rate::parse(rate).unwrap(), burst).unwrap()
    }

    #[test]
    fn whoever_takes_none_has_to_find_one() {
        let quota = quota("10/1s", 2);
        let bucket = quota.take(Bucket::default(), 1, SECOND, 0).unwrap().bucket;
        assert_eq!(quota.take(bucket, 0, SECOND, 0), Ok(Taken { bucket, wait: 0 }));
        let empty = quota.take(bucket, 1, SECOND, 0).unwrap().bucket;
        assert_eq!(quota.take(empty, 0, SECOND, 0), Err(Shortage { until: Some(SECOND / 10) }));
    }

    #[test]
    fn a_burst_and_then_one_at_a_time() {
        let (quota, mut bucket, now) = (quota("10/1s", 3), Bucket::default(), 5 * SECOND);
        for left in [2, 1, 0] {
            bucket = quota.take(bucket, 1, now, 0).unwrap().bucket;
            assert_eq!(quota.remaining(bucket, now), left);
        }
        let tenth = SECOND / 10;
        assert_eq!(quota.take(bucket, 1, now, 0), Err(Shortage { until: Some(tenth) }));
        assert_eq!(quota.next_token(bucket, now), Some(tenth));
        assert!(quota.take(bucket, 1, now + tenth - 1, 0).is_err());
        bucket = quota.take(bucket, 1, now + tenth, 0).unwrap().bucket;
        assert_eq!(quota.remaining(bucket, now + 4 * tenth), 3);
        assert_eq!(quota.next_token(bucket, now + 4 * tenth), None);
    }

    #[test]
    fn what_costs_more_than_a_bucket_holds_never_comes() {
        assert_eq!(quota("10/1s", 3).take(Bucket::default(), 4, 0, u64::MAX), Err(Shortage { until: None }));
    }

    #[test]
    fn rates_do_not_drift() {
        // One token each time that one is there: after a number of seconds there have been as many as the rate says. The bucket holds
        // two, since the nanosecond that is rounded up must not be lost to one that is full.
        for (text, seconds) in
            [("3/1s", 1_000), ("7/1h", 36_000_000), ("1/8760h", 3_153_600_000), ("700/1us", 1)]
        {
            let quota = quota(text, 2);
            let (mut bucket, mut now, mut count) = (Bucket::default(), SECOND, 0_u64);
            let end = now + seconds * SECOND / if text.ends_with("us") { 1_000_000 } else { 1 };
            while now <= end {
                bucket = quota.take(bucket, 1, now, 0).unwrap().bucket;
                now += quota.take(bucket, 1, now, 0).err().map_or(0, |shortage| shortage.until.unwrap());
                count += 1;
            }
            let rate = quota.rate();
            let expected = u128::from(end - SECOND) * u128::from(rate.parts()) / u128::from(rate.per_token());
            assert_eq!(u128::from(count), expected + 2, "{text}");
        }
    }

    #[test]
    fn the_largest_numbers_fit() {
        let fastest = quota("1/1ns", u64::MAX >> 3);
        let bucket = fastest.take(Bucket::default(), u64::MAX >> 3, u64::MAX >> 2, 0).unwrap().bucket;
        assert_eq!(fastest.remaining(bucket, u64::MAX >> 2), 0);
        assert_eq!(Quota::new(Rate::parse("1/8760h").unwrap(), 101), None);
        assert_eq!(Quota::new(Rate::parse("1/1s").unwrap(), 0), None);
        assert_eq!(fastest.take(Bucket { nanos: u64::MAX, part: 0 }, 1, 0, 0).unwrap_err().until, Some(1));
    }

    #[test]
    fn a_clock_set_back_neither_fills_nor_locks() {
        let quota = quota("10/1s", 10);
        let bucket = quota.take(Bucket::default(), 1, 1_000_000 * SECOND, 0).unwrap().bucket;
        assert_eq!(quota.remaining(bucket, SECOND), 0);
        assert_eq!(quota.take(bucket, 1, SECOND, 0), Err(Shortage { until: Some(SECOND / 10) }));
    }

    #[test]
    fn tokens_are_given_back_and_charged_afterwards() {
        let quota = quota("10/1s", 10).with_overdraft(SECOND);
        let bucket = quota.take(Bucket::default(), 4, SECOND, 0).unwrap().bucket;
        assert_eq!(quota.remaining(quota.refund(bucket, 3, SECOND, SECOND), SECOND), 9);
        assert_eq!(quota.refund(bucket, 100, SECOND, SECOND).nanos, SECOND);
        let behind = quota.charge(bucket, 1000, SECOND);
        assert_eq!(quota.remaining(behind, SECOND), 0);
        assert_eq!(quota.balance(bucket, SECOND + SECOND / 20), 6.5);
        assert_eq!(quota.balance(behind, SECOND), -10.0, "as deep as the overdraft allows");
        assert_eq!(quota.take(behind, 1, SECOND, 0).unwrap_err().until, Some(SECOND + SECOND / 10));
    }

    #[test]
    fn what_has_come_again_is_not_given_back() {
        let quota = quota("10/1s", 10);
        let bucket = quota.take(Bucket::default(), 4, SECOND, 0).unwrap().bucket;
        let bucket = quota.take(bucket, 6, SECOND + SECOND / 10, 0).unwrap().bucket;
        let later = SECOND + 3 * SECOND / 10;
        assert_eq!(quota.remaining(bucket, later), 3);
        assert_eq!(quota.remaining(quota.refund(bucket, 4, SECOND, later), later), 4);
        assert_eq!(quota.refund(bucket, 4, 0, later), bucket);
    }

    #[test]
    fn another_rate_leaves_spent_what_was_spent() {
        let (former, quota) = (quota("10/1s", 10), quota("100/1m", 40));
        let bucket = former.take(Bucket::default(), 7, SECOND, 0).unwrap().bucket;
        assert_eq!(quota.remaining(quota.converted(bucket, former.rate(), SECOND), SECOND), 33);
        let small = Quota::new(Rate::parse("1/1s").unwrap(), 2).unwrap();
        assert_eq!(small.remaining(small.converted(bucket, former.rate(), SECOND), SECOND), 0);
    }
}
