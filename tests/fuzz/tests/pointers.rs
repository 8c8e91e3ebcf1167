//! Hostcalls with any arguments whatever: a status or a trap that is reported, and never a panic.

use bolero::TypeGenerator;
use portcullis_host::{Budget, Instance, Module};
use portcullis_sim::{Callback, Plugin, PluginSetup, Sim};

/// What is called with how many arguments; `proxy_log` and the like have fewer, and are in the table of the host's tests.
const HOSTCALLS: [(&str, usize); 8] = [
    ("proxy_send_local_response", 8),
    ("proxy_http_call", 10),
    ("proxy_grpc_call", 12),
    ("proxy_get_shared_data", 5),
    ("proxy_set_header_map_pairs", 3),
    ("proxy_get_buffer_bytes", 5),
    ("proxy_call_foreign_function", 6),
    ("proxy_define_metric", 4),
];

#[derive(Clone, Debug, TypeGenerator)]
struct Attempt {
    hostcall: u8,
    arguments: [u32; 12],
    memory: Vec<u8>,
}

fn text(attempt: &Attempt) -> String {
    let (name, count) = HOSTCALLS[usize::from(attempt.hostcall) % HOSTCALLS.len()];
    // Every other argument is likely to point at something.
    let near = |(at, value): (usize, &u32)| if at % 2 == 0 { value % 70_000 } else { *value };
    let values = attempt.arguments.iter().enumerate().map(near);
    let values: String =
        values.take(count).map(|value| format!("(i32.const {})", value.cast_signed())).collect();
    let bytes: String = attempt.memory.iter().take(1024).map(|byte| format!("\\{byte:02x}")).collect();
    format!(
        r#"(module (import "env" "{name}" (func $call (param {}) (result i32)))
             (memory (export "memory") 1) (data (i32.const 0) "{bytes}")
             (func (export "proxy_abi_version_0_2_1"))
             (func (export "malloc") (param i32) (result i32) (i32.const 2048))
             (func (export "proxy_on_done") (param i32) (result i32) (call $call {values})))"#,
        "i32 ".repeat(count)
    )
}

fn instance(attempt: &Attempt) -> Instance {
    let module = Module::load(&wat::parse_str(text(attempt)).unwrap()).unwrap();
    let mut instance = module.instantiate(&PluginSetup::default()).unwrap();
    instance.set_budget(Budget { fuel: 100_000, ..Budget::default() });
    instance
}

#[test]
fn any_arguments() {
    bolero::check!().with_type::<Attempt>().with_iterations(300).for_each(|attempt| {
        let status =
            instance(attempt).call(&mut Sim::default(), Callback::Done { context: 1 }).unwrap().unwrap();
        assert!(status <= 12, "{status}");
    });
}
