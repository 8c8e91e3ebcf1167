//! Every callback of ABI 0.2.1.
#![expect(unsafe_code, reason = "the host finds callbacks by their names")]

use crate::{host, ops, state};

const PLUGIN_CONFIGURATION: u32 = 7;

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// Without it the linker has every export run the constructors of libc.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    unsafe { __wasm_call_ctors() }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, parent: u32) {
    state::create(context, parent);
    // The host shows the configuration here to the first root of a VM; to others when they are configured.
    if parent == 0 {
        load_script(context);
    }
    let parent = if parent == 0 { "0".to_owned() } else { state::context_name(parent) };
    call(context, "context_create", &[("parent", parent)]);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(context: u32, size: u32) -> u32 {
    if !state::has_script(context) {
        load_script(context);
    }
    call(context, "configure", &[("size", size.to_string())]).unwrap_or(1)
}

fn load_script(root: u32) {
    let (status, script) = host::buffer(PLUGIN_CONFIGURATION, 0, u32::MAX);
    if status == 0 && !script.bytes.is_empty() {
        state::set_script(root, script.bytes);
    }
}

/// Logs the callback and runs its line, if it has one.
fn call(context: u32, name: &'static str, arguments: &[(&str, String)]) -> Option<u32> {
    let line = state::next_line(context, name)?;
    let arguments: String = arguments.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    ops::note(&format!("on_{name} {}{arguments}", state::context_name(context)));
    ops::run(&line)
}

macro_rules! callbacks {
    ($($export:ident = $name:literal ($($argument:ident),*) $(-> $default:literal)?;)*) => {
        $(#[unsafe(no_mangle)]
        extern "C" fn $export(context: u32 $(, $argument: u32)*) $(-> type_of!($default))? {
            let _returned = call(context, $name, &[$((stringify!($argument), $argument.to_string())),*]);
            $(_returned.unwrap_or($default))?
        })*
    };
}

macro_rules! type_of {
    ($default:literal) => {
        u32
    };
}

callbacks! {
    proxy_on_vm_start = "vm_start"(size) -> 1;
    proxy_on_tick = "tick"();
    proxy_on_queue_ready = "queue_ready"(queue);
    proxy_on_new_connection = "new_connection"() -> 0;
    proxy_on_downstream_data = "downstream_data"(size, eos) -> 0;
    proxy_on_upstream_data = "upstream_data"(size, eos) -> 0;
    proxy_on_downstream_connection_close = "downstream_connection_close"(peer);
    proxy_on_upstream_connection_close = "upstream_connection_close"(peer);
    proxy_on_request_headers = "request_headers"(n, eos) -> 0;
    proxy_on_request_body = "request_body"(size, eos) -> 0;
    proxy_on_request_trailers = "request_trailers"(n) -> 0;
    proxy_on_response_headers = "response_headers"(n, eos) -> 0;
    proxy_on_response_body = "response_body"(size, eos) -> 0;
    proxy_on_response_trailers = "response_trailers"(n) -> 0;
    proxy_on_http_call_response = "http_call_response"(token, n, size, trailers);
    proxy_on_grpc_receive_initial_metadata = "grpc_receive_initial_metadata"(token, n);
    proxy_on_grpc_receive = "grpc_receive"(token, size);
    proxy_on_grpc_receive_trailing_metadata = "grpc_receive_trailing_metadata"(token, n);
    proxy_on_grpc_close = "grpc_close"(token, status);
    proxy_on_foreign_function = "foreign_function"(function, size);
    proxy_on_done = "done"() -> 1;
    proxy_on_log = "log"();
    proxy_on_delete = "delete"();
}
