//! What somebody may do to a file of records, and what is found then.

use portcullis_audit_chain::verify::{End, Problem, Trust};
use portcullis_audit_chain::{Chain, Form, Keys};
use serde_json::json;

use crate::writer::{SCHEMAS, Schema, Writer, all_keys, replaced, told, trust, verify};

/// A chain of 13 records: the first, nine requests with a checkpoint (5) between them, another checkpoint (11), the last (12).
fn written(schema: Schema, keys: &Keys) -> Vec<Vec<u8>> {
    let mut writer = Writer::new(1, schema, keys);
    writer.requests(4);
    writer.checkpoint();
    writer.requests(5);
    writer.checkpoint();
    writer.stop();
    writer.lines
}

fn plain() -> Vec<Vec<u8>> {
    written(Schema::Ocsf, &Keys::None)
}

fn found(lines: &[Vec<u8>]) -> Vec<String> {
    told(&verify(Trust::default(), lines).0)
}

/// What is found after this was done to the lines, which is the same for all schemas and keys.
fn after(change: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<String> {
    let mut all = Vec::new();
    for schema in SCHEMAS {
        for keys in all_keys() {
            let mut lines = written(schema, &keys);
            change(&mut lines);
            let (findings, summary) = verify(trust(&keys), &lines);
            assert_eq!(summary.found, findings.len() as u64);
            all.push(told(&findings));
        }
    }
    assert!(all.iter().all(|one| *one == all[0]), "{all:#?}");
    all.swap_remove(0)
}

#[test]
fn what_was_written_is_as_it_should_be() {
    for schema in SCHEMAS {
        for keys in all_keys() {
            let is_signed = !matches!(keys, Keys::None);
            let trust = Trust { is_required: is_signed, ..trust(&keys) };
            let (findings, summary) = verify(trust, &written(schema, &keys));
            assert_eq!(findings, []);
            let [chain] = &summary.chains[..] else { panic!("{summary:?}") };
            assert_eq!((chain.records, chain.last, chain.rendered_anew), (13, 12, 0));
            assert_eq!(chain.end, End::Stopped { reason: Some("configuration".to_owned()) });
            assert!(chain.from < chain.to && chain.from >= Some(1_790_000_000_000), "{:?}", chain.from);
            let checkpoints = &chain.checkpoints;
            assert_eq!((checkpoints.total, checkpoints.vouched), (2, if is_signed { 2 } else { 0 }));
            assert_eq!((checkpoints.last, checkpoints.vouched_to), (Some(11), is_signed.then_some(11)));
        }
    }
}

#[test]
fn a_record_is_edited() {
    assert_eq!(after(|lines| lines[3] = replaced(&lines[3], "/orders/2", "/orders/9")), ["4:3:changed"]);
    assert_eq!(after(|lines| lines[0] = replaced(&lines[0], "audit-log", "audit_log")), ["1:0:changed"]);
    assert_eq!(
        after(|lines| lines[11] = replaced(&lines[11], "\"size\":11", "\"size\":10")),
        ["12:11:changed"]
    );
    assert_eq!(after(|lines| lines[12] = replaced(&lines[12], "stop", "soup")), ["13:12:changed"]);
}

#[test]
fn a_member_is_put_in_front_of_another_of_the_same_name() {
    let twice = |lines: &mut Vec<Vec<u8>>| {
        lines[3] = replaced(&lines[3], "\"level\":", "\"level\":\"none\",\"level\":");
    };
    assert_eq!(after(twice), ["4:-:not_json", "5:4:missing"]);
}

#[test]
fn a_record_says_twice_to_which_chain_it_belongs() {
    let twice = |lines: &mut Vec<Vec<u8>>| {
        let integrity = r#""portcullis":{"integrity":{"chain":"x","hash":"x","previous":"x","sequence":3}},"#;
        lines[3] = replaced(&lines[3], "\"status\":", &format!("{integrity}\"status\":"));
    };
    // In ECS the member is there already; then it is one that is there twice.
    let all = [Schema::Ocsf, Schema::Attested].map(|schema| {
        let mut lines = written(schema, &Keys::None);
        twice(&mut lines);
        found(&lines)
    });
    assert!(all.iter().all(|one| *one == ["4:-:not_a_record", "5:4:missing"]), "{all:?}");
}

#[test]
fn a_hash_is_edited() {
    let lines = plain();
    for place in [3, 12] {
        let text = String::from_utf8(lines[place].clone()).unwrap();
        let hash = text.split("\"hash\":\"").last().unwrap()[..64].to_owned();
        let mut edited = lines.clone();
        edited[place] = replaced(&lines[place], &hash, &"0".repeat(64));
        assert_eq!(found(&edited), [format!("{}:{place}:changed", place + 1)]);
        edited[place] = replaced(&lines[place], &hash, &hash.to_uppercase());
        assert_eq!(found(&edited)[0], format!("{}:-:not_a_record", place + 1));
    }
}

#[test]
fn nothing_hides_in_the_member_that_no_hash_protects() {
    let lines = written(Schema::Attested, &Keys::None);
    for (from, to) in [
        ("\"algorithm_id\":3", "\"algorithm_id\":1"),
        ("\"fingerprint\":{", "\"fingerprint\":{\"a\":1,"),
        ("\"serialization_id\":2,", ""),
    ] {
        let mut edited = lines.clone();
        edited[3] = replaced(&lines[3], from, to);
        assert_eq!(found(&edited), ["4:3:changed"]);
    }
}

#[test]
fn a_record_is_removed() {
    assert_eq!(after(|lines| drop(lines.remove(3))), ["4:4:missing"]);
    assert_eq!(after(|lines| drop(lines.drain(2..4))), ["3:4:missing"]);
    assert_eq!(after(|lines| drop(lines.drain(2..12))), ["3:12:missing"]);
    assert_eq!(after(|lines| drop(lines.remove(0))), ["1:1:head_cut"]);
    assert_eq!(after(|lines| drop(lines.drain(..4))), ["1:4:head_cut"]);
    assert_eq!(after(|lines| drop(lines.remove(5))), ["6:6:missing"]);
}

#[test]
fn the_end_is_removed_and_nobody_knows() {
    assert_eq!(after(|lines| lines.truncate(9)), [""; 0]);
    let (_, summary) = verify(Trust::default(), &plain()[..9]);
    assert_eq!((summary.chains[0].end.clone(), summary.chains[0].after_checkpoint()), (End::Open, 3));
}

#[test]
fn records_are_swapped_and_moved() {
    assert_eq!(after(|lines| lines.swap(3, 4)), ["5:3:reordered"]);
    assert_eq!(after(|lines| lines.swap(0, 1)), ["2:0:reordered"]);
    assert_eq!(after(|lines| lines[2..9].rotate_left(3)), ["7:2:reordered"]);
    assert_eq!(after(|lines| lines.swap(2, 8)), ["4:3:reordered", "9:2:reordered"]);
}

/// A record with this number that somebody has made up, with right hashes, after the first `before` ones.
fn forged(before: usize, path: &str) -> Vec<u8> {
    let mut writer = Writer::new(1, Schema::Ocsf, &Keys::None);
    writer.requests(before - 1);
    writer.request(path);
    writer.lines.pop().unwrap()
}

#[test]
fn a_record_is_made_up() {
    let mut before = plain();
    before.insert(3, forged(3, "/evil"));
    assert_eq!(found(&before), ["5:3:conflict"]);
    let mut behind = plain();
    behind.insert(4, forged(3, "/evil"));
    assert_eq!(found(&behind), ["5:3:conflict"]);
    let mut later = plain();
    later.insert(9, forged(3, "/evil"));
    assert_eq!(found(&later), ["10:3:conflict"]);
    let mut instead = plain();
    instead[3] = forged(3, "/evil");
    assert_eq!(found(&instead), ["5:4:wrong_link"]);
    let mut after_the_end = plain();
    let mut writer = Writer::new(1, Schema::Ocsf, &Keys::None);
    writer.requests(20);
    after_the_end.extend_from_slice(&writer.lines[13..15]);
    assert_eq!(found(&after_the_end), ["14:13:after_stop", "14:13:wrong_link"]);
}

#[test]
fn a_record_that_was_removed_comes_back_as_another_one() {
    let mut lines = plain();
    lines.remove(3);
    lines.insert(8, forged(3, "/evil"));
    assert_eq!(found(&lines), ["9:3:reordered", "9:4:wrong_link"]);
    // Its end fits, its beginning does not.
    let mut lines = plain();
    lines.drain(3..5);
    let mut writer = Writer::new(1, Schema::Ocsf, &Keys::None);
    writer.requests(3);
    writer.request("/other");
    lines.insert(8, writer.lines[3].clone());
    lines.insert(9, writer.lines[4].clone());
    assert_eq!(found(&lines), ["9:3:reordered", "10:5:wrong_link"]);
}

#[test]
fn the_beginning_is_made_up() {
    let mut chain = Chain::new([1; 16], Form::Member, String::new());
    let mut line =
        br#"{"metadata":{"sequence":0,"uid":"01010101010101010101010101010101-0"},"unmapped":{"audit":{}}}"#
            .to_vec();
    let place = line.len() - 2;
    chain.seal(&mut line, place);
    assert_eq!(found(&[line]), ["1:0:genesis"]);
    let mut writer = Writer::new(1, Schema::Ocsf, &Keys::None);
    writer.requests(2);
    writer.write(json!({"kind": "genesis"}), json!({}));
    assert_eq!(found(&writer.lines), ["4:3:genesis"]);
}

#[test]
fn records_of_two_writers_are_mixed_up() {
    let mut writer = Writer::new(1, Schema::Ocsf, &Keys::None);
    writer.requests(2);
    // The id of another chain's record, sealed into this one.
    for number in 5..8 {
        let mut line = format!(
            r#"{{"metadata":{{"sequence":{number},"uid":"02020202020202020202020202020202-{number}"}},"unmapped":{{"audit":{{}}}}}}"#
        )
        .into_bytes();
        let place = line.len() - 2;
        writer.chain.seal(&mut line, place);
        writer.lines.push(line);
    }
    let (findings, _) = verify(Trust::default(), &writer.lines);
    assert_eq!(told(&findings), ["4:3:mixed_writers"]);
    let Problem::Mixed { found: Some((chain, 5)) } = findings[0].problem else { panic!("{findings:?}") };
    assert_eq!(chain.short(), "02020202…");
}

#[test]
fn an_edit_in_the_name_of_the_chain_begins_no_chain() {
    for schema in SCHEMAS {
        let mut lines = written(schema, &Keys::None);
        let text = String::from_utf8(lines[3].clone()).unwrap();
        let name = if schema == Schema::Attested { "chain_uid\":\"01" } else { "chain\":\"01" };
        lines[3] = text.replace(name, &name.replace("01", "0f")).into_bytes();
        let (findings, summary) = verify(Trust::default(), &lines);
        assert_eq!(told(&findings), ["4:3:changed"]);
        assert_eq!(summary.chains.len(), 1);
    }
}

#[test]
fn one_edit_is_one_finding_among_many_records() {
    let mut writer = Writer::new(1, Schema::Ocsf, &Keys::None);
    writer.requests(20_000);
    writer.checkpoint();
    let mut lines = writer.lines;
    lines[7] = replaced(&lines[7], "backend", "frontend");
    lines.remove(10_000);
    lines.swap(15_000, 15_001);
    assert_eq!(found(&lines), ["8:7:changed", "15002:15001:reordered", "10001:10001:missing"]);
}
