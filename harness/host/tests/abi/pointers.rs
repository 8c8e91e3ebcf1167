//! Every hostcall with every kind of pointer and size: what is outside of the memory is a status, and nothing is a panic.

use portcullis_host::Budget;
use portcullis_sim::http::{Request, Sending};
use portcullis_sim::{Callback, PluginSetup, Trap};

use crate::common::{self, Vm, load, start};

const END: u32 = 4 * 65_536;
const VALUES: [u32; 6] = [0, 1, END - 1, END, 1 << 31, u32::MAX];

/// Where the guest has the rows of arguments, and where it puts the statuses.
const ROWS: u32 = 64;
const STATUSES: u32 = 190_000;

/// The hostcalls of 0.2.1. Each letter is an argument: `p` and `n` a pointer to read from and its size, `w` where four bytes
/// are written and `W` where eight are, `v` a value, `I` a value of 64 bits.
const HOSTCALLS: [(&str, &str); 39] = [
    ("proxy_log", "vpn"),
    ("proxy_get_log_level", "w"),
    ("proxy_get_status", "www"),
    ("proxy_set_property", "pnpn"),
    ("proxy_get_property", "pnww"),
    ("proxy_send_local_response", "vpnpnpnv"),
    ("proxy_get_shared_data", "pnwww"),
    ("proxy_set_shared_data", "pnpnv"),
    ("proxy_register_shared_queue", "pnw"),
    ("proxy_resolve_shared_queue", "pnpnw"),
    ("proxy_dequeue_shared_queue", "vww"),
    ("proxy_enqueue_shared_queue", "vpn"),
    ("proxy_get_header_map_value", "vpnww"),
    ("proxy_add_header_map_value", "vpnpn"),
    ("proxy_replace_header_map_value", "vpnpn"),
    ("proxy_remove_header_map_value", "vpn"),
    ("proxy_get_header_map_pairs", "vww"),
    ("proxy_set_header_map_pairs", "vpn"),
    ("proxy_get_header_map_size", "vw"),
    ("proxy_get_buffer_status", "vww"),
    ("proxy_get_buffer_bytes", "vvvww"),
    ("proxy_set_buffer_bytes", "vvvpn"),
    ("proxy_http_call", "pnpnpnpnvw"),
    ("proxy_grpc_call", "pnpnpnpnpnvw"),
    ("proxy_grpc_stream", "pnpnpnpnw"),
    ("proxy_grpc_close", "v"),
    ("proxy_grpc_cancel", "v"),
    ("proxy_grpc_send", "vpnv"),
    ("proxy_set_tick_period_milliseconds", "v"),
    ("proxy_get_current_time_nanoseconds", "W"),
    ("proxy_define_metric", "vpnw"),
    ("proxy_increment_metric", "vI"),
    ("proxy_record_metric", "vI"),
    ("proxy_get_metric", "vW"),
    ("proxy_set_effective_context", "v"),
    ("proxy_done", ""),
    ("proxy_call_foreign_function", "pnpnww"),
    ("proxy_continue_stream", "v"),
    ("proxy_close_stream", "v"),
];

/// What is good where nothing bad is tried.
fn good(kind: char) -> u32 {
    match kind {
        'p' => 8,
        'n' => 2,
        'w' | 'W' => 16,
        _ => 0,
    }
}

/// Every pair of arguments with every pair of values, all others good.
fn rows(kinds: &str) -> Vec<Vec<u32>> {
    let usual: Vec<u32> = kinds.chars().map(good).collect();
    let mut rows = vec![usual.clone()];
    for first in 0..usual.len() {
        for second in first..usual.len() {
            for (a, b) in VALUES.iter().flat_map(|a| VALUES.iter().map(move |b| (*a, *b))) {
                let mut row = usual.clone();
                (row[first], row[second]) = (a, b);
                rows.push(row);
            }
        }
    }
    rows
}

/// A guest that makes the call once per row and logs a letter per status, A for 0.
fn guest(name: &str, kinds: &str, rows: &[Vec<u32>]) -> String {
    let width = (kinds.len() * 4) as u32;
    let parameters: String = kinds.chars().map(|kind| if kind == 'I' { "i64 " } else { "i32 " }).collect();
    let load = |(index, kind): (usize, char)| match kind {
        'I' => format!("(i64.load32_u offset={} (local.get $row))", index * 4),
        _ => format!("(i32.load offset={} (local.get $row))", index * 4),
    };
    let arguments: String = kinds.chars().enumerate().map(load).collect();
    let bytes: String = rows
        .iter()
        .flatten()
        .flat_map(|value| value.to_le_bytes())
        .map(|byte| format!("\\{byte:02x}"))
        .collect();
    let count = rows.len();
    format!(
        r#"(module
          (import "env" "proxy_log" (func $say (param i32 i32 i32) (result i32)))
          (import "env" "{name}" (func $call (param {parameters}) (result i32)))
          (memory (export "memory") 4)
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "malloc") (param i32) (result i32) (i32.const 200000))
          (data (i32.const {ROWS}) "{bytes}")
          (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (local $row i32) (local $index i32)
            (local.set $row (i32.const {ROWS}))
            (loop $next
              (i32.store8 offset={STATUSES} (local.get $index) (i32.add (i32.const 65) (call $call {arguments})))
              (local.set $row (i32.add (local.get $row) (i32.const {width})))
              (local.set $index (i32.add (local.get $index) (i32.const 1)))
              (br_if $next (i32.lt_u (local.get $index) (i32.const {count}))))
            (drop (call $say (i32.const 5) (i32.const {STATUSES}) (i32.const {count})))
            (i32.const 0)))"#
    )
}

/// The status of each row.
fn statuses(name: &str, kinds: &str, rows: &[Vec<u32>]) -> Vec<u32> {
    let mut proxy =
        start(&guest(name, kinds, rows), Budget { bytes: u64::MAX, ..Budget::default() }).unwrap();
    let headers = [(":method", "GET"), (":path", "/"), (":authority", "a.example")];
    let headers = headers.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).to_vec();
    let request = Request { headers, ..Request::default() };
    // What becomes of the request depends on what was called in it.
    let _ = proxy.send(&[Sending { request, ..Sending::default() }]);
    // To resume a response that is not there is the end of Envoy, after the callback.
    let is_fine = |trap: &Trap| name == "proxy_continue_stream" && trap.message.contains("itself crashes");
    assert!(proxy.trap().is_none_or(is_fine), "{name}: {:?}", proxy.trap());
    let letters = proxy.sim().log().iter().rev().find(|line| line.message.len() == rows.len());
    let letters = letters.unwrap_or_else(|| panic!("{name} has said nothing")).message.clone();
    letters.bytes().map(|letter| u32::from(letter) - 65).collect()
}

fn is_outside(pointer: u32, size: u32) -> bool {
    u64::from(pointer) + u64::from(size) > u64::from(END)
}

/// Whether the guest named something to read that is not in its memory, and whether something to write.
fn outside(kinds: &str, row: &[u32]) -> (bool, bool) {
    let kinds: Vec<char> = kinds.chars().collect();
    let reads = kinds.windows(2).zip(row.windows(2));
    let reads = reads.filter(|(kinds, _)| *kinds == ['p', 'n']).any(|(_, row)| is_outside(row[0], row[1]));
    let writes = kinds.iter().zip(row).any(|(kind, pointer)| match kind {
        'w' => is_outside(*pointer, 4),
        'W' => is_outside(*pointer, 8),
        _ => false,
    });
    (reads, writes)
}

fn is_unknown(name: &str, first: u32) -> bool {
    let highest = match name {
        "proxy_log" => 5,
        name if name.contains("header_map") => 7,
        name if name.contains("buffer") => 8,
        _ => return false,
    };
    first > highest
}

#[test]
fn the_guest_tells_the_statuses_apart() {
    let rows =
        [[2, 8, 2], [9, 8, 2], [2, END - 1, 2], [2, END, 0], [2, END - 1, 1], [2, u32::MAX, 0], [9, END, 9]]
            .map(Vec::from);
    assert_eq!(statuses("proxy_log", "vpn", &rows), [0, 2, 6, 0, 0, 6, 2]);
}

#[test]
fn every_pointer_and_size_ends_in_a_status() {
    for (name, kinds) in HOSTCALLS {
        let mut rows = rows(kinds);
        // No upstream at all is the end of Envoy, and has a test of its own.
        rows.retain(|row| !["proxy_grpc_call", "proxy_grpc_stream"].contains(&name) || row[1] != 0);
        for (row, status) in rows.iter().zip(statuses(name, kinds, &rows)) {
            assert!(status <= 12 && status != 5 && status != 9, "{name}{row:?} = {status}");
            let (reads, writes) = outside(kinds, row);
            // What the first number says is looked at before any pointer.
            let expected = if kinds.starts_with('v') && is_unknown(name, row[0]) { 2 } else { 6 };
            assert!(!reads || status == expected, "{name}{row:?} reads outside and gets {status}");
            assert!(!writes || status != 0, "{name}{row:?} wants a result outside and gets {status}");
        }
    }
}

#[test]
fn a_grpc_call_to_nobody_would_abort_envoy() {
    let text = guest("proxy_grpc_stream", "pnpnpnpnw", &[vec![8, 0, 8, 2, 8, 2, 8, 2, 16]]);
    let instance = load(&text).unwrap().instantiate(&PluginSetup::default()).unwrap();
    let mut vm = Vm::of(instance).unwrap();
    let callback = Callback::RequestHeaders { context: 1, count: 0, end_of_stream: true };
    vm.call(callback).unwrap();
    let lines = vm.lines();
    assert!(
        lines.iter().any(|line| line.starts_with("Envoy 1.40 itself crashes here: a gRPC call")),
        "{lines:?}"
    );
}

#[test]
fn a_foreign_function_without_a_place_for_its_result_is_the_end_of_envoy() {
    for (address, result, is_crash) in
        [(0, "r", true), (65_535, "rr", true), (65_535, "r", false), (0, "", false)]
    {
        let wat = common::guest(
            "0_2_1",
            &format!(
                r#"(import "env" "proxy_call_foreign_function" (func $call (param i32 i32 i32 i32 i32 i32) (result i32)))
                   (data (i32.const 16) "echo{result}")
                   (func (export "malloc") (param i32) (result i32) (i32.const {address}))
                   (func (export "proxy_on_done") (param i32) (result i32)
                     (call $call (i32.const 16) (i32.const 4) (i32.const 20) (i32.const {}) (i32.const 0x40) (i32.const 0)))"#,
                result.len()
            ),
        );
        let mut vm = Vm::start(&wat, &PluginSetup::default()).unwrap();
        vm.sim.register_foreign_function("echo", |arguments| Ok(arguments.to_vec()));
        let status = vm.call(Callback::Done { context: 1 }).unwrap().unwrap();
        assert_eq!(status, if is_crash { 6 } else { 0 }, "{address} {result}");
        let crashes = vm.lines().iter().any(|line| line.starts_with("Envoy 1.40 itself crashes here"));
        assert_eq!(crashes, is_crash, "{address} {result}");
    }
}
