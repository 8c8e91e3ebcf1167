//! A clock that is set back: nothing is filled by it, and nobody is locked out.

use std::time::Duration;

use portcullis_kit::UnixTime;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert, prop_oneof, proptest};
use proptest::sample::select;
use serde_json::{Value, json};

use crate::common::{Exact, SECOND, START, filter, host, passes};

const RATE: (u32, u64) = (3, 100_000_000);
const BURST: u64 = 12;

fn config(scope: &str, key: Value) -> Value {
    json!({"limits": [{
        "name": "all",
        "scope": scope,
        "rate": format!("{}/{}ns", RATE.0, RATE.1),
        "burst": BURST,
        "key": key,
        "cost_from": {"header": "x-cost", "max": 100},
    }]})
}

/// How much time passes, and how far the clock is set back then.
fn steps() -> impl Strategy<Value = (u64, u64)> {
    let passes = prop_oneof![0..3_u64, 0..50_000_000_u64, 0..SECOND];
    let back = prop_oneof![9 => 0..1_u64, 1 => 0..10 * SECOND, 1 => 0..1000 * SECOND];
    (passes, back)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Loans are for clocks that only go on: one that has ended could be used again.
    #[test]
    fn a_clock_set_back_fills_nothing(
        scope in select(&["process", "worker"][..]),
        // Which of the two clocks: hosts without the one that only goes on have the other.
        is_ahead in any::<bool>(),
        acts in vec((steps(), 0..2_usize, 1..=BURST), 1..150),
    ) {
        let (config, mut host) = (config(scope, json!([])), host());
        let mut workers = [0, 1].map(|_| filter(&config, &mut host));
        host.ahead = Duration::from_secs(1_000_000);
        // What has really passed.
        let (mut exact, mut real) = (Exact::new(RATE, BURST, START), START);
        for ((step, back), worker, cost) in acts {
            real += step;
            host.advance(Duration::from_nanos(step));
            match is_ahead {
                true => host.ahead = host.ahead.saturating_sub(Duration::from_nanos(back)),
                false => host.now = UnixTime::from_nanos(host.now.as_nanos() - back),
            }
            let worker = if scope == "worker" { 0 } else { worker };
            if passes(&mut workers[worker], &[("x-cost", &cost.to_string())], &mut host) {
                prop_assert!(exact.take(cost, real));
            }
        }
    }

    /// For no longer than it takes to fill, and two seconds that tokens on loan may be ahead.
    #[test]
    fn a_clock_set_back_locks_nobody_out(
        scope in select(&["process", "leased", "worker"][..]),
        taken in vec(1..=BURST, 1..20),
        back in prop_oneof![0..SECOND, 0..1000 * SECOND],
        looks in 1..10_u32,
    ) {
        let (config, mut host) = (config(scope, json!([])), host());
        let mut worker = filter(&config, &mut host);
        for cost in taken {
            passes(&mut worker, &[("x-cost", &cost.to_string())], &mut host);
            host.advance(Duration::from_millis(7));
        }
        host.now = UnixTime::from_nanos(host.now.as_nanos() - back);
        let fills = Duration::from_nanos(RATE.1 * BURST / u64::from(RATE.0) + 2 * SECOND);
        let all = BURST.to_string();
        let mut passed = false;
        for look in 0..=looks {
            passed |= passes(&mut worker, &[("x-cost", &all)], &mut host);
            host.advance(if look < looks { fills / looks + Duration::from_nanos(4) } else { Duration::ZERO });
        }
        prop_assert!(passed);
    }
}
