//! What is neither in the ABI nor in WASI: Envoy's own.

use portcullis_sim::{Refusal, Status};

use crate::guest::{Guest, Outcome};

pub(crate) fn resolve_dns<E: Guest>(guest: &mut E, name: u32, size: u32) -> Outcome<E> {
    guest.ask([(name, size)], |sim, [name]| {
        let why = "names are not resolved in the simulated proxy, which has clusters instead";
        let refusal: Result<(), _> = Err(Refusal::new(Status::Unimplemented, why));
        sim.note("envoy_resolve_dns", &[&name], refusal)
    })
}
