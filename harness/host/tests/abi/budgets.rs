//! What a callback costs, what it may cost, and what a module is doing meanwhile.

use std::sync::Arc;
use std::time::Duration;

use portcullis_host::{Budget, LoadOptions, Module};
use portcullis_sim::{Callback, Cost, Hostcalls, Plugin, PluginSetup, Proxy, Setup, Sim};

use crate::common::{LOG, MALLOC, Vm, guest, load};

const TICK: Callback = Callback::Tick { context: 1 };

fn ticking(body: &str) -> String {
    let now = r#"(import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))"#;
    let text = format!("{LOG} {now} {MALLOC} (func (export \"proxy_on_tick\") (param i32) {body})");
    guest("0_2_1", &text)
}

fn overrun(budget: Budget, body: &str) -> String {
    let mut instance = load(&ticking(body)).unwrap().instantiate(&PluginSetup::default()).unwrap();
    instance.set_budget(budget);
    Vm::of(instance).unwrap().call(TICK).unwrap_err().message
}

#[test]
fn a_callback_costs_what_it_did() {
    let body = "(drop (call $log (i32.const 2) (i32.const 0) (i32.const 10)))
        (drop (call $now (i32.const 0))) (drop (memory.grow (i32.const 2)))";
    let mut vm = Vm::start(&ticking(body), &PluginSetup::default()).unwrap();
    vm.call(TICK).unwrap();
    let first = vm.instance.cost();
    let expected = Cost {
        fuel: first.fuel,
        hostcalls: 2,
        bytes_read: 10,
        bytes_written: 8,
        memory: 3 << 16,
        memory_growth: 2 << 16,
    };
    assert_eq!(first, expected);
    assert!((5..100).contains(&first.fuel), "{first:?}");
    vm.call(TICK).unwrap();
    assert_eq!(vm.instance.cost(), Cost { memory: 5 << 16, ..first });
    // Nothing is carried over from one call to the next.
    vm.call(Callback::Done { context: 1 }).unwrap();
    assert_eq!(vm.instance.cost(), Cost { memory: 5 << 16, ..Cost::default() });
}

#[test]
fn hostcalls_are_counted_by_name_refused_ones_and_those_of_wasi_too() {
    let imports = r#"(import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))"#;
    let body = "(drop (call $log (i32.const 2) (i32.const 0) (i32.const 10)))
        (drop (call $log (i32.const 2) (i32.const -1) (i32.const 10)))
        (drop (call $now (i32.const -1))) (drop (call $random (i32.const 0) (i32.const 4)))";
    let configure =
        format!(r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) {body} (i32.const 1))"#);
    let module = load(&guest("0_2_1", &format!("{LOG} {imports} {MALLOC} {configure}"))).unwrap();
    let vms = move |plugin: &PluginSetup| module.instantiate(plugin).map_err(|error| error.to_string());
    let sim = Sim::new(Setup { costs: true, ..Setup::of("") });
    let proxy = Proxy::start(sim, Arc::new(vms)).unwrap();
    let tally = &proxy.sim().costs()["proxy_on_configure"];
    let expected = [("proxy_get_current_time_nanoseconds", 3), ("proxy_log", 6), ("random_get", 3)];
    assert_eq!((tally.calls, &tally.hostcalls), (3, &Hostcalls::from(expected)));
    assert_eq!(tally.total.hostcalls, 12);
}

#[test]
fn an_overrun_names_callback_limit_and_use() {
    let forever = "(loop $l (drop (call $now (i32.const 0))) (br $l))";
    let hostcalls = overrun(Budget { hostcalls: 3, ..Budget::default() }, forever);
    assert!(
        hostcalls.starts_with(
            "proxy_on_tick: more hostcalls than the budget of one callback allows: 4, and 3 are allowed"
        ),
        "{hostcalls}"
    );
    let bytes = overrun(Budget { bytes: 20, ..Budget::default() }, forever);
    assert!(bytes.contains("more bytes in hostcalls") && bytes.contains("24, and 20"), "{bytes}");
    let fuel = overrun(Budget { fuel: 1000, ..Budget::default() }, "(loop $l (br $l))");
    assert!(fuel.starts_with("proxy_on_tick did not end within 1000 steps"), "{fuel}");
    let growth = "(loop $l (drop (memory.grow (i32.const 1))) (br $l))";
    let memory = overrun(Budget { memory: 10 << 16, ..Budget::default() }, growth);
    assert!(memory.contains("more bytes of memory") && memory.contains("720896, and 655360"), "{memory}");
}

#[test]
fn growth_without_end_is_refused_at_a_gibibyte() {
    let body = "(loop $l (br_if $l (i32.ne (i32.const -1) (memory.grow (i32.const 1024)))))";
    let mut vm = Vm::start(&ticking(body), &PluginSetup::default()).unwrap();
    vm.call(TICK).unwrap();
    // One page, and 15 times 64 MiB.
    assert_eq!(vm.instance.cost().memory, (1 << 16) + (15 << 26));
}

#[test]
fn without_fuel_no_step_is_counted() {
    let bytes = wat::parse_str(ticking("(drop (call $now (i32.const 0)))")).unwrap();
    let options = LoadOptions { fuel: false, ..LoadOptions::default() };
    let instance = Module::load_with(&bytes, &options).unwrap().instantiate(&PluginSetup::default()).unwrap();
    let mut vm = Vm::of(instance).unwrap();
    vm.call(TICK).unwrap();
    assert_eq!((vm.instance.cost().fuel, vm.instance.cost().hostcalls), (0, 1));
}

#[test]
fn a_compiled_module_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("modules");
    let bytes = wat::parse_str(ticking("")).unwrap();
    let options = LoadOptions { cache: Some(&place), ..LoadOptions::default() };
    for _ in 0..2 {
        Module::load_with(&bytes, &options).unwrap();
    }
    assert!(files(&place) > 0, "nothing is in {}", place.display());
    // What stands in the way of the directory is said.
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let blocked = file.join("modules");
    let error = Module::load_with(&bytes, &LoadOptions { cache: Some(&blocked), ..options }).unwrap_err();
    assert!(error.to_string().contains(&blocked.display().to_string()), "{error}");
}

fn files(directory: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[test]
fn a_profile_names_the_functions() {
    let text = guest(
        "0_2_1",
        &format!(
            r#"{MALLOC} (func $busy (local $i i32)
                 (loop $l (local.set $i (i32.add (local.get $i) (i32.const 1)))
                   (br_if $l (i32.lt_u (local.get $i) (i32.const 1000000)))))
               (func (export "proxy_on_tick") (param i32) (call $busy))"#
        ),
    );
    let options = LoadOptions { fuel: false, profile: true, ..LoadOptions::default() };
    let module = Module::load_with(&wat::parse_str(text).unwrap(), &options).unwrap();
    let mut instance = module.instantiate(&PluginSetup::default()).unwrap();
    instance.start_profile(Duration::from_millis(1)).unwrap();
    let mut vm = Vm::of(instance).unwrap();
    let start = std::time::Instant::now();
    while start.elapsed() < Duration::from_millis(50) {
        vm.call(TICK).unwrap();
    }
    let mut profile = Vec::new();
    vm.instance.finish_profile(&mut profile).unwrap();
    let profile = String::from_utf8(profile).unwrap();
    assert!(profile.starts_with('{') && profile.contains("busy"), "{profile}");
    // None was begun after that.
    let mut nothing = Vec::new();
    vm.instance.finish_profile(&mut nothing).unwrap();
    assert!(nothing.is_empty());
}
