//! What delivery does to records: copies, runs of them, losses that are declared, several writers in one file.

use portcullis_audit_chain::Keys;
use portcullis_audit_chain::verify::{End, Trust};
use serde_json::json;

use crate::writer::{SCHEMAS, Schema, Writer, replaced, told, verify};

fn writer(records: usize) -> Writer {
    let mut writer = Writer::new(1, Schema::Ocsf, &Keys::None);
    writer.requests(records - 1);
    writer
}

#[test]
fn copies_are_counted() {
    for schema in SCHEMAS {
        let mut writer = Writer::new(1, schema, &Keys::None);
        writer.requests(9);
        writer.checkpoint();
        writer.requests(9);
        writer.checkpoint();
        let mut lines = writer.lines;
        lines.splice(12..12, lines[2..12].to_vec());
        lines.push(lines[3].clone());
        let (findings, summary) = verify(Trust::default(), &lines);
        assert_eq!(findings, []);
        assert_eq!((summary.chains[0].records, summary.chains[0].duplicates), (21, 11));
    }
}

#[test]
fn a_copy_that_was_edited_is_told() {
    let mut lines = writer(10).lines;
    lines.push(replaced(&lines[3], "backend", "frontend"));
    assert_eq!(told(&verify(Trust::default(), &lines).0), ["11:3:changed"]);
}

#[test]
fn a_copy_that_comes_too_late_to_be_one_is_told() {
    let mut lines = writer(6000).lines;
    lines.extend_from_within(..3);
    assert_eq!(told(&verify(Trust::default(), &lines).0), ["6001:0:stale"]);
}

#[test]
fn a_gap_may_be_declared() {
    for (declared, expected) in [
        (vec![(3, 5)], vec![]),
        (vec![(3, 3), (4, 5)], vec![]),
        // The writer does not know that some of them arrived after all.
        (vec![(2, 6)], vec![]),
        (vec![(3, 4)], vec!["4:6:missing"]),
        (vec![(4, 4)], vec!["4:4:missing", "4:6:missing"]),
        (vec![], vec!["4:6:missing"]),
        (vec![(7, 9)], vec!["4:6:missing"]),
    ] {
        let mut writer = writer(9);
        for range in &declared {
            writer.loss(Some(*range));
        }
        let mut lines = writer.lines;
        lines.drain(3..6);
        let (findings, summary) = verify(Trust::default(), &lines);
        assert_eq!(told(&findings), expected, "{declared:?}");
        let missing = if expected.is_empty() {
            3
        } else {
            3 - declared.iter().filter(|(first, _)| *first < 6).count() as u64
        };
        if expected.is_empty() {
            assert_eq!(summary.chains[0].declared_missing, missing);
        }
    }
}

#[test]
fn the_first_records_may_be_declared_as_lost() {
    let mut writer = writer(9);
    writer.loss(Some((0, 4)));
    let (findings, summary) = verify(Trust::default(), &writer.lines[5..]);
    assert_eq!(findings, []);
    assert_eq!((summary.chains[0].records, summary.chains[0].declared_missing), (5, 5));
}

#[test]
fn what_was_never_chained_is_counted() {
    let mut writer = writer(3);
    writer.loss(None);
    writer.loss(None);
    let (findings, summary) = verify(Trust::default(), &writer.lines);
    assert_eq!(findings, []);
    assert_eq!((summary.chains[0].declared_missing, summary.chains[0].lost_before), (0, 14));
}

#[test]
fn one_missing_record_hides_nothing_from_a_checkpoint() {
    let mut writer = writer(9);
    writer.checkpoint();
    writer.loss(Some((3, 3)));
    writer.checkpoint();
    let mut lines = writer.lines;
    lines.remove(3);
    let (findings, summary) = verify(Trust::default(), &lines);
    assert_eq!(findings, []);
    assert_eq!(summary.chains[0].checkpoints.unchecked, 0);
    lines.remove(3);
    let (findings, summary) = verify(Trust::default(), &lines);
    assert_eq!(told(&findings), ["4:5:missing"]);
    assert_eq!(summary.chains[0].checkpoints.unchecked, 2);
}

#[test]
fn several_writers_share_a_file() {
    let writers: Vec<_> = (1..=3)
        .map(|number| {
            let mut writer = Writer::new(number, SCHEMAS[usize::from(number) - 1], &Keys::None);
            writer.requests(50);
            writer.checkpoint();
            writer.stop();
            writer.lines
        })
        .collect();
    let lines: Vec<_> =
        (0..53).flat_map(|index| writers.iter().map(move |lines| lines[index].clone())).collect();
    let (findings, summary) = verify(Trust::default(), &lines);
    assert_eq!(findings, []);
    let chains: Vec<_> = summary.chains.iter().map(|chain| (chain.uid.short(), chain.records)).collect();
    assert_eq!(chains, ["01010101…", "02020202…", "03030303…"].map(|uid| (uid.to_owned(), 53)));
}

#[test]
fn another_writer_notices_that_a_chain_was_abandoned() {
    let left = writer(9);
    let mut other = Writer::new(2, Schema::Ocsf, &Keys::None);
    other.abandoned(&left.chain);
    for is_later in [false, true] {
        let mut lines = if is_later { left.lines.clone() } else { Vec::new() };
        lines.extend_from_slice(&other.lines);
        if !is_later {
            lines.extend_from_slice(&left.lines);
        }
        let (findings, summary) = verify(Trust::default(), &lines);
        assert_eq!(findings, []);
        let chain = summary.chains.iter().find(|chain| chain.uid.to_string() == left.chain.uid()).unwrap();
        assert_eq!(
            chain.end,
            End::Abandoned { by: summary.chains.iter().find(|it| it.uid != chain.uid).unwrap().uid }
        );
    }
    let cut = [&left.lines[..7], &other.lines].concat();
    let (findings, _) = verify(Trust::default(), &cut);
    assert_eq!(told(&findings), ["7:6:tail_cut"]);
    assert_eq!(
        findings[0].to_string(),
        "chain 01010101… record 6: it ends here, and the writer of chain 02020202… knows of 9 records"
    );
    assert_eq!(told(&verify(Trust::default(), &other.lines).0), ["2:-:chain_missing"]);
}

#[test]
fn the_end_of_an_abandoned_chain_is_rewritten() {
    let left = writer(9);
    let mut other = Writer::new(2, Schema::Ocsf, &Keys::None);
    other.abandoned(&left.chain);
    let mut rewritten = writer(8);
    rewritten.request("/evil");
    for lines in [[rewritten.lines.clone(), other.lines.clone()], [other.lines, rewritten.lines]] {
        let codes: Vec<_> = told(&verify(Trust::default(), &lines.concat()).0);
        assert!(codes.len() == 1 && codes[0].ends_with(":8:rewritten"), "{codes:?}");
    }
}

#[test]
fn an_unknown_kind_is_a_record_like_others() {
    let mut writer = writer(3);
    writer.write(json!({"kind": "of a later version"}), json!({}));
    writer.request("/");
    let (findings, summary) = verify(Trust::default(), &writer.lines);
    assert_eq!((findings.len(), summary.chains[0].records), (0, 5));
}
