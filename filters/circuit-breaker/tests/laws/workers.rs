//! Laws of several workers.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use crate::world::{Act, World};

fn act() -> impl Strategy<Value = Act> {
    let worker = 0..4_usize;
    prop_oneof![
        2 => (0..150_u64).prop_map(Act::Time),
        6 => (worker.clone(), option::of((worker.clone(), 0..3_u8, 0..50_u64)))
            .prop_map(|(worker, race)| Act::Request { worker, race }),
        1 => worker.clone().prop_map(Act::Tick),
        4 => (worker.clone(), any::<Index>(), prop_oneof![Just(200_u16), Just(503), Just(404)])
            .prop_map(|(worker, which, status)| Act::Answer { worker, which, status }),
        1 => (worker.clone(), any::<Index>()).prop_map(|(worker, which)| Act::Leave { worker, which }),
        1 => (0..4_u32).prop_map(Act::Conflicts),
        1 => worker.prop_map(Act::Die),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_more_probes_than_permits_and_every_change_once(
        workers in 1..=4_usize,
        permits in 1..5_u32,
        acts in vec(act(), 1..200),
    ) {
        let mut world = World::new(
            json!({"breakers": [{
                "name": "api",
                "key": [],
                "window": "1s",
                "trip": {"error_count": 3, "consecutive_errors": 2},
                "open": {"duration": "100ms", "jitter": 0.0, "max": "400ms"},
                "half_open": {"permits": permits, "lease": "200ms"},
            }]}),
            workers,
        );
        let mut returned = 0;
        for act in &acts {
            world.act(act);
            let metrics = world.metrics();
            if metrics.is_empty() {
                continue;
            }
            // Only a client that leaves gives a permit back.
            returned += u64::from(matches!(act, Act::Leave { .. }));
            prop_assert!(metrics["probes_total"] <= u64::from(permits) * metrics["half_opened_total"] + returned);
        }
        let changes = world.changes();
        let mut state = "closed".to_owned();
        for (from, to) in &changes {
            prop_assert_eq!(from, &state, "{:?}", changes);
            state.clone_from(to);
        }
        let metrics = world.metrics();
        for (counter, name) in [("opened_total", "open"), ("half_opened_total", "half_open"), ("closed_total", "closed")] {
            let count = changes.iter().filter(|(_, to)| to == name).count() as u64;
            prop_assert_eq!(metrics.get(counter).copied().unwrap_or_default(), count, "{}", counter);
        }
        // Whatever has happened, an upstream that is well is used again.
        world.host.conflicts = 0;
        for _ in 0..20 {
            world.host.advance(Duration::from_millis(500));
            (0..workers).for_each(|worker| _ = world.is_served(worker));
        }
        for worker in 0..workers {
            prop_assert!(world.is_served(worker), "{:?}", world.changes());
        }
    }

    #[test]
    fn an_upstream_that_is_well_again_is_not_left_again(workers in 2..=4_usize, acts in vec(well(), 1..100)) {
        let mut world = World::new(
            json!({"breakers": [{
                "name": "api",
                "key": [],
                "trip": {"consecutive_errors": 1},
                "open": {"duration": "100ms", "jitter": 0.0, "max": "100ms"},
                "half_open": {"permits": 3, "lease": "1h"},
            }]}),
            workers,
        );
        world.act(&Act::Request { worker: 0, race: None });
        world.fail_the_last();
        let opened = world.metrics()["opened_total"];
        acts.iter().for_each(|act| world.act(act));
        prop_assert_eq!((opened, world.metrics()["opened_total"]), (1, 1), "{:?}", world.host.log);
    }
}

/// What happens where nothing goes wrong.
fn well() -> impl Strategy<Value = Act> {
    let worker = 0..4_usize;
    prop_oneof![
        1 => (0..150_u64).prop_map(Act::Time),
        4 => (worker.clone(), option::of((worker.clone(), 0..3_u8, 0..50_u64)))
            .prop_map(|(worker, race)| Act::Request { worker, race }),
        1 => worker.clone().prop_map(Act::Tick),
        3 => (worker, any::<Index>()).prop_map(|(worker, which)| Act::Answer { worker, which, status: 200 }),
    ]
}
