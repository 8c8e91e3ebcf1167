use portcullis_sim::LocalResponse;
use wasmtime::{Linker, Result};

use crate::abi::MODULE;
use crate::abi::link::hostcalls;
use crate::guest::{Fault, Guest, Span, hostcall};
use crate::state::State;

/// Local replies; resuming and closing are linked by version.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    hostcalls! {
        linker, MODULE, hostcall;
        proxy_send_local_response(
            status: u32, details: u32, details_size: u32, body: u32, body_size: u32, headers: u32, headers_size: u32,
            grpc_status: i32,
        ) => send_local_response(
            status, [(details, details_size), (body, body_size), (headers, headers_size)], grpc_status
        )
    }
    Ok(())
}

fn send_local_response(
    guest: &mut Guest<'_>,
    status: u32,
    texts: [Span; 3],
    grpc_status: i32,
) -> Result<(), Fault> {
    let status = u16::try_from(status).unwrap_or(u16::MAX);
    guest.ask(texts, |sim, [details, body, headers]| {
        let (details, body) = (details.to_vec(), body.to_vec());
        let response = LocalResponse { status, details, body, grpc_status, ..LocalResponse::default() };
        sim.send_local_response(response, headers)
    })
}

pub(super) fn continue_stream(guest: &mut Guest<'_>, stream: u32) -> Result<(), Fault> {
    Ok(guest.sim().continue_stream(stream)?)
}

pub(super) fn close_stream(guest: &mut Guest<'_>, stream: u32) -> Result<(), Fault> {
    Ok(guest.sim().close_stream(stream)?)
}
