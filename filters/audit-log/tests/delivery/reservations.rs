//! Where records are required, every request that passes is recorded.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_audit_log::AuditLog;
use portcullis_kit::testing::refusals;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::recorder::{Begun, Flight, Recorder};
use crate::common::sink::Answer;
use crate::common::{Exchange, recorder};

#[derive(Clone, Debug)]
enum Step {
    /// A request comes; so many bytes in it that are escaped.
    Comes(usize),
    /// One of those that have passed is over.
    Goes(prop::sample::Index),
    /// Other filters, or Envoy itself, deny requests that never come here.
    Denied(u8),
    Time(u16),
    Answer(Answer),
}

fn step() -> impl Strategy<Value = Step> {
    let answers = vec![
        Answer::Take,
        Answer::Take,
        Answer::Status(503),
        Answer::After(429, 3),
        Answer::Reset { is_kept: true },
        Answer::Timeout { is_kept: false },
        Answer::Silence { is_kept: false },
    ];
    prop_oneof![
        6 => prop_oneof![Just(0_usize), 0..2500_usize].prop_map(Step::Comes),
        4 => any::<prop::sample::Index>().prop_map(Step::Goes),
        2 => (0..40_u8).prop_map(Step::Denied),
        3 => (0..4000_u16).prop_map(Step::Time),
        2 => prop::sample::select(answers).prop_map(Step::Answer),
    ]
}

fn id(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

fn ids(records: &[Value]) -> BTreeSet<&str> {
    let ids = records
        .iter()
        .map(|it| &it["http_request"]["uid"])
        .chain(records.iter().map(|it| &it["http"]["request"]["id"]));
    ids.filter_map(Value::as_str).collect()
}

/// A request of which as much as possible is as long as possible.
fn exchange(number: usize, long: usize) -> Exchange {
    let quotes = "\"".repeat(long);
    let exchange = Exchange::plain().header("x-request-id", id(number));
    if long == 0 {
        return exchange;
    }
    exchange
        .path(format!("/{quotes}?{quotes}="))
        .header("user-agent", &quotes)
        .header(":authority", &quotes)
        .header("x-forwarded-for", ["2001:db8:1111:2222:3333:4444:5555:6666"; 10].join(","))
        .text("connection.subject_peer_certificate", &quotes)
        .text("connection.uri_san_peer_certificate", &quotes)
        .text("connection.requested_server_name", &quotes[..quotes.len().min(255)])
        .text("connection.tls_version", "TLSv1.3")
        .by(&quotes[..quotes.len().min(500)])
}

/// Plays these steps; which requests have passed.
fn play(recorder: &mut Recorder, steps: Vec<Step>) -> BTreeSet<String> {
    let (mut flights, mut passed) = (Vec::<Flight>::new(), BTreeSet::new());
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Comes(long) => {
                if let Begun::Passes(flight) = recorder.begin(&exchange(number, long)) {
                    passed.insert(id(number));
                    flights.push(flight);
                }
            }
            Step::Goes(index) if !flights.is_empty() => {
                let flight = flights.swap_remove(index.index(flights.len()));
                recorder.finish(flight);
            }
            Step::Goes(_) => {}
            Step::Denied(times) => (0..times).for_each(|_| recorder.log_only(&Exchange::denied())),
            Step::Time(time) => recorder.pass(Duration::from_millis(time.into())),
            Step::Answer(answer) => drop(recorder.answer(answer)),
        }
    }
    flights.into_iter().for_each(|flight| recorder.finish(flight));
    passed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn every_request_that_has_passed_is_recorded(
        steps in prop::collection::vec(step(), 0..150),
        queue in 64..160_usize,
        interval in 1..5_u8,
        schema in prop::sample::select(vec!["ocsf-1.5", "ecs"]),
    ) {
        let mut recorder = recorder(json!({
            "schema": schema, "identity": {"tokens": ["jwt"]},
            "delivery": {"mode": "required", "queue": format!("{queue}KiB"), "batch": 5},
            "integrity": {"checkpoint": {"interval": format!("{interval}s"), "records": 10}},
        }));
        let passed = play(&mut recorder, steps);
        let records = recorder.requests();
        let recorded = ids(&records);
        let missing: Vec<_> = passed.iter().filter(|id| !recorded.contains(id.as_str())).collect();
        prop_assert!(missing.is_empty(), "{missing:?} of {}", passed.len());
    }
}

/// So many requests can be under way that have a record coming.
fn seats(recorder: &mut Recorder) -> Vec<Flight> {
    std::iter::from_fn(|| match recorder.begin(&exchange(0, 0)) {
        Begun::Passes(flight) => Some(flight),
        _ => None,
    })
    .collect()
}

#[test]
fn what_has_no_seat_takes_none_of_those_that_are_kept() {
    let mut recorder = recorder(json!({"delivery": {"mode": "required", "queue": "64KiB"}}));
    let flights = seats(&mut recorder);
    for _ in 0..500 {
        recorder.log_only(&Exchange::denied());
    }
    let count = flights.len();
    flights.into_iter().for_each(|flight| recorder.finish(flight));
    let passed = recorder.requests().iter().filter(|it| it["action_id"] == 1).count();
    assert_eq!(passed, count);
}

#[test]
fn checkpoints_take_none_either() {
    let mut recorder = recorder(json!({
        "delivery": {"mode": "required", "queue": "64KiB"}, "integrity": {"checkpoint": {"interval": "1s"}}
    }));
    recorder.record(&Exchange::plain());
    let flights = seats(&mut recorder);
    recorder.pass_seconds(200);
    let count = flights.len();
    flights.into_iter().for_each(|flight| recorder.finish(flight));
    let passed = recorder.requests().iter().filter(|it| it["action_id"] == 1).count();
    assert_eq!(passed, count + 1);
}

#[test]
fn seats_are_given_back_by_whoever_leaves() {
    let mut recorder = recorder(json!({"delivery": {"mode": "required", "queue": "64KiB"}}));
    let before = seats(&mut recorder);
    let count = before.len();
    for flight in before {
        recorder.finish(Flight { exchange: Exchange::gone(), ..flight });
    }
    recorder.settle();
    assert_eq!(seats(&mut recorder).len(), count);
}

#[test]
fn however_many_claims_there_are_a_record_has_room() {
    let names: Vec<_> = (0..100).map(|number| format!("claim-{number}")).collect();
    let claims: serde_json::Map<String, Value> =
        names.iter().map(|name| (name.clone(), json!("x".repeat(500)))).collect();
    let paths: Vec<_> = names.iter().map(|name| json!([name])).collect();
    let config = json!({
        "sink": {"http": {"cluster": "siem", "path": "/"}}, "delivery": {"mode": "required", "queue": "64KiB"},
        "identity": {"tokens": ["jwt"], "claims": paths},
    });
    // So many may be more than one may ask for.
    if refusals::is_accepted::<AuditLog>(&config) {
        let mut recorder = recorder(config);
        let exchange = Exchange::plain().text("jwt", &Value::Object(claims).to_string());
        let flights: Vec<_> = std::iter::from_fn(|| match recorder.begin(&exchange) {
            Begun::Passes(flight) => Some(flight),
            _ => None,
        })
        .collect();
        let count = flights.len();
        flights.into_iter().for_each(|flight| recorder.finish(flight));
        assert_eq!(recorder.requests().iter().filter(|it| it["action_id"] == 1).count(), count);
    }
}
