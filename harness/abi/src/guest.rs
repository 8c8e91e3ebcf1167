use std::mem;

use portcullis_sim::{Hostcall, Refusal, Sim, Status};

use crate::engine::{Engine, Memory};
use crate::{Death, Forbidden, Meter, Overrun, Phase, State};

/// A pointer into the guest's memory and a size.
pub(crate) type Span = (u32, u32);

/// How a hostcall ends.
pub(crate) type Outcome<E, T = ()> = Result<T, Fault<<E as Engine>::Trap>>;

/// Why a hostcall does not end well.
pub(crate) enum Fault<T> {
    /// The proxy refused, and has written that down.
    Refused(Refusal),
    /// The guest gave an address outside its memory, or no memory when asked for some.
    Memory(String),
    /// The guest used up its budget.
    Trap(T),
}

impl<T> From<Refusal> for Fault<T> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<T: From<Overrun>> From<Overrun> for Fault<T> {
    fn from(overrun: Overrun) -> Self {
        Self::Trap(overrun.into())
    }
}

/// Runs one hostcall and gives its status, or the trap that ends the VM.
pub(crate) fn hostcall<E: Guest>(
    name: &'static str,
    guest: &mut E,
    body: impl FnOnce(&mut E) -> Outcome<E>,
) -> Result<u32, E::Trap> {
    enter(name, guest)?;
    let refusal = match body(guest) {
        Ok(()) => return Ok(Status::Ok as u32),
        Err(Fault::Refused(refusal)) => refusal,
        Err(Fault::Memory(reason)) => {
            let refusal = Refusal::new(Status::InvalidMemoryAccess, reason);
            guest.note(name, Err(refusal.clone()));
            refusal
        }
        Err(Fault::Trap(trap)) => return Err(trap),
    };
    let status = refusal.status as u32;
    guest.state().refused = Some((name, refusal));
    Ok(status)
}

/// Counts a hostcall, if it is allowed now.
#[inline]
pub(crate) fn enter<E: Engine>(name: &'static str, engine: &mut E) -> Result<(), E::Trap> {
    let mut state = engine.state();
    let why = state.phase.forbids(name);
    if why.is_some() || state.forbidden.is_some() {
        return Err(forbidden(&mut state, name, why.unwrap_or_default()).into());
    }
    state.meter.hostcall()?;
    state.sim.count_hostcall(name);
    Ok(())
}

/// The first hostcall that was not allowed, after which no other is.
#[cold]
fn forbidden(state: &mut State, name: &str, why: &str) -> Forbidden {
    state.forbidden.get_or_insert_with(|| Forbidden::new(name, why)).clone()
}

/// The guest during one hostcall: its memory, its allocator, and the proxy that it has called.
pub(crate) trait Guest: Engine {
    /// Writes a call into the journal that is none of the proxy's.
    fn note(&mut self, name: &'static str, result: Hostcall<()>) {
        // The journal gives back what it is given.
        let _ = self.state().sim.note(name, &[], result);
    }

    /// Shows pieces of the guest's memory to the proxy, in place where the engine can.
    fn ask<const N: usize, T>(
        &mut self,
        spans: [Span; N],
        ask: impl FnOnce(&mut Sim, [&[u8]; N]) -> Hostcall<T>,
    ) -> Outcome<Self, T> {
        let (memory, mut state) = self.memory().ok_or_else(no_memory)?;
        let mut pieces = [(); N].map(|()| Default::default());
        for (piece, span) in pieces.iter_mut().zip(spans) {
            *piece = bytes(&memory, &mut state.meter, span)?;
        }
        Ok(ask(&mut state.sim, pieces.each_ref().map(|piece| &**piece))?)
    }

    /// As [`ask`](Self::ask), after a look at a number: what it stands for Envoy looks for before it looks at pointers.
    fn ask_of<const N: usize, T>(
        &mut self,
        is_known: bool,
        spans: [Span; N],
        ask: impl FnOnce(&mut Sim, [&[u8]; N]) -> Hostcall<T>,
    ) -> Outcome<Self, T> {
        self.ask(if is_known { spans } else { [(0, 0); N] }, ask)
    }

    /// Copies bytes out of the guest's memory, behind what is there already.
    fn read_into(&mut self, span: Span, buffer: &mut Vec<u8>) -> Outcome<Self> {
        let (memory, mut state) = self.memory().ok_or_else(no_memory)?;
        let piece = bytes(&memory, &mut state.meter, span)?;
        buffer.extend_from_slice(&piece);
        Ok(())
    }

    fn read_u32(&mut self, pointer: u32) -> Outcome<Self, u32> {
        let (memory, mut state) = self.memory().ok_or_else(no_memory)?;
        let bytes = bytes(&memory, &mut state.meter, (pointer, 4))?;
        let bytes = bytes.first_chunk().copied().map(u32::from_le_bytes);
        bytes.ok_or_else(|| Fault::Memory("four bytes were not four".into()))
    }

    /// Copies bytes into the guest's memory.
    fn write(&mut self, pointer: u32, bytes: &[u8]) -> Outcome<Self> {
        let (mut memory, mut state) = self.memory().ok_or_else(no_memory)?;
        state.meter.written(bytes.len())?;
        if memory.write(pointer as usize, bytes) {
            return Ok(());
        }
        Err(outside("written", bytes.len(), pointer, memory.size()))
    }

    fn write_u32(&mut self, pointer: u32, value: u32) -> Outcome<Self> {
        self.write(pointer, &value.to_le_bytes())
    }

    /// Gives the guest bytes in memory of its own, and writes down where they are and how many. For none, Envoy does not ask for memory.
    fn give(&mut self, bytes: &[u8], pointer_at: u32, size_at: u32) -> Outcome<Self> {
        let pointer = if bytes.is_empty() { 0 } else { self.place(bytes)? };
        self.write_u32(pointer_at, pointer)?;
        self.write_u32(size_at, bytes.len() as u32)
    }

    /// Puts bytes into memory that the guest's allocator gives, which may be nowhere for none.
    fn place(&mut self, bytes: &[u8]) -> Outcome<Self, u32> {
        let phase = mem::replace(&mut self.state().phase, Phase::Allocating);
        let allocated = self.allocate(bytes.len() as u32);
        let mut state = self.state();
        state.phase = phase;
        let swallowed = state.forbidden.take().map(|forbidden| Death::of(&forbidden));
        drop(state);
        match allocated.map(|allocated| allocated.and_then(|pointer| swallowed.map_or(Ok(pointer), Err))) {
            None => Err(Fault::Memory("the module exports no allocator".into())),
            Some(Err(death)) => {
                let mut state = self.state();
                let allocator = state.allocator;
                state.fail(allocator, death);
                Err(Fault::Memory("the module's allocator trapped".into()))
            }
            Some(Ok(0)) if !bytes.is_empty() => {
                Err(Fault::Memory(format!("the module's allocator gave no memory for {} bytes", bytes.len())))
            }
            Some(Ok(pointer)) => self.write(pointer, bytes).map(|()| pointer),
        }
    }
}

impl<E: Engine> Guest for E {}

fn no_memory<T>() -> Fault<T> {
    Fault::Memory("the module exports no memory".into())
}

/// Bytes that are there, within the budget: reading may copy them.
fn bytes<'m, M: Memory, T: From<Overrun>>(
    memory: &'m M,
    meter: &mut Meter,
    (pointer, size): Span,
) -> Result<M::Piece<'m>, Fault<T>> {
    let (start, size) = (pointer as usize, size as usize);
    let outside = || outside("read", size, pointer, memory.size());
    start.checked_add(size).filter(|end| *end <= memory.size()).ok_or_else(outside)?;
    meter.read(size)?;
    memory.read(start, size).ok_or_else(outside)
}

fn outside<T>(what: &str, size: usize, pointer: u32, memory: usize) -> Fault<T> {
    Fault::Memory(format!(
        "{size} bytes at {pointer:#x} cannot be {what}: the module's memory ends at {memory:#x}"
    ))
}
