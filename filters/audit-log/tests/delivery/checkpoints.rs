//! Checkpoints: when there are some, who vouches for them, and where else they go.

use std::time::Duration;

use portcullis_audit_chain::verify::{Place, Trust, Verifier};
use portcullis_audit_chain::{MacKey, NoteKey};
use serde_json::{Value, json};

use super::keys::{MASTER, signing_key};
use crate::common::checks::{audit, findings, kind, verified};
use crate::common::recorder::Recorder;
use crate::common::sink::Answer;
use crate::common::{Exchange, recorder};

fn with(integrity: Value) -> Recorder {
    recorder(json!({"integrity": integrity}))
}

fn sequences(records: &[Value], of: &str) -> Vec<u64> {
    let found = records.iter().filter(|it| kind(it) == Some(of));
    found.map(|it| it["metadata"]["sequence"].as_u64().unwrap()).collect()
}

#[test]
fn there_is_one_after_so_many_records() {
    let mut recorder = with(json!({"checkpoint": {"records": 3}}));
    recorder.record_times(10, &Exchange::plain());
    let records = recorder.records();
    // The first record counts; a checkpoint itself does not.
    assert_eq!(sequences(&records, "checkpoint"), [3, 7, 11]);
    assert_eq!(recorder.counter("checkpoints"), 3);
    let checkpoint = &records[3];
    assert_eq!(audit(checkpoint)["size"], 3);
    assert_eq!(
        (checkpoint["activity_id"].as_u64(), &checkpoint["activity_name"]),
        (Some(99), &json!("Checkpoint"))
    );
}

#[test]
fn there_is_one_after_so_long_even_where_nothing_happens() {
    let mut recorder = with(json!({"checkpoint": {"interval": "10s"}}));
    recorder.pass_seconds(100);
    assert_eq!(recorder.sink.calls.len(), 0, "an empty chain needs none");
    recorder.record(&Exchange::plain());
    for _ in 0..10 {
        recorder.pass_seconds(10);
        recorder.answer(Answer::Take);
    }
    let records = recorder.records();
    assert_eq!(sequences(&records, "checkpoint").len(), 10);
    let summary = verified(recorder.sink.lines.iter().map(String::as_str), &Trust::default());
    assert_eq!(summary.chains[0].checkpoints.unchecked, 0);
}

#[test]
fn one_by_number_is_one_by_time_as_well() {
    let mut recorder = with(json!({"checkpoint": {"records": 2, "interval": "10s"}}));
    recorder.record(&Exchange::plain());
    recorder.pass_seconds(9);
    recorder.answer(Answer::Take);
    recorder.record_times(2, &Exchange::plain());
    recorder.pass_seconds(6);
    let records = recorder.records();
    assert_eq!(sequences(&records, "checkpoint"), [2, 5]);
}

#[test]
fn signed_ones_are_vouched_for_by_their_key_and_no_other() {
    let key = signing_key("audit.example", 7);
    let mut recorder = with(json!({"sign": {"ed25519": key}, "checkpoint": {"records": 4}}));
    let verifier = NoteKey::parse(&key).unwrap().verifier();
    recorder.trust = Trust { notes: vec![verifier.clone()], macs: vec![], is_required: true };
    recorder.record_times(10, &Exchange::plain());
    let records = recorder.records();
    assert_eq!(audit(&records[0])["key"], "audit.example");
    let note = audit(&records[4])["note"].as_str().unwrap();
    assert!(note.starts_with(&format!("portcullis.audit/{}\n4\n", "00".repeat(16))), "{note}");
    assert!(note.contains("\n\u{2014} audit.example "), "{note}");
    let summary = verified(recorder.sink.lines.iter().map(String::as_str), &recorder.trust);
    let checkpoints = &summary.chains[0].checkpoints;
    assert_eq!((checkpoints.total, checkpoints.vouched, checkpoints.vouched_to), (2, 2, Some(9)));
    assert!(checkpoints.signers.iter().any(|signer| signer.starts_with("audit.example")));
    let other = NoteKey::parse(&signing_key("audit.example", 8)).unwrap().verifier();
    let (found, _) = findings(
        recorder.sink.lines.iter().map(String::as_str),
        &Trust { notes: vec![other], ..recorder.trust.clone() },
    );
    assert!(!found.is_empty());
    let text = recorder.sink.lines.join("");
    assert!(!text.contains(&key) && !text.contains(key.rsplit('+').next().unwrap()));
}

#[test]
fn each_mac_has_a_key_of_its_own() {
    let mut recorder = with(json!({"sign": {"hmac": MASTER}, "checkpoint": {"records": 2}}));
    recorder.trust = Trust { notes: vec![], macs: vec![MacKey::parse(MASTER).unwrap()], is_required: true };
    recorder.record_times(9, &Exchange::plain());
    let records = recorder.records();
    let checkpoints: Vec<_> = records.iter().filter(|it| kind(it) == Some("checkpoint")).map(audit).collect();
    let epochs: Vec<_> = checkpoints.iter().map(|it| it["epoch"].as_u64().unwrap()).collect();
    assert_eq!(epochs, (0..epochs.len() as u64).collect::<Vec<_>>());
    assert!(epochs.len() > 3 && checkpoints.iter().all(|it| it["mac"].as_str().unwrap().len() == 64));
    assert_eq!(audit(&records[0])["key"], Value::Null, "such keys have no names");
    let summary = verified(recorder.sink.lines.iter().map(String::as_str), &recorder.trust);
    assert_eq!(summary.chains[0].checkpoints.vouched, epochs.len() as u64);
    let other = Trust { macs: vec![MacKey::parse(&"ab".repeat(32)).unwrap()], ..recorder.trust.clone() };
    assert!(!findings(recorder.sink.lines.iter().map(String::as_str), &other).0.is_empty());
}

#[test]
fn what_is_edited_is_found() {
    let key = signing_key("audit.example", 7);
    let mut recorder = with(json!({"sign": {"ed25519": key}, "checkpoint": {"records": 4}}));
    recorder.record_times(10, &Exchange::plain());
    let lines = recorder.lines();
    let trust =
        Trust { notes: vec![NoteKey::parse(&key).unwrap().verifier()], macs: vec![], is_required: true };
    let found = |lines: &[String]| findings(lines.iter().map(String::as_str), &trust).0.len();
    assert_eq!(found(&lines), 0);
    let mut edited = lines.clone();
    edited[2] = edited[2].replace("/orders/7", "/orders/8");
    assert!(found(&edited) > 0);
    let mut removed = lines.clone();
    removed.remove(6);
    assert!(found(&removed) > 0);
    let mut swapped = lines;
    swapped.swap(2, 3);
    assert!(found(&swapped) > 0);
}

/// The lines of the log that are records.
fn logged(recorder: &Recorder) -> Vec<String> {
    let lines = recorder.logged("INFO").into_iter();
    lines.filter_map(|line| line.strip_prefix("portcullis-audit ")).map(str::to_owned).collect()
}

#[test]
fn they_also_leave_by_the_log_and_what_is_cut_off_is_found_by_that() {
    let mut recorder = with(json!({"checkpoint": {"records": 4, "log": true}}));
    recorder.record_times(10, &Exchange::plain());
    let lines = recorder.lines();
    let kept = logged(&recorder);
    let checkpoints: Vec<_> =
        lines.iter().filter(|line| line.contains(r#""kind":"checkpoint""#)).cloned().collect();
    assert_eq!(kept, checkpoints);
    let verify = |lines: &[String]| {
        let mut verifier = Verifier::default();
        let mut found = Vec::new();
        for line in &kept {
            found.extend(verifier.keep_line(Place::default(), line.as_bytes()).into_iter().flatten());
        }
        for line in lines {
            found.extend(verifier.line(Place::default(), line.as_bytes()));
        }
        found.extend(verifier.finish().findings);
        found.iter().map(|it| it.problem.code()).collect::<Vec<_>>()
    };
    assert_eq!(verify(&lines), [""; 0]);
    assert_eq!(verify(&lines[..7]), ["tail_cut"]);
    assert_eq!(verify(&[]), ["chain_missing"]);
}

#[test]
fn they_leave_by_the_log_once() {
    let mut recorder = recorder(
        json!({"sink": {"envoy_log": {}}, "integrity": {"checkpoint": {"records": 2, "log": true}}}),
    );
    recorder.record_times(5, &Exchange::plain());
    recorder.pass(Duration::from_secs(1));
    let lines = logged(&recorder);
    let mut distinct = lines.clone();
    distinct.dedup();
    assert_eq!(lines, distinct);
    verified(lines.iter().map(String::as_str), &Trust::default());
}

#[test]
fn in_both_schemas_and_forms_chains_are_intact() {
    let key = signing_key("audit.example", 7);
    for config in [
        json!({"schema": "ecs"}),
        json!({"schema": "ocsf-1.8"}),
        json!({"integrity": {"record_integrity": true}}),
        json!({"schema": "ocsf-1.8", "integrity": {"record_integrity": true}}),
    ] {
        let mut config = config;
        let integrity = config.as_object_mut().unwrap().entry("integrity").or_insert(json!({}));
        integrity["sign"] = json!({"ed25519": key});
        integrity["checkpoint"] = json!({"records": 2});
        let mut recorder = recorder(config);
        recorder.trust.notes = vec![NoteKey::parse(&key).unwrap().verifier()];
        recorder.trust.is_required = true;
        recorder.record_times(9, &Exchange::plain().by("alice"));
        recorder.configure(json!({}));
        recorder.stop(0);
        recorder.settle();
        recorder.trust.is_required = true;
        let summary = verified(recorder.sink.lines.iter().map(String::as_str), &recorder.trust);
        let chain = &summary.chains[0];
        assert_eq!((chain.checkpoints.total, chain.checkpoints.vouched), (6, 6));
        assert_eq!(chain.records, 17);
    }
}
