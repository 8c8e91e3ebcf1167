//! Who vouches for records: what the hashes alone do not show, since whoever can write the file can make them anew.

use portcullis_audit_chain::verify::{Place, Problem, Trust, Verifier};
use portcullis_audit_chain::{Checkpoint, Keys, Signature, hex};
use serde_json::{Value, json};

use crate::writer::{
    SCHEMAS, Schema, Writer, all_keys, mac_key, note_key, replaced, told, trust, verifier_key, verify,
    verify_with,
};

fn note_keys() -> Keys {
    Keys::Ed25519(note_key("audit.example", 9))
}

fn mac_keys() -> Keys {
    Keys::Mac(mac_key(5))
}

/// What a checkpoint record says.
fn body(checkpoint: &Checkpoint, signature: Signature) -> Value {
    let mut audit = json!({"kind": "checkpoint", "root": checkpoint.root_text(), "size": checkpoint.size});
    match signature {
        Signature::Unsigned => (),
        Signature::Note(note) => audit["note"] = note.into(),
        Signature::Mac { epoch, mac } => {
            audit["epoch"] = epoch.into();
            audit["mac"] = hex::lower(&mac).into();
        }
    }
    audit
}

/// Three times three requests and a checkpoint: records 4, 8 and 12.
fn written(keys: &Keys) -> Writer {
    let mut writer = Writer::new(1, Schema::Ocsf, keys);
    for _ in 0..3 {
        writer.requests(3);
        writer.checkpoint();
    }
    writer
}

/// The same, but somebody has made another record of number 6, and all hashes anew. The signatures are what he has found; the roots too, or his own.
fn rewritten(keys: &Keys, has_own_roots: bool) -> Vec<Vec<u8>> {
    let (mut honest, mut forger) = (Writer::new(1, Schema::Ocsf, keys), Writer::new(1, Schema::Ocsf, keys));
    for number in 0..3 {
        honest.requests(3);
        forger.request("/orders/0?\u{fc}=\"\\\n\u{1}😀");
        forger.request(if number == 1 { "/evil" } else { "/orders/1?\u{fc}=\"\\\n\u{1}😀" });
        forger.request("/orders/2?\u{fc}=\"\\\n\u{1}😀");
        let checkpoint = honest.chain.checkpoint();
        let signature = honest.signer.sign(&checkpoint);
        let own = forger.chain.checkpoint();
        forger.write(body(if has_own_roots { &own } else { &checkpoint }, signature.clone()), json!({}));
        honest.write(body(&checkpoint, signature), json!({}));
    }
    forger.lines
}

fn found(keys: &Keys, lines: &[Vec<u8>]) -> Vec<String> {
    told(&verify(trust(keys), lines).0)
}

#[test]
fn whoever_makes_all_hashes_anew_is_found_by_signatures() {
    for keys in [note_keys(), mac_keys()] {
        assert_eq!(found(&keys, &rewritten(&keys, false)), ["9:8:checkpoint_root"]);
        let problem = if matches!(keys, Keys::Mac(_)) { "wrong_mac" } else { "note" };
        let expected = [format!("9:8:{problem}"), format!("13:12:{problem}")];
        assert_eq!(found(&keys, &rewritten(&keys, true)), expected);
    }
    // And by nothing else.
    assert_eq!(found(&Keys::None, &rewritten(&Keys::None, true)), [""; 0]);
}

#[test]
fn a_checkpoint_is_not_signed_though_a_key_was_given() {
    let unsigned = written(&Keys::None).lines;
    for keys in [note_keys(), mac_keys()] {
        assert_eq!(found(&keys, &unsigned), ["5:4:unsigned"]);
    }
    // The first record of a chain that is signed says so.
    let mut writer = Writer::new(1, Schema::Ocsf, &note_keys());
    let checkpoint = writer.chain.checkpoint();
    writer.write(body(&checkpoint, Signature::Unsigned), json!({}));
    assert_eq!(found(&Keys::None, &writer.lines), ["2:1:unsigned"]);
}

#[test]
fn a_checkpoint_is_signed_with_another_key() {
    let lines = written(&note_keys()).lines;
    for (name, seed) in [("audit.example", 10), ("another.example", 9)] {
        let other = Keys::Ed25519(note_key(name, seed));
        let (findings, _) = verify(trust(&other), &lines);
        assert_eq!(told(&findings), ["5:4:wrong_key"]);
        let Problem::WrongKey { found } = &findings[0].problem else { panic!() };
        assert!(found[0].starts_with("audit.example+"), "{found:?}");
    }
    assert_eq!(found(&mac_keys(), &lines), ["5:4:wrong_key"]);
    assert_eq!(found(&note_keys(), &written(&mac_keys()).lines), ["5:4:wrong_key"]);
    assert_eq!(
        found(&Keys::Mac(mac_key(6)), &written(&mac_keys()).lines),
        ["5:4:wrong_mac", "9:8:wrong_mac", "13:12:wrong_mac"]
    );
}

#[test]
fn one_key_of_several_is_enough() {
    let note = note_key("audit.example", 9);
    let all = Trust {
        notes: vec![verifier_key(&note_key("other.example", 8)), verifier_key(&note)],
        macs: vec![mac_key(4), mac_key(5)],
        is_required: true,
    };
    for keys in [note_keys(), mac_keys()] {
        let (findings, summary) = verify(all.clone(), &written(&keys).lines);
        assert_eq!(findings, []);
        assert_eq!(summary.chains[0].checkpoints.vouched, 3);
    }
}

#[test]
fn without_keys_it_is_told_who_has_signed() {
    let (_, summary) = verify(Trust::default(), &written(&note_keys()).lines);
    let signers: Vec<_> = summary.chains[0].checkpoints.signers.iter().collect();
    assert!(signers.len() == 1 && signers[0].starts_with("audit.example+"), "{signers:?}");
    let (_, summary) = verify(trust(&note_keys()), &written(&note_keys()).lines);
    assert_eq!(summary.chains[0].checkpoints.signers.iter().collect::<Vec<_>>(), ["audit.example"]);
    let (_, summary) = verify(Trust::default(), &written(&mac_keys()).lines);
    assert_eq!(summary.chains[0].checkpoints.signers.iter().collect::<Vec<_>>(), ["MAC"]);
}

#[test]
fn a_signature_is_made_up() {
    let mut writer = Writer::new(1, Schema::Ocsf, &note_keys());
    writer.requests(3);
    let checkpoint = writer.chain.checkpoint();
    let Signature::Note(note) = writer.signer.sign(&checkpoint) else { panic!() };
    let mut other = Writer::new(2, Schema::Ocsf, &note_keys());
    other.requests(3);
    let Signature::Note(of_another) = other.signer.sign(&other.chain.checkpoint()) else { panic!() };
    let (text, signature) = note.split_once("\n\n").unwrap();
    let (_, of_another_signature) = of_another.split_once("\n\n").unwrap();
    for (note, expected) in [
        (of_another.clone(), "note"),
        (format!("{text}\n\n{of_another_signature}"), "wrong_signature"),
        (format!("{text}\nmore\n\n{signature}"), "note"),
        (format!("{text}\n\n{signature}{of_another_signature}"), "wrong_signature"),
        (format!("{text}\n\n{}", signature.trim_end()), "note"),
        (format!("{text}\n\n"), "note"),
        (format!("{text}\n\n\u{2014} audit.example AAAA\n"), "note"),
        (format!("{text}\n\n\u{2014} a+b {}", signature.split_once(' ').unwrap().1), "note"),
        (format!("{text}\n\n\u{2014} other.example AAAAAAAA\n{signature}"), ""),
    ] {
        let mut writer = Writer::new(1, Schema::Ocsf, &note_keys());
        writer.requests(3);
        writer.write(body(&checkpoint, Signature::Note(note)), json!({}));
        let codes: Vec<_> =
            verify(trust(&note_keys()), &writer.lines).0.iter().map(|it| it.problem.code()).collect();
        assert_eq!(codes.join(""), expected);
    }
}

#[test]
fn keys_of_macs_come_in_their_order() {
    let sealed = |epochs: &[usize]| {
        let mut writer = Writer::new(1, Schema::Ocsf, &mac_keys());
        for epoch in epochs {
            writer.requests(2);
            let checkpoint = writer.chain.checkpoint();
            // As whoever has got hold of a later key would do, or of an earlier checkpoint.
            let mut signer = portcullis_audit_chain::Signer::for_chain(&mac_keys(), writer.chain.uid());
            let signature = (0..=*epoch).map(|_| signer.sign(&checkpoint)).last().unwrap();
            writer.write(body(&checkpoint, signature), json!({}));
        }
        found(&mac_keys(), &writer.lines)
    };
    assert_eq!(sealed(&[0, 1, 2, 3]), [""; 0]);
    assert_eq!(sealed(&[0, 2, 3]), ["7:6:epoch"]);
    assert_eq!(sealed(&[1, 2, 3]), ["4:3:epoch"]);
    assert_eq!(sealed(&[0, 0, 1]), ["7:6:epoch"]);
    assert_eq!(sealed(&[0, 1, 0, 2]), ["10:9:epoch"]);
}

#[test]
fn a_key_may_be_passed_over_where_its_checkpoint_is_missing() {
    let mut lines = written(&mac_keys()).lines;
    lines.remove(8);
    let (findings, summary) = verify(trust(&mac_keys()), &lines);
    assert_eq!(told(&findings), ["9:9:missing"]);
    assert_eq!(summary.chains[0].checkpoints.vouched, 2);
    // Not without end.
    let mut writer = Writer::new(1, Schema::Ocsf, &mac_keys());
    writer.requests(3);
    let checkpoint = writer.chain.checkpoint();
    writer.write(body(&checkpoint, Signature::Mac { epoch: (1 << 53) - 1, mac: [0; 32] }), json!({}));
    assert_eq!(told(&verify(trust(&mac_keys()), &writer.lines[2..]).0), ["3:4:epoch", "1:2:head_cut"]);
}

#[test]
fn a_checkpoint_lacks_something() {
    let root = Checkpoint { size: 1, root: [0; 32], last: [0; 32] }.root_text();
    for (audit, expected) in [
        (json!({}), "incomplete"),
        (json!({"size": 1}), "incomplete"),
        (json!({"size": 1, "root": "x"}), "incomplete"),
        (json!({"size": 1, "root": root, "mac": "x", "epoch": 0}), "incomplete"),
        (json!({"size": 1, "root": root, "mac": hex::lower(&[0; 32])}), "incomplete"),
        (
            json!({"size": 1, "root": root, "mac": hex::lower(&[0; 32]), "epoch": 0, "note": "x"}),
            "incomplete",
        ),
        (json!({"size": 2, "root": root}), "checkpoint_size"),
        (json!({"size": 1, "root": root}), "checkpoint_root"),
    ] {
        let mut writer = Writer::new(1, Schema::Ocsf, &Keys::None);
        let mut audit = audit;
        audit["kind"] = "checkpoint".into();
        writer.write(audit, json!({}));
        assert_eq!(found(&Keys::None, &writer.lines), [format!("2:1:{expected}")]);
    }
}

#[test]
fn a_chain_has_to_be_vouched_for() {
    let required = |keys: &Keys| Trust { is_required: true, ..trust(keys) };
    let (findings, _) = verify(required(&Keys::None), &written(&Keys::None).lines);
    assert_eq!(told(&findings), ["13:12:not_vouched"]);
    let mut writer = written(&note_keys());
    writer.loss(Some((2, 3)));
    writer.checkpoint();
    let mut lines = writer.lines;
    lines.drain(2..4);
    let (findings, summary) = verify(required(&note_keys()), &lines);
    assert_eq!(findings, []);
    assert_eq!((summary.chains[0].checkpoints.vouched, summary.chains[0].checkpoints.unchecked), (4, 0));
}

/// Verifies lines with all checkpoints of other ones kept: as notes where they are, else as records.
fn with_kept(keys: &Keys, kept: &[Vec<u8>], lines: &[Vec<u8>]) -> (Vec<String>, u64) {
    let mut verifier = Verifier::new(trust(keys));
    let mut findings = Vec::new();
    for (index, line) in kept.iter().enumerate() {
        let place = Place { file: 1, line: index as u64 };
        let value: Value = serde_json::from_slice(line).unwrap();
        findings.extend(match value.pointer("/unmapped/audit/note") {
            Some(note) => verifier.keep_note(place, note.as_str().unwrap()).unwrap(),
            None => verifier.keep_line(place, line).unwrap_or_default(),
        });
    }
    let (more, summary) = verify_with(verifier, lines);
    findings.extend(more);
    assert_eq!(summary.found, findings.len() as u64);
    (told(&findings), summary.chains.first().map_or(0, |chain| chain.checkpoints.kept))
}

#[test]
fn checkpoints_that_were_kept_elsewhere_show_what_signatures_cannot() {
    for keys in all_keys() {
        let lines = written(&keys).lines;
        assert_eq!(with_kept(&keys, &lines, &lines), (vec![], 3));
        // The end was cut off, right behind a checkpoint.
        let (findings, kept) = with_kept(&keys, &lines, &lines[..9]);
        assert_eq!((findings, kept), (vec!["9:8:tail_cut".to_owned()], 2));
        let (findings, _) = with_kept(&keys, &lines, &[]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].ends_with(":-:chain_missing"), "{findings:?}");
    }
    // All hashes were made anew.
    let (findings, kept) = with_kept(&Keys::None, &written(&Keys::None).lines, &rewritten(&Keys::None, true));
    assert_eq!(kept, 1);
    assert_eq!(
        findings,
        ["9:7:kept_checkpoint", "9:8:rewritten", "13:11:kept_checkpoint", "13:12:rewritten"]
    );
}

#[test]
fn what_was_kept_is_verified_as_well() {
    let mut verifier = Verifier::new(trust(&note_keys()));
    let unsigned = written(&Keys::None).lines;
    assert_eq!(told(&verifier.keep_line(Place::default(), &unsigned[4]).unwrap()), ["0:4:unsigned"]);
    assert_eq!(verifier.keep_line(Place::default(), &unsigned[3]), None);
    assert_eq!(verifier.keep_line(Place::default(), b"starting main dispatch loop"), None);
    let edited = replaced(&unsigned[4], "\"size\":4", "\"size\":5");
    assert_eq!(told(&verifier.keep_line(Place::default(), &edited).unwrap()), ["0:4:changed"]);
    assert_eq!(told(&verifier.keep_line(Place::default(), b"{\"a\":").unwrap()), ["0:-:half_record"]);
    let note = Checkpoint { size: 3, root: [7; 32], last: [8; 32] }.text(&hex::lower(&[1; 16]));
    assert_eq!(told(&verifier.keep_note(Place::default(), &note).unwrap()), ["0:3:unsigned"]);
    assert_eq!(verifier.keep_note(Place::default(), "x\n1\ny\n"), None);
    assert_eq!(verifier.keep_note(Place::default(), &note.replace("\n3\n", "\n03\n")), None);
    // A MAC of its own turn, wherever it was kept from.
    let mut verifier = Verifier::new(trust(&mac_keys()));
    let lines = written(&mac_keys()).lines;
    for line in [&lines[12], &lines[4]] {
        assert_eq!(verifier.keep_line(Place::default(), line), Some(vec![]));
    }
}

#[test]
fn all_schemas_are_signed_alike() {
    for schema in SCHEMAS {
        let mut writer = Writer::new(1, schema, &note_keys());
        writer.checkpoint();
        let (findings, summary) = verify(trust(&note_keys()), &writer.lines);
        assert_eq!((findings.len(), summary.chains[0].checkpoints.vouched), (0, 1));
    }
}
