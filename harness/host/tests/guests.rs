//! Small hand-written guests, each for one way in which a module can be wrong.

use portcullis_host::{Budget, LoadError, Module, ModuleError};
use std::sync::Arc;

use portcullis_sim::http::{Exchange, HeaderList, Request, Response, Sending};
use portcullis_sim::{JournalEntry, PluginSetup, Proxy, Setup, Sim, StartError, Status};

/// What every guest has, a memory and the marker of the ABI, and the rest, whose imports come first.
fn guest(rest: &str) -> String {
    format!("(module {rest} (memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_2_1\")))")
}

const MALLOC: &str = "(func (export \"malloc\") (param i32) (result i32) (i32.const 1024))";

fn load(wat: &str) -> Result<Module, LoadError> {
    Module::load(&binary(wat))
}

fn binary(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap()
}

fn start(rest: &str) -> Proxy<portcullis_host::Instance> {
    try_start(load(&guest(rest)).unwrap()).unwrap()
}

fn try_start(module: Module) -> Result<Proxy<portcullis_host::Instance>, StartError> {
    let mut sim = Sim::new(Setup::of("configuration"));
    sim.set_journal(true);
    let factory = move |plugin: &PluginSetup| module.instantiate(plugin).map_err(|error| error.to_string());
    Proxy::start(sim, Arc::new(factory))
}

fn list(fields: &[(&str, &str)]) -> HeaderList {
    fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

fn send(proxy: &mut Proxy<portcullis_host::Instance>, body: &[&str]) -> Exchange {
    let headers = list(&[(":method", "POST"), (":path", "/"), (":authority", "a.example"), ("x", "1")]);
    let body = body.iter().map(|piece| piece.as_bytes().to_vec()).collect();
    let request = Request { headers, body, trailers: None };
    let upstream = Response { status: 200, body: vec![b"hi".to_vec()], ..Response::default() }.into();
    proxy.send(&[Sending { request, upstream, ..Sending::default() }]).remove(0)
}

fn hostcalls<'a>(proxy: &'a Proxy<portcullis_host::Instance>, name: &str) -> Vec<&'a JournalEntry> {
    proxy.sim().journal().iter().filter(|entry| entry.name == name).collect()
}

fn status(exchange: &Exchange) -> u16 {
    exchange.client.as_ref().unwrap().status
}

#[test]
fn pointers_outside_of_memory_are_a_status() {
    let proxy = start(&format!(
        r#"(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
           (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
           (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
           {MALLOC}
           (func (export "proxy_on_configure") (param i32 i32) (result i32)
             (i32.and (i32.and
               (i32.eq (i32.const 6) (call $log (i32.const 2) (i32.const 65536) (i32.const 1)))
               (i32.eq (i32.const 6) (call $log (i32.const 2) (i32.const -1) (i32.const -1))))
             (i32.and
               (i32.eq (i32.const 6) (call $now (i32.const 65529)))
               (i32.eq (i32.const 6) (call $buffer (i32.const 7) (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 65535))))))"#
    ));
    let refused = hostcalls(&proxy, "proxy_log");
    assert_eq!(refused.len(), 6);
    assert!(
        refused.iter().all(|entry| entry.status == Status::InvalidMemoryAccess && entry.reason.is_some())
    );
}

const TWO_ALLOCATORS: &str = r#"
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) unreachable)
    (func (export "malloc") (param i32) (result i32) (i32.const ADDRESS))
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
      (i32.eq (i32.const STATUS) (call $buffer (i32.const 7) (i32.const 0) (i32.const 99) (i32.const 0) (i32.const 4)))
      (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4)))))"#;

#[test]
fn malloc_wins_over_the_allocator_of_the_specification() {
    let proxy = start(&TWO_ALLOCATORS.replace("ADDRESS", "1024").replace("STATUS", "0"));
    assert_eq!(proxy.sim().log()[0].message, "configuration");
}

#[test]
fn an_allocator_without_memory_is_a_status() {
    let proxy = start(&TWO_ALLOCATORS.replace("ADDRESS", "0").replace("STATUS", "6"));
    let entry = hostcalls(&proxy, "proxy_get_buffer_bytes")[1];
    assert_eq!(entry.status, Status::InvalidMemoryAccess);
    assert!(entry.reason.as_ref().unwrap().contains("no memory for 13 bytes"), "{entry}");
}

#[test]
fn the_allocator_must_not_call_back() {
    let module = load(&guest(
        r#"(import "env" "proxy_done" (func $done (result i32)))
           (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
           (func (export "malloc") (param i32) (result i32) (drop (call $done)) (i32.const 64))
           (func (export "proxy_on_configure") (param i32 i32) (result i32)
             (call $buffer (i32.const 7) (i32.const 0) (i32.const 99) (i32.const 0) (i32.const 4)))"#,
    ));
    let started = try_start(module.unwrap());
    let Err(StartError::Trap(trap)) = started else { panic!("{started:?}") };
    assert!(trap.message.contains("proxy_done was called"), "{trap}");
}

#[test]
fn starting_is_too_early_for_all_but_the_log() {
    let module = load(&guest(&format!(
        r#"(import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32))) {MALLOC}
           (func (export "_initialize") (drop (call $tick (i32.const 1))))"#
    )));
    let started = try_start(module.unwrap());
    let Err(StartError::Trap(trap)) = started else { panic!("{started:?}") };
    assert!(trap.message.contains("while the module starts"), "{trap}");
}

#[test]
fn a_trap_is_503_and_the_vm_stays_dead() {
    let mut proxy = start(&format!(
        r#"(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32))) {MALLOC}
           (func $deep (drop (call $log (i32.const 9) (i32.const 0) (i32.const 0))) unreachable)
           (func $on_request_headers (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $deep) (i32.const 0))"#
    ));
    for _ in 0..2 {
        let exchange = send(&mut proxy, &[]);
        assert_eq!(status(&exchange), 503);
        assert_eq!(exchange.details.as_deref(), Some("wasm_fail_stream"));
        assert_eq!(exchange.upstream, None);
    }
    assert_eq!(hostcalls(&proxy, "proxy_on_request_headers").len(), 1);
    let message = &proxy.trap().unwrap().message;
    for part in ["unreachable", "deep", "on_request_headers", "proxy_log: BAD_ARGUMENT"] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
}

#[test]
fn an_infinite_loop_ends_in_a_trap() {
    let wat = guest(&format!(
        r#"{MALLOC} (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (loop $l (br $l)) (i32.const 0))"#
    ));
    let module = load(&wat).unwrap();
    let factory = move |plugin: &PluginSetup| {
        let mut instance = module.instantiate(plugin).unwrap();
        instance.set_budget(Budget { fuel: 100_000, ..Budget::default() });
        Ok(instance)
    };
    let mut proxy = Proxy::start(Sim::new(Setup::of("")), Arc::new(factory)).unwrap();
    assert_eq!(status(&send(&mut proxy, &[])), 503);
    assert!(proxy.trap().unwrap().message.contains("infinite loop"));
}

#[test]
fn memory_beyond_the_limit_is_refused_to_the_guest() {
    // 1 GiB is 16384 pages, of which one is there.
    let mut proxy = start(&format!(
        r#"{MALLOC} (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (if (i32.ne (i32.const -1) (memory.grow (i32.const 16384))) (then unreachable))
             (i32.const 0))"#
    ));
    assert_eq!(status(&send(&mut proxy, &[])), 200);
}

#[test]
fn headers_are_out_of_reach_after_continue() {
    let mut proxy = start(&format!(
        r#"(import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32))) {MALLOC}
           (data (i32.const 16) "x")
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $remove (i32.const 0) (i32.const 16) (i32.const 1)))
           (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
             (drop (call $remove (i32.const 0) (i32.const 16) (i32.const 1))) (i32.const 0))"#
    ));
    let exchange = send(&mut proxy, &["body"]);
    assert!(exchange.upstream.unwrap().headers.iter().all(|(name, _)| name != b"x"));
    let calls = hostcalls(&proxy, "proxy_remove_header_map_value");
    assert_eq!(
        calls.iter().map(|call| call.status).collect::<Vec<_>>(),
        [Status::Ok, Status::BadArgument, Status::BadArgument]
    );
    assert_eq!(
        calls[1].reason.as_deref(),
        Some(
            "the request headers can be changed only inside on_request_headers: that callback has returned Continue"
        )
    );
}

#[test]
fn a_local_reply_comes_back_to_its_plugin() {
    let mut proxy = start(&format!(
        r#"(import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
           (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32))) {MALLOC}
           (data (i32.const 16) "no entry") (data (i32.const 32) "x-own")
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $reply (i32.const 403) (i32.const 16) (i32.const 8) (i32.const 16) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const -1)))
           (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
             (call $add (i32.const 2) (i32.const 32) (i32.const 5) (i32.const 16) (i32.const 2)))"#
    ));
    let exchange = send(&mut proxy, &[]);
    let client = exchange.client.unwrap();
    let expected = [
        ("content-length", "2"),
        ("content-type", "text/plain"),
        ("x-own", "no"),
        ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("server", "envoy"),
    ];
    assert_eq!((client.status, client.headers), (403, list(&expected)));
    assert_eq!(client.body, [b"no"]);
    assert_eq!(exchange.upstream, None);
    assert_eq!(exchange.details.as_deref(), Some("no_entry"));
}

#[test]
fn a_module_must_be_what_envoy_would_load() {
    let error = |bytes: &[u8]| Module::load(bytes).unwrap_err();
    assert_eq!(error(b""), LoadError::Module(ModuleError::NotWasm(vec![])));
    assert_eq!(error(b"#!/bin/sh\n").to_string(), r##"not a WebAssembly module: begins with "#!/bin/s""##);
    assert_eq!(error(b"\0asm\x0d\0\x01\0"), LoadError::Module(ModuleError::Component));
    let whole = binary(&guest(MALLOC));
    for end in [4, 7, 12, whole.len() - 1] {
        assert!(matches!(error(&whole[..end]), LoadError::Module(ModuleError::Damaged(_))), "cut at {end}");
    }
    assert_eq!(error(&binary("(module)")), LoadError::Module(ModuleError::NotProxyWasm));
    assert_eq!(error(&binary(&guest(""))), LoadError::Module(ModuleError::NoAllocator));
    let new = r#"(module (func (export "proxy_abi_version_0_3_0")))"#;
    assert_eq!(error(&binary(new)), LoadError::Module(ModuleError::UnknownAbi("0.3.0".into())));
}

#[test]
fn what_envoy_has_and_the_engine_here_has_not_is_told_apart_from_damage() {
    let shared = "(memory (export \"memory\") 1 2 shared) (func (export \"proxy_abi_version_0_2_1\"))";
    for module in [
        guest(&format!("(tag) {MALLOC}")),
        guest(&format!("(func (block $b (try_table (catch_all $b)))) {MALLOC}")),
        guest(&format!("(func try catch_all end) {MALLOC}")),
        guest(&format!("(func (drop (i32.atomic.load (i32.const 0)))) {MALLOC}")),
        format!("(module {shared} {MALLOC})"),
    ] {
        let error = load(&module).unwrap_err();
        assert!(matches!(error, LoadError::Unsupported(_)), "{module}: {error:?}");
        let text = error.to_string();
        assert!(
            text.starts_with("Envoy takes the module, and the engine here cannot run it: ")
                && !text.contains('\n'),
            "{text}"
        );
    }
}

#[test]
fn unknown_imports_are_all_named_with_a_hint() {
    let imports = r#"(import "env" "proxy_fly" (func)) (import "__wbindgen_placeholder__" "__wbindgen_throw" (func))
        (import "wasi_snapshot_preview1" "fd_fly" (func)) (import "env" "proxy_done" (func (result i32)))"#;
    let error = load(&guest(&format!("{imports} {MALLOC}"))).unwrap_err();
    let LoadError::Module(ModuleError::UnknownImports(names)) = &error else { panic!("{error}") };
    assert_eq!(names.len(), 3, "{error}");
    assert!(
        names[0].starts_with("__wbindgen_placeholder__.__wbindgen_throw (a crate wants a browser"),
        "{error}"
    );
}

#[test]
fn signatures_are_checked_before_anything_runs() {
    let callback = format!(r#"{MALLOC} (func (export "proxy_on_log"))"#);
    let wrong = load(&guest(&callback)).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "bad function signature: proxy_on_log has to take 1 i32 and return none in ABI 0.2.1"
    );
    let import = format!(r#"(import "env" "proxy_done" (func (param i64))) {MALLOC}"#);
    assert!(matches!(load(&guest(&import)), Err(LoadError::Module(ModuleError::WrongSignature(_)))));
}

#[test]
fn what_the_c_library_writes_is_logged_and_an_exit_does_not_end_the_module() {
    let mut proxy = start(&format!(
        r#"(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) {MALLOC}
           (data (i32.const 16) "oh no\n") (data (i32.const 32) "\10\00\00\00\06\00\00\00")
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $write (i32.const 2) (i32.const 32) (i32.const 1) (i32.const 40)))
             (call $exit (i32.const 3))
             (i32.const 0))
           (func (export "proxy_on_log") (param i32) unreachable)"#
    ));
    send(&mut proxy, &[]);
    let trap = proxy.trap().unwrap();
    assert!(trap.message.contains("proc_exit(3)"), "{trap}");
    let lines: Vec<_> = proxy.sim().log().iter().map(|line| (line.level, line.message.as_str())).collect();
    assert_eq!(lines[0], (log::Level::Error, "oh no"));
}
