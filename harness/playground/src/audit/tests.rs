mod keys;

use std::cell::Cell;
use std::io::{self, Cursor};
use std::rc::Rc;

use serde_json::{Value, json};

use super::*;

/// A chain of ten records, of which five are of requests.
const FILE: &str = include_str!("../../../../docs/audit.jsonl");
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\n\0";
const CSV: &[u8] = b"time,user\n2026-09-21,alice\n";
/// Lines of another program, and a file of another that is one object.
const LOG: &[u8] = b"{\"level\":\"info\"}\n{\"level\":\"warn\"}\n";
const SCHEMA: &[u8] = b"{\n  \"type\": \"object\"\n}\n";
const OPEN: &str = "a chain that is open may have had an end that was cut off";

fn refused(member: &'static str, problem: &str) -> Refusal {
    Refusal { member, problem: problem.to_owned() }
}

fn dropped(bytes: impl Into<Vec<u8>>) -> Dropped<Cursor<Vec<u8>>, fn(u64)> {
    let bytes = bytes.into();
    let size = bytes.len() as u64;
    Dropped { name: "audit.jsonl".to_owned(), size, reader: Cursor::new(bytes), progress: |_| {} }
}

fn verified(bytes: impl Into<Vec<u8>>) -> Value {
    serde_json::from_str(&verify(dropped(bytes), "{}").unwrap()).unwrap()
}

fn searched(bytes: impl Into<Vec<u8>>, query: &Value, skip: u64, take: u64) -> Value {
    let page = json!({"skip": skip, "take": take}).to_string();
    serde_json::from_str(&search(dropped(bytes), &query.to_string(), &page).unwrap()).unwrap()
}

fn exported(bytes: impl Into<Vec<u8>>, query: &Value, format: &str) -> Result<String, Refusal> {
    let mut out = Vec::new();
    let piece = |bytes: &[u8]| {
        out.extend_from_slice(bytes);
        Ok(())
    };
    export(dropped(bytes), &query.to_string(), format, piece)?;
    Ok(String::from_utf8(out).unwrap())
}

/// The file with another user in one of its records.
fn edited() -> (String, u64) {
    let place = FILE.lines().position(|line| line.contains("\"alice\"")).unwrap();
    let edit = |(index, line): (usize, &str)| match index == place {
        true => line.replace("\"alice\"", "\"mallory\"") + "\n",
        false => format!("{line}\n"),
    };
    (FILE.lines().enumerate().map(edit).collect(), place as u64 + 1)
}

#[test]
fn an_untouched_file_is_intact() {
    let it = verified(FILE);
    assert_eq!((&it["isIntact"], &it["records"], &it["others"]), (&json!(true), &json!(10), &json!(0)));
    assert_eq!((&it["findings"], &it["findingsInAll"]), (&json!([]), &json!(0)));
    let uncompared = "1 checkpoint could not be compared with the records before: some are missing, so nothing vouches for the others";
    assert_eq!(
        it["remarks"],
        json!([
            uncompared,
            OPEN,
            "no key was given: whoever can write these files can have made all hashes anew"
        ])
    );
    let chain = &it["chains"][0];
    assert_eq!(
        (&chain["records"], &chain["isIntact"], &it["chainsInAll"]),
        (&json!(10), &json!(true), &json!(1))
    );
    assert_eq!(chain["uid"].as_str().unwrap().len(), 32);
    assert!(chain["state"].as_str().unwrap().contains("checkpoints: "), "{chain}");
    let text = it["text"].as_str().unwrap();
    assert!(text.ends_with("\nintact: 10 records of 1 chain\n"), "{text}");
}

#[test]
fn an_edit_is_found_in_its_line() {
    let (text, line) = edited();
    let it = verified(text.as_str());
    assert_eq!((&it["isIntact"], &it["chains"][0]["isIntact"]), (&json!(false), &json!(false)));
    let finding = &it["findings"][0];
    assert_eq!((&finding["line"], &finding["code"]), (&json!(line), &json!("changed")));
    assert!(finding["text"].as_str().unwrap().contains("changed: it says that its hash is "), "{finding}");
    let place = [&finding["place"]["offset"], &finding["place"]["length"]].map(|it| it.as_u64().unwrap());
    let before: usize = FILE.lines().take(line as usize - 1).map(|line| line.len() + 1).sum();
    assert_eq!(place, [before as u64, text.lines().nth(line as usize - 1).unwrap().len() as u64]);
    let told = format!("audit.jsonl:{line}: {}\n", finding["text"].as_str().unwrap());
    assert!(it["text"].as_str().unwrap().starts_with(&told), "{}", it["text"]);
}

#[test]
fn half_a_file_is_found_to_be_one() {
    let half = &FILE[..FILE.len() / 2];
    let it = verified(half);
    let last = it["findings"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["code"], &last["line"]), (&json!("half_record"), &json!(half.lines().count())));
    assert_eq!(it["chains"][0]["state"].as_str().unwrap().split([';', ',']).next(), Some("open"));
    let found = searched(half, &json!({}), 0, 10);
    assert_eq!((&found["brokenInAll"], &found["broken"][0]["line"]), (&json!(1), &last["line"]));
    assert_eq!(found["broken"][0]["problem"], "half a record: the line ends in the middle of it");
}

#[test]
fn of_many_findings_the_first_are_kept_with_those_of_the_end_and_all_are_counted() {
    let first = FILE.lines().next().unwrap();
    let last = FILE.lines().last().unwrap();
    let it = verified(format!("{first}\n{}{last}\n", "{half\n".repeat(1500)));
    let findings = it["findings"].as_array().unwrap();
    assert_eq!((findings.len(), &it["findingsInAll"]), (801, &json!(1501)));
    let marks = &it["marks"][0];
    assert_eq!((it["marks"].as_array().unwrap().len(), &marks["code"]), (1, &findings[0]["code"]));
    assert_eq!(marks["lines"], json!((802..=1501).collect::<Vec<_>>()));
    let missing = &findings[800];
    assert_eq!(
        (&missing["code"], &missing["line"], &missing["place"]),
        (&json!("missing"), &json!(1502), &json!(null))
    );
    let found = searched(format!("{FILE}{}", "{half\n".repeat(1500)), &json!({}), 0, 10);
    assert_eq!((found["broken"].as_array().unwrap().len(), &found["brokenInAll"]), (100, &json!(1500)));
}

#[test]
fn the_lines_of_very_many_findings_are_kept_up_to_a_bound() {
    let it = verified(format!("{FILE}{}", "{half\n".repeat(101_000)));
    let [told, marked] =
        [&it["findings"], &it["marks"][0]["lines"]].map(|list| list.as_array().unwrap().len());
    assert_eq!((told, marked, &it["findingsInAll"]), (800, 100_000, &json!(101_000)));
}

#[test]
fn a_forged_copy_hides_no_record_and_what_came_again_is_counted() {
    let (text, line) = edited();
    let forged = text.lines().nth(line as usize - 1).unwrap();
    let found = searched(format!("{forged}\n{FILE}{FILE}"), &json!({}), 0, 100);
    assert_eq!((&found["records"], &found["repeats"]), (&json!(11), &json!(10)));
    for user in ["alice", "mallory"] {
        assert_eq!(
            searched(format!("{forged}\n{FILE}"), &json!({"subject": user}), 0, 10)["rows"][0]["subject"],
            user
        );
    }
}

#[test]
fn a_file_of_another_kind_is_told_as_such() {
    for (bytes, why) in [
        (PNG, "it is an image"),
        (
            b"\0asm\x01\0\0\0",
            "it is a WebAssembly module; portcullis inspect reads those, and the tab Module of the playground",
        ),
        (b"\x1f\x8b\x08\0", "it is packed with gzip; unpack it first"),
        (CSV, "2 lines of something else"),
        (b"", "it is empty"),
    ] {
        let expected = refused("file", &format!("audit.jsonl: no audit record in it: {why}"));
        assert_eq!(verify(dropped(bytes), "{}"), Err(expected.clone()));
        assert_eq!(search(dropped(bytes), "{}", r#"{"skip":0,"take":10}"#), Err(expected.clone()));
        assert_eq!(exported(bytes, &json!({}), "csv"), Err(expected));
    }
}

#[test]
fn json_of_other_programs_was_not_tampered_with() {
    let none = "audit.jsonl: no audit record in it";
    let not_a_record = "no audit record: it has not a member `integrity` or `attestation_list`";
    let half = "half a record: the line ends in the middle of it";
    for (bytes, verified, searched) in [
        (
            LOG,
            format!("2 lines of something else (line 1: {not_a_record})"),
            "2 lines of something else".to_owned(),
        ),
        (
            SCHEMA,
            format!("3 lines of something else (line 1: {half})"),
            format!("3 lines of something else (line 1: {half})"),
        ),
    ] {
        assert_eq!(verify(dropped(bytes), "{}"), Err(refused("file", &format!("{none}: {verified}"))));
        let found = search(dropped(bytes), "{}", r#"{"skip":0,"take":10}"#);
        assert_eq!(found, Err(refused("file", &format!("{none}: {searched}"))));
    }
    // A record that was changed is one, also alone.
    let (text, line) = edited();
    let it = verified(text.lines().nth(line as usize - 1).unwrap());
    assert_eq!((&it["isIntact"], &it["findings"][0]["code"]), (&json!(false), &json!("changed")));
}

#[test]
fn records_without_hashes_are_told_from_other_lines() {
    let mut ecs = Vec::new();
    let lines = || Lines::of("audit.jsonl", FILE.as_bytes(), FILE.len() as u64).unwrap();
    let mut sink = portcullis_audit::export::Ecs::new(&mut ecs);
    portcullis_audit::scan(lines(), &Default::default(), &mut sink, &mut |_| {}).unwrap();
    let error = verify(dropped(ecs.clone()), "{}").unwrap_err();
    assert!(
        error.problem.starts_with("audit.jsonl: nothing can be verified: its records are in ECS, as "),
        "{error}"
    );
    assert_eq!(searched(ecs, &json!({}), 0, 1)["records"], 10);
    let bare: String = FILE.lines().map(|line| line.replace("\"integrity\"", "\"taken\"") + "\n").collect();
    let error = verify(dropped(bare), "{}").unwrap_err();
    assert!(
        error
            .problem
            .ends_with(": its records have no hashes; the writer's integrity is off, or they were taken out"),
        "{error}"
    );
}

#[test]
fn damaged_records_are_no_lines_of_something_else() {
    let damaged: String = FILE.lines().map(|line| format!("x{line}\n")).collect();
    let problem = |lines: u64, first: &str| {
        let what = "no record in it can be read, but something of one stands in";
        refused("file", &format!("audit.jsonl: {what} {lines} lines{first}"))
    };
    let page = r#"{"skip":0,"take":10}"#;
    assert_eq!(verified(damaged.as_str())["findingsInAll"], json!(10));
    assert_eq!(search(dropped(damaged.as_str()), "{}", page), Err(problem(10, "")));
    assert_eq!(exported(damaged.as_str(), &json!({}), "csv"), Err(problem(10, "")));
    assert_eq!(verify(dropped(format!("hello\n{damaged}")), "{}"), Err(problem(10, " (line 2)")));
    let half = "{\"class_uid\":4002,\n".repeat(2);
    let first = " (line 1: half a record: the line ends in the middle of it)";
    assert_eq!(search(dropped(half), "{}", page), Err(problem(2, first)));
}

#[test]
fn how_a_file_begins_keeps_nobody_from_reading_it() {
    let it = verified(format!("BZh\n[{{}}]\n{FILE}"));
    assert_eq!((&it["isIntact"], &it["records"], &it["others"]), (&json!(true), &json!(10), &json!(2)));
    assert_eq!(searched(format!("BZh{FILE}"), &json!({}), 0, 10)["records"], 9);
}

#[test]
fn a_mark_of_an_editor_before_a_line_is_no_part_of_its_record() {
    let marked: String = FILE.lines().map(|line| format!("\u{feff}{line}\n")).collect();
    assert_eq!(verified(marked.as_str())["isIntact"], json!(true));
    let row = &searched(marked.as_str(), &json!({}), 3, 1)["rows"][0];
    let [offset, length] = ["offset", "length"].map(|name| row[name].as_u64().unwrap() as usize);
    assert_eq!(Some(&marked[offset..offset + length]), FILE.lines().nth(3));
    let of = |bytes: &str| record(bytes.as_bytes()).unwrap();
    assert_eq!(of(marked.lines().nth(3).unwrap()), of(FILE.lines().nth(3).unwrap()));
}

#[test]
fn a_search_counts_all_and_shows_a_page() {
    let all = searched(FILE, &json!({}), 0, 1000);
    assert_eq!((&all["records"], &all["meant"], &all["others"]), (&json!(10), &json!(10), &json!(0)));
    let rows = all["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 10);
    assert_eq!(searched(FILE, &json!({}), 3, 2)["rows"].as_array().unwrap()[..], rows[3..5]);
    let requests = |found: &Value| {
        ["allowed", "denied", "undecided"].map(|name| found[name].as_u64().unwrap()).iter().sum::<u64>()
    };
    let bars = all["histogram"]["columns"].as_array().unwrap();
    let counted = bars.iter().flat_map(|bar| bar.as_object().unwrap().values()).filter_map(Value::as_u64);
    assert_eq!(
        (counted.sum::<u64>(), all["histogram"]["width"].as_u64().unwrap() % 1000),
        (requests(&all), 0)
    );
    let denied = searched(FILE, &json!({"decision": "denied"}), 0, 10);
    assert!(denied["denied"].as_u64().unwrap() > 0 && denied["denied"] == denied["meant"]);
    let nobody = searched(FILE, &json!({"text": "nobody of this name"}), 0, 10);
    assert_eq!((&nobody["records"], &nobody["meant"]), (&json!(10), &json!(0)));
    assert_eq!(nobody["histogram"], Value::Null);
}

#[test]
fn a_row_leads_back_to_its_record() {
    for row in searched(FILE, &json!({}), 0, 10)["rows"].as_array().unwrap() {
        let [line, offset, length] =
            ["line", "offset", "length"].map(|name| row[name].as_u64().unwrap() as usize);
        let it: Value =
            serde_json::from_str(&record(&FILE.as_bytes()[offset..offset + length]).unwrap()).unwrap();
        assert_eq!(it["json"].as_str(), FILE.lines().nth(line - 1));
        let decision = it["facts"].as_array().unwrap().iter().find(|fact| fact["name"] == "decision");
        let expected = (row["kind"] == "request").then_some(&row["decision"]);
        assert_eq!(decision.map(|fact| &fact["value"]), expected, "{row}");
    }
    let error = record(b"something else").unwrap_err();
    assert_eq!(error, refused("file", "no audit record: neither JSON nor a message of protobuf"));
}

#[test]
fn a_record_is_the_same_alone_in_a_log_and_as_a_message() {
    let line = FILE.lines().nth(1).unwrap();
    let of = |bytes: &[u8]| -> Value { serde_json::from_str(&record(bytes).unwrap()).unwrap() };
    let alone = of(line.as_bytes());
    assert_eq!(of(format!("  {line}\r\n").as_bytes()), alone);
    assert_eq!(of(format!("portcullis-audit {line}\n").as_bytes()), alone);
    let mut file = Vec::new();
    let mut sink = portcullis_audit::export::Messages::new(&mut file).unwrap();
    let lines = Lines::of("audit.jsonl", FILE.as_bytes(), FILE.len() as u64).unwrap();
    portcullis_audit::scan(lines, &Default::default(), &mut sink, &mut |_| {}).unwrap();
    let row = &searched(file.clone(), &json!({}), 1, 1)["rows"][0];
    let [offset, length] = ["offset", "length"].map(|name| row[name].as_u64().unwrap() as usize);
    let message = of(&file[offset..offset + length]);
    assert_eq!((&message["isMessage"], &alone["isMessage"]), (&json!(true), &json!(false)));
    assert_eq!((&message["facts"], &message["json"]), (&alone["facts"], &alone["json"]));
}

#[test]
fn an_export_has_the_records_as_they_stand_or_as_a_table() {
    let text = format!("started\n{FILE}");
    assert_eq!(exported(text.clone(), &json!({}), "jsonl").unwrap(), FILE);
    let denied = exported(FILE, &json!({"decision": "denied"}), "jsonl").unwrap();
    assert!(!denied.is_empty() && denied.lines().all(|line| FILE.lines().any(|whole| whole == line)));
    let csv = exported(text, &json!({}), "csv").unwrap();
    assert!(csv.starts_with("time,kind,decision,status,") && csv.lines().count() == 11, "{csv}");
    let error = exported(FILE, &json!({}), "xml").unwrap_err();
    assert_eq!(error, refused("file", r#"format: "xml" is none; write jsonl or csv"#));
    let gone = |_: &[u8]| Err(io::Error::other("no room left"));
    assert_eq!(export(dropped(FILE), "{}", "jsonl", gone), Err(refused("file", "no room left")));
}

#[test]
fn what_the_page_says_is_read_strictly() {
    let page = |query: &str, page: &str| search(dropped(FILE), query, page).unwrap_err();
    let error = page(r#"{"since":"noon"}"#, r#"{"skip":0,"take":10}"#);
    assert_eq!(error, refused("since", r#""noon" is no time; write 2026-09-21 or 2026-09-21 13:00"#));
    assert_eq!(
        error.to_json(),
        r#"{"member":"since","problem":"\"noon\" is no time; write 2026-09-21 or 2026-09-21 13:00"}"#
    );
    assert!(page("{}", r#"{"skip":0}"#).problem.starts_with("page: missing field `take`"));
    let error = page("{}", r#"{"skip":0,"take":5000}"#);
    assert_eq!(error, refused("file", "page: take: 5000 rows at once are too many; take at most 1000"));
}

#[test]
fn progress_ends_with_the_size_and_a_file_that_cannot_be_read_is_named() {
    let told = Rc::new(Cell::new(0));
    let seen = Rc::clone(&told);
    let size = FILE.len() as u64;
    let copy = |offset: u64, into: &mut [u8]| {
        into.copy_from_slice(&FILE.as_bytes()[offset as usize..][..into.len()]);
        Ok(into.len())
    };
    let name = "audit.jsonl".to_owned();
    let reader = Slices::new(size, copy);
    verify(Dropped { name: name.clone(), size, reader, progress: move |read| seen.set(read) }, "{}").unwrap();
    assert_eq!(told.get(), size);
    let reader = Slices::new(size, |_, _: &mut [u8]| Err(io::Error::other("it was moved")));
    let error = verify(Dropped { name, size, reader, progress: |_| {} }, "{}").unwrap_err();
    assert_eq!(error, refused("file", "audit.jsonl: it was moved"));
}
