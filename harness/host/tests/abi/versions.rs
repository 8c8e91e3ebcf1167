//! What differs between the versions of the ABI: imports, exports, and how they are called.

use crate::common::{LOG, MALLOC, Vm, guest, load, start};
use portcullis_host::{AbiVersion, Budget, LoadError, ModuleError};
use portcullis_sim::http::{Request, Sending};
use portcullis_sim::{Callback, PluginSetup};

const VERSIONS: [&str; 3] = ["0_1_0", "0_2_0", "0_2_1"];

/// The imports that not every version has, and in which of the versions they are.
const IMPORTS: [(&str, &str, [bool; 3]); 7] = [
    ("proxy_get_configuration", "(param i32 i32) (result i32)", [true, false, false]),
    ("proxy_continue_request", "(result i32)", [true, false, false]),
    ("proxy_continue_response", "(result i32)", [true, false, false]),
    ("proxy_clear_route_cache", "(result i32)", [true, false, false]),
    ("proxy_continue_stream", "(param i32) (result i32)", [false, true, true]),
    ("proxy_close_stream", "(param i32) (result i32)", [false, true, true]),
    ("proxy_get_log_level", "(param i32) (result i32)", [false, false, true]),
];

#[test]
fn each_version_has_its_own_imports() {
    for (name, kind, versions) in IMPORTS {
        for (version, is_there) in VERSIONS.into_iter().zip(versions) {
            let import = format!("(import \"env\" \"{name}\" (func {kind})) {MALLOC}");
            let loaded = load(&guest(version, &import));
            assert_eq!(loaded.is_ok(), is_there, "{name} in {version}: {loaded:?}");
            if let Err(error) = loaded {
                let dotted = version.replace('_', ".");
                let LoadError::Module(ModuleError::UnknownImports(names)) = &error else { panic!("{error}") };
                assert!(names[0].ends_with(&format!("and the module is of {dotted})")), "{error}");
            }
        }
    }
}

#[test]
fn every_import_of_all_versions_is_there() {
    // By how many i32 each takes; I is an i64.
    let imports = [
        ("proxy_log", "iii"),
        ("proxy_get_status", "iii"),
        ("proxy_set_property", "iiii"),
        ("proxy_get_property", "iiii"),
        ("proxy_send_local_response", "iiiiiiii"),
        ("proxy_get_shared_data", "iiiii"),
        ("proxy_set_shared_data", "iiiii"),
        ("proxy_register_shared_queue", "iii"),
        ("proxy_resolve_shared_queue", "iiiii"),
        ("proxy_dequeue_shared_queue", "iii"),
        ("proxy_enqueue_shared_queue", "iii"),
        ("proxy_get_header_map_value", "iiiii"),
        ("proxy_add_header_map_value", "iiiii"),
        ("proxy_replace_header_map_value", "iiiii"),
        ("proxy_remove_header_map_value", "iii"),
        ("proxy_get_header_map_pairs", "iii"),
        ("proxy_set_header_map_pairs", "iii"),
        ("proxy_get_header_map_size", "ii"),
        ("proxy_get_buffer_status", "iii"),
        ("proxy_get_buffer_bytes", "iiiii"),
        ("proxy_set_buffer_bytes", "iiiii"),
        ("proxy_http_call", "iiiiiiiiii"),
        ("proxy_grpc_call", "iiiiiiiiiiii"),
        ("proxy_grpc_stream", "iiiiiiiii"),
        ("proxy_grpc_close", "i"),
        ("proxy_grpc_cancel", "i"),
        ("proxy_grpc_send", "iiii"),
        ("proxy_set_tick_period_milliseconds", "i"),
        ("proxy_get_current_time_nanoseconds", "i"),
        ("proxy_define_metric", "iiii"),
        ("proxy_increment_metric", "iI"),
        ("proxy_record_metric", "iI"),
        ("proxy_get_metric", "ii"),
        ("proxy_set_effective_context", "i"),
        ("proxy_done", ""),
        ("proxy_call_foreign_function", "iiiiii"),
        ("envoy_resolve_dns", "iii"),
        ("pthread_equal", "ii"),
    ];
    let import = |(name, parameters): (&str, &str)| {
        let kinds: Vec<_> = parameters.chars().map(|kind| if kind == 'I' { "i64" } else { "i32" }).collect();
        format!("(import \"env\" \"{name}\" (func (param {}) (result i32)))", kinds.join(" "))
    };
    let growth = "(import \"env\" \"emscripten_notify_memory_growth\" (func (param i32)))";
    let all = imports.map(import).concat() + growth + MALLOC;
    for version in VERSIONS {
        load(&guest(version, &all)).unwrap();
    }
}

#[test]
fn the_first_marker_that_is_known_counts() {
    let markers = |names: &[&str]| {
        let exports: Vec<_> =
            names.iter().map(|name| format!("(func (export \"proxy_abi_version_{name}\"))")).collect();
        load(&format!("(module {MALLOC} (memory (export \"memory\") 1) {})", exports.concat())).unwrap()
    };
    assert_eq!(markers(&["0_2_0", "0_2_1"]).describe().abi, AbiVersion::V0_2_0);
    assert_eq!(markers(&["0_9_0", "0_1_0"]).describe().abi, AbiVersion::V0_1_0);
}

#[test]
fn what_is_no_function_counts_as_absent() {
    let global = "(global (export \"proxy_on_request_headers\") i32 (i32.const 1))";
    load(&guest("0_2_1", &format!("{MALLOC} {global}"))).unwrap();
    let no_allocator = "(global (export \"malloc\") i32 (i32.const 1))";
    assert_eq!(load(&guest("0_2_1", no_allocator)).unwrap_err(), LoadError::Module(ModuleError::NoAllocator));
}

#[test]
fn signatures_go_by_the_version() {
    let headers = |parameters: &str| {
        format!(
            "{MALLOC} (func (export \"proxy_on_request_headers\") (param {parameters}) (result i32) (i32.const 0))"
        )
    };
    for (version, parameters, is_right) in [
        ("0_1_0", "i32 i32", true),
        ("0_1_0", "i32 i32 i32", false),
        ("0_2_0", "i32 i32", false),
        ("0_2_0", "i32 i32 i32", true),
        ("0_2_1", "i32 i32 i32", true),
    ] {
        let loaded = load(&guest(version, &headers(parameters)));
        assert_eq!(loaded.is_ok(), is_right, "{version} ({parameters}): {loaded:?}");
    }
    // The start is checked as far as it would be called.
    let main = "(func (export \"main\") (param i32))";
    load(&guest("0_2_1", &format!("{MALLOC} {main}"))).unwrap();
    let reactor = format!("{MALLOC} {main} (func (export \"_initialize\"))");
    assert!(matches!(
        load(&guest("0_2_1", &reactor)),
        Err(LoadError::Module(ModuleError::WrongSignature(_)))
    ));
}

#[test]
fn old_callbacks_get_the_arguments_that_they_know() {
    let wat = guest(
        "0_1_0",
        &format!(
            r#"{MALLOC} (func (export "proxy_on_request_headers") (param i32 i32) (result i32)
                 (i32.add (i32.mul (local.get 0) (i32.const 100)) (local.get 1)))"#
        ),
    );
    let mut vm = Vm::start(&wat, &PluginSetup::default()).unwrap();
    let callback = Callback::RequestHeaders { context: 7, count: 5, end_of_stream: true };
    assert_eq!(vm.call(callback), Ok(Some(705)));
}

#[test]
fn a_missing_header_was_empty_before_0_2_0() {
    for (version, parameters, status) in [("0_1_0", "i32 i32", 0), ("0_2_0", "i32 i32 i32", 1)] {
        let wat = guest(
            version,
            &format!(
                r#"(import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
                   (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
                   {MALLOC}
                   (data (i32.const 16) "nosuch")
                   (func (export "proxy_on_request_headers") (param {parameters}) (result i32)
                     (i32.store (i32.const 4) (i32.const 9))
                     (call $reply
                       (i32.add (i32.const 400) (i32.add (i32.load (i32.const 4))
                         (call $value (i32.const 0) (i32.const 16) (i32.const 6) (i32.const 0) (i32.const 4))))
                       (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))"#
            ),
        );
        // The size is read before the call: 9 at first, and 0 after an empty value.
        let mut proxy = start(&wat, Budget::default()).unwrap();
        let headers = vec![(b":authority".to_vec(), b"a.example".to_vec())];
        let request = Request { headers, ..Request::default() };
        let exchange = proxy.send(&[Sending { request, ..Sending::default() }]).remove(0);
        assert_eq!(exchange.client.unwrap().status, 409 + status, "{version}");
    }
}

#[test]
fn the_configuration_of_0_1_0_is_there_while_it_is_applied() {
    let say = r#"(drop (call $get (i32.const 0) (i32.const 4)))
        (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4))))"#;
    let wat = guest(
        "0_1_0",
        &format!(
            r#"{LOG} (import "env" "proxy_get_configuration" (func $get (param i32 i32) (result i32))) {MALLOC}
               (func (export "proxy_on_vm_start") (param i32 i32) (result i32) {say} (i32.const 1))
               (func (export "proxy_on_configure") (param i32 i32) (result i32) {say} (i32.const 1))"#
        ),
    );
    let proxy = start(&wat, Budget::default()).unwrap();
    let lines: Vec<_> = proxy.sim().log().iter().map(|line| line.message.as_str()).collect();
    // In the canary, on the main thread, and on the worker.
    assert_eq!(lines, ["", "configuration"].repeat(3));
}

#[test]
fn the_journal_calls_the_functions_of_0_1_0_by_their_names() {
    let names = ["proxy_continue_request", "proxy_continue_response", "proxy_get_configuration"];
    let import =
        |(name, kind): (&str, &str)| format!(r#"(import "env" "{name}" (func ${name} {kind} (result i32)))"#);
    let imports: String = names.into_iter().zip(["", "", "(param i32 i32)"]).map(import).collect();
    let wat = guest(
        "0_1_0",
        &format!(
            r#"{imports} {MALLOC} (func (export "proxy_on_tick") (param i32)
                 (drop (call $proxy_continue_request)) (drop (call $proxy_continue_response))
                 (drop (call $proxy_get_configuration (i32.const 0) (i32.const 4))))"#
        ),
    );
    let mut vm = Vm::start(&wat, &PluginSetup::default()).unwrap();
    vm.tick().unwrap();
    assert_eq!(vm.sim.journal().iter().map(|entry| entry.name).collect::<Vec<_>>(), names);
}
