use portcullis_audit_chain::{Chain, Form, Keys, MacKey, Signature, Signer, hex};
use serde_json::{Value, json};

use super::{Files, Ran};

/// The key by which the notes of the writers are verified.
const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// What Envoy writes before what a plugin says in its log.
const LOG: &str =
    "[2026-11-28 22:56:40.165][18338][info][wasm] [source/extensions/common/wasm/context.cc:1151] wasm log";
/// The same key under another name.
const OTHER: &str = "Somebody+806fbc0e+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

impl Files {
    /// The lines of the file, each as often as it is there.
    fn lines(&self) -> Vec<String> {
        self.read("audit.jsonl").lines().map(str::to_owned).collect()
    }

    fn verified(&self, lines: &[String], arguments: &[&str]) -> Ran {
        self.write("edited.jsonl", lines.join("\n") + "\n");
        self.audit(&[&["verify", "edited.jsonl"], arguments].concat())
    }
}

/// Where the record with this number of the first chain is.
fn place(lines: &[String], sequence: u64) -> usize {
    let id = format!("{}-{sequence}\"", "10".repeat(16));
    lines.iter().position(|line| line.contains(&id)).unwrap()
}

/// What comes before the table of chains.
fn told(ran: &Ran) -> Vec<&str> {
    assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{}", ran.out);
    ran.out.lines().take_while(|line| !line.is_empty()).collect()
}

#[test]
fn what_was_written_is_intact() {
    let files = Files::new();
    let ran = files.audit(&["verify", "audit.jsonl", "--key", KEY, "--require-signed"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let expected = "\
chain      records  copies  lost  from                      to                        checkpoints                      end
---------  -------  ------  ----  ------------------------  ------------------------  -------------------------------  -------------------------
10101010…  105      1       17    2026-09-21T14:13:20.000Z  2026-09-21T14:15:06.001Z  2 by PeterNeumann, to record 79  stop, configuration
11111111…  108      3       0     2026-09-21T14:13:20.000Z  2026-09-21T14:15:06.001Z  2 by PeterNeumann, to record 79  stop, configuration
12121212…  108      3       0     2026-09-21T14:13:20.000Z  2026-09-21T14:15:06.001Z  2 by PeterNeumann, to record 79  stop, configuration
13131313…  96       1       0     2026-09-21T14:13:20.000Z  2026-09-21T14:15:02.750Z  2 by PeterNeumann, to record 79  abandoned, says 10101010…

intact: 417 records of 4 chains
";
    assert_eq!(ran.out, expected);
}

#[test]
fn a_file_that_an_editor_has_saved_again_is_intact() {
    let files = Files::new();
    files.write("edited.jsonl", "\u{feff}".to_owned() + &files.read("audit.jsonl"));
    let ran = files.audit(&["verify", "edited.jsonl", "--key", KEY, "--require-signed"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let utf_16: Vec<u8> = "\u{feff}{}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    files.write("edited.jsonl", utf_16);
    let ran = files.audit(&["verify", "edited.jsonl"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains("it is text in UTF-16; save it as UTF-8"), "{}", ran.err);
}

#[test]
fn without_a_key_it_is_told_what_that_means() {
    let files = Files::new();
    let mut lines = files.lines();
    lines.pop();
    lines.insert(0, "[info] starting main dispatch loop".into());
    let ran = files.verified(&lines, &[]);
    assert_eq!(ran.code, 0);
    let text: Vec<_> = ran.out.lines().skip(4).collect();
    assert_eq!(
        text,
        [
            "12121212…  107      3       0     2026-09-21T14:13:20.000Z  2026-09-21T14:15:04.750Z  \
             2 by PeterNeumann+c74f20a3, not verified  open, 26 after the last checkpoint",
            "13131313…  96       1       0     2026-09-21T14:13:20.000Z  2026-09-21T14:15:02.750Z  \
             2 by PeterNeumann+c74f20a3, not verified  abandoned, says 10101010…",
            "1 line of something else, first edited.jsonl:1",
            "a chain that is open may have had an end that was cut off; --checkpoints shows that",
            "no key was given: whoever can write these files can have made all hashes anew; \
             give --key, --mac-key or --checkpoints",
            "",
            "intact: 416 records of 4 chains",
        ]
    );
}

#[test]
fn an_edit_has_a_line_with_its_place_and_its_meaning() {
    let files = Files::new();
    let mut lines = files.lines();
    let (edited, removed) = (place(&lines, 7), place(&lines, 60));
    lines[edited] = lines[edited].replace("\"svc_name\":\"backend\"", "\"svc_name\":\"nowhere\"");
    lines.remove(removed);
    let ran = files.verified(&lines, &["--key", KEY]);
    let next = place(&lines, 61) + 1;
    let found = told(&ran);
    assert_eq!(found.len(), 4, "{found:?}");
    let expected =
        format!("edited.jsonl:{}: chain 10101010… record 7: changed: it says that its hash is ", edited + 1);
    assert!(found[0].starts_with(&expected), "{}", found[0]);
    assert_eq!(found[1], "    the record was changed after it was written");
    assert_eq!(
        found[2],
        format!(
            "edited.jsonl:{next}: chain 10101010… record 61: missing before it: record 60, which no loss record declares"
        )
    );
    assert_eq!(found[3], "    they were removed, or got lost before anybody could declare that");
    assert!(ran.out.ends_with("\n\nnot intact: 2 findings in 424 lines, 4 chains\n"), "{}", ran.out);
}

#[test]
fn whoever_has_made_all_hashes_anew_has_no_signature() {
    let files = Files::new();
    let mut lines = files.lines();
    // From record 7 of the first chain on, sealed again, with what the checkpoints say as it was.
    let mut chain = Chain::new([0x10; 16], Form::Member, String::new());
    for line in
        lines.iter_mut().filter(|line| line.contains(&format!("\"chain\":\"{}\",\"hash\"", "10".repeat(16))))
    {
        let mut record: Value = serde_json::from_str(line).unwrap();
        let sequence = record["metadata"]["sequence"].as_u64().unwrap();
        if sequence < chain.sequence() {
            continue;
        }
        record["unmapped"].as_object_mut().unwrap().remove("integrity");
        if sequence == 7 {
            record["actor"]["user"]["uid"] = "mallory".into();
        }
        let mut text = record.to_string().into_bytes();
        let place = text.len() - 2;
        chain.seal(&mut text, place);
        *line = String::from_utf8(text).unwrap();
    }
    // The copy of one is as it was.
    lines.dedup();
    let ran = files.verified(&lines, &["--key", KEY]);
    let found = told(&ran);
    let of_the_root: Vec<_> =
        found.iter().filter(|line| line.contains("the checkpoint is not of the ")).collect();
    assert_eq!(of_the_root.len(), 1, "{found:?}");
    assert!(ran.out.contains("  2 by PeterNeumann+c74f20a3, not verified  "), "{}", ran.out);
}

#[test]
fn a_checkpoint_that_was_kept_shows_that_the_end_is_missing() {
    let files = Files::new();
    let lines = files.lines();
    let is_checkpoint = |line: &&String| line.contains("\"kind\":\"checkpoint\"");
    let notes: Vec<_> = lines
        .iter()
        .filter(is_checkpoint)
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            record["unmapped"]["audit"]["note"].as_str().unwrap().to_owned()
        })
        .collect();
    files.write("notes.txt", notes.join("\n"));
    let log: String = lines
        .iter()
        .filter(is_checkpoint)
        .map(|line| format!("{LOG} audit: portcullis-audit {line}\n[info] portcullis-audit {{\n"))
        .collect();
    files.write("envoy.log", log);
    for kept in ["notes.txt", "envoy.log"] {
        let ran = files.verified(&lines, &["--key", KEY, "--checkpoints", kept]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
        assert!(ran.out.contains("  2 by PeterNeumann, to record 79, 2 kept elsewhere  "), "{}", ran.out);
        let cut = &lines[..place(&lines, 50)];
        let ran = files.verified(cut, &["--key", KEY, "--checkpoints", kept]);
        let found = told(&ran);
        let last = found.iter().find(|line| line.contains("chain 10101010…")).unwrap();
        assert!(
            last.contains(" record 49: it ends here, and a checkpoint that was kept elsewhere knows of "),
            "{last}"
        );
        assert!(last.contains(&format!(" records ({kept}:")), "{last}");
    }
}

#[test]
fn a_mac_is_verified_by_a_key_in_a_file() {
    let files = Files::new();
    let key = Keys::Mac(MacKey::parse(&hex::lower(&[5; 32])).unwrap());
    let mut chain = Chain::new([9; 16], Form::Member, String::new());
    let mut signer = Signer::for_chain(&key, chain.uid());
    let lines: Vec<_> = (0..4).map(|number| {
        let checkpoint = chain.checkpoint();
        let mut audit = json!({"kind": if number == 0 { "genesis" } else { "checkpoint" }});
        if number > 0 {
            let Signature::Mac { epoch, mac } = signer.sign(&checkpoint) else { panic!("it has a key for MACs") };
            audit = json!({"epoch": epoch, "kind": "checkpoint", "mac": hex::lower(&mac), "root": checkpoint.root_text(), "size": number});
        }
        let id = format!("{}-{number}", chain.uid());
        let mut line = json!({"metadata": {"sequence": number, "uid": id}, "unmapped": {"audit": audit}}).to_string().into_bytes();
        let place = line.len() - 2;
        chain.seal(&mut line, place);
        String::from_utf8(line).unwrap()
    }).collect();
    files.write("right.key", hex::lower(&[5; 32]) + "\n");
    files.write("wrong.key", hex::lower(&[6; 32]));
    files.write("short.key", hex::lower(&[6; 31]));
    let ran = files.verified(&lines, &["--mac-key", "right.key", "--require-signed"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.contains("  3 by MAC, to record 2  "), "{}", ran.out);
    let ran = files.verified(&lines, &["--mac-key", "wrong.key"]);
    assert!(told(&ran)[0].ends_with("record 1: the checkpoint has a wrong MAC by key 0"), "{}", ran.out);
    let ran = files.verified(&lines, &["--mac-key", "short.key"]);
    assert_eq!(ran.code, 2);
    assert_eq!(
        ran.err,
        "portcullis: short.key: the key is 32 bytes, as 64 hexadecimal digits or as base64 with its padding\n"
    );
}

#[test]
fn records_are_counted_that_no_later_checkpoint_vouches_for() {
    let files = Files::new();
    let key = Keys::Mac(MacKey::parse(&hex::lower(&[5; 32])).unwrap());
    let mut chain = Chain::new([9; 16], Form::Member, String::new());
    let mut signer = Signer::for_chain(&key, chain.uid());
    let mut lines: Vec<_> = (0..9).map(|number| {
        let audit = match number {
            0 => json!({"kind": "genesis"}),
            6 => json!({"first_sequence": 3, "kind": "loss", "last_sequence": 4}),
            7 => {
                let checkpoint = chain.checkpoint();
                let Signature::Mac { epoch, mac } = signer.sign(&checkpoint) else { panic!("it has a key for MACs") };
                json!({"epoch": epoch, "kind": "checkpoint", "mac": hex::lower(&mac), "root": checkpoint.root_text(), "size": number})
            }
            _ => json!({}),
        };
        let id = format!("{}-{number}", chain.uid());
        let mut line = json!({"metadata": {"sequence": number, "uid": id}, "unmapped": {"audit": audit}}).to_string().into_bytes();
        let place = line.len() - 2;
        chain.seal(&mut line, place);
        String::from_utf8(line).unwrap()
    }).collect();
    lines.drain(3..5);
    files.write("right.key", hex::lower(&[5; 32]) + "\n");
    let ran = files.verified(&lines, &["--mac-key", "right.key", "--require-signed"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.contains("  1 by MAC, to record 6  "), "{}", ran.out);
    let remark = "3 records before a gap and behind the last checkpoint: nothing vouches for what is in such a place\n";
    assert!(ran.out.contains(remark), "{}", ran.out);
    let ran = files.verified(&lines, &["--mac-key", "right.key", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["chains"][0]["checkpoints"]["unvouched"], 3);
    // Without the checkpoint anybody could have written the loss record.
    let ran = files.verified(&lines[..5], &["--mac-key", "right.key"]);
    let found = told(&ran);
    assert!(
        found[0].ends_with(
            "record 5: missing before it: records 3 to 4, declared by record 6, which nothing vouches for"
        ),
        "{found:?}"
    );
}

#[test]
fn a_key_of_somebody_else_is_told_once_for_each_chain() {
    let files = Files::new();
    let ran = files.audit(&["verify", "audit.jsonl", "--key", OTHER]);
    let found = told(&ran);
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(
        found[0]
            .ends_with(": the checkpoint is signed by PeterNeumann+c74f20a3, and by no key that was given"),
        "{}",
        found[0]
    );
    let ran = files.audit(&["verify", "audit.jsonl", "--key", OTHER, "--key", KEY]);
    assert_eq!(ran.code, 0, "{}", ran.out);
}

#[test]
fn a_chain_goes_on_in_the_next_file_and_may_come_from_a_pipe() {
    let files = Files::new();
    let lines = files.lines();
    files.write("1.jsonl", lines[..200].join("\n"));
    files.write("2.jsonl", lines[200..].join("\n"));
    let ran = files.audit(&["verify", "1.jsonl", "2.jsonl", "--key", KEY]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    let ran = files.audit(&["verify", "2.jsonl", "1.jsonl", "--key", KEY]);
    let found = told(&ran);
    let first = "1.jsonl:1: chain 10101010… record 0: out of order: it comes after record 104";
    assert!(found.contains(&first), "{found:#?}");
    assert!(
        found.contains(
            &"    lines were moved; give the older files first, and as they were written, not sorted"
        )
    );
    assert!(ran.out.contains("  1 of 2 by PeterNeumann, to record 79, 1 not compared  "), "{}", ran.out);
    let ran = files.fed(&["verify", "1.jsonl", "-", "--key", KEY], lines[200..].join("\n").as_bytes());
    assert_eq!(ran.code, 0, "{}", ran.out);
    let ran = files.fed(&["verify", "-"], b"{\"class_uid\":4002,\"half\n");
    assert_eq!(told(&ran)[0], "-:1: half a record: the line ends in the middle of it");
}

#[test]
fn a_file_in_which_all_is_wrong_floods_no_terminal() {
    let files = Files::new();
    let lines: Vec<_> =
        files.lines().iter().map(|line| line.replace("2026", "2027").replace("curl", "wget")).collect();
    let ran = files.verified(&lines, &[]);
    let found = told(&ran);
    assert_eq!(found.len(), 42, "ten of each chain, the meaning, and how many there are: {found:?}");
    let more: usize = found[41]
        .strip_prefix("and ")
        .unwrap()
        .strip_suffix(" more; --all tells them all")
        .unwrap()
        .parse()
        .unwrap();
    let all = files.verified(&lines, &["--all"]);
    assert_eq!(told(&all).len(), 41 + more);
}

#[test]
fn programs_get_one_object() {
    let files = Files::new();
    let mut lines = files.lines();
    let edited = place(&lines, 7);
    lines[edited] = lines[edited].replace("backend", "nowhere");
    lines.push("{}".into());
    let ran = files.verified(&lines, &["--key", KEY, "--format", "json"]);
    assert_eq!(ran.code, 1);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let [first, second] = &report["findings"].as_array().unwrap()[..] else { panic!("{report:#}") };
    assert_eq!(
        (&first["code"], &first["file"], &first["line"]),
        (&json!("changed"), &json!("edited.jsonl"), &json!(edited + 1))
    );
    assert_eq!((&first["chain"], &first["sequence"]), (&json!("10".repeat(16)), &json!(7)));
    assert_eq!((&second["code"], &second["chain"]), (&json!("not_a_record"), &Value::Null));
    assert_eq!(
        (&report["intact"], &report["found"], &report["untold_findings"]),
        (&json!(false), &json!(2), &json!(0))
    );
    let chain = &report["chains"][0];
    assert_eq!(
        (&chain["records"], &chain["end"]["kind"], &chain["found"]),
        (&json!(105), &json!("stop"), &json!(1))
    );
    assert_eq!(
        (&chain["checkpoints"]["vouched"], &chain["checkpoints"]["signers"]),
        (&json!(2), &json!(["PeterNeumann"]))
    );
    let ran = files.audit(&["verify", "audit.jsonl", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &report["findings"], &report["intact"]), (0, &json!([]), &json!(true)));
}

#[test]
fn nothing_in_a_record_commands_the_terminal() {
    let files = Files::new();
    let mut chain = Chain::new([9; 16], Form::Member, String::new());
    let reason = "\u{1b}[2J\u{202e}".to_owned() + &"x".repeat(1000);
    let lines: Vec<_> = ["genesis", "stop"]
        .iter()
        .enumerate()
        .map(|(number, kind)| {
            let audit = json!({"kind": kind, "reason": reason});
            let id = format!("{}-{number}", chain.uid());
            let mut line = json!({"metadata": {"sequence": number, "uid": id}, "unmapped": {"audit": audit}})
                .to_string()
                .into_bytes();
            let place = line.len() - 2;
            chain.seal(&mut line, place);
            String::from_utf8(line).unwrap()
        })
        .collect();
    let ran = files.verified(&lines, &[]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(
        !ran.out.contains(['\u{1b}', '\u{202e}']) && ran.out.lines().all(|line| line.len() < 300),
        "{}",
        ran.out
    );
}
