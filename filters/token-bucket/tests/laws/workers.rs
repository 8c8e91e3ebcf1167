//! One limit and several workers, each of which may be interrupted, be slow, lose its clients or die.

use proptest::collection::vec;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::sample::{Index, select};

use crate::common::SECOND;
use crate::windows::Law;
use crate::world::{Act, Case, What, World};

fn limits() -> impl Strategy<Value = Law> {
    // In lowest terms.
    const RATES: [(u32, u64); 6] =
        [(1, 10_000_000), (7, SECOND), (3, 1_000_003), (1, 50_000_000), (1, 1_000_000), (1, 60 * SECOND)];
    (select(&RATES[..]), prop_oneof![1..4_u64, 1..120_u64]).prop_map(|(rate, burst)| Law {
        rate,
        burst,
        slack: 0,
    })
}

/// Those whose bucket fills within a second.
fn quick_limits() -> impl Strategy<Value = Law> {
    limits().prop_filter("slow", |law| law.burst * law.rate.1 / u64::from(law.rate.0) <= SECOND)
}

fn acts(burst: u64, keys: u16) -> impl Strategy<Value = Vec<Act>> {
    let cost = move || prop_oneof![4 => 1..=burst.min(3), 1 => 1..=burst, 1 => Just(burst)];
    let what = move || (0..keys, cost()).prop_map(|(key, cost)| What { key, cost });
    let worker = || 0..4_usize;
    let race = proptest::option::weighted(0.3, (worker(), what(), 0..3_u8));
    let time = prop_oneof![
        0..5_u64,
        0..2_000_000_u64,
        0..120_000_000_u64,
        0..3 * SECOND,
        // When loans end.
        SECOND - 3..SECOND + 3,
        Just(10_000_000_u64),
    ];
    let act = prop_oneof![
        8 => (worker(), what(), race).prop_map(|(worker, what, race)| Act::Request { worker, what, race }),
        4 => time.prop_map(Act::Time),
        2 => worker().prop_map(Act::Tick),
        2 => (worker(), any::<Index>(), any::<bool>())
            .prop_map(|(worker, which, fails)| Act::Answer { worker, which, fails }),
        1 => (worker(), any::<Index>()).prop_map(|(worker, which)| Act::Leave { worker, which }),
        1 => (0..6_u32).prop_map(Act::Conflicts),
        1 => worker().prop_map(Act::Die),
    ];
    vec(act, 1..if keys > 1 { 400 } else { 150 })
}

fn any_scope() -> impl Strategy<Value = &'static str> {
    select(&["process", "leased", "worker"][..])
}

fn cases(
    scope: impl Strategy<Value = &'static str>,
    limit: impl Strategy<Value = Law>,
    waits: bool,
    keys: u16,
) -> impl Strategy<Value = Case> {
    let others = (1..=4_usize, any::<bool>(), 1..=120_u64, prop_oneof![1..50_u64, 1..3000_u64], 1..=64_u64);
    (scope, limit, others).prop_flat_map(move |(scope, law, (workers, refunds, lease, delay, max_keys))| {
        // One worker alone may forget what it has counted, so it does not die.
        let is_one = scope == "worker";
        let case = Case {
            scope,
            law,
            lease: (scope == "leased").then_some(lease.min(law.burst)),
            delay: waits.then_some(delay),
            refunds,
            workers: if is_one { 1 } else { workers },
            max_keys: (keys > 1).then_some(max_keys),
            acts: Vec::new(),
        };
        acts(law.burst, keys).prop_map(move |mut acts| {
            acts.retain(|act| !is_one || !matches!(act, Act::Die(_)));
            Case { acts, ..case.clone() }
        })
    })
}

impl Case {
    /// By how much longer the window is that a burst may fill.
    fn slack(&self) -> u64 {
        let delay = self.delay.unwrap_or_default() * 1_000_000;
        // Who waits passes at a whole nanosecond, so up to one too late. Loans that go back do not move up those who wait.
        if self.scope == "leased" { delay + 1 } else { 1 }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_window_sees_more_than_the_law(case in cases(any_scope(), limits(), false, 1)) {
        let mut world = World::new(&case);
        case.acts.iter().for_each(|act| world.act(act));
        let law = case.law.check(&world.events);
        prop_assert!(law.is_ok(), "{}", law.unwrap_err());
    }

    #[test]
    fn nor_where_requests_wait(mut case in cases(any_scope(), limits(), true, 1)) {
        let mut world = World::new(&case);
        case.law.slack = case.slack();
        case.acts.iter().for_each(|act| world.act(act));
        let law = case.law.check(&world.events);
        // Refunds come when they come; who waits for later tokens stays where it is, and both pass.
        prop_assert!(case.refunds || law.is_ok(), "{}", law.unwrap_err());
    }

    #[test]
    fn tokens_on_loan_come_back(case in cases(Just("leased"), quick_limits(), false, 1)) {
        let mut world = World::new(&case);
        case.acts.iter().for_each(|act| world.act(act));
        world.host.conflicts = 0;
        for _ in 0..20 {
            world.act(&Act::Time(SECOND / 10));
            (0..case.workers).for_each(|worker| world.tick(worker));
        }
        let before = world.events.len();
        let one = || Act::Request { worker: 0, what: What { key: 0, cost: 1 }, race: None };
        (0..=case.law.burst).for_each(|_| world.act(&one()));
        prop_assert_eq!(u64::try_from(world.events.len() - before).unwrap(), case.law.burst);
    }

    /// Whatever is on loan and not used goes back before it ends.
    #[test]
    fn idle_loans_go_back_whole(
        burst in 1..120_u64,
        workers in 1..=4_usize,
        requests in vec((0..4_usize, 1..4_u64, 0..15_000_000_u64), 1..40),
    ) {
        // So slow that nothing comes.
        let law = Law { rate: (1, 3_600 * SECOND), burst, slack: 0 };
        let case = Case { scope: "leased", law, lease: None, delay: None, refunds: false, workers, max_keys: None, acts: Vec::new() };
        let mut world = World::new(&case);
        for (worker, cost, time) in requests {
            world.act(&Act::Request { worker, what: What { key: 0, cost }, race: None });
            world.act(&Act::Time(time));
        }
        for _ in 0..2 {
            world.act(&Act::Time(SECOND / 10));
            (0..workers).for_each(|worker| world.tick(worker));
        }
        let one = Act::Request { worker: 0, what: What { key: 0, cost: 1 }, race: None };
        (0..=burst).for_each(|_| world.act(&one));
        let admitted: i128 = world.events.iter().map(|event| event.parts).sum();
        prop_assert_eq!(admitted, i128::from(burst) * i128::from(law.rate.1));
    }

    /// A key that comes back to another slot, or whose bucket had to go, may get less for a while.
    #[test]
    fn no_key_gets_more_than_with_a_bucket_of_its_own(case in cases(any_scope(), limits(), false, 200)) {
        let mut world = World::new(&case);
        case.acts.iter().for_each(|act| world.act(act));
    }
}

#[test]
fn a_loan_used_in_its_last_moment_is_not_in_the_bucket_too() {
    let law = Law { rate: (1, 10_000_000), burst: 10, slack: 0 };
    let case = Case {
        scope: "leased",
        law,
        lease: None,
        delay: None,
        refunds: false,
        workers: 2,
        max_keys: None,
        acts: Vec::new(),
    };
    let mut world = World::new(&case);
    let request = |worker, cost| Act::Request { worker, what: What { key: 0, cost }, race: None };
    (0..2).for_each(|_| world.act(&request(0, 1)));
    world.act(&Act::Time(SECOND - 1));
    let before = world.host.shared.clone();
    world.act(&request(0, 1));
    assert_eq!(world.host.shared, before, "it was on loan");
    world.act(&Act::Time(1));
    // The world looks that this is denied: by the definition one token is missing.
    world.act(&request(1, 10));
    assert_eq!(world.events.len(), 3);
    world.act(&request(1, 9));
    assert_eq!(world.events.len(), 4);
}
