//! The 39 hostcalls of ABI 0.2.1, as they are: a status comes back, values through pointers.
#![expect(unsafe_code, reason = "hostcalls take pointers")]

use std::ptr::null_mut;

/// What a hostcall says of itself; 0 is `Ok`.
pub(crate) type Status = u32;

/// Bytes that the host has put into the guest.
#[derive(Default)]
pub(crate) struct Taken {
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// The host allocated nothing: pointer 0 and size 0.
    pub(crate) is_null: bool,
}

macro_rules! imports {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => {
        #[link(wasm_import_module = "env")]
        unsafe extern "C" {
            $(fn $name($($arg: $type),*) -> Status;)*
        }
    };
}

imports! {
    proxy_log(level: u32, message: *const u8, size: usize);
    proxy_get_log_level(level: *mut u32);
    proxy_get_status(code: *mut u32, message: *mut *mut u8, size: *mut usize);
    proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize);
    proxy_get_property(path: *const u8, path_size: usize, value: *mut *mut u8, value_size: *mut usize);
    proxy_send_local_response(
        status: u32, details: *const u8, details_size: usize, body: *const u8, body_size: usize,
        headers: *const u8, headers_size: usize, grpc_status: i32
    );
    proxy_get_shared_data(key: *const u8, key_size: usize, value: *mut *mut u8, value_size: *mut usize, cas: *mut u32);
    proxy_set_shared_data(key: *const u8, key_size: usize, value: *const u8, value_size: usize, cas: u32);
    proxy_register_shared_queue(name: *const u8, size: usize, id: *mut u32);
    proxy_resolve_shared_queue(vm_id: *const u8, vm_id_size: usize, name: *const u8, size: usize, id: *mut u32);
    proxy_dequeue_shared_queue(id: u32, value: *mut *mut u8, size: *mut usize);
    proxy_enqueue_shared_queue(id: u32, value: *const u8, size: usize);
    proxy_get_header_map_value(map: u32, key: *const u8, key_size: usize, value: *mut *mut u8, size: *mut usize);
    proxy_add_header_map_value(map: u32, key: *const u8, key_size: usize, value: *const u8, size: usize);
    proxy_replace_header_map_value(map: u32, key: *const u8, key_size: usize, value: *const u8, size: usize);
    proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize);
    proxy_get_header_map_pairs(map: u32, value: *mut *mut u8, size: *mut usize);
    proxy_set_header_map_pairs(map: u32, pairs: *const u8, size: usize);
    proxy_get_header_map_size(map: u32, size: *mut u32);
    proxy_get_buffer_status(buffer: u32, length: *mut u32, flags: *mut u32);
    proxy_get_buffer_bytes(buffer: u32, start: u32, max: u32, value: *mut *mut u8, size: *mut usize);
    proxy_set_buffer_bytes(buffer: u32, start: u32, size: u32, value: *const u8, value_size: usize);
    proxy_http_call(
        cluster: *const u8, cluster_size: usize, headers: *const u8, headers_size: usize, body: *const u8,
        body_size: usize, trailers: *const u8, trailers_size: usize, timeout: u32, token: *mut u32
    );
    proxy_grpc_call(
        upstream: *const u8, upstream_size: usize, service: *const u8, service_size: usize, method: *const u8,
        method_size: usize, metadata: *const u8, metadata_size: usize, message: *const u8, message_size: usize,
        timeout: u32, token: *mut u32
    );
    proxy_grpc_stream(
        upstream: *const u8, upstream_size: usize, service: *const u8, service_size: usize, method: *const u8,
        method_size: usize, metadata: *const u8, metadata_size: usize, token: *mut u32
    );
    proxy_grpc_send(token: u32, message: *const u8, size: usize, end_of_stream: u32);
    proxy_grpc_close(token: u32);
    proxy_grpc_cancel(token: u32);
    proxy_set_tick_period_milliseconds(period: u32);
    proxy_get_current_time_nanoseconds(time: *mut u64);
    proxy_define_metric(kind: u32, name: *const u8, size: usize, id: *mut u32);
    proxy_increment_metric(id: u32, by: i64);
    proxy_record_metric(id: u32, value: u64);
    proxy_get_metric(id: u32, value: *mut u64);
    proxy_set_effective_context(context: u32);
    proxy_done();
    proxy_call_foreign_function(name: *const u8, name_size: usize, args: *const u8, args_size: usize, value: *mut *mut u8, size: *mut usize);
    proxy_continue_stream(stream: u32);
    proxy_close_stream(stream: u32);
}

/// A hostcall that returns only its status.
macro_rules! plain {
    ($($name:ident = $import:ident($($arg:ident: $type:tt),*);)*) => {
        $(pub(crate) fn $name($($arg: given!($type)),*) -> Status {
            spread!($import [] $($arg: $type,)*)
        })*
    };
}

/// How an argument is given: a number, or bytes.
macro_rules! given {
    (bytes) => {
        &[u8]
    };
    ($number:ident) => {
        $number
    };
}

/// Calls an import, with a pointer and a size for each argument of bytes.
macro_rules! spread {
    ($import:ident [$($done:expr,)*]) => { unsafe { $import($($done),*) } };
    ($import:ident [$($done:expr,)*] $arg:ident: bytes, $($rest:tt)*) => {
        spread!($import [$($done,)* $arg.as_ptr(), $arg.len(),] $($rest)*)
    };
    ($import:ident [$($done:expr,)*] $arg:ident: $type:ident, $($rest:tt)*) => {
        spread!($import [$($done,)* $arg,] $($rest)*)
    };
}

plain! {
    log = proxy_log(level: u32, message: bytes);
    set_property = proxy_set_property(path: bytes, value: bytes);
    set_shared_data = proxy_set_shared_data(key: bytes, value: bytes, cas: u32);
    enqueue = proxy_enqueue_shared_queue(id: u32, value: bytes);
    add = proxy_add_header_map_value(map: u32, key: bytes, value: bytes);
    replace = proxy_replace_header_map_value(map: u32, key: bytes, value: bytes);
    remove = proxy_remove_header_map_value(map: u32, key: bytes);
    set_pairs = proxy_set_header_map_pairs(map: u32, pairs: bytes);
    set_buffer = proxy_set_buffer_bytes(buffer: u32, start: u32, size: u32, value: bytes);
    grpc_send = proxy_grpc_send(token: u32, message: bytes, end_of_stream: u32);
    grpc_close = proxy_grpc_close(token: u32);
    grpc_cancel = proxy_grpc_cancel(token: u32);
    set_tick_period = proxy_set_tick_period_milliseconds(period: u32);
    increment_metric = proxy_increment_metric(id: u32, by: i64);
    record_metric = proxy_record_metric(id: u32, value: u64);
    set_effective_context = proxy_set_effective_context(context: u32);
    done = proxy_done();
    continue_stream = proxy_continue_stream(stream: u32);
    close_stream = proxy_close_stream(stream: u32);
    local_response = proxy_send_local_response(status: u32, details: bytes, body: bytes, headers: bytes, grpc_status: i32);
}

/// A hostcall that returns a number.
macro_rules! numbers {
    ($($name:ident = $import:ident($($arg:ident: $type:tt),*) -> $out:ty;)*) => {
        $(pub(crate) fn $name($($arg: given!($type)),*) -> (Status, $out) {
            let mut out = 0;
            let pointer = &raw mut out;
            let status = spread!($import [] $($arg: $type,)* pointer: pointer,);
            (status, out)
        })*
    };
}

numbers! {
    log_level = proxy_get_log_level() -> u32;
    register_queue = proxy_register_shared_queue(name: bytes) -> u32;
    resolve_queue = proxy_resolve_shared_queue(vm_id: bytes, name: bytes) -> u32;
    map_size = proxy_get_header_map_size(map: u32) -> u32;
    http_call = proxy_http_call(cluster: bytes, headers: bytes, body: bytes, trailers: bytes, timeout: u32) -> u32;
    grpc_call = proxy_grpc_call(cluster: bytes, service: bytes, method: bytes, metadata: bytes, message: bytes, timeout: u32) -> u32;
    grpc_stream = proxy_grpc_stream(cluster: bytes, service: bytes, method: bytes, metadata: bytes) -> u32;
    current_time = proxy_get_current_time_nanoseconds() -> u64;
    define_metric = proxy_define_metric(kind: u32, name: bytes) -> u32;
    metric = proxy_get_metric(id: u32) -> u64;
}

/// A hostcall that returns bytes.
macro_rules! values {
    ($($name:ident = $import:ident($($arg:ident: $type:tt),*);)*) => {
        $(pub(crate) fn $name($($arg: given!($type)),*) -> (Status, Taken) {
            let (mut value, mut size) = (null_mut(), 0);
            let (value_at, size_at) = (&raw mut value, &raw mut size);
            let status = spread!($import [] $($arg: $type,)* value_at: value_at, size_at: size_at,);
            (status, taken(value, size))
        })*
    };
}

values! {
    property = proxy_get_property(path: bytes);
    dequeue = proxy_dequeue_shared_queue(id: u32);
    value = proxy_get_header_map_value(map: u32, key: bytes);
    pairs = proxy_get_header_map_pairs(map: u32);
    buffer = proxy_get_buffer_bytes(buffer: u32, start: u32, max: u32);
    foreign = proxy_call_foreign_function(name: bytes, args: bytes);
}

pub(crate) fn status() -> (Status, u32, Taken) {
    let (mut code, mut message, mut size) = (0, null_mut(), 0);
    let status = unsafe { proxy_get_status(&raw mut code, &raw mut message, &raw mut size) };
    (status, code, taken(message, size))
}

pub(crate) fn shared_data(key: &[u8]) -> (Status, Taken, u32) {
    let (mut value, mut size, mut cas) = (null_mut(), 0, 0);
    let (pointer, length) = (key.as_ptr(), key.len());
    let status =
        unsafe { proxy_get_shared_data(pointer, length, &raw mut value, &raw mut size, &raw mut cas) };
    (status, taken(value, size), cas)
}

pub(crate) fn buffer_status(buffer: u32) -> (Status, u32, u32) {
    let (mut length, mut flags) = (0, 0);
    let status = unsafe { proxy_get_buffer_status(buffer, &raw mut length, &raw mut flags) };
    (status, length, flags)
}

fn taken(value: *mut u8, size: usize) -> Taken {
    if value.is_null() {
        return Taken { bytes: Vec::new(), is_null: true };
    }
    Taken { bytes: unsafe { std::slice::from_raw_parts(value, size) }.to_vec(), is_null: false }
}

/// Where the host puts what it hands to the guest. Nothing is ever given back: a probe does not live long.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    Vec::with_capacity(size).leak().as_mut_ptr()
}
