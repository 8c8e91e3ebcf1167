//! What starts a module, and what is told of it when that fails.

use crate::common::{LOG, MALLOC, guest, load};
use portcullis_sim::{Callback, Plugin, PluginSetup, Sim, Trap};

/// Starts a guest with these functions.
fn started(functions: &str) -> (Result<Option<u32>, Trap>, Sim) {
    let text = guest("0_2_1", &format!("{LOG} {MALLOC} {functions}"));
    let mut instance = load(&text).unwrap().instantiate(&PluginSetup::default()).unwrap();
    let mut sim = Sim::default();
    (instance.call(&mut sim, Callback::Start), sim)
}

fn lines(sim: &Sim) -> Vec<&str> {
    sim.log().iter().filter_map(|line| line.message.lines().next()).collect()
}

#[test]
fn a_module_need_not_be_started() {
    assert_eq!(started("").0, Ok(None));
    assert_eq!(started(r#"(func (export "_start"))"#).0, Ok(Some(0)));
    assert_eq!(started(r#"(func (export "main") (param i32 i32) (result i32) unreachable)"#).0, Ok(None));
}

#[test]
fn a_trap_is_that_of_the_function_that_was_called() {
    let initialized = r#"(func (export "_initialize"))"#;
    for (name, functions) in [
        ("_start", r#"(func (export "_start") unreachable)"#.to_owned()),
        ("main", format!(r#"{initialized} (func (export "main") (param i32 i32) (result i32) unreachable)"#)),
        ("__main_void", format!(r#"{initialized} (func (export "__main_void") (result i32) unreachable)"#)),
    ] {
        let trap = started(&functions).0.unwrap_err();
        assert_eq!(trap.function, Some(name), "{trap}");
    }
}

#[test]
fn main_runs_after_an_initialize_that_trapped() {
    let (result, sim) = started(
        r#"(data (i32.const 16) "main ran")
           (func (export "_initialize") unreachable)
           (func (export "main") (param i32 i32) (result i32)
             (drop (call $log (i32.const 2) (i32.const 16) (i32.const 8)))
             unreachable)"#,
    );
    let trap = result.unwrap_err();
    assert_eq!(trap.function, Some("_initialize"));
    assert!(!trap.message.contains("proxy_log"), "{trap}");
    let why = "failed: wasm trap: wasm `unreachable` instruction executed";
    let [first, then] = ["_initialize", "main"].map(|name| format!("Function: {name} {why}"));
    assert_eq!(lines(&sim), [&first, "main ran", &then]);
}

#[test]
fn a_start_section_may_call_what_needs_no_plugin() {
    for (name, kind, call, is_allowed) in [
        ("sched_yield", "", "", true),
        ("fd_sync", "(param i32)", "(i32.const 1)", true),
        ("fd_close", "(param i32)", "(i32.const 1)", false),
        ("fd_tell", "(param i32 i32)", "(i32.const 1) (i32.const 8)", false),
        ("random_get", "(param i32 i32)", "(i32.const 8) (i32.const 8)", false),
    ] {
        let text = guest(
            "0_2_1",
            &format!(
                r#"(import "wasi_snapshot_preview1" "{name}" (func $call {kind} (result i32))) {MALLOC}
                   (func $start (drop (call $call {call}))) (start $start)"#
            ),
        );
        let made = load(&text).unwrap().instantiate(&PluginSetup::default());
        assert_eq!(made.is_ok(), is_allowed, "{name}: {made:?}");
    }
}
