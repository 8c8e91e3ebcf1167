//! What is said of modules that Envoy would take, and of those that it would not.

use portcullis_inspect::{Description, Host, ModuleError, inspect, inspect_for};

const MALLOC: &str = r#"(func (export "malloc") (param i32) (result i32) (i32.const 1024))"#;

/// What every guest has, a memory and the marker of the ABI, and the rest, whose imports come first.
fn guest(abi: &str, rest: &str) -> Vec<u8> {
    let text = format!(
        "(module {rest} (memory (export \"memory\") 1 16) (func (export \"proxy_abi_version_{abi}\")))"
    );
    wat::parse_str(text).unwrap()
}

fn described(rest: &str) -> Description {
    inspect(&guest("0_2_1", &format!("{rest} {MALLOC}"))).unwrap()
}

/// A callback of so many parameters.
fn callback(name: &str, parameters: usize, returns: bool) -> String {
    let result = if returns { "(result i32) (i32.const 0)" } else { "" };
    format!("(func (export \"{name}\") (param {}) {result})", "i32 ".repeat(parameters))
}

fn lints(description: &Description) -> Vec<&'static str> {
    description.lints.iter().map(|lint| lint.name).collect()
}

#[test]
fn a_description_sorts_the_exports_by_who_calls_them() {
    let rest = [
        r#"(import "env" "proxy_done" (func (result i32))) (import "env" "proxy_done" (func (result i32)))"#,
        r#"(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))"#,
        &callback("proxy_on_tick", 1, false),
        &callback("proxy_on_request_headers", 3, true),
        &callback("proxy_on_response_metadata", 2, true),
        &callback("proxy_on_new_connection", 1, true),
        &callback("envoy_on_stats_update", 2, false),
        &callback("proxy_validate_configuration", 2, true),
        r#"(global (export "mine") i32 (i32.const 1)) (func (export "_initialize"))"#,
    ];
    let description = described(&rest.concat());
    assert_eq!(description.abi.to_string(), "0.2.1");
    let imports: Vec<_> = description.imports.iter().map(|it| format!("{}.{}", it.module, it.name)).collect();
    assert_eq!(imports, ["env.proxy_done", "wasi_snapshot_preview1.random_get"]);
    assert_eq!(description.called_always, ["proxy_on_request_headers"]);
    assert_eq!(description.called_for_content, ["proxy_on_response_metadata"]);
    assert_eq!(description.called_for_tcp, ["proxy_on_new_connection"]);
    assert_eq!(description.called_on_occasion, ["proxy_on_tick", "envoy_on_stats_update"]);
    assert_eq!(description.never_called, ["proxy_validate_configuration"]);
    assert_eq!(description.callbacks().count(), 5);
    assert_eq!(description.lifecycle, ["_initialize", "malloc", "memory", "proxy_abi_version_0_2_1"]);
    assert_eq!((description.other_exports, description.other_exports_in_all), (vec!["mine".to_owned()], 1));
    assert_eq!((description.memory, description.memory_maximum), (64 << 10, Some(1 << 20)));
    assert_eq!(description.lints, []);
}

#[test]
fn custom_sections_have_a_size_and_names_a_weight() {
    let mut bytes = guest("0_2_1", &format!("{} {MALLOC}", callback("proxy_on_log", 1, false)));
    let light = inspect(&bytes).unwrap();
    assert_eq!((light.custom_sections_in_all, lints(&light)), (0, vec![]));
    for (name, data) in [("producers", 9), (".debug_info", 5_000)] {
        bytes.push(0);
        bytes.extend(sized(&[sized(name.as_bytes()), vec![0; data]].concat()));
    }
    let heavy = inspect(&bytes).unwrap();
    let sections: Vec<_> = heavy.custom_sections.iter().map(|it| (it.name.as_str(), it.size)).collect();
    assert_eq!(sections, [("producers", 19), (".debug_info", 5_012)]);
    assert_eq!((heavy.size, lints(&heavy)), (bytes.len(), vec!["names-and-debugging"]));
    assert!(heavy.lints[0].text.contains(" 5 of its 6 KiB"), "{}", heavy.lints[0].text);
}

#[test]
fn each_lint_has_a_module() {
    let log = callback("proxy_on_log", 1, false);
    let text = |rest: &str| {
        let found = described(rest);
        found
            .lints
            .into_iter()
            .map(|lint| format!("{}: {}", lint.name, lint.text))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(text(&log), "");
    assert!(text("").starts_with("never-called: no export is a callback that Envoy calls"));
    assert_eq!(text(&callback("proxy_validate_configuration", 2, true)), text(""));

    let misspelt =
        [&log, &callback("proxy_on_request_header", 3, true), &callback("proxy_on_the_moon", 1, false)];
    assert_eq!(
        text(&misspelt.map(String::as_str).concat()),
        "unknown-callback: no callback of ABI 0.2.1, so that Envoy never calls it: \
         proxy_on_request_header (did you mean proxy_on_request_headers?); proxy_on_the_moon"
    );

    let body = callback("proxy_on_request_body", 3, true);
    let told = text(&body);
    assert!(told.starts_with(
        "body-without-trailers: there is proxy_on_request_body and not proxy_on_request_trailers:"
    ));
    assert_eq!(text(&(body + &callback("proxy_on_request_trailers", 2, true))), "");

    let both = callback("proxy_on_memory_allocate", 1, true) + &log;
    assert!(text(&both).starts_with("two-allocators: "));

    let exit = r#"(import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))"#;
    let start = r#"(func (export "_start"))"#;
    assert!(
        text(&format!("{exit} {start} {log}"))
            .starts_with("program: it starts with _start, as a program: with wasi-libc")
    );
    assert_eq!(text(&format!("{start} {log}")), "");
    assert_eq!(text(&format!("{exit} {start} (func (export \"_initialize\")) {log}")), "");
}

#[test]
fn an_sdk_that_exports_everything_is_told_what_it_costs() {
    let callbacks = portcullis_inspect::exports::all(portcullis_inspect::AbiVersion::V0_2_1);
    let callbacks =
        callbacks.filter(|it| it.name.starts_with("proxy_on_") && it.name != "proxy_on_memory_allocate");
    let all: String = callbacks.map(|it| callback(it.name, it.parameters, it.returns)).collect();
    let description = described(&all);
    assert_eq!(lints(&description), ["every-callback"]);
    let text = &description.lints[0].text;
    for name in ["request_body", "response_trailers", "response_metadata"] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn an_old_abi_is_taken_and_told() {
    let foreign = callback("proxy_on_foreign_function", 3, false);
    let rest = format!("{} {foreign} {MALLOC}", callback("proxy_on_log", 1, false));
    let description = inspect(&guest("0_1_0", &rest)).unwrap();
    assert_eq!(lints(&description), ["unknown-callback", "old-abi"], "foreign functions came later");
    let headers = format!("{} {MALLOC}", callback("proxy_on_request_headers", 3, true));
    let error = inspect(&guest("0_1_0", &headers)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "bad function signature: proxy_on_request_headers has to take 2 i32 and return one in ABI 0.1.0"
    );
}

#[test]
fn what_is_no_module_says_so() {
    let error = |bytes: &[u8]| inspect(bytes).unwrap_err();
    assert_eq!(error(b""), ModuleError::NotWasm(vec![]));
    assert_eq!(error(b"#!/bin/sh\n").to_string(), r##"not a WebAssembly module: begins with "#!/bin/s""##);
    assert_eq!(error(b"\0asm\x0d\0\x01\0"), ModuleError::Component);
    assert_eq!(error(&wat::parse_str("(module)").unwrap()), ModuleError::NotProxyWasm);
    assert_eq!(error(&guest("0_3_0", "")), ModuleError::UnknownAbi("0.3.0".into()));
    assert_eq!(error(&guest("0_2_1", "")), ModuleError::NoAllocator);
    let marked = r#"(module (func (export "proxy_abi_version_0_2_1")))"#;
    assert_eq!(error(&wat::parse_str(marked).unwrap()), ModuleError::NoMemory);
    let invalid = guest("0_2_1", &format!("(func (result i32)) {MALLOC}"));
    assert!(error(&invalid).to_string().starts_with(
        "the WebAssembly module is damaged or cut off: Invalid input WebAssembly code at offset "
    ));
}

/// Modules with these gave 200 in a real Envoy 1.40.
#[test]
fn what_v8_has_is_not_damaged() {
    let log = callback("proxy_on_log", 1, false);
    for (rest, what) in [
        ("(tag)", "a tag"),
        ("(tag $e) (func (block $b (try_table (catch $e $b))))", "exceptions"),
        ("(tag $e) (func try catch $e catch_all end)", "exceptions as they were"),
        ("(func (drop (i32.atomic.load (i32.const 0))))", "atomics"),
        ("(type (struct (field i32)))", "garbage collection"),
        ("(func (param v128) (drop (i32x4.relaxed_trunc_f32x4_s (local.get 0))))", "relaxed SIMD"),
        ("(func (return_call 0))", "tail calls"),
    ] {
        assert_eq!(lints(&described(&format!("{rest} {log}"))), [""; 0], "{what}");
    }
    let shared = format!(
        "(module (memory (export \"memory\") 1 2 shared) (func (export \"proxy_abi_version_0_2_1\")) {MALLOC} {log})"
    );
    let shared = inspect(&wat::parse_str(shared).unwrap()).unwrap();
    assert_eq!((shared.memory, shared.memory_maximum), (64 << 10, Some(128 << 10)));
}

#[test]
fn imports_go_by_the_version_and_by_the_host() {
    let import =
        |from: &str, name: &str, kind: &str| format!("(import \"{from}\" \"{name}\" (func {kind})) {MALLOC}");
    let error = |host, abi: &str, rest: &str| {
        inspect_for(host, &guest(abi, rest)).map(|_| ()).map_err(|it| it.to_string())
    };
    let level = import("env", "proxy_get_log_level", "(param i32) (result i32)");
    assert_eq!(error(Host::Envoy, "0_2_1", &level), Ok(()));
    assert_eq!(
        error(Host::Envoy, "0_2_0", &level),
        Err("unknown imports: env.proxy_get_log_level (in ABI 0.2.1, and the module is of 0.2.0)".into())
    );
    let sleep = import("wasi_snapshot_preview1", "sched_yield", "(result i32)");
    assert_eq!(error(Host::Envoy, "0_2_1", &sleep), Ok(()));
    assert_eq!(
        error(Host::Specification, "0_2_1", &sleep),
        Err("unknown imports: wasi_snapshot_preview1.sched_yield (not in the specification)".into())
    );
    assert_eq!(
        error(Host::Envoy, "0_2_1", &import("env", "proxy_increment_metric", "(param i32 i32) (result i32)")),
        Err("bad function signature: env.proxy_increment_metric is imported as i32 i32 -> i32 and provided as i32 i64 -> i32".into())
    );
    let global = format!("(import \"env\" \"proxy_done\" (global i32)) {MALLOC}");
    assert_eq!(
        error(Host::Envoy, "0_2_1", &global),
        Err("bad function signature: env.proxy_done is imported as no function and provided as void -> i32"
            .into())
    );
}

#[test]
fn errors_stay_short_whatever_is_wrong() {
    let long = "x".repeat(50_000);
    let imports: String = (0..500).map(|i| format!("(import \"env\" \"{i}{long}\" (func))")).collect();
    let error = inspect(&guest("0_2_1", &format!("{imports} {MALLOC}"))).unwrap_err();
    let ModuleError::UnknownImports(names) = &error else { panic!("{error}") };
    assert_eq!((names.len(), names.last().map(String::as_str)), (101, Some("and more")));
    assert!(error.to_string().len() < 50_000, "{}", error.to_string().len());
}

#[test]
fn a_module_that_starts_with_more_than_envoy_has_is_refused() {
    let table = "(table 10000000 funcref)";
    for (rest, told) in [
        ("(memory 16384) (memory 16384)".to_owned(), None),
        (
            "(memory 16385)".to_owned(),
            Some("16385 pages in a memory, and 16384 is the most that it can have"),
        ),
        (table.repeat(6), None),
        (table.repeat(7), Some("70000000 entries in tables, and 60000000 is the most that it can have")),
    ] {
        let error =
            inspect(&guest("0_2_1", &format!("{rest} {MALLOC}"))).err().map(|error| error.to_string());
        assert_eq!(error, told.map(|told| format!("the module starts with {told}")));
    }
}

/// A section, or a name in one, with its length before it.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut length = bytes.len();
    let mut found = Vec::new();
    while length > 0x7f {
        found.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    found.push(length as u8);
    [found.as_slice(), bytes].concat()
}

#[test]
fn lists_end_whatever_a_module_has() {
    let exports: String =
        (0..3_000).map(|i| format!("(global (export \"proxy_on_{i}\") i32 (i32.const 0))")).collect();
    let mut bytes = guest("0_2_1", &format!("{exports} {MALLOC}"));
    let name = sized("é".repeat(500).as_bytes());
    for _ in 0..2_000 {
        bytes.push(0);
        bytes.extend(sized(&name));
    }
    let description = inspect(&bytes).unwrap();
    assert_eq!((description.other_exports.len(), description.other_exports_in_all), (1_000, 3_000));
    assert_eq!((description.custom_sections.len(), description.custom_sections_in_all), (1_000, 2_000));
    let section = &description.custom_sections[0];
    assert_eq!((section.name.as_str(), section.size), (format!("{}...", "é".repeat(256)).as_str(), 1_002));
    assert_eq!(lints(&description), ["never-called", "unknown-callback"]);
    assert!(description.lints.iter().all(|lint| lint.text.len() < 1_000));
}
