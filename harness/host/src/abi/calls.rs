use wasmtime::{Caller, Linker, Result};

use crate::abi::MODULE;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// Call-outs and foreign functions, none of which has anybody to answer it.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        MODULE,
        "proxy_http_call",
        |caller: Caller<'_, State>,
         cluster: u32,
         size: u32,
         headers: u32,
         headers_size: u32,
         body: u32,
         body_size: u32,
         trailers: u32,
         trailers_size: u32,
         timeout: u32,
         _token_at: u32| {
            hostcall("proxy_http_call", caller, |guest| {
                let parts = [(headers, headers_size), (body, body_size), (trailers, trailers_size)];
                http_call(guest, (cluster, size), parts, timeout)
            })
        },
    )?;
    link_grpc(linker)?;
    linker.func_wrap(
        MODULE,
        "proxy_call_foreign_function",
        |caller: Caller<'_, State>,
         name: u32,
         size: u32,
         args: u32,
         args_size: u32,
         result_at: u32,
         size_at: u32| {
            hostcall("proxy_call_foreign_function", caller, |guest| {
                let (name, args) = (guest.bytes(name, size)?, guest.bytes(args, args_size)?);
                let result = guest.sim().call_foreign_function(&name, &args)?;
                guest.give(&result, result_at, size_at)
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "proxy_get_status",
        |caller: Caller<'_, State>, code_at: u32, message_at: u32, size_at: u32| {
            hostcall("proxy_get_status", caller, |guest| {
                let (code, message) = guest.sim().status()?;
                guest.write_u32(code_at, code)?;
                guest.give(&message, message_at, size_at)
            })
        },
    )?;
    Ok(())
}

fn http_call(
    guest: &mut Guest<'_>,
    cluster: (u32, u32),
    parts: [(u32, u32); 3],
    timeout: u32,
) -> Result<(), Fault> {
    let cluster = guest.bytes(cluster.0, cluster.1)?;
    for (pointer, size) in parts {
        guest.bytes(pointer, size)?;
    }
    guest.sim().http_call(&cluster, timeout)?;
    Ok(())
}

fn link_grpc(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        MODULE,
        "proxy_grpc_call",
        |caller: Caller<'_, State>,
         cluster: u32,
         size: u32,
         service: u32,
         service_size: u32,
         method: u32,
         method_size: u32,
         metadata: u32,
         metadata_size: u32,
         message: u32,
         message_size: u32,
         _timeout: u32,
         _token_at: u32| {
            hostcall("proxy_grpc_call", caller, |guest| {
                guest.bytes(metadata, metadata_size)?;
                guest.bytes(message, message_size)?;
                let [cluster, service, method] =
                    grpc_target(guest, [(cluster, size), (service, service_size), (method, method_size)])?;
                guest.sim().grpc_call(&cluster, &service, &method)?;
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        MODULE,
        "proxy_grpc_stream",
        |caller: Caller<'_, State>,
         cluster: u32,
         size: u32,
         service: u32,
         service_size: u32,
         method: u32,
         method_size: u32,
         metadata: u32,
         metadata_size: u32,
         _token_at: u32| {
            hostcall("proxy_grpc_stream", caller, |guest| {
                guest.bytes(metadata, metadata_size)?;
                let [cluster, service, method] =
                    grpc_target(guest, [(cluster, size), (service, service_size), (method, method_size)])?;
                guest.sim().grpc_stream(&cluster, &service, &method)?;
                Ok(())
            })
        },
    )?;
    link_grpc_tokens(linker)
}

fn link_grpc_tokens(linker: &mut Linker<State>) -> Result<()> {
    for name in ["proxy_grpc_close", "proxy_grpc_cancel"] {
        linker.func_wrap(MODULE, name, move |caller: Caller<'_, State>, token: u32| {
            hostcall(name, caller, |guest| Ok(guest.sim().grpc_on_token(name, token)?))
        })?;
    }
    let send = "proxy_grpc_send";
    linker.func_wrap(
        MODULE,
        send,
        move |caller: Caller<'_, State>, token: u32, message: u32, size: u32, _end_stream: u32| {
            hostcall(send, caller, |guest| {
                guest.bytes(message, size)?;
                Ok(guest.sim().grpc_on_token(send, token)?)
            })
        },
    )?;
    Ok(())
}

fn grpc_target(guest: &Guest<'_>, parts: [(u32, u32); 3]) -> Result<[Vec<u8>; 3], Fault> {
    let [cluster, service, method] = parts.map(|(pointer, size)| guest.bytes(pointer, size));
    Ok([cluster?, service?, method?])
}
