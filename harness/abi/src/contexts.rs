//! Whose turn it is.

use crate::guest::{Guest, Outcome};

pub(crate) fn set_effective_context<E: Guest>(guest: &mut E, context: u32) -> Outcome<E> {
    Ok(guest.state().sim.set_effective_context(context)?)
}

pub(crate) fn done<E: Guest>(guest: &mut E) -> Outcome<E> {
    Ok(guest.state().sim.done()?)
}
