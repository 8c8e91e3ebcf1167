//! `portcullis replay` and `portcullis diff` as their users meet them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A module that answers with this status, or lets everything pass.
fn module(reply: Option<u32>) -> String {
    let reply = reply.map_or_else(String::new, |status| {
        format!(
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (drop (call $reply (i32.const {status}) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                                   (i32.const 0) (i32.const 0) (i32.const -1)))
                (i32.const 1))"#
        )
    });
    format!(
        r#"(module
            (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
            {reply})"#
    )
}

fn har() -> String {
    let entry = |path: &str| {
        json!({
            "request": {"method": "GET", "url": format!("http://a.example{path}"), "headers": []},
            "response": {"status": 201, "headers": [], "content": {"text": "ok"}},
        })
    };
    json!({"log": {"version": "1.2", "entries": [entry("/a"), entry("/b?c")]}}).to_string()
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("pass.wat", module(None)),
        ("deny.wat", module(Some(403))),
        ("trap.wat", module(Some(403)).replace("(i32.const 1))", "(unreachable))")),
        ("t.har", har()),
        ("broken.har", har().replacen("GET", "\",\"x\":\"", 1).replacen("\"method\"", "\"m\"", 1)),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn portcullis(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis")).args(arguments).current_dir(folder).output();
    let Output { status, stdout, stderr } = output.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn replay_shows_each_request_and_counts() {
    let folder = folder();
    let (code, stdout, _) = portcullis(folder.path(), &["replay", "--traffic", "t.har", "pass.wat"]);
    let expected = "entry  request                               recorded  status  reason\n\
                    -----  ------------------------------------  --------  ------  ------------\n\
                    1      GET /a                                201       201     via_upstream\n\
                    2      GET /b?<1 bytes, sha256 2e7d2c03...>  201       201     via_upstream\n\
                    \n2 requests: 2 via_upstream; 0 answered otherwise than recorded\n";
    assert_eq!((code, stdout.as_str()), (0, expected));
    let (_, stdout, _) =
        portcullis(folder.path(), &["replay", "--traffic", "t.har", "pass.wat", "--show-secrets"]);
    assert!(stdout.contains("GET /b?c "), "{stdout}");
    let arguments = ["replay", "--traffic", "t.har", "deny.wat", "--format", "json"];
    let (_, stdout, _) = portcullis(folder.path(), &arguments);
    let rows: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&rows[1]["recorded"], &rows[1]["status"]), (&json!(201), &json!(403)));
    let (code, _, stderr) = portcullis(folder.path(), &["replay", "--traffic", "broken.har", "pass.wat"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("broken.har: entry 1: request: missing field `method`"), "{stderr}");
    let (code, _, stderr) = portcullis(folder.path(), &["replay", "--traffic", "t.har", "trap.wat"]);
    assert_eq!((code, stderr.contains("entry 1: the plugin trapped")), (2, true), "{stderr}");
}

#[test]
fn diff_shows_what_differs_and_ends_with_1() {
    let folder = folder();
    let diff = |old, new| portcullis(folder.path(), &["diff", old, new, "--traffic", "t.har"]);
    assert_eq!(diff("pass.wat", "pass.wat"), (0, "none of 2 requests differs\n".into(), String::new()));
    let (code, stdout, _) = diff("pass.wat", "deny.wat");
    assert_eq!(code, 1);
    let rows: Vec<_> = stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(rows[2], ["1", "GET", "/a", "status", "201", "403"]);
    assert_eq!(rows[4], ["upstream", "called", "not", "called"]);
    assert_eq!(rows[5], ["2", "GET", "/b?<1", "bytes,", "sha256", "2e7d2c03...>", "status", "201", "403"]);
    assert!(stdout.ends_with("2 of 2 requests differ: 2 details, 2 status, 2 upstream\n"), "{stdout}");
    let (code, stdout, _) = diff("deny.wat", "trap.wat");
    assert_eq!((code, stdout.contains("503")), (1, true), "{stdout}");
}

#[test]
fn diff_compares_two_configurations() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let config = |otherwise: &str| {
        let config = fs::read_to_string(root.join("envoy/standalone/jwt-auth.config.yaml")).unwrap();
        let mut value: Value = portcullis_scenario::parse_yaml("c", &config).unwrap();
        value["otherwise"] = json!(otherwise);
        fs::write(path(otherwise), value.to_string()).unwrap();
        path(otherwise)
    };
    let (none, deny, traffic) = (config("none"), config("deny"), path("t.har"));
    let module = "dist/jwt-auth.wasm";
    let arguments = [
        "diff",
        module,
        module,
        "--traffic",
        &traffic,
        "--old-config",
        &none,
        "--new-config",
        &deny,
        "--format",
        "json",
    ];
    let (code, stdout, stderr) = portcullis(root, &arguments);
    assert_eq!(code, 1, "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&report["requests"], &report["differ"]), (&json!(2), &json!(2)));
    assert_eq!(report["differences"][0]["found"][0], json!({"what": "status", "old": "201", "new": "403"}));
}
