//! What happens where there is no room for a record.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::checks::{audit, kind};
use crate::common::recorder::{Begun, Recorder};
use crate::common::sink::Answer;
use crate::common::{Exchange, NOW, recorder};

fn with(mode: &str, queue: &str) -> Recorder {
    recorder(json!({"delivery": {"mode": mode, "queue": queue, "wait": "500ms", "delay": "5s"}}))
}

/// Records requests while the sink does not answer, until another one would find no room; how many that were.
fn fill(recorder: &mut Recorder) -> u64 {
    let before = recorder.counter("recorded");
    for number in 1.. {
        recorder.log_only(&Exchange::plain());
        recorder.pass(Duration::from_millis(1));
        if recorder.counter("recorded") < before + number {
            return number - 1;
        }
    }
    unreachable!()
}

fn losses(records: &[Value]) -> Vec<&Value> {
    records.iter().filter(|it| kind(it) == Some("loss")).collect()
}

#[test]
fn the_best_effort_lets_requests_pass_and_says_how_many_records_are_missing() {
    let mut recorder = with("best_effort", "64KiB");
    let recorded = fill(&mut recorder);
    assert!(recorded > 30, "only {recorded}");
    for second in 1..5 {
        let exchange = Exchange::plain().number("request.time", (NOW + second) * 1_000_000_000);
        assert!(matches!(recorder.begin(&exchange), Begun::Passes(_)));
        recorder.log_only(&exchange);
    }
    let records = recorder.records();
    let [loss] = losses(&records).try_into().unwrap();
    assert_eq!(*audit(loss), json!({"kind": "loss", "reason": "queue_full"}));
    let time = |seconds: u64| json!((NOW + seconds) * 1000);
    assert_eq!((&loss["count"], &loss["start_time"], &loss["end_time"]), (&json!(5), &time(0), &time(4)));
    assert_eq!((&loss["severity_id"], &loss["status_id"]), (&json!(4), &json!(2)));
    assert_eq!(recorder.counter("dropped_queue_full"), 5);
    assert_eq!(recorder.counter("recorded"), recorded);
}

#[test]
fn in_ecs_a_loss_says_the_same() {
    let mut recorder = recorder(json!({"schema": "ecs", "delivery": {"queue": "64KiB"}}));
    fill(&mut recorder);
    recorder.record_times(3, &Exchange::plain());
    let records = recorder.records();
    let [loss] = losses(&records).try_into().unwrap();
    assert_eq!((&loss["portcullis"]["count"], &loss["event"]["outcome"]), (&json!(4), &json!("failure")));
    assert_eq!(loss["event"]["start"], "2026-09-21T14:13:20.000Z");
}

#[test]
fn a_record_for_which_there_is_little_room_is_a_short_one() {
    let config = json!({"otherwise": {"level": "headers"}, "delivery": {"queue": "64KiB"}});
    let mut recorder = recorder(config);
    let long = Exchange::plain().header("accept", "x".repeat(1000)).header("content-type", "y".repeat(1000));
    recorder.record_times(200, &long);
    let records = recorder.requests();
    let levels: Vec<_> = records.iter().map(|it| audit(it)["level"].as_str().unwrap()).collect();
    let short = levels.iter().filter(|it| **it == "metadata").count();
    assert!(short > 0 && levels[0] == "headers", "{levels:?}");
    assert!(levels.is_sorted(), "headers come before metadata: {levels:?}");
    let last = records.last().unwrap();
    assert_eq!((&audit(last)["truncated"], &last["http_request"]["http_headers"]), (&json!(1), &Value::Null));
}

#[test]
fn a_request_waits_for_room_and_goes_on_when_there_is_some() {
    let mut recorder = with("bounded_block", "64KiB");
    assert_eq!(recorder.tick(), Duration::from_millis(500), "it is looked whether the time is over");
    fill(&mut recorder);
    for _ in 0..3 {
        assert!(matches!(recorder.begin(&Exchange::plain()), Begun::Waits(_)));
    }
    assert_eq!((recorder.waiting.len(), recorder.woken.len()), (3, 0));
    recorder.pass(Duration::from_millis(400));
    assert_eq!(recorder.waiting.len(), 3);
    // The first batch goes, and the answer to it makes room.
    recorder.pass(Duration::from_millis(99));
    recorder.answer(Answer::Take);
    assert_eq!((recorder.waiting.len(), recorder.woken.len()), (0, 3));
    assert_eq!(recorder.finish_woken(), 3);
    recorder.settle();
    assert_eq!((recorder.counter("waited"), recorder.counter("dropped_queue_full")), (3, 1));
}

#[test]
fn a_request_waits_no_longer_than_it_may() {
    let mut recorder = with("bounded_block", "64KiB");
    fill(&mut recorder);
    assert!(matches!(recorder.begin(&Exchange::plain()), Begun::Waits(_)));
    recorder.pass(Duration::from_millis(499));
    assert_eq!(recorder.woken.len(), 0);
    recorder.pass(Duration::from_millis(1));
    assert_eq!(recorder.finish_woken(), 1, "it passes, and its record is lost");
    let records = recorder.records();
    assert_eq!(losses(&records)[0]["count"], 2);
}

#[test]
fn so_many_wait_and_no_more() {
    let mut recorder = with("bounded_block", "64KiB");
    fill(&mut recorder);
    for _ in 0..1024 {
        assert!(matches!(recorder.begin(&Exchange::plain()), Begun::Waits(_)));
    }
    assert!(matches!(recorder.begin(&Exchange::plain()), Begun::Passes(_)));
    recorder.pass(Duration::from_millis(500));
    assert_eq!(recorder.finish_woken(), 1024);
}

#[test]
fn who_leaves_while_waiting_has_a_record_and_is_not_woken() {
    let mut recorder = with("bounded_block", "64KiB");
    fill(&mut recorder);
    let Begun::Waits(id) = recorder.begin(&Exchange::gone()) else { panic!("it does not wait") };
    let flight = recorder.waiting.remove(&id).unwrap();
    recorder.finish(flight);
    assert!(matches!(recorder.begin(&Exchange::plain()), Begun::Waits(_)), "its seat is free");
    recorder.pass(Duration::from_millis(500));
    assert_eq!(recorder.finish_woken(), 1);
    let records = recorder.records();
    assert_eq!(losses(&records)[0]["count"], 3);
}

#[test]
fn where_records_are_required_nothing_passes_without_room() {
    let mut recorder = with("required", "64KiB");
    let flight = recorder.let_in(&Exchange::plain());
    fill(&mut recorder);
    recorder.finish(flight);
    let Begun::Denied(reply) = recorder.begin(&Exchange::plain()) else { panic!("it passes") };
    assert_eq!((reply.status, reply.code), (503, "portcullis_audit_log_no_room"));
    assert_eq!(reply.headers, [("retry-after".into(), b"1".to_vec())]);
    recorder.pass(Duration::from_millis(1));
    assert_eq!(recorder.counter("denied"), 1);
    recorder.settle();
    recorder.record(&Exchange::plain());
    let requests = recorder.requests();
    assert_eq!(requests.last().unwrap()["action_id"], 1, "when there is room again requests pass");
}

#[test]
fn a_denial_for_want_of_room_is_recorded_or_counted_as_any_other() {
    let mut recorder = with("required", "64KiB");
    let flights: Vec<_> = std::iter::from_fn(|| match recorder.begin(&Exchange::plain()) {
        Begun::Passes(flight) => Some(flight),
        _ => None,
    })
    .collect();
    assert!((2..8).contains(&flights.len()), "{}", flights.len());
    let requests = recorder.requests();
    let [denial] = requests.as_slice() else { panic!("{requests:?}") };
    let decision = json!([{"action": "denied", "filter": "audit-log", "reason": "audit_log_no_room"}]);
    assert_eq!(audit(denial)["decisions"], decision);
    let count = flights.len();
    flights.into_iter().for_each(|flight| recorder.finish(flight));
    assert_eq!(recorder.requests().len(), count);
    assert_eq!(recorder.counter("dropped_queue_full"), 0);
}
