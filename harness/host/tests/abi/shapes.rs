//! How modules of other SDKs are built: what they export to be started and given memory, and what they import.

use portcullis_host::{Budget, LoadError, ModuleError};

use crate::common::{LOG, guest, load, start};

/// Starts a guest with the configuration `configuration` and gives what it has logged.
fn lines(abi: &str, rest: &str) -> Vec<String> {
    let proxy = start(&guest(abi, rest), Budget::default()).unwrap();
    let lines: Vec<_> = proxy.sim().log().iter().map(|line| line.message.clone()).collect();
    // The canary, the main thread and the worker say the same.
    let (canary, others) = lines.split_at(lines.len() / 3);
    assert!(others.chunks(canary.len()).all(|thread| thread == canary), "{lines:?}");
    canary.to_vec()
}

/// Logs one of the letters at 16.
fn letter(index: u32) -> String {
    format!("(drop (call $log (i32.const 2) (i32.const {}) (i32.const 1)))", 16 + index)
}

#[test]
fn a_command_of_tinygo_is_started_by_its_main() {
    // The allocator of the specification alone, and `_start`, in which main registers the callbacks.
    let rest = format!(
        r#"{LOG}
           (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
           (import "env" "proxy_get_buffer_bytes" (func $bytes (param i32 i32 i32 i32 i32) (result i32)))
           (data (i32.const 16) "abc")
           (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 2048))
           (func (export "_start") (drop (call $random (i32.const 0) (i32.const 8)))
             (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 0))) {})
           (func (export "proxy_on_configure") (param i32 i32) (result i32)
             (drop (call $bytes (i32.const 7) (i32.const 0) (local.get 1) (i32.const 0) (i32.const 4)))
             (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4)))) (i32.const 1))"#,
        letter(0)
    );
    assert_eq!(lines("0_2_0", &rest), ["a", "configuration"]);
}

#[test]
fn a_reactor_of_emscripten_runs_constructors_and_then_main() {
    let rest = format!(
        r#"{LOG}
           (import "env" "emscripten_notify_memory_growth" (func $grown (param i32)))
           (import "env" "pthread_equal" (func (param i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))
           (import "wasi_snapshot_preview1" "fd_seek" (func (param i32 i64 i32 i32) (result i32)))
           (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
           (data (i32.const 16) "abc")
           (func $constructors (drop (memory.grow (i32.const 1))) (call $grown (i32.const 0)) {})
           (func (export "_initialize") (call $constructors))
           (func (export "main") (param i32 i32) (result i32) {} (i32.const 0))
           (func (export "__main_void") (result i32) unreachable)
           (func (export "_start") unreachable)
           (func (export "malloc") (param i32) (result i32) (i32.const 2048))
           (func (export "free") (param i32))"#,
        letter(0),
        letter(1)
    );
    for abi in ["0_1_0", "0_2_0", "0_2_1"] {
        assert_eq!(lines(abi, &rest), ["a", "b"], "{abi}");
    }
    // Without the main of two arguments, the other one.
    let without = rest.replace("(export \"main\")", "").replace("unreachable)", "(i32.const 0))");
    let without = without.replace("(export \"_start\") (i32.const 0)", "(export \"_start\")");
    assert_eq!(lines("0_2_1", &without), ["a"]);
}

#[test]
fn the_abort_of_assemblyscript_is_not_envoys() {
    let rest = r#"(import "env" "abort" (func (param i32 i32 i32 i32)))
        (func (export "malloc") (param i32) (result i32) (i32.const 2048))"#;
    let error = load(&guest("0_2_0", rest)).unwrap_err();
    let LoadError::Module(ModuleError::UnknownImports(names)) = &error else { panic!("{error}") };
    assert!(names[0].starts_with("env.abort (AssemblyScript"), "{error}");
}
