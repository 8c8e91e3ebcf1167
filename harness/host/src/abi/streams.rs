use portcullis_sim::LocalReply;
use wasmtime::{Caller, Linker, Result};

use crate::abi::MODULE;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// Local replies, resuming and closing.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        MODULE,
        "proxy_send_local_response",
        |caller: Caller<'_, State>,
         status: u32,
         details: u32,
         details_size: u32,
         body: u32,
         body_size: u32,
         headers: u32,
         headers_size: u32,
         grpc_status: i32| {
            hostcall("proxy_send_local_response", caller, |guest| {
                send_local_response(
                    guest,
                    status,
                    details,
                    details_size,
                    body,
                    body_size,
                    headers,
                    headers_size,
                    grpc_status,
                )
            })
        },
    )?;
    linker.func_wrap(MODULE, "proxy_continue_stream", |caller: Caller<'_, State>, stream: u32| {
        hostcall("proxy_continue_stream", caller, |guest| continue_stream(guest, stream))
    })?;
    linker.func_wrap(MODULE, "proxy_close_stream", |caller: Caller<'_, State>, stream: u32| {
        hostcall("proxy_close_stream", caller, |guest| close_stream(guest, stream))
    })?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "as many as the hostcall has")]
fn send_local_response(
    guest: &mut Guest<'_>,
    status: u32,
    details: u32,
    details_size: u32,
    body: u32,
    body_size: u32,
    headers: u32,
    headers_size: u32,
    grpc_status: i32,
) -> Result<(), Fault> {
    let (details, body) = (guest.bytes(details, details_size)?, guest.bytes(body, body_size)?);
    let headers = guest.bytes(headers, headers_size)?;
    let status = u16::try_from(status).unwrap_or(u16::MAX);
    let reply = LocalReply { status, details, body, grpc_status, ..LocalReply::default() };
    Ok(guest.sim().send_local_response(reply, &headers)?)
}

fn continue_stream(guest: &mut Guest<'_>, stream: u32) -> Result<(), Fault> {
    Ok(guest.sim().continue_stream(stream)?)
}

fn close_stream(guest: &mut Guest<'_>, stream: u32) -> Result<(), Fault> {
    Ok(guest.sim().close_stream(stream)?)
}
