//! Every function of WASI that Envoy has, under both names, with the answer that Envoy gives.

use crate::common::{LOG, MALLOC, Vm, guest, load};
use portcullis_host::{LoadError, ModuleError};
use portcullis_sim::{Callback, PluginSetup};

const NAMES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// A free place in the guest's memory, and one beyond its end.
const HERE: i64 = 512;
const BEYOND: i64 = 65_536;

/// Name, parameters, arguments, answer.
type Case = (&'static str, &'static str, &'static [i64], u32);

const CASES: &[Case] = &[
    ("fd_write", "iiii", &[1, HERE, 0, HERE], 0),
    ("fd_write", "iiii", &[2, HERE, 1, BEYOND], 21),
    ("fd_write", "iiii", &[1, BEYOND, 1, HERE], 21),
    ("fd_write", "iiii", &[3, HERE, 0, HERE], 8),
    ("fd_pwrite", "iiiIi", &[1, HERE, 0, 0, HERE], 0),
    ("fd_pwrite", "iiiIi", &[0, HERE, 0, 0, HERE], 8),
    ("fd_read", "iiii", &[0, HERE, 1, HERE], 52),
    ("fd_pread", "iiiIi", &[1, HERE, 1, 0, HERE], 52),
    ("fd_seek", "iIii", &[1, 0, 0, HERE], 0),
    ("fd_close", "i", &[1], 0),
    ("fd_fdstat_get", "ii", &[1, HERE], 0),
    ("fd_fdstat_get", "ii", &[2, BEYOND], 0),
    ("fd_fdstat_get", "ii", &[0, HERE], 8),
    ("fd_fdstat_set_flags", "ii", &[1, 0], 52),
    ("fd_fdstat_set_rights", "iII", &[1, 0, 0], 0),
    ("fd_fdstat_set_rights", "iII", &[3, 0, 0], 8),
    ("environ_get", "ii", &[HERE, HERE], 0),
    ("environ_sizes_get", "ii", &[HERE, HERE], 0),
    ("environ_sizes_get", "ii", &[HERE, BEYOND], 21),
    ("args_get", "ii", &[BEYOND, BEYOND], 0),
    ("args_sizes_get", "ii", &[HERE, HERE], 0),
    ("args_sizes_get", "ii", &[BEYOND, HERE], 21),
    ("clock_time_get", "iIi", &[0, 0, HERE], 0),
    ("clock_time_get", "iIi", &[1, 0, HERE], 0),
    ("clock_time_get", "iIi", &[2, 0, HERE], 58),
    ("clock_time_get", "iIi", &[0, 0, BEYOND - 7], 21),
    ("clock_res_get", "ii", &[1, HERE], 0),
    ("clock_res_get", "ii", &[3, HERE], 58),
    ("clock_res_get", "ii", &[0, BEYOND], 21),
    ("fd_advise", "iIIi", &[9, 0, 0, 0], 0),
    ("fd_allocate", "iII", &[1, 0, 0], 0),
    ("fd_allocate", "iII", &[3, 0, 0], 8),
    ("fd_datasync", "i", &[2], 0),
    ("fd_datasync", "i", &[0], 8),
    ("fd_filestat_set_size", "iI", &[1, 0], 0),
    ("fd_filestat_set_size", "iI", &[4, 0], 8),
    ("fd_filestat_set_times", "iIIi", &[2, 0, 0, 0], 0),
    ("fd_filestat_set_times", "iIIi", &[5, 0, 0, 0], 8),
    ("fd_readdir", "iiiIi", &[3, HERE, 8, 0, HERE], 20),
    ("fd_readdir", "iiiIi", &[3, HERE, 8, 0, BEYOND], 21),
    ("fd_renumber", "ii", &[1, 2], 58),
    ("fd_renumber", "ii", &[1, 3], 8),
    ("fd_renumber", "ii", &[3, 1], 8),
    ("fd_sync", "i", &[1], 0),
    ("fd_sync", "i", &[3], 8),
    ("fd_tell", "ii", &[1, HERE], 0),
    ("fd_tell", "ii", &[1, BEYOND - 7], 21),
    ("fd_tell", "ii", &[3, BEYOND], 8),
    ("path_create_directory", "iii", &[3, HERE, 1], 58),
    ("path_filestat_set_times", "iiiiIIi", &[3, 0, HERE, 1, 0, 0, 0], 58),
    ("path_link", "iiiiii", &[3, 0, HERE, 1, 3, HERE], 58),
    ("path_readlink", "iiiiii", &[3, HERE, 1, HERE, 1, HERE], 58),
    ("path_readlink", "iiiiii", &[3, HERE, 1, HERE, 1, BEYOND], 21),
    ("path_remove_directory", "iii", &[3, HERE, 1], 58),
    ("path_rename", "iiiiii", &[3, HERE, 1, 3, HERE, 1], 58),
    ("path_symlink", "iiii", &[HERE, 1, 3, HERE], 58),
    ("path_unlink_file", "iii", &[3, HERE, 1], 58),
    ("sock_accept", "iii", &[3, 0, HERE], 58),
    ("sock_accept", "iii", &[3, 0, BEYOND - 7], 21),
    ("sock_recv", "iiiiii", &[3, HERE, 0, 0, HERE, HERE], 58),
    ("sock_recv", "iiiiii", &[3, HERE, 0, 0, HERE, BEYOND - 1], 21),
    ("sock_send", "iiiii", &[3, HERE, 0, 0, HERE], 58),
    ("sock_send", "iiiii", &[3, HERE, 0, 0, BEYOND], 21),
    ("sock_shutdown", "ii", &[3, 0], 58),
    ("random_get", "ii", &[HERE, 16], 0),
    ("random_get", "ii", &[BEYOND, 0], 0),
    ("random_get", "ii", &[BEYOND, 1], 21),
    ("random_get", "ii", &[0, 65_537], 28),
    ("sched_yield", "", &[], 0),
    ("poll_oneoff", "iiii", &[HERE, HERE, 1, HERE], 0),
    ("poll_oneoff", "iiii", &[HERE, HERE, 1, BEYOND], 21),
    ("path_open", "iiiiiIIii", &[3, 0, HERE, 1, 0, 0, 0, 0, HERE], 44),
    ("fd_prestat_get", "ii", &[3, HERE], 8),
    ("fd_prestat_dir_name", "iii", &[3, HERE, 1], 52),
    ("path_filestat_get", "iiiii", &[3, 0, HERE, 1, HERE], 58),
    ("fd_filestat_get", "ii", &[1, HERE], 8),
];

fn kinds(parameters: &str) -> String {
    parameters.chars().map(|kind| if kind == 'I' { "i64 " } else { "i32 " }).collect()
}

/// A guest whose `proxy_on_done` returns what the function returns.
fn asking(from: &str, (name, parameters, arguments, _): &Case) -> String {
    let values = parameters.chars().zip(*arguments);
    let values: String = values
        .map(
            |(kind, value)| {
                if kind == 'I' { format!("(i64.const {value})") } else { format!("(i32.const {value})") }
            },
        )
        .collect();
    guest(
        "0_2_1",
        &format!(
            r#"(import "{from}" "{name}" (func $f (param {}) (result i32))) {MALLOC}
               (func (export "proxy_on_done") (param i32) (result i32) (call $f {values}))"#,
            kinds(parameters)
        ),
    )
}

#[test]
fn every_function_answers_as_in_envoy() {
    for from in NAMES {
        for case in CASES {
            let mut vm = Vm::start(&asking(from, case), &PluginSetup::default()).unwrap();
            let answer = vm.call(Callback::Done { context: 1 });
            assert_eq!(answer, Ok(Some(case.3)), "{from}.{}{:?}", case.0, case.2);
            // The journal names what was called, or what was wrong with its addresses.
            assert!(vm.sim.journal().iter().any(|entry| entry.name == case.0), "{}", case.0);
        }
    }
}

#[test]
fn the_table_has_all_45_functions() {
    let mut names: Vec<_> = CASES.iter().map(|(name, ..)| *name).collect();
    names.sort_unstable();
    names.dedup();
    // proc_exit returns nothing and has a test of its own.
    assert_eq!(names.len() + 1, 45, "{names:?}");
}

#[test]
fn two_functions_have_one_parameter_less_than_in_wasi() {
    for (name, parameters, wanted) in [("path_link", "iiiiiii", 6), ("path_symlink", "iiiii", 4)] {
        let import = format!(
            r#"(import "wasi_snapshot_preview1" "{name}" (func (param {}) (result i32))) {MALLOC}"#,
            kinds(parameters)
        );
        let error = load(&guest("0_2_1", &import)).unwrap_err();
        let LoadError::Module(ModuleError::WrongSignature(names)) = &error else { panic!("{error}") };
        let provided = format!("and provided as {} -> i32", vec!["i32"; wanted].join(" "));
        assert!(names[0].ends_with(&provided), "{error}");
    }
}

#[test]
fn seeking_and_closing_do_nothing_and_say_nothing_in_the_plugins_log() {
    let mut vm = Vm::start(&asking(NAMES[0], &("fd_close", "i", &[1], 0)), &PluginSetup::default()).unwrap();
    vm.call(Callback::Done { context: 1 }).unwrap();
    assert_eq!(vm.lines(), [""; 0]);
}

#[test]
fn the_environment_is_the_plugins() {
    let wat = guest(
        "0_2_1",
        &format!(
            r#"{LOG}
               (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
               (import "wasi_snapshot_preview1" "environ_get" (func $get (param i32 i32) (result i32)))
               {MALLOC}
               (func (export "proxy_on_done") (param i32) (result i32)
                 (drop (call $sizes (i32.const 0) (i32.const 4)))
                 (drop (call $get (i32.const 16) (i32.const 64)))
                 (drop (call $log (i32.const 2) (i32.load (i32.const 20)) (i32.const 5)))
                 (drop (call $log (i32.const 2) (i32.load (i32.const 16)) (i32.load (i32.const 4))))
                 (i32.load (i32.const 0)))"#
        ),
    );
    let environment = [("A", "1"), ("B", "2=3")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let setup = PluginSetup { environment: environment.into(), ..PluginSetup::default() };
    let mut vm = Vm::start(&wat, &setup).unwrap();
    assert_eq!(vm.call(Callback::Done { context: 1 }), Ok(Some(2)));
    assert_eq!(vm.lines(), ["B=2=3", "A=1\0B=2=3\0"]);
}

#[test]
fn some_functions_are_not_there_while_the_module_starts() {
    for (name, parameters, is_allowed) in [
        ("sched_yield", "", false),
        ("fd_seek", "iIii", false),
        ("path_open", "iiiiiIIii", false),
        ("sock_accept", "iii", true),
        ("poll_oneoff", "iiii", true),
        ("fd_fdstat_set_flags", "ii", true),
    ] {
        let zeros: String = parameters
            .chars()
            .map(|kind| if kind == 'I' { "(i64.const 0)" } else { "(i32.const 0)" })
            .collect();
        let wat = guest(
            "0_2_1",
            &format!(
                r#"(import "wasi_snapshot_preview1" "{name}" (func $f (param {}) (result i32))) {MALLOC}
                   (func (export "_initialize") (drop (call $f {zeros})))"#,
                kinds(parameters)
            ),
        );
        let started = Vm::start(&wat, &PluginSetup::default()).map(|_| ());
        assert_eq!(started.is_ok(), is_allowed, "{name}: {started:?}");
    }
}

#[test]
fn the_journal_has_each_call_once_with_its_error() {
    let wat = guest(
        "0_2_1",
        &format!(
            r#"(import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
               (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
               (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
               {MALLOC}
               (func (export "proxy_on_done") (param i32) (result i32)
                 (drop (call $time (i32.const 0) (i64.const 0) (i32.const 64)))
                 (drop (call $random (i32.const 64) (i32.const 65537)))
                 (call $write (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0)))"#
        ),
    );
    let mut vm = Vm::start(&wat, &PluginSetup::default()).unwrap();
    assert_eq!(vm.call(Callback::Done { context: 1 }), Ok(Some(8)));
    let journal: Vec<_> = vm.sim.journal().iter().map(|entry| entry.to_string().trim().to_owned()).collect();
    assert_eq!(
        journal,
        [
            "clock_time_get() = OK",
            "random_get() = BAD_ARGUMENT (WASI's error 28, EINVAL)",
            "fd_write() = NOT_FOUND (WASI's error 8, EBADF)",
        ]
    );
}
