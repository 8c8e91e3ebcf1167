use portcullis_sim::abi::{GrpcCall, HttpCall};
use wasmtime::{Linker, Result};

use crate::abi::MODULE;
use crate::abi::link::hostcalls;
use crate::guest::{Fault, Guest, Span, hostcall};
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
        ], token_at)
    }
    hostcalls! {
        linker, MODULE, hostcall;
        proxy_grpc_send => grpc_send(token: u32, message: u32, size: u32, end_stream: u32),
        proxy_grpc_close => grpc_close(token: u32),
        proxy_grpc_cancel => grpc_cancel(token: u32),
    }
    Ok(())
}

fn http_call(guest: &mut Guest<'_>, parts: [Span; 4], timeout: u32, token_at: u32) -> Result<(), Fault> {
    // Envoy looks at all pieces before it tries the place of the token, and at that before it makes the call.
    guest.ask(parts, |_, _| Ok(()))?;
    guest.write_u32(token_at, 0)?;
    let token = guest.ask(parts, |sim, [cluster, headers, body, trailers]| {
        sim.http_call(&HttpCall { cluster, headers, body, trailers, timeout_milliseconds: timeout })
    })?;
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
    let spans = [(name, size), (args, args_size)];
    let result = guest.ask(spans, |sim, [name, args]| sim.call_foreign_function(name, args))?;
    // Who does not want the result says so by a null pointer.
    let pointer = if result_at == 0 { 0 } else { guest.place(&result)? };
    if result_at != 0 {
        guest.write_u32(result_at, pointer)?;
    }
    if size_at != 0 {
        guest.write_u32(size_at, result.len() as u32)?;
    }
    Ok(())
}

fn get_status(guest: &mut Guest<'_>, code_at: u32, message_at: u32, size_at: u32) -> Result<(), Fault> {
    let (code, message) = guest.sim().status()?;
    guest.write_u32(code_at, code)?;
    guest.give(&message, message_at, size_at)
}

fn grpc_call(guest: &mut Guest<'_>, parts: [Span; 5], timeout: u32, token_at: u32) -> Result<(), Fault> {
    let token = guest.ask(parts, |sim, [cluster, service, method, metadata, message]| {
        let timeout_milliseconds = timeout;
        sim.grpc_call(&GrpcCall { cluster, service, method, metadata, message, timeout_milliseconds })
    })?;
    guest.write_u32(token_at, token)
}

fn grpc_stream(guest: &mut Guest<'_>, parts: [Span; 4], token_at: u32) -> Result<(), Fault> {
    let token = guest.ask(parts, |sim, [cluster, service, method, metadata]| {
        sim.grpc_stream(&GrpcCall { cluster, service, method, metadata, ..GrpcCall::default() })
    })?;
    guest.write_u32(token_at, token)
}

fn grpc_send(guest: &mut Guest<'_>, token: u32, message: u32, size: u32, end: u32) -> Result<(), Fault> {
    guest.ask([(message, size)], |sim, [message]| sim.grpc_send(token, message, end != 0))
}

fn grpc_close(guest: &mut Guest<'_>, token: u32) -> Result<(), Fault> {
    Ok(guest.sim().grpc_close(token)?)
}

fn grpc_cancel(guest: &mut Guest<'_>, token: u32) -> Result<(), Fault> {
    Ok(guest.sim().grpc_cancel(token)?)
}
