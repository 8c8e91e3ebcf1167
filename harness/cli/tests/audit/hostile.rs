//! What a client can get into a record, and whoever can write to a file into it.

use super::Files;

/// A text that moves the cursor, clears the screen, turns the direction, hides, and begins lines.
const ATTACK: &str =
    "a\u{1b}[2J\u{1b}]0;x\u{7}\r\n::error::b\u{9b}1A\u{202e}\u{200b}\u{61c}\u{e0041}\u{7f}\u{0}c";

fn record(number: usize) -> serde_json::Value {
    serde_json::json!({
        "action_id": 2, "class_uid": 4002, "time": 1_790_000_000_000_u64 + number as u64,
        "actor": {"user": {"uid": ATTACK}}, "status_detail": ATTACK,
        "http_request": {"http_method": ATTACK, "user_agent": ATTACK,
            "url": {"hostname": ATTACK, "path": ATTACK}, "http_headers": [{"name": ATTACK, "value": ATTACK}]},
        "metadata": {"uid": format!("{ATTACK}-{number}")}, ATTACK: ATTACK,
        "unmapped": {"audit": {"decisions": [{"action": "denied", "filter": ATTACK, "reason": ATTACK}],
            "request_body": {"text": ATTACK}}},
    })
}

/// Whether nothing in a text is obeyed by a terminal or hidden by it.
fn is_harmless(text: &str) -> bool {
    let is_harmful = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{61c}' | '\u{e0041}')
    };
    !text.contains(is_harmful) && !text.lines().any(|line| line.trim_start().starts_with("::"))
}

#[test]
fn no_terminal_obeys_a_record() {
    let files = Files::new();
    let id = format!("{ATTACK}-1");
    // An argument of a program has no zero in it.
    let id = id.replace('\0', "");
    let mut loss = record(2);
    loss["unmapped"]["audit"]["kind"] = "loss".into();
    loss["unmapped"]["audit"]["reason"] = ATTACK.into();
    let mut one = record(1);
    one["metadata"]["uid"] = id.clone().into();
    files.write("attack.jsonl", format!("{one}\n{loss}\n"));
    for arguments in [
        &["show", "attack.jsonl"][..],
        &["show", "attack.jsonl", "--width", "80"],
        &["show", "attack.jsonl", "--columns", "id,user_agent,details"],
        &["show", "attack.jsonl", "--format", "json"],
        &["show", "attack.jsonl", "--format", "jsonl"],
        &["show", "attack.jsonl", "--one", &id],
        &["show", "attack.jsonl", "--one", &format!("{id}!")],
    ] {
        let ran = files.audit(arguments);
        assert!(is_harmless(&ran.out) && is_harmless(&ran.err), "{arguments:?}\n{}{}", ran.out, ran.err);
        assert!(!ran.out.is_empty() || !ran.err.is_empty());
    }
}

#[test]
fn a_broken_line_is_named_and_the_rest_is_shown() {
    let files = Files::new();
    let text = files.read("audit.jsonl");
    let mut lines: Vec<_> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
    lines[10].truncate(300);
    lines[20] = b"{\"class_uid\":4002,\"class_uid\":4002}".to_vec();
    lines[30] = b"{\"class_uid\":4002,\"status_detail\":\"\xff\xfe\"}".to_vec();
    lines[40] = [b"{\"class_uid\":4002,\"x\":\"".to_vec(), vec![b'x'; 17 << 20], b"\"}".to_vec()].concat();
    lines[50] = b"{\"class_uid\":4002,\"time\":1e999}".to_vec();
    files.write("broken.jsonl", lines.join(&b'\n'));
    let ran = files.audit(&["show", "broken.jsonl", "--kind", "all"]);
    assert_eq!(ran.code, 1);
    let problems: Vec<_> = ran.err.lines().collect();
    assert_eq!(
        problems,
        [
            "portcullis: broken.jsonl:11: half a record: the line ends in the middle of it",
            "portcullis: broken.jsonl:21: no record: a member stands there twice at column 29",
            "portcullis: broken.jsonl:31: no record: invalid unicode code point at column 36",
            "portcullis: broken.jsonl:41: longer than any record: more than 16 MiB",
            "portcullis: broken.jsonl:51: no record: number out of range at column 30",
        ]
    );
    assert!(
        ran.out.contains("412 of 412 records: ") && ran.out.ends_with(", 5 lines that cannot be read\n"),
        "{}",
        ran.out
    );
    for target in ["--csv", "--parquet", "--ocsf", "--ecs"] {
        let ran = files.audit(&["export", "broken.jsonl", target, "out"]);
        assert_eq!((ran.code, ran.err.lines().count()), (1, 8), "{target}: {}", ran.err);
    }
}

#[test]
fn many_broken_lines_are_counted() {
    let files = Files::new();
    files.write("broken.jsonl", "{\n".repeat(1000));
    let ran = files.audit(&["show", "broken.jsonl"]);
    assert_eq!((ran.code, ran.err.lines().count()), (1, 21));
    assert!(ran.err.ends_with("portcullis: and 980 more lines that cannot be read\n"), "{}", ran.err);
    assert_eq!(ran.out, "0 of 0 records\nleft out: 1000 lines that cannot be read\n");
}
