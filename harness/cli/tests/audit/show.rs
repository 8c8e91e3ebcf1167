use serde_json::Value;

use super::Files;

/// The rows of a table: the lines between its head and the empty line before the footer.
fn rows(table: &str) -> Vec<&str> {
    table.lines().skip(1).take_while(|line| !line.is_empty()).collect()
}

#[test]
fn a_table_has_a_line_for_each_request_and_sentences_for_losses() {
    let files = Files::new();
    let ran = files.audit(&["show", "audit.jsonl"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let lines = rows(&ran.out);
    assert_eq!(lines.len(), 401);
    assert_eq!(
        lines[0],
        "2026-09-21T14:13:25.000Z  allowed   200     GET shop.example/payments                             \
         alice                       -                                        71b84cbe99e3b1709edd2383db425229"
    );
    let losses: Vec<_> = lines.iter().filter(|line| line.contains("  -- ")).collect();
    assert_eq!(losses.len(), 1);
    let loss =
        "lost: no room for them (queue_full), from 2026-09-21T14:14:14.102Z to 2026-09-21T14:14:14.902Z";
    assert!(
        losses[0].starts_with("2026-09-21T14:14:15.002Z  -- 17 records of chain ")
            && losses[0].ends_with(loss)
    );
    let footer: Vec<_> = ran.out.lines().rev().take(3).collect();
    assert_eq!(footer[0], "left out: 8 records that came again");
    assert_eq!(footer[1], "17 records lost, as their writers say");
    assert!(footer[2].starts_with("401 of 417 records: 337 requests allowed, "), "{}", footer[2]);
    assert!(footer[2].ends_with("; 2026-09-21T14:13:25.000Z to 2026-09-21T14:15:04.750Z"), "{}", footer[2]);
    assert!(!ran.out.contains('\u{1b}'), "coloured although it is no terminal");
}

#[test]
fn a_table_is_no_wider_than_it_may_be() {
    let files = Files::new();
    for width in [70, 80, 100, 120, 150, 200] {
        let ran = files.audit(&["show", "audit.jsonl", "--width", &width.to_string()]);
        let lines = rows(&ran.out);
        let widest = lines.iter().filter(|line| !line.contains("-- ")).map(|line| line.chars().count()).max();
        assert!(widest <= Some(width), "{width}: {widest:?}");
        assert_eq!(lines.contains(&"-- 2026-09-21"), width < 110, "{width}");
        // The end of a path says which one it is, however narrow the table is.
        let first = lines[usize::from(width < 110)];
        assert!(first.contains("payments") && first.contains("allowed"), "{first}");
    }
}

#[test]
fn conditions_choose_records() {
    let files = Files::new();
    let all = files.records();
    let text =
        |record: &Value, path: &str| record.pointer(path).and_then(Value::as_str).unwrap_or("-").to_owned();
    let is_request = |record: &Value| record["class_uid"] == 4002;
    let count = |holds: &dyn Fn(&Value) -> bool| {
        all.iter().filter(|record| is_request(record) && holds(record)).count()
    };
    let time = |record: &Value| record["time"].as_u64().unwrap();
    let from = super::writers::START + 40_000;
    for (arguments, expected) in [
        (&["--subject", "bob"][..], count(&|it| text(it, "/actor/user/uid") == "bob")),
        (&["--subject", "svc-*"], count(&|it| text(it, "/actor/user/uid") == "svc-billing")),
        (&["--decision", "denied"], count(&|it| it["action_id"] == 2)),
        (&["--decision", "other"], count(&|it| it["action_id"] == 0)),
        (
            &["--filter", "jwt-auth"],
            count(&|it| text(it, "/unmapped/audit/decisions/0/filter") == "jwt-auth"),
        ),
        (&["--reason", "jwt_*"], count(&|it| text(it, "/status_detail").starts_with("portcullis_jwt"))),
        (
            &["--status", "4xx"],
            count(&|it| (400..500).contains(&it["http_response"]["code"].as_u64().unwrap())),
        ),
        (
            &["--status", "401,500-599"],
            count(&|it| [401, 503].contains(&it["http_response"]["code"].as_u64().unwrap())),
        ),
        (&["--method", "delete"], count(&|it| it["http_request"]["http_method"] == "DELETE")),
        (&["--host", "SHOP.example"], 400),
        (&["--path", "/orders"], count(&|it| text(it, "/http_request/url/path").starts_with("/orders"))),
        (&["--path", "/orders/*"], count(&|it| text(it, "/http_request/url/path") == "/orders/7")),
        (&["--tenant", "acme"], count(&|it| it["metadata"]["tenant_uid"] == "acme")),
        (
            &["--source", "192.0.2.0/28"],
            count(&|it| text(it, "/src_endpoint/ip").rsplit('.').next().unwrap().parse::<u8>().unwrap() < 16),
        ),
        (&["--trace-id", "71B84CBE99E3B1709EDD2383DB425229"], 1),
        (&["--since", "2026-09-21T16:14:00+02:00", "--kind", "request"], count(&|it| time(it) >= from)),
        (
            &["--until", "2026-09-21 14:14", "--decision", "denied"],
            count(&|it| time(it) < from && it["action_id"] == 2),
        ),
        (
            &["--kind", "checkpoint"],
            all.iter().filter(|it| it["unmapped"]["audit"]["kind"] == "checkpoint").count(),
        ),
        (&["--kind", "all"], 417),
        (&["--since", "1h", "--until", "1s"], 0),
    ] {
        let ran = files.audit(&[&["show", "audit.jsonl", "--format", "jsonl"], arguments].concat());
        assert_eq!(ran.out.lines().count(), expected, "{arguments:?}");
        assert!(ran.err.starts_with(&format!("{expected} of 417 records")), "{}", ran.err);
        assert!(expected > 0 || arguments[0] == "--since");
    }
}

#[test]
fn the_first_and_the_last_are_enough() {
    let files = Files::new();
    let times = |ran: &str| rows(ran).iter().map(|line| line[11..23].to_owned()).collect::<Vec<_>>();
    let first = files.audit(&["show", "audit.jsonl", "--limit", "2"]);
    assert_eq!(times(&first.out), ["14:13:25.000", "14:13:25.250"]);
    assert_eq!(first.err, "portcullis: nothing was read after record 2, because of --limit\n");
    let last = files.audit(&["show", "audit.jsonl", "--tail", "2"]);
    assert_eq!(times(&last.out), ["14:15:04.500", "14:15:04.750"]);
    assert_eq!(last.err, "portcullis: the last 2 of 401 are shown, because of --tail\n");
}

#[test]
fn columns_are_chosen_by_name() {
    let files = Files::new();
    let ran = files.audit(&["show", "audit.jsonl", "--columns", "time,subject,who,path", "--limit", "1"]);
    assert_eq!(rows(&ran.out), ["2026-09-21T14:13:25.000Z  alice    alice  /payments"]);
    let ran = files.audit(&["show", "audit.jsonl", "--columns", "time,user"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no column; there are request, who, why, clock, time, kind,"), "{}", ran.err);
}

#[test]
fn objects_are_flat() {
    let files = Files::new();
    let arguments = ["show", "audit.jsonl", "--columns", "time,status,request", "--limit", "2", "--format"];
    let list: Value = serde_json::from_str(&files.audit(&[&arguments[..], &["json"]].concat()).out).unwrap();
    let first = serde_json::json!({"request": "GET shop.example/payments", "status": 200, "time": "2026-09-21T14:13:25.000Z"});
    assert_eq!((list.as_array().unwrap().len(), &list[0]), (2, &first));
    let ran = files.audit(&[&arguments[..], &["jsonl"]].concat());
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, *list.as_array().unwrap());
}

#[test]
fn one_record_is_shown_in_full() {
    let files = Files::new();
    let id = format!("{}-0", "10".repeat(16));
    let ran = files.audit(&["show", "audit.jsonl", "--one", &id]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for expected in ["  kind              genesis\n", "integrity\n", "  unmapped.audit.node.id  web-1\n"] {
        assert!(ran.out.contains(expected), "{expected}\n{}", ran.out);
    }
    let ran = files.audit(&["show", "audit.jsonl", "--one", "nobody-7"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, "portcullis: no record nobody-7 among 417\n"));
}

#[test]
fn a_forged_copy_hides_no_record() {
    let files = Files::new();
    let text = files.read("audit.jsonl");
    let genuine = text.lines().find(|line| line.contains("\"bob\"")).unwrap();
    files.write("forged.jsonl", format!("{}\n{text}{genuine}\n", genuine.replace("\"bob\"", "\"eve\"")));
    for (user, expected) in
        [("eve", 1), ("bob", files.records().iter().filter(|it| it["actor"]["user"]["uid"] == "bob").count())]
    {
        let ran = files.audit(&["show", "forged.jsonl", "--subject", user]);
        assert_eq!((ran.code, rows(&ran.out).len()), (0, expected), "{}", ran.out);
        assert!(ran.out.ends_with("left out: 9 records that came again\n"), "{}", ran.out);
    }
    let record: Value = serde_json::from_str(genuine).unwrap();
    let id = record["metadata"]["uid"].as_str().unwrap();
    let ran = files.audit(&["show", "forged.jsonl", "--one", id]);
    for user in ["eve", "bob"] {
        assert!(ran.out.contains(&format!("  subject           {user}\n")), "{}", ran.out);
    }
    let problem = format!(
        "portcullis: 2 records have the id {id}, and they differ; portcullis audit verify tells which of them hold\n"
    );
    assert_eq!((ran.code, ran.err), (1, problem));
}

#[test]
fn several_files_and_the_log_of_envoy_are_one_log() {
    let files = Files::new();
    let text = files.read("audit.jsonl");
    let (first, second) = text.split_at(text.match_indices('\n').nth(200).unwrap().0 + 1);
    files.write("1.jsonl", first);
    let log: String = second
        .lines()
        .map(|line| {
            format!("[2026-09-21 14:14:00.000][15][info][wasm] [source/extensions/common/wasm/context.cc:1151] wasm log audit-log: portcullis-audit {line}\n")
        })
        .collect();
    files.write("envoy.log", format!("[info] starting main dispatch loop\n{log}"));
    let whole = files.audit(&["show", "audit.jsonl", "--kind", "all"]);
    let parts = files.audit(&["show", "1.jsonl", "envoy.log", "--kind", "all"]);
    assert_eq!(rows(&whole.out), rows(&parts.out));
    assert!(
        parts.out.ends_with("left out: 8 records that came again, 1 line without a record\n"),
        "{}",
        parts.out
    );
    let piped = files.fed(&["show", "-", "--kind", "all"], text.as_bytes());
    assert_eq!((piped.code, piped.out), (0, whole.out));
}

#[test]
fn what_cannot_be_read_is_told_by_its_name() {
    let files = Files::new();
    for (arguments, expected) in [
        (&["show", "none.jsonl"][..], "portcullis: none.jsonl: No such file or directory (os error 2)\n"),
        (&["show", "."], "portcullis: .: a folder; name the files in it\n"),
        (
            &["show", "audit.jsonl", "--status", "many"],
            "\"many\" is no status; write one as 404, 5xx or 500-599\n",
        ),
        (
            &["show", "audit.jsonl", "--since", "noon"],
            "no time; write one as 2026-01-01T13:00:00Z, 2026-01-01 or 30m",
        ),
        (
            &["show", "audit.jsonl", "--source", "home"],
            "no address; write one as 192.0.2.1 or a network as 10.0.0.0/8",
        ),
    ] {
        let ran = files.audit(arguments);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains(expected), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn who_has_read_enough_may_go() {
    use std::io::Read;
    use std::process::{Command, Stdio};
    let files = Files::new();
    files.write("long.jsonl", super::writers::lines(20_000).join("\n"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["audit", "show", "long.jsonl"]).current_dir(files.folder.path());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut some = [0; 1000];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}
