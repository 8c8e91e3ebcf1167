//! Modules that are cut off, changed or hostile: a report, and never a panic.

use portcullis_host::{Budget, LoadError, Module, ModuleError};
use portcullis_sim::{Callback, PluginSetup};

use crate::common::{LOG, MALLOC, Vm, guest, load, start};

const TICK: Callback = Callback::Tick { context: 1 };

fn whole() -> Vec<u8> {
    let text = guest(
        "0_2_1",
        &format!(
            r#"{LOG} {MALLOC} (table 1 funcref) (global $g (mut i32) (i32.const 1)) (data (i32.const 8) "text")
               (func (export "_initialize") (global.set $g (i32.const 2)))
               (func (export "proxy_on_tick") (param i32) (drop (call $log (i32.const 2) (i32.const 8) (i32.const 4))))"#
        ),
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn a_module_that_is_cut_off_is_damaged_at_every_length() {
    let whole = whole();
    for length in 0..whole.len() {
        let error = Module::load(&whole[..length]).map(|_| length);
        // What is cut between two sections may be whole again, and lacks an export.
        let is_told = matches!(
            &error,
            Err(LoadError::Module(
                ModuleError::NotWasm(_)
                    | ModuleError::Damaged(_)
                    | ModuleError::NotProxyWasm
                    | ModuleError::NoMemory
            ))
        );
        assert!(is_told || Module::load(&whole[..length]).is_ok(), "{length}: {error:?}");
    }
    Module::load(&whole).unwrap();
}

#[test]
fn a_byte_that_is_changed_is_an_error_or_another_module() {
    let whole = whole();
    let mut loaded = 0;
    for at in 0..whole.len() {
        for value in [0x00, 0x01, 0x40, 0x7f, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] = value;
            let Ok(module) = Module::load(&changed) else { continue };
            loaded += 1;
            let Ok(mut instance) = module.instantiate(&PluginSetup::default()) else { continue };
            instance.set_budget(Budget { fuel: 10_000, ..Budget::default() });
            // Whether it still does anything is its own business.
            let _ = Vm::of(instance).and_then(|mut vm| vm.call(TICK));
        }
    }
    assert!(loaded > 0);
}

#[test]
fn nothing_is_asked_of_the_allocator_when_there_is_nothing_to_give() {
    let text = r#"(import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
        (func (export "malloc") (param i32) (result i32) unreachable)
        (func (export "proxy_on_done") (param i32) (result i32)
          (call $pairs (i32.const 0) (i32.const 0) (i32.const 4)))"#;
    let mut vm = Vm::start(&guest("0_2_1", text), &PluginSetup::default()).unwrap();
    assert_eq!(vm.call(Callback::Done { context: 1 }), Ok(Some(0)));
}

#[test]
fn hostile_allocators_end_in_a_status_or_a_trap() {
    for (malloc, expected) in [
        ("(i32.const 0)", Ok(())),
        ("(i32.const 65536)", Ok(())),
        ("(i32.const -1)", Ok(())),
        ("(i32.const 65530)", Ok(())),
        ("unreachable", Err("unreachable")),
        ("(loop $l (br $l)) (i32.const 0)", Err("steps")),
    ] {
        let text = format!(
            r#"(import "env" "proxy_get_buffer_bytes" (func $bytes (param i32 i32 i32 i32 i32) (result i32)))
               (func (export "malloc") (param i32) (result i32) {malloc})
               (func (export "proxy_on_configure") (param i32 i32) (result i32)
                 (i32.eq (i32.const 6) (call $bytes (i32.const 7) (i32.const 0) (i32.const 99) (i32.const 0) (i32.const 4))))"#
        );
        let started = start(&guest("0_2_1", &text), Budget { fuel: 100_000, ..Budget::default() });
        match (expected, started) {
            (Ok(_), Ok(_)) => {}
            (Err(part), Err(error)) => assert!(error.to_string().contains(part), "{malloc}: {error}"),
            (expected, started) => panic!("{malloc}: {expected:?} and {started:?}"),
        }
    }
}

#[test]
fn a_start_section_runs_and_calls_nobody() {
    let starting = |body: &str| {
        let text = format!("{LOG} {MALLOC} (global $g (mut i32) (i32.const 0)) (func $s {body}) (start $s)");
        load(&guest("0_2_1", &text)).unwrap().instantiate(&PluginSetup::default()).map(|_| ())
    };
    assert_eq!(starting("(global.set $g (i32.const 1))"), Ok(()));
    let trapped = starting("unreachable").unwrap_err().to_string();
    assert!(trapped.contains("unreachable"), "{trapped}");
    let called =
        starting("(drop (call $log (i32.const 2) (i32.const 0) (i32.const 1)))").unwrap_err().to_string();
    assert!(
        called.contains("proxy_log was called: a module's start section cannot call the proxy"),
        "{called}"
    );
}

#[test]
fn a_panic_after_a_refusal_names_the_refusal() {
    let text = format!(
        r#"(import "env" "proxy_done" (func $done (result i32))) {MALLOC}
           (func $panic (if (i32.ne (i32.const 0) (call $done)) (then unreachable)))
           (func (export "proxy_on_tick") (param i32) (call $panic))"#
    );
    let mut vm = Vm::start(&guest("0_2_1", &text), &PluginSetup::default()).unwrap();
    let message = vm.call(TICK).unwrap_err().message;
    assert!(
        message.contains("Possible cause: in this callback proxy_done ended with NOT_FOUND"),
        "{message}"
    );
    assert!(message.contains("panic"), "{message}");
}

#[test]
fn a_name_makes_no_line_of_its_own_in_a_report() {
    let body = r#"(func $stop (@name "a\0aIn-VM forged") (unreachable)) (func (export "proxy_on_tick") (param i32) (call $stop))"#;
    for module in ["", r#"(@name "b\0aIn-VM forged")"#] {
        let text = guest("0_2_1", &format!("{module} {MALLOC} {body}"));
        let report = Vm::start(&text, &PluginSetup::default()).unwrap().call(TICK).unwrap_err().message;
        assert!(report.contains(r"a\nIn-VM forged"), "{report}");
        assert!(!report.lines().any(|line| line.starts_with("In-VM forged")), "{report}");
    }
}
