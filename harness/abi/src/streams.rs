//! Local replies, and the streams that go on or end.

use portcullis_sim::LocalResponse;

use crate::guest::{Guest, Outcome, Span};

pub(crate) fn send_local_response<E: Guest>(
    guest: &mut E,
    status: u32,
    texts: [Span; 3],
    grpc_status: i32,
) -> Outcome<E> {
    // Envoy keeps the lower half of it.
    let status = status as u16;
    guest.ask(texts, |sim, [details, body, headers]| {
        let (details, body) = (details.to_vec(), body.to_vec());
        let response = LocalResponse { status, details, body, grpc_status, ..LocalResponse::default() };
        sim.send_local_response(response, headers)
    })
}

pub(crate) fn continue_stream<E: Guest>(guest: &mut E, stream: u32) -> Outcome<E> {
    Ok(guest.state().sim.continue_stream(stream)?)
}

pub(crate) fn close_stream<E: Guest>(guest: &mut E, stream: u32) -> Outcome<E> {
    Ok(guest.state().sim.close_stream(stream)?)
}
