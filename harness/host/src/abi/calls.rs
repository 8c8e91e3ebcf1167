use portcullis_sim::abi::{GrpcCall, HttpCall};
use wasmtime::{Linker, Result};

use crate::abi::MODULE;
use crate::abi::link::hostcalls;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// Call-outs and foreign functions.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    hostcalls! {
        linker, MODULE, hostcall;
        proxy_http_call(
            cluster: u32, size: u32, headers: u32, headers_size: u32, body: u32, body_size: u32, trailers: u32,
            trailers_size: u32, timeout: u32, token_at: u32,
        ) => http_call(
            [(cluster, size), (headers, headers_size), (body, body_size), (trailers, trailers_size)], timeout,
            token_at
        )
    }
    hostcalls! {
        linker, MODULE, hostcall;
        proxy_call_foreign_function =>
            call_foreign_function(name: u32, size: u32, args: u32, args_size: u32, result_at: u32, size_at: u32),
        proxy_get_status => get_status(code_at: u32, message_at: u32, size_at: u32),
    }
    link_grpc(linker)
}

fn link_grpc(linker: &mut Linker<State>) -> Result<()> {
    hostcalls! {
        linker, MODULE, hostcall;
        proxy_grpc_call(
            cluster: u32, size: u32, service: u32, service_size: u32, method: u32, method_size: u32, metadata: u32,
            metadata_size: u32, message: u32, message_size: u32, timeout: u32, token_at: u32,
        ) => grpc_call([
            (cluster, size), (service, service_size), (method, method_size), (metadata, metadata_size),
            (message, message_size),
        ], timeout, token_at),
        proxy_grpc_stream(
            cluster: u32, size: u32, service: u32, service_size: u32, method: u32, method_size: u32, metadata: u32,
            metadata_size: u32, token_at: u32,
        ) => grpc_stream([
            (cluster, size), (service, service_size), (method, method_size), (metadata, metadata_size),
        ], token_at),
        proxy_grpc_send(token: u32, message: u32, size: u32, end_stream: u32) =>
            grpc_send(token, message, size, end_stream),
        proxy_grpc_close(token: u32) => grpc_close(token),
        proxy_grpc_cancel(token: u32) => grpc_cancel(token),
    }
    Ok(())
}

fn http_call(
    guest: &mut Guest<'_>,
    parts: [(u32, u32); 4],
    timeout_milliseconds: u32,
    token_at: u32,
) -> Result<(), Fault> {
    let [cluster, headers, body, trailers] = &guest.each(parts)?;
    let token =
        guest.sim().http_call(&HttpCall { cluster, headers, body, trailers, timeout_milliseconds })?;
    guest.write_u32(token_at, token)
}

fn call_foreign_function(
    guest: &mut Guest<'_>,
    name: u32,
    size: u32,
    args: u32,
    args_size: u32,
    result_at: u32,
    size_at: u32,
) -> Result<(), Fault> {
    let [name, args] = guest.each([(name, size), (args, args_size)])?;
    let result = guest.sim().call_foreign_function(&name, &args)?;
    guest.give(&result, result_at, size_at)
}

fn get_status(guest: &mut Guest<'_>, code_at: u32, message_at: u32, size_at: u32) -> Result<(), Fault> {
    let (code, message) = guest.sim().status()?;
    guest.write_u32(code_at, code)?;
    guest.give(&message, message_at, size_at)
}

fn grpc_call(
    guest: &mut Guest<'_>,
    parts: [(u32, u32); 5],
    timeout_milliseconds: u32,
    token_at: u32,
) -> Result<(), Fault> {
    let [cluster, service, method, metadata, message] = &guest.each(parts)?;
    let call = GrpcCall { cluster, service, method, metadata, message, timeout_milliseconds };
    let token = guest.sim().grpc_call(&call)?;
    guest.write_u32(token_at, token)
}

fn grpc_stream(guest: &mut Guest<'_>, parts: [(u32, u32); 4], token_at: u32) -> Result<(), Fault> {
    let [cluster, service, method, metadata] = &guest.each(parts)?;
    let call = GrpcCall { cluster, service, method, metadata, ..GrpcCall::default() };
    let token = guest.sim().grpc_stream(&call)?;
    guest.write_u32(token_at, token)
}

fn grpc_send(guest: &mut Guest<'_>, token: u32, message: u32, size: u32, end: u32) -> Result<(), Fault> {
    let message = guest.bytes(message, size)?;
    Ok(guest.sim().grpc_send(token, &message, end != 0)?)
}

fn grpc_close(guest: &mut Guest<'_>, token: u32) -> Result<(), Fault> {
    Ok(guest.sim().grpc_close(token)?)
}

fn grpc_cancel(guest: &mut Guest<'_>, token: u32) -> Result<(), Fault> {
    Ok(guest.sim().grpc_cancel(token)?)
}
