//! The command as its users meet it: what it prints, and its exit codes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const MODULE: &str = "dist/jwt-auth.wasm";
const CONFIG: &str = "envoy/standalone/jwt-auth.config.yaml";

fn portcullis(arguments: &[&str]) -> (i32, String, String) {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    assert!(root.join(MODULE).exists(), "{MODULE} is missing: make build");
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis")).args(arguments).current_dir(root).output();
    let Output { status, stdout, stderr } = output.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A file with this text, in a folder of its own.
fn file(name: &str, text: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    (folder, path)
}

/// What `portcullis test` says of a scenario file that it cannot read.
fn mistake(text: &str) -> String {
    let (_folder, path) = file("broken.yaml", text);
    let (code, _, stderr) = portcullis(&["test", path.to_str().unwrap()]);
    assert_eq!(code, 2, "{stderr}");
    stderr.split("broken.yaml").nth(1).unwrap_or(&stderr).to_owned()
}

#[test]
fn a_broken_scenario_names_line_and_key() {
    let start = "name: x\nfilter: jwt-auth\nconfig: {}\nsteps:\n";
    for (text, expected) in [
        (format!("{start}  - reqest: {{}}\n"), ":5:5: steps[0]: unknown field `reqest`, expected one of"),
        (
            format!("{start}  - request: {{}}\n    expect: {{status: abc}}\n"),
            ":6:14: steps[0].expect.status: \"abc\"; write a number from 0 to 65535",
        ),
        (
            format!("{start}  - request: {{headers: {{content-length: 5}}}}\n"),
            "expected a text (put a number in quotes)",
        ),
        (format!("{start}  - request: {{}}\n    advance: 1s\n"), ":5:1: steps[0]: request and advance"),
        (
            format!("{start}  - advance: 5\n"),
            ":5:14: steps[0].advance: \"5\" is not a duration; write a number and a unit",
        ),
        (
            format!("{start}  - request:\n      path: \"${{nobody}}\"\n"),
            ":6:7: steps[0].request.path: no variable \"nobody\"",
        ),
        (
            format!("{start}  - request: {{}}\n    expect:\n      headers: {{x-a: {{regex: '('}}}}\n"),
            ":7:23: steps[0].expect.headers.x-a.regex: \"(\" is not an expression",
        ),
        (
            format!("{start}  - expect: {{logs: [{{level: loud, message: x}}]}}\n"),
            "steps[0].expect.logs[0].level: \"loud\" is no level",
        ),
        (format!("{start}  - expect: {{body: {{regx: x}}}}\n"), "{absent: true}, {contains: ..}"),
        (
            format!("{start}  - request: {{}}\n    expect: {{upstream: {{called: false, body: x}}}}\n"),
            ":6:25: steps[0].expect.upstream.called: false, so nothing else",
        ),
        ("name: x\nname: y\n".into(), ":2:1: duplicate mapping key: name; a key stands once"),
        ("name: x\nconfig: {}\nsteps: [{request: {}}]\n".into(), ": write either filter, for one of ours"),
        ("name: x\nfilter: jwt-auth\nconfig: {}\n".into(), ": write one of steps, config_error"),
        (
            "name: x\nfilter: jwt-auth\nclock: noon\nsteps: [{request: {}}]\n".into(),
            ":3:1: clock: \"noon\" is not a time; write 2026-01-01T00:00:00Z",
        ),
        (
            "name: x\nfilter: jwt-auth\nconfig: {a: '${b}'}\nsteps: [{request: {}}]\n".into(),
            ":3:1: config: no variable \"b\"",
        ),
        (
            "name: x\nfilter: jwt-auth\ninclude: [no.yaml]\nsteps: [{request: {}}]\n".into(),
            ":3:1: include: \"no.yaml\": No such file",
        ),
        (
            format!("{start}  - request: {{}}\n    upstream: {{status: abc}}\n"),
            ":6:24: steps[0].upstream.status: ",
        ),
        ("name: [x\n".into(), ":1:7: name: expected a text"),
    ] {
        let found = mistake(&text);
        assert!(found.contains(expected), "{text}\nexpected {expected}\nfound    {found}");
    }
}

#[test]
fn a_failed_expectation_is_shown_and_ends_with_1() {
    let text = "name: x\nfilter: jwt-auth\nconfig: {}\nconfig_error: something else\n";
    let (_folder, path) = file("wrong.yaml", text);
    for target in ["native", "wasm"] {
        let (code, stdout, _) = portcullis(&["test", path.to_str().unwrap(), "--target", target]);
        assert_eq!(code, 1);
        assert!(stdout.contains("expected  something else\n"), "{stdout}");
        assert!(
            stdout.contains("found     jwt-auth: configuration: missing field `providers`\n"),
            "{stdout}"
        );
        assert!(stdout.contains("0 passed, 1 failed"), "{stdout}");
        assert!(!stdout.contains('\u{1b}'), "coloured although it is no terminal");
    }
}

#[test]
fn reports_come_as_json_and_junit_too() {
    let folder = tempfile::tempdir().unwrap();
    let junit = folder.path().join("report.xml");
    let demo = "tests/scenarios/jwt-auth/demo.yaml";
    let (code, stdout, _) =
        portcullis(&["test", demo, "--format", "json", "--junit", junit.to_str().unwrap()]);
    assert_eq!(code, 0);
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json["totals"], serde_json::json!({"passed": 1, "failed": 0, "not_run": 0}));
    assert_eq!(json["scenarios"][0]["steps"][0]["details"], "portcullis_jwt_missing");
    let xml = fs::read_to_string(junit).unwrap();
    assert!(
        xml.contains("<testsuite name=\"portcullis.wasm\" tests=\"1\" failures=\"0\" errors=\"0\""),
        "{xml}"
    );
}

#[test]
fn what_is_no_module_says_so() {
    for (bytes, expected) in [
        (&b"hello"[..], "not a WebAssembly module"),
        (b"", "not a WebAssembly module"),
        (b"\0asm\x01\0\0\0", "proxy_abi_version"),
        (b"\0asm\x0d\0\x01\0", "component"),
    ] {
        let (_folder, path) = file("x.wasm", bytes);
        let path = path.to_str().unwrap();
        for arguments in
            [&["inspect", path][..], &["run", path], &["check", "--config", CONFIG, "--module", path]]
        {
            let (code, _, stderr) = portcullis(arguments);
            assert_eq!(code, 2);
            assert!(stderr.contains(expected) && stderr.lines().count() == 1, "{arguments:?}: {stderr}");
        }
    }
    let (code, _, stderr) = portcullis(&["inspect", "no.wasm"]);
    assert_eq!((code, stderr.as_str()), (2, "portcullis: no.wasm: No such file or directory (os error 2)\n"));
}

#[test]
fn check_prints_the_line_that_the_proxy_logs() {
    let (code, stdout, _) = portcullis(&["check", "--config", CONFIG, "--filter", "jwt-auth"]);
    assert_eq!((code, stdout), (0, format!("{CONFIG}: ok\n")));
    let (_folder, path) = file("bad.yaml", "providers: []\notherwise: none\n");
    let path = path.to_str().unwrap();
    let line =
        format!("{path}: jwt-auth: configuration: providers: empty; name at least one issuer and its keys\n");
    for reader in [["--filter", "jwt-auth"], ["--module", MODULE]] {
        let (code, stdout, _) = portcullis(&[&["check", "--config", path][..], &reader].concat());
        assert_eq!((code, stdout.as_str()), (1, line.as_str()));
    }
}

#[test]
fn inspect_lists_what_envoy_will_call() {
    let (code, stdout, _) = portcullis(&["inspect", MODULE]);
    assert_eq!(code, 0);
    let called = stdout.split("Envoy will call").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut called: Vec<_> = called.lines().skip(1).map(str::trim).collect();
    called.sort_unstable();
    let expected =
        ["proxy_on_configure", "proxy_on_context_create", "proxy_on_delete", "proxy_on_request_headers"];
    assert_eq!(called, expected);
    assert!(stdout.contains("ABI     proxy-wasm 0.2.1") && stdout.contains("env.proxy_get_header_map_pairs"));
}

#[test]
fn inspect_takes_what_envoy_takes_and_the_engine_here_does_not() {
    let wat = br#"(module (tag) (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func (export "proxy_on_response_trailers") (param i32 i32) (result i32) (i32.const 0))
        (func (export "proxy_validate_configuration") (param i32 i32) (result i32) (i32.const 1)))"#;
    let (_folder, path) = file("x.wat", wat);
    let (code, stdout, _) = portcullis(&["inspect", path.to_str().unwrap()]);
    assert_eq!(code, 0);
    for part in [
        "\nEnvoy will call where there is a body, trailers or metadata (1)\n  proxy_on_response_trailers\n",
        "\nEnvoy will never call, though it checks the signature (1)\n  proxy_validate_configuration\n",
        "  not measured: ",
        "Envoy takes the module, and the engine here cannot run it: ",
    ] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    let (code, _, stderr) = portcullis(&["run", path.to_str().unwrap()]);
    assert!(code == 2 && stderr.contains("Envoy takes the module"), "{code} {stderr}");
}

#[test]
fn inspect_remarks_on_what_would_be_better() {
    let wat = br#"(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 0))
        (func (export "proxy_on_requst_headers")))"#;
    let (_folder, path) = file("x.wat", wat);
    let (code, stdout, _) = portcullis(&["inspect", path.to_str().unwrap()]);
    assert_eq!(code, 0);
    let remarks = stdout.split("\nremarks (2)\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let remarks: Vec<_> = remarks.lines().collect();
    assert!(
        remarks[0].ends_with(": proxy_on_requst_headers (did you mean proxy_on_request_headers?)"),
        "{stdout}"
    );
    assert!(
        remarks[1].starts_with("  body-without-trailers: there is proxy_on_request_body and not "),
        "{stdout}"
    );
    let (_, stdout, _) = portcullis(&["inspect", MODULE]);
    assert!(!stdout.contains("remarks"), "{stdout}");
}

#[test]
fn run_shows_every_hostcall_and_both_sides() {
    let spoofed = ["run", MODULE, "--config", CONFIG, "--path", "/healthz", "-H", "X-Jwt-Sub: eve"];
    let (code, stdout, _) = portcullis(&spoofed);
    assert_eq!(code, 0);
    for expected in [
        "\n  proxy_on_request_headers(2, 7, 1) = Continue\n",
        "\n      proxy_remove_header_map_value(request headers, \"x-jwt-sub\") = OK\n",
        "\nThe client gets 200 (via_upstream)\n",
    ] {
        assert!(stdout.contains(expected), "{expected}\n{stdout}");
    }
    let upstream = stdout.split("The upstream gets").nth(1).unwrap();
    assert!(!upstream.contains("x-jwt-sub"), "{upstream}");
}

#[test]
fn schemas_in_the_docs_are_those_of_the_code() {
    let filters =
        ["jwt-auth", "token-bucket", "circuit-breaker", "trace-injection", "audit-log", "portcullis"];
    let schemas = [&["scenario"], filters.as_slice()].concat();
    let files = schemas.iter().map(|name| (*name, format!("{name}.schema.json")));
    for (name, file) in files.chain([("catalog", "catalog.json".to_owned())]) {
        let (_, stdout, _) = portcullis(&["schema", name]);
        let path = format!("{}/../../docs/schemas/{file}", env!("CARGO_MANIFEST_DIR"));
        // Not assert_eq: nobody reads two schemas in a message.
        let same = fs::read_to_string(path).unwrap_or_default() == stdout;
        assert!(same, "docs/schemas/{file} is not that of the code: make schemas");
    }
}

#[test]
fn a_catalogue_has_every_schema_in_the_docs() {
    let (_, stdout, _) = portcullis(&["schema", "catalog", "--at", "https://host.example/schemas/"]);
    let catalog: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let urls = catalog["schemas"].as_array().unwrap().iter().map(|schema| schema["url"].as_str().unwrap());
    let mut urls: Vec<_> = urls.map(str::to_owned).collect();
    let folder = fs::read_dir(format!("{}/../../docs/schemas", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut expected: Vec<_> = names
        .filter(|name| name != "catalog.json")
        .map(|name| format!("https://host.example/schemas/{name}"))
        .collect();
    urls.sort();
    expected.sort();
    assert_eq!(urls, expected);
}

#[test]
fn a_token_is_one_that_jwt_auth_takes() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.json");
    let token = |options: &[&str]| {
        let (code, stdout, stderr) = portcullis(&[&["token", key.to_str().unwrap()], options].concat());
        assert_eq!(code, 0, "{stderr}");
        stdout.trim().to_owned()
    };
    let jwks = token(&["--jwks"]);
    assert!(!jwks.contains("\"d\""), "{jwks}");
    assert_eq!(token(&["--jwks"]), jwks, "the key stays");
    let config = format!(
        "{{providers: [{{name: a, issuer: 'https://issuer.example', audiences: [orders], jwks: {{inline: {jwks}}}, authorize: {{scope: read}}}}], otherwise: {{provider: a}}}}"
    );
    let (_folder, config) = file("config.yaml", &config);
    let run = |token: &str| {
        let bearer = format!("authorization: Bearer {token}");
        portcullis(&["run", MODULE, "--config", config.to_str().unwrap(), "-H", &bearer]).1
    };
    let good = run(&token(&["--aud", "orders,others", "--claim", "scope=read"]));
    assert!(good.contains("The client gets 200"), "{good}");
    for (options, code) in [
        (&["--aud", "others", "--claim", "scope=read"][..], "portcullis_jwt_aud_not_allowed"),
        (&["--aud", "orders", "--claim", "exp=1", "--claim", "scope=read"], "portcullis_jwt_expired"),
        (&["--aud", "orders", "--iss", "https://other.example"], "portcullis_jwt_iss_not_allowed"),
    ] {
        let told = run(&token(options));
        assert!(told.contains(code), "{code}: {told}");
    }
    fs::write(&key, "{}").unwrap();
    let (code, _, stderr) = portcullis(&["token", key.to_str().unwrap()]);
    assert!(code == 2 && stderr.contains("no key of portcullis token"), "{stderr}");
}

#[test]
fn a_module_becomes_an_image_and_has_two_digests() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("oci");
    for form in ["image", "artifact"] {
        let (code, stdout, stderr) =
            portcullis(&["oci", MODULE, "--out", out.to_str().unwrap(), "--form", form, "--tag", "1.2.3"]);
        assert_eq!(code, 0, "{stderr}");
        let digests: serde_json::Value =
            serde_json::from_slice(&fs::read(out.join("digests.json")).unwrap()).unwrap();
        let digest = |name: &str| digests["jwt-auth"][name].as_str().unwrap();
        assert!(stdout.contains(digest("module")) && stdout.contains(digest("manifest")), "{stdout}");
        let index = fs::read_to_string(out.join("jwt-auth/index.json")).unwrap();
        assert!(
            index.contains(&format!("sha256:{}", digest("manifest"))) && index.contains("1.2.3"),
            "{index}"
        );
        assert!(!index.contains(digest("module")));
    }
    let (_folder, path) = file("x.wasm", "hello");
    let (code, _, stderr) = portcullis(&["oci", path.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert!(code == 2 && stderr.contains("not a WebAssembly module"), "{stderr}");
}
