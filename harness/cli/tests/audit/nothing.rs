//! Files in which nothing can be verified: which of them are of something else, and which may have been tampered with.

use serde_json::Value;

use super::{Files, Ran};

const RECORDS: &str = include_str!("../../../../docs/audit.jsonl");
const KEY: &str = "audit.example+c271e3d6+AeMR4ZsVJXi6p85fhlmE0XJhcFFlF3eoRiccRfj2ZyqO";
/// What a file packed with bzip2 begins with.
const PACKED: &str = "BZh";

/// The records with something else at the beginning of each line.
fn damaged() -> String {
    RECORDS.lines().map(|line| format!("{{{line}\n")).collect()
}

fn verified(text: impl AsRef<[u8]>, arguments: &[&str]) -> Ran {
    let files = Files::new();
    files.write("edited.jsonl", text);
    files.audit(&[&["verify", "edited.jsonl"], arguments].concat())
}

/// How it has ended, and the last line that was told.
fn told(ran: &Ran) -> (i32, &str) {
    (ran.code, ran.out.lines().chain(ran.err.lines()).last().unwrap_or_default())
}

#[test]
fn nothing_before_damaged_records_hides_them() {
    let others = "{\"a\":1}\n".repeat(5000);
    for (before, found) in [("", 10), ("{\"class_uid\":4002}\n", 11), (&others, 5010)] {
        let ran = verified(before.to_owned() + &damaged(), &[]);
        assert_eq!(told(&ran), (1, &*format!("not intact: {found} findings in {found} lines, 0 chains")));
    }
    // Where others write to the file, a line like that is no finding, and no good sign either.
    let behind: String = RECORDS.lines().map(|line| format!("x{line}\n")).collect();
    let problem = "portcullis: edited.jsonl: no record in it can be read, but something of one stands in 10 lines (line 2)";
    assert_eq!(told(&verified(format!("hello\n{behind}"), &[])), (1, problem));
    let one_line = RECORDS.replace('\n', "");
    assert_eq!(told(&verified(one_line.repeat(2000), &[])), (1, "not intact: 1 finding in 1 line, 0 chains"));
}

#[test]
fn hashes_that_were_made_unreadable_are_not_missing() {
    for (from, to) in [("\"chain\":\"", "\"chain\":\"z"), ("\"hash\":\"", "\"hash\":\"zz")] {
        let ran = verified(RECORDS.replace(from, to), &[]);
        assert_eq!(told(&ran), (1, "not intact: 10 findings in 10 lines, 0 chains"), "{from}");
    }
}

#[test]
fn records_without_hashes_are_not_intact() {
    let files = Files::new();
    files.write("bare.jsonl", RECORDS.replace("\"integrity\"", "\"taken\""));
    assert_eq!(files.audit(&["export", "audit.jsonl", "--ecs", "ecs.jsonl"]).code, 0);
    for (file, why) in [("bare.jsonl", "its records have no hashes"), ("ecs.jsonl", "its records are in ECS")]
    {
        let expected = format!("portcullis: {file}: nothing can be verified: {why}");
        let arguments =
            [&[][..], &["--format", "json"], &["--key", KEY], &["--key", KEY, "--require-signed"]];
        for arguments in arguments {
            let ran = files.audit(&[&["verify", file], arguments].concat());
            assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{arguments:?}");
            assert!(ran.err.starts_with(&expected), "{}", ran.err);
        }
    }
}

#[test]
fn how_a_file_begins_keeps_nobody_from_reading_it() {
    let files = Files::new();
    let packed = format!("{PACKED}{RECORDS}");
    files.write("packed.jsonl", &packed);
    files.write("other.jsonl", RECORDS);
    for arguments in [&["packed.jsonl"][..], &["other.jsonl", "packed.jsonl"]] {
        let ran = files.audit(&[&["verify"], arguments].concat());
        assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{arguments:?}");
        assert!(ran.out.contains("packed.jsonl:1: "), "{}", ran.out);
    }
    assert_eq!(files.fed(&["verify", "-"], packed.as_bytes()).code, 1);
    let ran = files.audit(&["show", "packed.jsonl", "--kind", "all"]);
    assert!(ran.code == 0 && ran.out.contains("\n9 of 9 records: "), "{}{}", ran.out, ran.err);
    assert_eq!(files.audit(&["verify", "other.jsonl", "--checkpoints", "packed.jsonl"]).code, 0);
    // The first line alone: something of a record is in it.
    let ran = files.fed(&["show", "-"], packed.lines().next().unwrap_or_default().as_bytes());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn a_file_of_another_kind_is_told_as_such_once_it_was_read() {
    let files = Files::new();
    files.write("audit.bz2", format!("{PACKED}9\n{{\n{{\n"));
    let expected = "portcullis: audit.bz2: no audit record in it: it is packed with bzip2; unpack it first\n";
    for arguments in [
        &["verify", "audit.bz2"][..],
        &["verify", "audit.bz2", "--format", "json", "--all"],
        &["show", "audit.bz2"],
        &["show", "audit.bz2", "--format", "json", "--tail", "3"],
        &["show", "audit.bz2", "--one", "x"],
        &["export", "audit.bz2", "--ocsf", "-"],
        &["export", "audit.bz2", "--csv", "out.csv"],
    ] {
        let ran = files.audit(arguments);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (2, "", expected), "{arguments:?}");
    }
    assert!(!files.path("out.csv").exists());
    let ran = files.audit(&["show", "audit.jsonl", "audit.bz2"]);
    assert!(ran.code == 1 && ran.err.starts_with("portcullis: audit.bz2:2: half a record"), "{}", ran.err);
}

#[test]
fn programs_get_a_whole_object_or_none() {
    let others = "{\"a\":1}\n".repeat(5000);
    for arguments in [&["--format", "json"][..], &["--format", "json", "--all"]] {
        let ran = verified(&others, arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        let ran = verified(others.clone() + &damaged(), arguments);
        let report: Value = serde_json::from_str(&ran.out).unwrap();
        let told = report["findings"].as_array().unwrap().len() as u64;
        assert_eq!((ran.code, told + report["untold_findings"].as_u64().unwrap()), (1, 5010));
        assert_eq!(told, if arguments.len() == 3 { 5010 } else { 10 });
    }
}

#[test]
fn the_mark_of_an_editor_is_passed_over_where_files_were_put_together() {
    let (first, second) = RECORDS.split_at(RECORDS.match_indices('\n').nth(4).unwrap().0 + 1);
    let ran = verified(format!("\u{feff}{first}\u{feff}{second}"), &["--key", KEY, "--require-signed"]);
    assert_eq!(told(&ran), (0, "intact: 10 records of 1 chain"));
}
