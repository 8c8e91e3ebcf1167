//! Several limits: a request takes from all of them or from none.

use std::collections::BTreeMap;

use portcullis_kit::testing::TestHost;
use portcullis_kit::{Host, UnixTime};
use portcullis_token_bucket::TokenBucket;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::{ProptestConfig, Strategy, prop_assert_eq, prop_oneof, proptest};
use serde_json::{Value, json};

use crate::common::{Exact, START, filter, host, passes};
use portcullis_kit::testing::Race;

const RATES: [(u32, u64); 3] = [(1, 10_000_000), (1, 7_000_001), (1, 50_000_000)];
const BURSTS: [u64; 3] = [20, 12, 6];

/// A bucket for all, one for each user, and one that each worker has for itself.
fn config(scope: &str) -> Value {
    let limit = |at: usize, name: &str, scope: &str, key: Value| {
        let (tokens, nanos) = RATES[at];
        json!({
            "name": name,
            "rate": format!("{tokens}/{nanos}ns"),
            "burst": BURSTS[at],
            "cost_from": {"header": format!("x-cost-{name}"), "max": 100},
            "key": key,
            "scope": scope,
        })
    };
    json!({"limits": [
        limit(0, "all", scope, json!([])),
        limit(1, "user", scope, json!([{"header": "x-user"}])),
        limit(2, "worker", "worker", json!([])),
    ]})
}

/// Whose request it is, and what it costs under each limit.
#[derive(Clone, Copy, Debug)]
struct What {
    worker: usize,
    user: u8,
    costs: [u64; 3],
}

impl What {
    fn passes(&self, filter: &mut TokenBucket, host: &mut dyn Host) -> bool {
        let [all, user, worker] = self.costs.map(|cost| cost.to_string());
        let name = self.user.to_string();
        let fields =
            [("x-user", &name), ("x-cost-all", &all), ("x-cost-user", &user), ("x-cost-worker", &worker)];
        passes(filter, &fields.map(|(name, value)| (name, value.as_str())), host)
    }
}

fn what() -> impl Strategy<Value = What> {
    let cost = |burst: u64| prop_oneof![4 => 1..4_u64, 1 => 1..burst + 2];
    (0..3_usize, 0..3_u8, (cost(BURSTS[0]), cost(BURSTS[1]), cost(BURSTS[2]))).prop_map(
        |(worker, user, (all, one, worker_cost))| What { worker, user, costs: [all, one, worker_cost] },
    )
}

/// A bucket for each limit and whoever shares it.
#[derive(Default)]
struct Definition(BTreeMap<(usize, usize), Exact>);

impl Definition {
    fn take(&mut self, what: &What, now: u64) -> bool {
        let who = [0, what.user.into(), what.worker];
        let mut has = true;
        for (at, who) in who.into_iter().enumerate() {
            let bucket = self.0.entry((at, who)).or_insert_with(|| Exact::new(RATES[at], BURSTS[at], START));
            has &= bucket.has(what.costs[at], now, 0);
        }
        for (at, who) in who.into_iter().enumerate().filter(|_| has) {
            self.0.get_mut(&(at, who)).unwrap().spend(what.costs[at], now);
        }
        has
    }
}

fn steps() -> impl Strategy<Value = u64> {
    prop_oneof![0..3_u64, 0..10_000_000_u64, 0..400_000_000_u64]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn all_limits_give_or_none_does(
        acts in vec((steps(), what(), weighted(0.3, (what(), 0..5_u8)), 0..3_u32), 1..120)
    ) {
        let (config, mut host) = (config("process"), host());
        let mut workers: Vec<_> = (0..3).map(|_| filter(&config, &mut host)).collect();
        let (mut definition, mut now) = (Definition::default(), START);
        for (step, what, meanwhile, conflicts) in acts {
            now += step;
            host.now = UnixTime::from_nanos(now);
            let other = meanwhile.filter(|(other, _)| other.worker != what.worker);
            // Others in between and writes that come too late anyway: either, or nobody could say who was first.
            host.conflicts = if other.is_some() { 0 } else { conflicts };
            let before = host.shared.clone();
            let Some((other, reads)) = other else {
                let passes = what.passes(&mut workers[what.worker], &mut host);
                prop_assert_eq!(passes, definition.take(&what, now));
                if !passes {
                    prop_assert_eq!(&host.shared, &before, "a request that is denied writes nothing");
                }
                continue;
            };
            let [one, two] = workers.get_disjoint_mut([what.worker, other.worker]).unwrap();
            let mut others = None;
            let meanwhile = |host: &mut TestHost| others = Some(other.passes(two, host));
            let mut race = Race { host: &mut host, reads, meanwhile: Some(Box::new(meanwhile)) };
            let passes = what.passes(one, &mut race);
            drop(race);
            // Who came in between was first.
            if let Some(others) = others {
                prop_assert_eq!(others, definition.take(&other, now));
            }
            prop_assert_eq!(passes, definition.take(&what, now));
        }
    }

    /// A worker may have the last tokens on loan, so that another one is denied: but not too many pass, and a bucket from which nobody
    /// was admitted is as full as before.
    #[test]
    fn nor_do_loans_of_one_limit_get_lost_for_another(acts in vec((steps(), what()), 1..120)) {
        let (config, mut host) = (config("leased"), host());
        let mut worker = filter(&config, &mut host);
        let (mut definition, mut now) = (Definition::default(), START);
        for (step, what) in acts {
            now += step;
            host.now = UnixTime::from_nanos(now);
            let what = What { worker: 0, ..what };
            if what.passes(&mut worker, &mut host) {
                assert!(definition.take(&what, now));
            }
        }
        // Loans end after a second, and then everything fills again.
        host.now = UnixTime::from_nanos(now + 2_000_000_000);
        let all = What { worker: 0, user: 0, costs: BURSTS };
        assert!(all.passes(&mut worker, &mut host));
    }
}

/// The last token of the second limit goes while the first one has already been written.
#[test]
fn what_was_taken_first_goes_back_where_the_second_is_too_late() {
    let (config, mut host) = (config("process"), host());
    let [mut one, mut two] = [0, 1].map(|_| filter(&config, &mut host));
    let what = What { worker: 0, user: 1, costs: [5, 12, 1] };
    let others = What { costs: [1, 1, 1], ..what };
    // The reads are: all, user, all again because of the other, user again.
    for reads in 0..2 {
        let meanwhile = |host: &mut TestHost| assert!(others.passes(&mut two, host));
        let mut race = Race { host: &mut host, reads, meanwhile: Some(Box::new(meanwhile)) };
        assert!(!what.passes(&mut one, &mut race));
        assert!(race.meanwhile.is_none(), "the other was there");
        drop(race);
        host.advance(std::time::Duration::from_secs(1));
    }
    let meanwhile = |host: &mut TestHost| assert!(others.passes(&mut two, host));
    let mut race = Race { host: &mut host, reads: 1, meanwhile: Some(Box::new(meanwhile)) };
    assert!(!what.passes(&mut one, &mut race));
    drop(race);
    let rest = What { user: 2, costs: [BURSTS[0] - 1, 1, 1], ..what };
    assert!(rest.passes(&mut one, &mut host), "only the other has taken from the limit for all");
}
