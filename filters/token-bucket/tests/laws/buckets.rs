//! One bucket, beside governor and beside the definition.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, FakeRelativeClock};
use governor::{Quota as GovernorQuota, RateLimiter};
use portcullis_token_bucket::{Bucket, Level, Quota, Rate, Shortage};
use proptest::collection::vec;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

use crate::common::Exact;

/// A time near a whole number of periods, where decisions change, or anywhere.
fn step(period: u64) -> impl Strategy<Value = u64> {
    prop_oneof![
        (0..6_u64, 0..3_u64).prop_map(move |(times, off)| (times * period + off).saturating_sub(1)),
        0..=period.saturating_mul(20),
        0..5_u64,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// governor rounds the time of a token to whole nanoseconds, so these rates have one.
    #[test]
    fn governor_decides_the_same(
        (period, burst, steps) in (1..1_000_000_000_000_u64, 1..200_u32).prop_flat_map(|(period, burst)| {
            let steps = vec((step(period), 1..burst + 3), 1..200);
            (Just(period), Just(burst), steps)
        })
    ) {
        let clock = FakeRelativeClock::default();
        let theirs = GovernorQuota::with_period(Duration::from_nanos(period)).unwrap();
        let theirs = theirs.allow_burst(NonZeroU32::new(burst).unwrap());
        let theirs = RateLimiter::direct_with_clock(theirs, clock.clone());
        let ours = Quota::new(Rate::new(1, period).unwrap(), burst.into()).unwrap();
        let (mut bucket, mut now) = (Bucket::default(), 0);
        for (step, tokens) in steps {
            clock.advance(Duration::from_nanos(step));
            now += step;
            let taken = ours.take(bucket, tokens.into(), now, 0);
            match theirs.check_n(NonZeroU32::new(tokens).unwrap()) {
                Ok(Ok(())) => bucket = taken.unwrap().bucket,
                Ok(Err(until)) => {
                    let until = until.wait_time_from(clock.now()).as_nanos();
                    prop_assert_eq!(taken.unwrap_err().until.map(u128::from), Some(until));
                }
                Err(_) => prop_assert_eq!(taken, Err(Shortage { until: None })),
            }
        }
    }
}

/// What is done to a bucket.
#[derive(Clone, Debug)]
enum Act {
    Take { tokens: u64, patience: u64 },
    Charge { tokens: u64 },
    Refund { tokens: u64, ago: u64 },
}

/// Any rate that there is, and a burst that takes a year at most to fill.
fn any_quota() -> impl Strategy<Value = (u32, u64, u64)> {
    let tokens = prop_oneof![1..20_u32, 1..2_000_000_000_u32, any::<u32>().prop_map(|it| it.max(1))];
    let per_token = prop_oneof![1..4_u64, 1..1_000_000_u64, 1..3_000_000_000_000_000_u64];
    (tokens, per_token, any::<u32>(), 1..2000_u64).prop_map(|(tokens, per_token, rest, burst)| {
        let nanos = u64::from(tokens).saturating_mul(per_token);
        let nanos = nanos.saturating_add(u64::from(rest % tokens)).min(u64::MAX >> 1);
        (tokens, nanos, burst.min(3_000_000_000_000_000_000 / (nanos / u64::from(tokens) + 1)).max(1))
    })
}

fn acts(burst: u64, overdraft: u64) -> impl Strategy<Value = Vec<(u64, u64, Act)>> {
    let tokens = 0..burst + 3;
    let act = prop_oneof![
        4 => (tokens.clone(), 0..=overdraft).prop_map(|(tokens, patience)| Act::Take { tokens, patience }),
        2 => tokens.clone().prop_map(|tokens| Act::Take { tokens, patience: 0 }),
        1 => tokens.clone().prop_map(|tokens| Act::Charge { tokens }),
        1 => (tokens, prop_oneof![Just(0), 0..1_000_000_000_u64]).prop_map(|(tokens, ago)| Act::Refund { tokens, ago }),
    ];
    // So many periods of a token, and nanoseconds besides.
    vec((0..4_u64, 0..50_u64, act), 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_rate_is_ever_rounded(
        ((tokens, nanos, burst), overdraft, acts) in (any_quota(), 0..1_000_000_000_000_u64)
            .prop_flat_map(|(quota, overdraft)| {
                (Just(quota), Just(overdraft), acts(quota.2, overdraft))
            })
    ) {
        let rate = Rate::new(tokens, nanos).unwrap();
        let quota = Quota::new(rate, burst).unwrap().with_overdraft(overdraft);
        let mut now = 1;
        let (mut bucket, mut exact) = (Bucket::default(), Exact::new((tokens, nanos), burst, now));
        let lowest = -i128::from(overdraft) * i128::from(tokens);
        for (periods, off, act) in acts {
            now += periods * (nanos / u64::from(tokens)) + off;
            match act {
                Act::Take { tokens: cost, patience } => {
                    let taken = quota.take(bucket, cost, now, patience);
                    prop_assert_eq!(taken.is_ok(), exact.has(cost, now, patience));
                    let wait = match taken {
                        Ok(taken) => taken.wait,
                        Err(Shortage { until }) => {
                            prop_assert_eq!(until.is_none(), cost > burst);
                            until.unwrap_or_default()
                        }
                    };
                    // The first moment at which they are there, and none before it.
                    if cost <= burst {
                        prop_assert!(exact.has(cost, now, wait));
                        prop_assert!(wait == 0 || !exact.has(cost, now, wait - 1));
                    }
                    if let Ok(taken) = taken {
                        exact.spend(cost, now);
                        bucket = taken.bucket;
                    }
                }
                Act::Charge { tokens: cost } => {
                    bucket = quota.charge(bucket, cost, now);
                    let behind = exact.level(now) - i128::from(cost) * i128::from(nanos);
                    exact.set(behind.max(lowest));
                }
                Act::Refund { tokens: back, ago } => {
                    let taken_at = now - ago.min(now);
                    bucket = quota.refund(bucket, back, taken_at, now);
                    exact.refund(back, taken_at, now);
                }
            }
            let level = exact.level(now).max(0);
            let Level { remaining, next } = Level::of(&quota, bucket, now);
            prop_assert_eq!(i128::from(remaining), level / i128::from(nanos));
            prop_assert_eq!(next.is_none(), remaining == burst);
            if let Some(next) = next {
                prop_assert!(exact.has(remaining + 1, now, next) && !exact.has(remaining + 1, now, next - 1));
            }
        }
    }
}

#[test]
fn no_number_is_too_large() {
    for (tokens, nanos, burst) in [
        (1, 1, u64::MAX >> 3),
        (u32::MAX, u64::MAX, 500_000_000),
        (u32::MAX - 1, u64::MAX >> 1, 1),
        (1, 366 * 24 * 3_600_000_000_000, 100),
    ] {
        let quota = Quota::new(Rate::new(tokens, nanos).unwrap(), burst).unwrap().with_overdraft(u64::MAX);
        for now in [0, 1, u64::MAX >> 1, u64::MAX] {
            for bucket in
                [Bucket::default(), quota.holding(0, now), quota.charge(quota.holding(0, now), u64::MAX, now)]
            {
                for cost in [0, 1, burst, burst + 1, u64::MAX] {
                    for patience in [0, u64::MAX] {
                        let taken = quota.take(bucket, cost, now, patience);
                        assert!(taken.is_err() || cost <= burst);
                    }
                    let _ = (quota.charge(bucket, cost, now), quota.refund(bucket, cost, now, now));
                    assert!(Level::of(&quota, bucket, now).remaining <= burst);
                }
            }
        }
    }
}
