use std::cell::Cell;
use std::io::{self, Cursor};
use std::rc::Rc;

use serde_json::{Value, json};

use super::*;

/// A chain of ten records, of which five are of requests.
const FILE: &str = include_str!("../../../../docs/audit.jsonl");
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\n\0";
const CSV: &[u8] = b"time,user\n2026-09-21,alice\n";

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

fn exported(bytes: impl Into<Vec<u8>>, query: &Value, format: &str) -> Result<String, String> {
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
    let it = verified(text);
    assert_eq!((&it["isIntact"], &it["chains"][0]["isIntact"]), (&json!(false), &json!(false)));
    let finding = &it["findings"][0];
    assert_eq!((&finding["line"], &finding["code"]), (&json!(line), &json!("changed")));
    assert!(finding["text"].as_str().unwrap().contains("changed: it says that its hash is "), "{finding}");
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
fn of_many_findings_the_first_are_kept_and_all_are_counted() {
    let it = verified("{half\n".repeat(1500));
    assert_eq!((it["findings"].as_array().unwrap().len(), &it["findingsInAll"]), (1000, &json!(1500)));
    let found = searched("{half\n".repeat(1500), &json!({}), 0, 10);
    assert_eq!((found["broken"].as_array().unwrap().len(), &found["brokenInAll"]), (100, &json!(1500)));
}

#[test]
fn a_file_of_another_kind_is_told_as_such() {
    for (bytes, why) in
        [(PNG, "4 lines of something else"), (CSV, "2 lines of something else"), (b"", "it is empty")]
    {
        let expected = Err(format!("audit.jsonl: no audit record in it: {why}"));
        assert_eq!(verify(dropped(bytes), "{}"), expected);
        assert_eq!(search(dropped(bytes), "{}", r#"{"skip":0,"take":10}"#), expected);
        assert_eq!(exported(bytes, &json!({}), "csv"), expected);
    }
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
        let json = record(&FILE.as_bytes()[offset..offset + length]).unwrap();
        assert_eq!(json, FILE.lines().nth(line - 1).unwrap());
    }
    let error = record(b"something else").unwrap_err();
    assert!(error.ends_with("the file may have changed: drop it again"), "{error}");
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
    assert_eq!(error, r#"format: "xml" is none; write jsonl or csv"#);
    let gone = |_: &[u8]| Err(io::Error::other("no room left"));
    assert_eq!(export(dropped(FILE), "{}", "jsonl", gone), Err("no room left".to_owned()));
}

#[test]
fn what_the_page_says_is_read_strictly() {
    let page = |query: &str, page: &str| search(dropped(FILE), query, page).unwrap_err();
    let error = page(r#"{"since":"noon"}"#, r#"{"skip":0,"take":10}"#);
    assert_eq!(error, r#"since: "noon" is no time; write 2026-09-21 or 2026-09-21 13:00"#);
    assert!(page("{}", r#"{"skip":0}"#).starts_with("page: missing field `take`"));
    let error = page("{}", r#"{"skip":0,"take":5000}"#);
    assert_eq!(error, "page: take: 5000 rows at once are too many; take at most 1000");
}

#[test]
fn a_key_vouches_or_is_told_to_be_none_without_being_repeated() {
    let trust = |keys: Value| verify(dropped(FILE), &keys.to_string());
    let right = "audit.example+c271e3d6+AeMR4ZsVJXi6p85fhlmE0XJhcFFlF3eoRiccRfj2ZyqO";
    let it: Value = serde_json::from_str(&trust(json!({"verifierKeys": [right]})).unwrap()).unwrap();
    let chain = &it["chains"][0];
    assert_eq!((&it["isIntact"], &chain["signedCheckpoints"]), (&json!(true), &chain["checkpoints"]));
    assert!(chain["checkpoints"].as_u64() > Some(0), "{chain}");
    let other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let it: Value = serde_json::from_str(&trust(json!({"verifierKeys": ["", other]})).unwrap()).unwrap();
    assert_eq!((&it["isIntact"], &it["findings"][0]["code"]), (&json!(false), &json!("wrong_key")));
    let error = trust(json!({"verifierKeys": [other, "secret"]})).unwrap_err();
    assert!(error.starts_with("verifierKeys[1]: ") && !error.contains("secret+"), "{error}");
    let error = trust(json!({"macKeys": ["hunter2"]})).unwrap_err();
    assert!(error.starts_with("macKeys[0]: ") && !error.contains("hunter2"), "{error}");
    assert!(trust(json!({"keys": []})).unwrap_err().starts_with("trust: unknown field `keys`"));
}

#[test]
fn a_signature_may_be_asked_of_every_chain() {
    let begun: String = FILE.lines().take(2).map(|line| format!("{line}\n")).collect();
    let trust = |trust: Value| verify(dropped(begun.as_str()), &trust.to_string());
    let keys = ["audit.example+c271e3d6+AeMR4ZsVJXi6p85fhlmE0XJhcFFlF3eoRiccRfj2ZyqO"];
    let of = |is_required: bool| -> Value {
        let asked = json!({"verifierKeys": keys, "isRequired": is_required});
        serde_json::from_str(&trust(asked).unwrap()).unwrap()
    };
    assert_eq!(of(false)["isIntact"], true);
    assert_eq!(of(true)["findings"][0]["code"], "not_vouched");
    assert_eq!(trust(json!({"isRequired": true})).unwrap_err(), "isRequired: give the key as well");
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
    assert_eq!(error, "audit.jsonl: it was moved");
}
