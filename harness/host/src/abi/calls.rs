use wasmtime::{Linker, Result};

use crate::abi::MODULE;
use crate::abi::link::hostcalls;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// Call-outs and foreign functions, none of which has anybody to answer it.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    hostcalls! {
        linker, MODULE, hostcall;
        proxy_http_call(
            cluster: u32, size: u32, headers: u32, headers_size: u32, body: u32, body_size: u32, trailers: u32,
            trailers_size: u32, timeout: u32, _token_at: u32,
        ) => http_call(
            [(cluster, size), (headers, headers_size), (body, body_size), (trailers, trailers_size)], timeout
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
            metadata_size: u32, message: u32, message_size: u32, _timeout: u32, _token_at: u32,
        ) => grpc_call([
            (cluster, size), (service, service_size), (method, method_size), (metadata, metadata_size),
            (message, message_size),
        ]),
        proxy_grpc_stream(
            cluster: u32, size: u32, service: u32, service_size: u32, method: u32, method_size: u32, metadata: u32,
            metadata_size: u32, _token_at: u32,
        ) => grpc_stream([
            (cluster, size), (service, service_size), (method, method_size), (metadata, metadata_size),
        ]),
        proxy_grpc_send(token: u32, message: u32, size: u32, _end_stream: u32) => grpc_send(token, message, size),
        proxy_grpc_close(token: u32) => grpc_on_token("proxy_grpc_close", token),
        proxy_grpc_cancel(token: u32) => grpc_on_token("proxy_grpc_cancel", token),
    }
    Ok(())
}

fn http_call(guest: &mut Guest<'_>, parts: [(u32, u32); 4], timeout: u32) -> Result<(), Fault> {
    let [cluster, ..] = guest.each(parts)?;
    guest.sim().http_call(&cluster, timeout)?;
    Ok(())
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

fn grpc_call(guest: &mut Guest<'_>, parts: [(u32, u32); 5]) -> Result<(), Fault> {
    let [cluster, service, method, ..] = guest.each(parts)?;
    guest.sim().grpc_call(&cluster, &service, &method)?;
    Ok(())
}

fn grpc_stream(guest: &mut Guest<'_>, parts: [(u32, u32); 4]) -> Result<(), Fault> {
    let [cluster, service, method, ..] = guest.each(parts)?;
    guest.sim().grpc_stream(&cluster, &service, &method)?;
    Ok(())
}

fn grpc_send(guest: &mut Guest<'_>, token: u32, message: u32, size: u32) -> Result<(), Fault> {
    guest.bytes(message, size)?;
    grpc_on_token(guest, "proxy_grpc_send", token)
}

fn grpc_on_token(guest: &mut Guest<'_>, name: &'static str, token: u32) -> Result<(), Fault> {
    Ok(guest.sim().grpc_on_token(name, token)?)
}
