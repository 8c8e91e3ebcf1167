//! Lines that are not as the filter writes them.

use portcullis_audit_chain::Keys;
use portcullis_audit_chain::verify::{Place, Trust, Verifier};
use serde_json::Value;

use crate::writer::{SCHEMAS, Schema, Writer, replaced, told, verify};

fn written() -> Vec<Vec<u8>> {
    let mut writer = Writer::new(1, Schema::Ocsf, &Keys::None);
    writer.requests(3);
    writer.lines
}

#[test]
fn records_may_be_rendered_anew() {
    for schema in SCHEMAS {
        let mut writer = Writer::new(1, schema, &Keys::None);
        writer.requests(3);
        writer.checkpoint();
        writer.stop();
        let anew = writer.lines.iter().map(|line| {
            let value: Value = serde_json::from_slice(line).unwrap();
            let text = serde_json::to_string_pretty(&value).unwrap().replace('\n', "\t");
            // Escapes in names and texts, and numbers that are written otherwise.
            text.replace("\"metadata\"", "\"\\u006detadata\"")
                .replace("\"audit\"", "\"\\u0061udit\"")
                .replace("😀", "\\uD83D\\uDE00")
                .replace("2.5", "25e-1")
                .into_bytes()
        });
        let anew: Vec<_> = anew.collect();
        let (findings, summary) = verify(Trust::default(), &anew);
        assert_eq!(findings, []);
        assert_eq!((summary.chains[0].records, summary.chains[0].rendered_anew), (6, 6));
    }
}

#[test]
fn members_may_be_in_another_order() {
    fn reversed(value: &Value) -> String {
        match value {
            Value::Object(members) => {
                let members: Vec<_> = members
                    .iter()
                    .rev()
                    .map(|(name, value)| format!("{name:?}:{}", reversed(value)))
                    .collect();
                format!("{{{}}}", members.join(","))
            }
            other => other.to_string(),
        }
    }
    for schema in SCHEMAS {
        let mut writer = Writer::new(1, schema, &Keys::None);
        writer.requests(3);
        let anew: Vec<_> =
            writer.lines.iter().map(|line| reversed(&serde_json::from_slice(line).unwrap())).collect();
        let (findings, summary) = verify(Trust::default(), &anew);
        assert_eq!(findings, []);
        assert_eq!(summary.chains[0].rendered_anew, 4);
    }
}

#[test]
fn records_may_stand_in_the_log_of_envoy() {
    let mut lines = vec![b"[2026-09-21 14:13:20.012][1][info][main] starting main dispatch loop".to_vec()];
    for line in written() {
        lines.push(
            [
                b"[2026-09-21 14:13:20.012][1][info][wasm] [source/extensions/common/wasm/context.cc:1151] wasm log audit: portcullis-audit ",
                line.as_slice(),
                b"\r\n",
            ]
            .concat(),
        );
        lines.push(b"\n".to_vec());
    }
    let (findings, summary) = verify(Trust::default(), &lines);
    assert_eq!(findings, []);
    assert_eq!((summary.chains[0].records, summary.lines, summary.others), (4, 5, 1));
    assert_eq!(summary.first_other, Some(Place { file: 0, line: 1 }));
}

#[test]
fn a_line_that_is_no_record_is_told() {
    let lines = [
        "{\"a\":1}",
        "{\"a\":1",
        "{\"a\":1}}",
        "{\"unmapped\":{\"integrity\":{\"chain\":\"x\"}}}",
        "{\"unmapped\":{\"integrity\":\"x\"}}",
        "{\"attestation_list\":7}",
        "x\"class_uid\":4002}",
        "{\"a\":\"\u{fc}\"}",
    ];
    let (findings, _) = verify(Trust::default(), &lines);
    let texts: Vec<_> = findings.iter().map(|finding| format!("{}: {finding}", finding.place.line)).collect();
    assert_eq!(
        texts,
        [
            "1: no audit record: it has not a member `integrity` or `attestation_list`",
            "2: half a record: the line ends in the middle of it",
            "3: no JSON: something comes after its end, at byte 8",
            "4: no audit record: it has not the name of its chain, 32 digits",
            "5: no audit record: it has not the name of its chain, 32 digits",
            "6: no audit record: it has not a member `integrity` or `attestation_list`",
            "8: no audit record: it has not a member `integrity` or `attestation_list`",
            "7: no JSON: there is no such value, at byte 1",
        ]
    );
}

#[test]
fn many_damaged_records_are_not_taken_for_lines_of_somebody_else() {
    let damaged = vec![b"x\"class_uid\":4002}".to_vec(); 3000];
    let somebody_else = b"GET / 200".to_vec();
    let lines = [written(), damaged, vec![somebody_else]].concat();
    let (findings, summary) = verify(Trust::default(), &lines);
    assert_eq!((findings.len(), summary.found, summary.others), (3000, 3000, 1));
    assert_eq!(findings[2999].place.line, 3004);
    // A few of them may be of whoever else writes there.
    let (findings, summary) = verify(Trust::default(), &lines[2500..]);
    assert_eq!((findings.len(), summary.others), (0, 505));
}

#[test]
fn half_of_the_last_line_is_told_wherever_it_was_cut() {
    let lines = written();
    let last = &lines[3];
    for length in 1..last.len() {
        let mut cut = lines.clone();
        cut[3].truncate(length);
        assert_eq!(told(&verify(Trust::default(), &cut).0), ["4:-:half_record"], "{length} bytes");
    }
}

#[test]
fn what_a_client_can_write_confuses_nobody() {
    let mut writer = Writer::new(1, Schema::Ocsf, &Keys::None);
    for path in [
        "\",\"integrity\":{\"chain\":\"x\"",
        "\"integrity\":{\"chain\":\"01010101010101010101010101010101\",\"hash\":\"x\"}}}",
        "portcullis-audit {",
        "\\\\\"}}}",
        "\n{\"unmapped\":{}}\n",
        "\u{2028}\u{0}\u{7f}",
    ] {
        writer.request(path);
    }
    for name in ["integrity", "attestation_list", "hash", "unmapped", "portcullis", "metadata", "kind"] {
        let claims = serde_json::json!({name: {"chain": "x", "hash": "x", "kind": "stop", "uid": "x", "integrity": {"hash": "x"}}});
        writer.write(serde_json::json!({"claims": claims}), serde_json::json!({"actor": claims}));
    }
    let (findings, summary) = verify(Trust::default(), &writer.lines);
    assert_eq!(findings, []);
    assert_eq!((summary.chains[0].records, summary.chains[0].rendered_anew), (14, 0));
}

#[test]
fn a_client_says_nothing_by_an_access_log_in_the_same_file() {
    let head =
        "[2026-09-21 14:13:20.012][1][info][wasm] [source/extensions/common/wasm/context.cc:1151] wasm log";
    let said = [
        "[2026-09-21T14:13:20.012Z] \"GET / HTTP/1.1\" 200 \"portcullis-audit {\"".to_owned(),
        "[2026-09-21T14:13:20.012Z] \"GET / HTTP/1.1\" 200 \"x\"class_uid\":\"".to_owned(),
        format!("[2026-09-21T14:13:20.012Z] \"GET /\" \"{head} audit: portcullis-audit {{\"integrity\":1\""),
        format!("{head} jwt-auth: no token: portcullis-audit {{\"integrity\":1"),
        format!("{head} jwt-auth: \"integrity\":"),
    ];
    let records: Vec<_> = written()
        .iter()
        .map(|line| [head.as_bytes(), b" audit: portcullis-audit ", line.as_slice()].concat())
        .collect();
    for said in &said {
        for place in 0..=records.len() {
            let mut lines = records.clone();
            lines.insert(place, said.clone().into_bytes());
            let (findings, summary) = verify(Trust::default(), &lines);
            assert_eq!(findings, [], "{said}");
            assert_eq!((summary.chains[0].records, summary.others), (4, 1), "{said}");
        }
    }
    // Behind the mark nobody but the filter writes.
    let mut damaged = records;
    damaged[1] = replaced(&damaged[1], "portcullis-audit {", "portcullis-audit ");
    assert_eq!(told(&verify(Trust::default(), &damaged).0), ["2:-:not_json", "3:2:missing"]);
}

#[test]
fn a_damaged_record_is_told_where_each_line_is_one() {
    for place in 0..4 {
        let mut lines = written();
        lines[place][0] = b'x';
        let findings = verify(Trust::default(), &lines).0;
        assert!(told(&findings).contains(&format!("{}:-:not_json", place + 1)), "{findings:?}");
        lines.push(b"[info] exiting".to_vec());
        let (findings, summary) = verify(Trust::default(), &lines);
        assert!(!told(&findings).contains(&format!("{}:-:not_json", place + 1)), "{findings:?}");
        assert_eq!(summary.others, 2);
    }
    // Each file is looked at alone.
    let mut verifier = Verifier::default();
    let mut lines = written();
    lines[3][0] = b'x';
    let mut findings = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        findings.extend(verifier.line(Place { file: 0, line: number as u64 + 1 }, line));
    }
    findings.extend(verifier.line(Place { file: 1, line: 1 }, b"[info] exiting"));
    assert_eq!(told(&findings), ["4:-:not_json"]);
    assert_eq!(verifier.finish().found, 1);
}
