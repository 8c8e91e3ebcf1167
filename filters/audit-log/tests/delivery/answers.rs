//! What becomes of records after each answer of the sink.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::checks::{audit, is_request, kind, verified};
use crate::common::recorder::Recorder;
use crate::common::sink::Answer;
use crate::common::{Exchange, recorder};

fn batches_of(batch: u32) -> Recorder {
    recorder(json!({"delivery": {"batch": batch}}))
}

fn sent(recorder: &Recorder) -> Vec<&[u8]> {
    recorder.sink.calls.iter().map(|call| call.call.body.as_slice()).collect()
}

fn losses(records: &[Value]) -> Vec<Value> {
    records.iter().filter(|it| kind(it) == Some("loss")).map(|it| audit(it).clone()).collect()
}

#[test]
fn a_batch_is_sent_again_in_the_same_bytes_until_it_is_taken() {
    let mut recorder = batches_of(100);
    recorder.record_times(3, &Exchange::plain());
    recorder.pass_seconds(1);
    let answers = [
        Answer::Status(503),
        Answer::Status(429),
        Answer::Status(500),
        // Somebody may have mixed up a key or a path, and will notice.
        Answer::Status(401),
        Answer::Status(404),
        Answer::Timeout { is_kept: false },
        Answer::Reset { is_kept: true },
        Answer::Silence { is_kept: true },
    ];
    for (before, answer) in (1..).zip(answers) {
        assert_eq!(recorder.answer(answer), 1);
        // Meanwhile others come.
        recorder.record(&Exchange::plain());
        let seconds = (0..60).take_while(|_| {
            recorder.pass_seconds(1);
            recorder.sink.calls.len() == before
        });
        assert!(seconds.count() < 60, "nothing is sent again");
        let bodies = sent(&recorder);
        assert!(bodies.len() == before + 1 && bodies[before] == bodies[0], "{answer:?}");
    }
    assert_eq!(recorder.records().iter().filter(|it| is_request(it)).count(), 11);
    assert_eq!(
        (recorder.counter("retried"), recorder.counter("sent")),
        (8, 12 + recorder.counter("checkpoints"))
    );
    let summary = verified(recorder.sink.lines.iter().map(String::as_str), &recorder.trust);
    assert_eq!(summary.chains[0].duplicates, 2 * 4, "twice it was kept, and the answer got lost");
    let warned = recorder.logged("WARN");
    assert_eq!(warned, [r#"audit-log: the sink "siem" fails: status 503"#]);
    assert_eq!(recorder.logged("INFO"), [r#"audit-log: the sink "siem" answers again"#]);
}

#[test]
fn a_sink_is_left_alone_for_as_long_as_it_asks() {
    let mut recorder = batches_of(100);
    recorder.record(&Exchange::plain());
    recorder.pass_seconds(1);
    recorder.answer(Answer::After(429, 30));
    recorder.pass_seconds(29);
    assert_eq!(recorder.sink.calls.len(), 1);
    recorder.pass_seconds(1);
    assert_eq!(recorder.sink.calls.len(), 2);
}

#[test]
fn what_is_refused_is_a_gap_that_the_chain_declares() {
    for status in [400, 413, 415, 422] {
        let mut recorder = batches_of(3);
        recorder.record_times(2, &Exchange::plain());
        assert_eq!(recorder.answer(Answer::Status(status)), 1, "three records are a batch");
        recorder.record(&Exchange::plain());
        let records = recorder.records();
        let expected = json!({"first_sequence": 0, "kind": "loss", "last_sequence": 2, "reason": "refused"});
        assert_eq!(losses(&records), [expected]);
        assert_eq!(records.iter().find(|it| kind(it).is_some()).unwrap()["count"], 3);
        assert_eq!(recorder.counter("dropped_refused"), 3);
        let summary = verified(recorder.sink.lines.iter().map(String::as_str), &recorder.trust);
        assert_eq!(summary.chains[0].declared_missing, 3);
        let warned = format!("audit-log: the sink \"siem\" has refused 3 records: status {status}");
        assert_eq!(recorder.logged("WARN"), [warned]);
    }
}

#[test]
fn what_a_sink_objects_to_for_ever_does_not_hold_up_all_else() {
    let mut recorder = batches_of(2);
    recorder.record(&Exchange::plain());
    for before in 1..=24 {
        assert_eq!(recorder.counter("dropped_refused"), 0, "{before}");
        recorder.answer(Answer::Status(403));
        (0..60).for_each(|_| {
            if recorder.sink.calls.len() == before {
                recorder.pass_seconds(1);
            }
        });
    }
    recorder.pass_seconds(1);
    assert_eq!(recorder.counter("dropped_refused"), 2);
    // Others go on, and say what is missing.
    recorder.record(&Exchange::plain());
    let records = recorder.records();
    assert_eq!(losses(&records).len(), 1, "{records:?}");
    assert!(records.iter().any(is_request));
}

#[test]
fn what_is_refused_without_anything_behind_it_is_declared_in_time() {
    let mut recorder = batches_of(2);
    recorder.record(&Exchange::plain());
    recorder.answer(Answer::Status(400));
    let records = recorder.records();
    assert_eq!(losses(&records).len(), 1, "{records:?}");
}

#[test]
fn a_declaration_that_is_refused_is_made_again() {
    let mut recorder = batches_of(2);
    for _ in 0..5 {
        recorder.record(&Exchange::plain());
        recorder.pass_seconds(1);
        recorder.answer(Answer::Status(400));
    }
    let records = recorder.records();
    assert!(!losses(&records).is_empty());
    let summary = verified(recorder.sink.lines.iter().map(String::as_str), &recorder.trust);
    let chain = &summary.chains[0];
    assert_eq!(chain.records + chain.declared_missing, chain.last + 1);
}

#[test]
fn a_count_that_is_refused_is_not_lost() {
    let mut recorder = recorder(json!({"delivery": {"queue": "64KiB", "batch": 1000}}));
    recorder.record_times(200, &Exchange::plain());
    recorder.pass_seconds(1);
    let lost = recorder.counter("dropped_queue_full");
    assert!(lost > 100, "{lost}");
    // The sink takes all that was there, and refuses what says how much was not.
    recorder.answer(Answer::Take);
    recorder.pass_seconds(2);
    recorder.answer(Answer::Status(400));
    let records = recorder.records();
    let before: u64 = records
        .iter()
        .filter(|it| kind(it) == Some("loss") && audit(it)["first_sequence"].is_null())
        .map(|it| it["count"].as_u64().unwrap())
        .sum();
    assert_eq!(before, lost);
}

#[test]
fn a_collector_may_take_a_part() {
    for (protocol, refused) in [("grpc", 2), ("http_protobuf", 1), ("http_json", 3), ("grpc", 0)] {
        let otlp = json!({"cluster": "collector", "protocol": protocol});
        let mut recorder = recorder(json!({"sink": {"otlp": otlp}, "delivery": {"batch": 4}}));
        recorder.record_times(3, &Exchange::plain());
        recorder.answer(Answer::But(refused));
        recorder.record(&Exchange::plain());
        let records = recorder.records();
        let gap = json!({"first_sequence": 0, "kind": "loss", "last_sequence": 3, "reason": "refused"});
        assert_eq!(losses(&records), if refused > 0 { vec![gap] } else { vec![] });
        let loss = records.iter().find(|it| kind(it) == Some("loss"));
        assert_eq!(loss.map(|it| it["count"].clone()), (refused > 0).then(|| json!(refused)));
        assert_eq!(recorder.counter("partially_refused"), u64::from(refused > 0));
        assert_eq!(recorder.counter("dropped_refused"), refused as u64);
        let sent = recorder.counter("sent") + recorder.counter("dropped_refused");
        assert_eq!(sent, recorder.sink.sent.len() as u64, "each once");
    }
}

#[test]
fn a_collector_over_grpc_says_what_may_be_sent_again() {
    for status in 1..17 {
        let mut recorder =
            recorder(json!({"sink": {"otlp": {"cluster": "collector"}}, "delivery": {"batch": 2}}));
        recorder.record(&Exchange::plain());
        recorder.answer(Answer::Grpc(status));
        recorder.settle();
        // INVALID_ARGUMENT: it will never be another one.
        let is_final = status == 3;
        let found = (recorder.counter("retried") > 0, recorder.counter("dropped_refused") > 0);
        assert_eq!(found, (!is_final, is_final), "{status}");
    }
}

#[test]
fn a_cluster_without_hosts_is_tried_again() {
    let mut recorder = batches_of(100);
    recorder.host.unreachable = true;
    recorder.record_times(3, &Exchange::plain());
    recorder.pass_seconds(60);
    assert_eq!(recorder.sink.calls.len(), 0);
    recorder.host.unreachable = false;
    assert_eq!(recorder.requests().len(), 3);
}

#[test]
fn a_batch_waits_for_others_but_not_for_long() {
    let mut recorder = recorder(json!({"delivery": {"delay": "250ms", "batch": 4}}));
    assert_eq!(recorder.tick(), Duration::from_millis(250));
    recorder.record(&Exchange::plain());
    recorder.pass(Duration::from_millis(249));
    assert_eq!(recorder.sink.calls.len(), 0);
    recorder.pass(Duration::from_millis(1));
    assert_eq!(recorder.sink.calls.len(), 1);
    recorder.answer(Answer::Take);
    recorder.record_times(4, &Exchange::plain());
    assert_eq!(recorder.sink.calls.len(), 2, "a full one does not wait");
    recorder.record_times(9, &Exchange::plain());
    assert_eq!(recorder.sink.calls.len(), 2, "one at a time");
    recorder.answer(Answer::Take);
    assert_eq!(recorder.sink.calls.len(), 3, "the next one does not wait either");
}
