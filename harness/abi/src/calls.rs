//! Call-outs and foreign functions.

use portcullis_sim::abi::{GrpcCall, HttpCall};

use crate::guest::{Fault, Guest, Outcome, Span};

pub(crate) fn http_call<E: Guest>(
    guest: &mut E,
    parts: [Span; 4],
    timeout: u32,
    token_at: u32,
) -> Outcome<E> {
    // Envoy looks at all pieces before it tries the place of the token, and at that before it makes the call.
    guest.ask(parts, |_, _| Ok(()))?;
    guest.write_u32(token_at, 0)?;
    let token = guest.ask(parts, |sim, [cluster, headers, body, trailers]| {
        sim.http_call(&HttpCall { cluster, headers, body, trailers, timeout_milliseconds: timeout })
    })?;
    guest.write_u32(token_at, token)
}

pub(crate) fn call_foreign_function<E: Guest>(
    guest: &mut E,
    name: u32,
    size: u32,
    args: u32,
    args_size: u32,
    result_at: u32,
    size_at: u32,
) -> Outcome<E> {
    let spans = [(name, size), (args, args_size)];
    let mut is_known = false;
    let called = guest.ask(spans, |sim, [name, args]| {
        is_known = sim.has_foreign_function(name);
        sim.call_foreign_function(name, args)
    });
    // A function that fails has no result, which is written down as one of no bytes.
    let (result, ended) = match called {
        Ok(result) => (result, Ok(())),
        Err(Fault::Refused(refusal)) if is_known => (None, Err(refusal.into())),
        Err(fault) => return Err(fault),
    };
    let size = result.as_ref().map_or(0, Vec::len) as u32;
    // Who does not want the result says so by a null pointer.
    if result_at != 0 {
        let pointer = result.map_or(Ok(0), |result| place(guest, &result))?;
        guest.write_u32(result_at, pointer)?;
    }
    if size_at != 0 {
        guest.write_u32(size_at, size)?;
    }
    ended
}

/// A result that is empty has a place too, unlike other empty values. Envoy does not look whether there is one.
fn place<E: Guest>(guest: &mut E, result: &[u8]) -> Outcome<E, u32> {
    match guest.place(result) {
        Err(Fault::Memory(_)) if result.is_empty() => Ok(0),
        Err(Fault::Memory(why)) => {
            guest.state().sim.crash("the result of a foreign function has no place in the module's memory");
            Err(Fault::Memory(why))
        }
        placed => placed,
    }
}

pub(crate) fn get_status<E: Guest>(guest: &mut E, code_at: u32, message_at: u32, size_at: u32) -> Outcome<E> {
    let (code, message) = guest.state().sim.status()?;
    guest.write_u32(code_at, code)?;
    guest.give(&message, message_at, size_at)
}

pub(crate) fn grpc_call<E: Guest>(
    guest: &mut E,
    parts: [Span; 5],
    timeout: u32,
    token_at: u32,
) -> Outcome<E> {
    let token = guest.ask(parts, |sim, [cluster, service, method, metadata, message]| {
        let timeout_milliseconds = timeout;
        sim.grpc_call(&GrpcCall { cluster, service, method, metadata, message, timeout_milliseconds })
    })?;
    guest.write_u32(token_at, token)
}

pub(crate) fn grpc_stream<E: Guest>(guest: &mut E, parts: [Span; 4], token_at: u32) -> Outcome<E> {
    let token = guest.ask(parts, |sim, [cluster, service, method, metadata]| {
        sim.grpc_stream(&GrpcCall { cluster, service, method, metadata, ..GrpcCall::default() })
    })?;
    guest.write_u32(token_at, token)
}

pub(crate) fn grpc_send<E: Guest>(
    guest: &mut E,
    token: u32,
    message: u32,
    size: u32,
    end: u32,
) -> Outcome<E> {
    guest.ask([(message, size)], |sim, [message]| sim.grpc_send(token, message, end != 0))
}

pub(crate) fn grpc_close<E: Guest>(guest: &mut E, token: u32) -> Outcome<E> {
    Ok(guest.state().sim.grpc_close(token)?)
}

pub(crate) fn grpc_cancel<E: Guest>(guest: &mut E, token: u32) -> Outcome<E> {
    Ok(guest.state().sim.grpc_cancel(token)?)
}
