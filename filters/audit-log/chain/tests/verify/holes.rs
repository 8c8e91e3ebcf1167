//! Gaps that are declared, where signatures or kept checkpoints can vouch for that.

use portcullis_audit_chain::verify::{Finding, Place, Summary, Trust, Verifier};
use portcullis_audit_chain::{Keys, Signature};
use serde_json::{Value, json};

use crate::writer::{Schema, Writer, mac_key, note_key, told, trust, verify, verify_with};

fn keys() -> [Keys; 2] {
    [Keys::Ed25519(note_key("audit.example", 9)), Keys::Mac(mac_key(5))]
}

fn required(keys: &Keys) -> Trust {
    Trust { is_required: true, ..trust(keys) }
}

/// Records 0 to 4, a checkpoint (5), 6 to 9, of which 7 and 8 will be missing, the loss record (10), 11, a checkpoint (12), 13 and 14.
fn written(keys: &Keys) -> Writer {
    let mut writer = Writer::new(1, Schema::Ocsf, keys);
    writer.requests(4);
    writer.checkpoint();
    writer.requests(4);
    writer.loss(Some((7, 8)));
    writer.requests(1);
    writer.checkpoint();
    writer.requests(2);
    writer
}

fn without(mut lines: Vec<Vec<u8>>, missing: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    lines.drain(missing);
    lines
}

/// Verifies lines where the checkpoints of others were kept: as notes, or as records.
fn with_kept(keys: &Keys, kept: &[Vec<u8>], lines: &[Vec<u8>]) -> (Vec<Finding>, Summary) {
    let mut verifier = Verifier::new(trust(keys));
    for line in kept {
        let place = Place { file: 1, line: 0 };
        let record: Value = serde_json::from_slice(line).unwrap();
        let findings = match record.pointer("/unmapped/audit/note") {
            Some(note) => verifier.keep_note(place, note.as_str().unwrap()).unwrap(),
            None => verifier.keep_line(place, line).unwrap_or_default(),
        };
        assert_eq!(findings, []);
    }
    verify_with(verifier, lines)
}

#[test]
fn a_gap_is_declared_and_a_later_checkpoint_vouches_for_that() {
    for keys in keys() {
        let writer = written(&keys);
        let (findings, summary) = verify(required(&keys), &without(writer.lines.clone(), 7..9));
        assert_eq!(findings, []);
        let checkpoints = &summary.chains[0].checkpoints;
        assert_eq!((checkpoints.vouched, checkpoints.unchecked, checkpoints.vouched_to), (2, 0, Some(12)));
        assert_eq!((summary.chains[0].declared_missing, checkpoints.unvouched), (2, 1));
        // Kept checkpoints do as well, without a key.
        let (findings, summary) = with_kept(&Keys::None, &writer.lines, &without(writer.lines.clone(), 7..9));
        assert_eq!(findings, []);
        assert_eq!(
            (summary.chains[0].checkpoints.kept, summary.chains[0].checkpoints.kept_unchecked),
            (2, 0)
        );
    }
}

#[test]
fn a_gap_at_the_beginning_is_declared() {
    for keys in keys() {
        let mut writer = Writer::new(1, Schema::Ocsf, &keys);
        writer.requests(6);
        writer.loss(Some((0, 3)));
        writer.checkpoint();
        let (findings, summary) = verify(required(&keys), &writer.lines[4..]);
        assert_eq!(findings, []);
        assert_eq!(summary.chains[0].checkpoints.unvouched, 0);
    }
}

#[test]
fn nothing_vouches_yet_for_what_declares_a_gap() {
    for keys in keys() {
        let writer = written(&keys);
        for end in [9, 10] {
            let lines = without(writer.lines.clone(), 7..9)[..end].to_vec();
            assert_eq!(told(&verify(trust(&keys), &lines).0), ["8:9:unvouched_loss"]);
            assert_eq!(told(&verify(Trust::default(), &lines).0), [""; 0]);
            // What was kept is older.
            assert_eq!(told(&with_kept(&Keys::None, &writer.lines[..6], &lines).0), ["8:9:unvouched_loss"]);
        }
        let (findings, _) = verify(trust(&keys), &without(writer.lines, 7..9)[..9]);
        assert!(findings[0].to_string().ends_with(
            "record 9: missing before it: records 7 to 8, declared by record 10, which nothing vouches for"
        ));
    }
}

/// Goes on with a chain as somebody does who has no key: from its record `from` on other records follow, without hashes that are wrong.
fn forged(keys: &Keys, from: usize, go_on: impl FnOnce(&mut Writer)) -> Vec<Vec<u8>> {
    let mut writer = replayed(keys, from);
    assert_eq!(writer.lines, written(keys).lines[..from]);
    go_on(&mut writer);
    writer.lines
}

/// The first records of the chain, and whoever can go on with it.
fn replayed(keys: &Keys, count: usize) -> Writer {
    let mut writer = Writer::new(1, Schema::Ocsf, keys);
    let steps: [&dyn Fn(&mut Writer); 6] = [
        &|writer| writer.requests(4),
        &|writer| writer.checkpoint(),
        &|writer| writer.requests(4),
        &|writer| writer.loss(Some((7, 8))),
        &|writer| writer.requests(1),
        &|writer| writer.checkpoint(),
    ];
    for step in steps {
        if writer.lines.len() < count {
            step(&mut writer);
        }
    }
    writer
}

#[test]
fn single_records_are_deleted_and_loss_records_made_up_behind_the_last_checkpoint() {
    for keys in keys() {
        // The end of the file is made up behind the checkpoint (12), which is as it was.
        let mut lines = forged(&keys, 13, |writer| {
            writer.loss(Some((2, 2)));
            writer.loss(Some((11, 11)));
        });
        lines.remove(11);
        lines.remove(2);
        // The gap of 7 and 8 is an honest one.
        let lines = without(lines, 6..8);
        for trust in [trust(&keys), required(&keys)] {
            assert_eq!(told(&verify(trust, &lines).0), ["3:3:unvouched_loss", "9:12:unvouched_loss"]);
        }
        let all = written(&keys).lines;
        assert_eq!(told(&with_kept(&keys, &all, &lines).0), ["3:3:unvouched_loss", "9:12:unvouched_loss"]);
        assert_eq!(told(&with_kept(&Keys::None, &all, &lines).0).len(), 2);
    }
}

/// The chain with other records behind the gap, all hashes made anew, and the second checkpoint's signature as it was.
fn rewritten(keys: &Keys) -> Vec<Vec<u8>> {
    let honest = written(keys);
    let audit: Value = serde_json::from_slice(&honest.lines[12]).unwrap();
    let audit = audit.pointer("/unmapped/audit").unwrap().clone();
    forged(keys, 10, |writer| {
        writer.loss(Some((7, 8)));
        writer.request("/evil");
        writer.write(audit, json!({}));
        writer.requests(2);
    })
}

#[test]
fn everything_behind_a_gap_is_rewritten() {
    for keys in keys() {
        let lines = without(rewritten(&keys), 7..9);
        let problem = if matches!(keys, Keys::Mac(_)) { "wrong_mac" } else { "note" };
        let found = told(&verify(trust(&keys), &lines).0);
        assert_eq!(found, [format!("11:12:{problem}"), "8:9:unvouched_loss".to_owned()]);
        // A checkpoint that was kept shows it without any key, by the hash of record 11.
        let found = told(&with_kept(&Keys::None, &written(&keys).lines, &lines).0);
        assert!(found.iter().any(|text| text.contains(":11:rewritten")), "{found:?}");
        assert!(found.iter().any(|text| text.contains(":unvouched_loss")), "{found:?}");
    }
}

#[test]
fn what_is_before_a_gap_is_rewritten() {
    for keys in keys() {
        // Record 6, behind the first checkpoint, is another one; what is behind the gap is as it was, signatures and all.
        let honest = written(&keys).lines;
        let mut lines = replayed(&keys, 6).lines[..6].to_vec();
        let mut other = Writer::new(1, Schema::Ocsf, &keys);
        other.requests(4);
        other.checkpoint();
        other.request("/evil");
        lines.push(other.lines[6].clone());
        assert_ne!(lines[6], honest[6]);
        lines.extend_from_slice(&honest[9..]);
        for trust in [Trust::default(), trust(&keys), required(&keys)] {
            let found = told(&verify(trust, &lines).0);
            assert_eq!(found.first().map(String::as_str), Some("9:6:replaced"), "{found:?}");
        }
    }
}

#[test]
fn the_signature_is_of_the_hash_of_the_last_record() {
    for keys in keys() {
        let mut writer = Writer::new(1, Schema::Ocsf, &keys);
        writer.requests(3);
        // Right in everything else.
        let mut checkpoint = writer.chain.checkpoint();
        checkpoint.last = [7; 32];
        let mut audit =
            json!({"kind": "checkpoint", "root": checkpoint.root_text(), "size": checkpoint.size});
        match writer.signer.sign(&checkpoint) {
            Signature::Note(note) => audit["note"] = note.into(),
            Signature::Mac { epoch, mac } => {
                audit["epoch"] = epoch.into();
                audit["mac"] = portcullis_audit_chain::hex::lower(&mac).into();
            }
            Signature::Unsigned => unreachable!("there is a key"),
        }
        writer.write(audit, json!({}));
        let problem = if matches!(keys, Keys::Mac(_)) { "wrong_mac" } else { "note" };
        assert_eq!(told(&verify(trust(&keys), &writer.lines).0), [format!("5:4:{problem}")]);
    }
}
