//! Denials that are like one just recorded are counted, and none is lost.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::checks::{audit, is_request};
use crate::common::recorder::Recorder;
use crate::common::{Exchange, NOW, recorder};

fn counting(window: &str, max_keys: u32) -> Recorder {
    recorder(json!({"duplicates": {"window": window, "max_keys": max_keys}}))
}

/// For how many requests these records stand.
fn count(records: &[Value]) -> u64 {
    records.iter().filter(|it| is_request(it)).map(|it| it["count"].as_u64().unwrap_or(1)).sum()
}

fn at(exchange: &Exchange, seconds: u64) -> Exchange {
    exchange.clone().number("request.time", (NOW + seconds) * 1_000_000_000)
}

#[test]
fn those_that_are_alike_become_one_record_when_their_time_is_over() {
    let mut recorder = counting("10s", 16);
    for second in 0..4 {
        recorder.record(&at(&Exchange::denied().path("/orders/7?a=b"), second));
    }
    recorder.pass_seconds(2);
    let [first] = recorder.requests().try_into().unwrap();
    assert_eq!((&first["count"], &first["start_time"]), (&Value::Null, &Value::Null));
    recorder.record(&at(&Exchange::denied(), 5));
    recorder.pass_seconds(9);
    let [others] = recorder.requests().try_into().unwrap();
    assert_eq!(others["count"], 4);
    let time = |seconds: u64| json!((NOW + seconds) * 1000);
    assert_eq!((&others["time"], &others["start_time"], &others["end_time"]), (&time(1), &time(1), &time(5)));
    assert_eq!(audit(&others)["decisions"], audit(&first)["decisions"]);
    assert_eq!(audit(&others)["level"], "metadata");
    assert_eq!((recorder.counter("duplicates"), recorder.counter("recorded")), (4, 2));
    // Then another one begins.
    recorder.record(&Exchange::denied());
    let [next] = recorder.requests().try_into().unwrap();
    assert_eq!(next["count"], Value::Null);
}

#[test]
fn in_ecs_they_are_counted_as_well() {
    let mut recorder = recorder(json!({"schema": "ecs", "duplicates": {"window": "1s"}}));
    (0..3).for_each(|second| recorder.record(&at(&Exchange::denied(), second)));
    recorder.pass_seconds(3);
    let [_, others] = recorder.requests().try_into().unwrap();
    assert_eq!(others["event"]["start"], "2026-09-21T14:13:21.000Z");
    assert_eq!(others["event"]["end"], "2026-09-21T14:13:22.000Z");
    assert_eq!(others["portcullis"]["count"], 2);
}

#[test]
fn what_differs_in_who_or_what_or_why_is_not_alike() {
    let denied = Exchange::denied();
    let others = [
        denied.clone().from("192.0.2.9:1"),
        denied.clone().by("bob"),
        denied.clone().text("connection.uri_san_peer_certificate", "spiffe://td/other"),
        denied.clone().method("POST"),
        denied.clone().path("/carts/7"),
        denied.clone().header(":authority", "other.example"),
        Exchange::answered(403, "portcullis_rate_limit_exceeded"),
        Exchange::answered(429, "portcullis_rate_limit_unavailable"),
        Exchange::answered(429, "local_rate_limited"),
    ];
    let same = [
        denied.clone().from("198.51.100.7:9"),
        denied.clone().path("/orders/7?x=y"),
        denied.clone().header("user-agent", "x"),
    ];
    let mut recorder = recorder(json!({"duplicates": {"window": "10s"}, "identity": {"tokens": ["jwt"]}}));
    recorder.record(&denied);
    others.iter().for_each(|other| recorder.record(other));
    same.iter().for_each(|same| recorder.record(same));
    let found = recorder.requests().len();
    assert_eq!(found, 1 + others.len());
    assert_eq!(recorder.counter("duplicates"), same.len() as u64);
    recorder.pass_seconds(12);
}

#[test]
fn only_denials_are_counted() {
    let mut recorder = counting("10s", 16);
    for exchange in [
        Exchange::plain(),
        Exchange::gone(),
        Exchange::answered(503, "no_healthy_upstream"),
        Exchange::answered(403, "via_upstream"),
    ] {
        recorder.record_times(3, &exchange);
    }
    assert_eq!((recorder.requests().len(), recorder.counter("duplicates")), (12, 0));
}

#[test]
fn beyond_the_bound_each_has_its_own_record() {
    let mut recorder = counting("10s", 2);
    for round in 0..3 {
        for kind in 0..5 {
            recorder.record(&Exchange::denied().path(format!("/{kind}")));
        }
        assert_eq!(recorder.requests().len(), if round == 0 { 5 } else { 3 });
    }
    recorder.pass_seconds(12);
    let records = recorder.requests();
    assert_eq!((records.len(), count(&records)), (2, 4));
}

#[test]
fn one_that_is_too_long_to_be_kept_has_its_own_record() {
    let mut recorder = counting("10s", 16);
    let long = Exchange::denied().header("x-long", "x".repeat(20_000));
    recorder.record_times(3, &long);
    let records = recorder.requests();
    assert_eq!((records.len(), count(&records)), (3, 3));
}

#[test]
fn what_is_counted_is_recorded_before_the_end() {
    let mut recorder = counting("1h", 16);
    recorder.record_times(5, &Exchange::denied());
    recorder.configure(json!({}));
    recorder.stop(0);
    let records = recorder.requests();
    assert_eq!((records.len(), count(&records)), (2, 5));
}

#[test]
fn what_is_denied_behind_the_end_of_an_instance_is_recorded() {
    let mut recorder = counting("1h", 16);
    let flights: Vec<_> = (0..5).map(|_| recorder.let_in(&Exchange::denied())).collect();
    recorder.configure(json!({}));
    recorder.stop(0);
    flights.into_iter().for_each(|flight| recorder.finish(flight));
    recorder.pass_seconds(2);
    assert_eq!(count(&recorder.requests()), 5);
}

/// Something that happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A denial of this kind; one that never came to the filter, or one that did.
    Denied(u8, bool),
    Passed,
    /// So many milliseconds go by.
    Time(u16),
    /// A new configuration comes, and the former instance goes.
    Change,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..6_u8, any::<bool>()).prop_map(|(kind, came)| Step::Denied(kind, came)),
        1 => Just(Step::Passed),
        3 => (0..3000_u16).prop_map(Step::Time),
        1 => Just(Step::Change),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn the_counts_are_those_of_the_denials(steps in prop::collection::vec(step(), 0..80), window in 1..5_u64, max_keys in 1..5_u32) {
        let window = format!("{window}s");
        let mut recorder = counting(&window, max_keys);
        let (mut denied, mut passed) = (0, 0);
        for step in steps {
            match step {
                Step::Denied(kind, came) => {
                    denied += 1;
                    let exchange = Exchange::denied().path(format!("/{kind}"));
                    if came { recorder.record(&exchange) } else { recorder.log_only(&exchange) }
                }
                Step::Passed => {
                    passed += 1;
                    recorder.record(&Exchange::plain());
                }
                Step::Time(time) => recorder.pass(Duration::from_millis(time.into())),
                Step::Change => {
                    let former = recorder.current();
                    recorder.configure(json!({"duplicates": {"window": window, "max_keys": max_keys}}));
                    recorder.stop(former);
                }
            }
        }
        recorder.pass_seconds(10);
        let records = recorder.requests();
        prop_assert_eq!(count(&records), denied + passed);
        let counted = records.iter().filter_map(|it| it["count"].as_u64()).sum::<u64>();
        prop_assert_eq!(recorder.counter("duplicates"), counted);
    }
}
