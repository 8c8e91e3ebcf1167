use std::collections::BTreeSet;

use super::Files;

/// What is exported, as text.
fn exported(files: &Files, target: &str, further: &[&str]) -> String {
    let ran = files.audit(&[&["export", "audit.jsonl", target, "out"], further].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    files.read("out")
}

#[test]
fn ocsf_is_the_same_byte_for_byte_without_what_came_again() {
    let files = Files::new();
    let text = files.read("audit.jsonl");
    let mut seen = BTreeSet::new();
    let once: String =
        text.lines().filter(|line| seen.insert(*line)).map(|line| format!("{line}\n")).collect();
    assert_eq!(exported(&files, "--ocsf", &[]), once);
    let denied: Vec<_> = once.lines().filter(|line| line.contains("\"action_id\":2")).collect();
    assert_eq!(exported(&files, "--ocsf", &["--decision", "denied"]).lines().collect::<Vec<_>>(), denied);
    let piped = files.audit(&["export", "audit.jsonl", "--ocsf", "-"]);
    assert_eq!(piped.out, once);
    assert!(piped.err.starts_with("417 of 417 records: "), "{}", piped.err);
}

#[test]
fn ecs_has_the_rows_of_ocsf() {
    let files = Files::new();
    let columns = "time,kind,decision,status,filter,reason,flags,count,method,host,path,query,protocol,subject,issuer,tenant,\
        client_id,source_ip,source_port,forwarded_for,user_agent,response_bytes,duration_ms,cluster,route,trace_id,span_id,\
        request_id,id,chain,sequence,hash,service";
    let of = |file: &str| {
        let ran = files.audit(&["show", file, "--kind", "all", "--format", "jsonl", "--columns", columns]);
        assert_eq!(ran.code, 0);
        ran.out
    };
    files.write("ecs.jsonl", exported(&files, "--ecs", &[]));
    assert_eq!(of("ecs.jsonl"), of("audit.jsonl"));
    // There is no way back.
    let ran = files.audit(&["export", "ecs.jsonl", "--ocsf", "none"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.ends_with("417 records are in ECS, and were not written: export them with --ecs\n"),
        "{}",
        ran.err
    );
}

#[test]
fn csv_has_a_line_for_each_record() {
    let files = Files::new();
    let text = exported(&files, "--csv", &["--columns", "time,subject,path,status", "--kind", "request"]);
    let lines: Vec<_> = text.split("\r\n").collect();
    assert_eq!((lines.len(), lines[0], lines[401]), (402, "time,subject,path,status", ""));
    assert_eq!(lines[1], "2026-09-21T14:13:25.000Z,\"alice\",\"/payments\",200");
    let formula = r#"{"class_uid":4002,"actor":{"user":{"uid":"=cmd|' /C calc'!A0"}}}"#;
    files.write("audit.jsonl", formula);
    assert_eq!(
        exported(&files, "--csv", &["--columns", "subject"]),
        "subject\r\n\"'=cmd|' /C calc'!A0\"\r\n"
    );
    assert_eq!(
        exported(&files, "--csv", &["--columns", "subject", "--raw"]),
        "subject\r\n\"=cmd|' /C calc'!A0\"\r\n"
    );
}

#[test]
fn what_is_no_file_is_written_to_and_not_replaced() {
    let files = Files::new();
    let standard = files.audit(&["export", "audit.jsonl", "--csv", "-"]);
    let device = files.audit(&["export", "audit.jsonl", "--csv", "/dev/stdout"]);
    assert!(standard.out.len() > 10_000 && device.out == standard.out);
    assert!(std::fs::symlink_metadata("/dev/stdout").unwrap().is_symlink());
}

#[test]
fn a_file_is_complete_or_not_there() {
    let files = Files::new();
    for (arguments, expected) in [
        (
            &["export", "audit.jsonl", "--csv", "audit.jsonl"][..],
            "audit.jsonl: it is one of the files that are read; name another\n",
        ),
        (&["export", "none.jsonl", "--csv", "out"], "none.jsonl: No such file or directory (os error 2)\n"),
        (&["export", "audit.jsonl", "--csv", "none/out"], "none/out: "),
        (&["export", "audit.jsonl", "--csv", "out", "--columns", "user"], "no field; there are time, kind,"),
        (&["export", "audit.jsonl", "--csv", "out", "--parquet", "out"], "cannot be used with"),
        (&["export", "audit.jsonl"], "the following required arguments were not provided"),
    ] {
        let ran = files.audit(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}");
        assert!(ran.err.contains(expected), "{arguments:?}: {}", ran.err);
    }
    let left: Vec<_> =
        std::fs::read_dir(files.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["audit.jsonl"]);
}
