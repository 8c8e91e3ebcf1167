//! `capability_restriction_config`: what a plugin is not allowed, it can import and not use.

use std::sync::Arc;

use crate::common::{LOG, MALLOC, Vm, guest, load};
use portcullis_sim::{Callback, PluginSetup, Proxy, Setup, Sim};

const GUEST: &str = r#"
    (import "env" "proxy_set_tick_period_milliseconds" (func $period (param i32) (result i32)))
    (import "env" "pthread_equal" (func $equal (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (func (export "_initialize") (i32.store (i32.const 0) (call $random (i32.const 4) (i32.const 4))))
    (func (export "proxy_on_tick") (param i32) unreachable)
    (func (export "proxy_on_done") (param i32) (result i32)
      (call $exit (i32.const 1))
      (i32.add (call $equal (i32.const 1) (i32.const 1)) (i32.add
        (i32.mul (i32.const 10) (i32.load (i32.const 0)))
        (i32.mul (i32.const 1000) (call $period (i32.const 0))))))"#;

fn start(capabilities: &[&str]) -> Vm {
    let capabilities = capabilities.iter().map(|&name| name.to_owned()).collect();
    let setup = PluginSetup { capabilities, ..PluginSetup::default() };
    Vm::start(&guest("0_2_1", &format!("{LOG} {GUEST} {MALLOC}")), &setup).unwrap()
}

#[test]
fn what_is_withheld_answers_and_does_nothing() {
    let mut vm = start(&["proxy_on_done", "proxy_log"]);
    // 10 is INTERNAL_FAILURE, 76 is WASI's ENOTCAPABLE, and pthread_equal is no capability.
    assert_eq!(vm.call(Callback::Done { context: 1 }), Ok(Some(1 + 760 + 10_000)));
    assert_eq!(
        vm.lines(),
        [
            "Attempted call to restricted WASI capability: random_get",
            "Attempted call to restricted WASI capability: proc_exit",
            "Attempted call to restricted proxy-wasm capability: proxy_set_tick_period_milliseconds",
        ]
    );
}

#[test]
fn a_callback_that_is_withheld_is_absent() {
    let mut vm = start(&["proxy_on_done"]);
    assert_eq!(vm.tick(), Ok(None));
    assert!(start(&["proxy_on_done", "proxy_on_tick"]).tick().is_err());
}

#[test]
fn no_list_is_no_restriction() {
    // No plugin has been started, so that there is nothing to tick: NOT_FOUND, which is 1.
    assert_eq!(start(&[]).call(Callback::Done { context: 1 }), Ok(Some(1 + 1000)));
}

#[test]
fn what_is_withheld_counts_as_a_hostcall() {
    let module = load(&guest("0_2_1", &format!("{LOG} {GUEST} {MALLOC}"))).unwrap();
    let factory = move |plugin: &PluginSetup| module.instantiate(plugin).map_err(|error| error.to_string());
    let mut setup = Setup { costs: true, ..Setup::of("") };
    setup.plugins[0].capabilities = ["proxy_log".to_owned()].into();
    let proxy = Proxy::start(Sim::new(setup), Arc::new(factory)).unwrap();
    let started = &proxy.sim().costs()["_initialize"];
    assert_eq!(started.hostcalls.get("random_get"), Some(&started.total.hostcalls), "{started:?}");
}
