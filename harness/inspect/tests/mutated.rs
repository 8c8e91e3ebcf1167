//! Modules that are cut off, changed or made up: a description or an error of one line, and never a panic.

use portcullis_inspect::{Description, ModuleError, bounded, inspect};
use proptest::prelude::*;

/// A module with a section of each kind.
fn whole() -> Vec<u8> {
    let text = r#"(module
        (type $log (func (param i32 i32 i32) (result i32)))
        (import "env" "proxy_log" (func $proxy_log (type $log)))
        (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
        (memory (export "memory") 1 2)
        (table 1 funcref) (elem (i32.const 0) $tick)
        (global $g (mut i32) (i32.const 1))
        (data (i32.const 8) "text") (data "passive")
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func $start (global.set $g (i32.const 2))) (start $start)
        (func (export "_initialize"))
        (func $tick (export "proxy_on_tick") (param i32)
            (drop (call $proxy_log (i32.const 2) (i32.const 8) (i32.const 4)))
            (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 1)))
        (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (local v128)
            (block $b (result i32) (br_if $b (i32.const 1) (local.get 1)))))"#;
    wat::parse_str(text).unwrap()
}

/// What is told is of one line, and not endless.
fn told(bytes: &[u8]) -> Result<Description, ModuleError> {
    let found = inspect(bytes);
    if let Err(error) = &found {
        let text = error.to_string();
        assert!(!text.contains(char::is_control) && text.len() < 10_000, "{text:?}");
    }
    if let Ok(before) = &found {
        match bounded(bytes) {
            Ok((bytes, _)) => assert_eq!(inspect(&bytes).unwrap().other_exports, before.other_exports),
            Err(error) => assert!(matches!(error, ModuleError::TooLarge { .. }), "{error}"),
        }
    }
    found
}

#[test]
fn a_module_that_is_cut_off_says_so_at_every_length() {
    let whole = whole();
    told(&whole).unwrap();
    for length in 0..whole.len() {
        let found = told(&whole[..length]);
        assert!(found.is_err() || length > 8, "{length}: {found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_module_that_is_changed_is_an_error_or_another_module(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..6)
    ) {
        let mut bytes = whole();
        for (at, value, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = value,
                1 => bytes.insert(at, value),
                _ => drop(bytes.remove(at)),
            }
        }
        let _ = told(&bytes);
    }

    #[test]
    fn a_module_that_is_made_up_is_an_error_or_a_module(rest in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = told(&[b"\0asm\x01\0\0\0", rest.as_slice()].concat());
        let _ = told(&rest);
    }
}
