use portcullis_sim::{Hostcall, Refusal, Shown, Sim, Status};
use wasmtime::{Caller, Error, Memory, format_err};

use crate::budget::Overrun;
use crate::phase::Phase;
use crate::state::State;

/// The guest during one hostcall: its memory, its allocator, and the proxy that it has called.
pub(crate) struct Guest<'a> {
    caller: Caller<'a, State>,
}

/// A pointer into the guest's memory and a size.
pub(crate) type Span = (u32, u32);

/// Why a hostcall does not end well.
pub(crate) enum Fault {
    /// The proxy refused, and has written that down.
    Refused(Refusal),
    /// The guest gave an address outside its memory, or no memory when asked for some.
    Memory(String),
    /// The guest trapped in its allocator, or used up its budget.
    Trap(Error),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Overrun> for Fault {
    fn from(overrun: Overrun) -> Self {
        Self::Trap(overrun.into())
    }
}

/// Runs one hostcall and gives its status, or the trap that ends the VM.
pub(crate) fn hostcall(
    name: &'static str,
    caller: Caller<'_, State>,
    body: impl FnOnce(&mut Guest<'_>) -> Result<(), Fault>,
) -> Result<u32, Error> {
    let mut guest = Guest { caller };
    let state = guest.caller.data_mut();
    if let Some(why) = state.phase.forbids(name) {
        return Err(format_err!("{name} was called: {why}"));
    }
    state.meter.hostcall()?;
    state.sim.count_hostcall(name);
    let refusal = match body(&mut guest) {
        Ok(()) => return Ok(Status::Ok as u32),
        Err(Fault::Refused(refusal)) => refusal,
        Err(Fault::Memory(reason)) => {
            let refusal = Refusal::new(Status::InvalidMemoryAccess, reason);
            // The journal gives back what it is given.
            let _ = guest.sim().note::<()>(name, &[], Err(refusal.clone()));
            refusal
        }
        Err(Fault::Trap(error)) => return Err(error),
    };
    let status = refusal.status as u32;
    guest.caller.data_mut().refused = Some((name, refusal));
    Ok(status)
}

impl Guest<'_> {
    pub(crate) fn sim(&mut self) -> &mut Sim {
        &mut self.caller.data_mut().sim
    }

    pub(crate) fn state(&mut self) -> &mut State {
        self.caller.data_mut()
    }

    /// Writes a WASI call into the journal, as done.
    pub(crate) fn note(&mut self, name: &'static str, arguments: &[&dyn Shown]) {
        // The journal gives back what it is given.
        let _ = self.sim().note(name, arguments, Ok(()));
    }

    /// Shows pieces of the guest's memory to the proxy, in place.
    pub(crate) fn ask<const N: usize, T>(
        &mut self,
        spans: [Span; N],
        ask: impl FnOnce(&mut Sim, [&[u8]; N]) -> Hostcall<T>,
    ) -> Result<T, Fault> {
        let memory = self.memory()?;
        let (memory, state) = memory.data_and_store_mut(&mut self.caller);
        let mut pieces = [&[][..]; N];
        for (piece, span) in pieces.iter_mut().zip(spans) {
            *piece = slice(memory, span)?;
            state.meter.read(piece.len())?;
        }
        Ok(ask(&mut state.sim, pieces)?)
    }

    /// As [`ask`](Self::ask), after a look at a number: Envoy refuses one that it does not know before it looks at pointers.
    pub(crate) fn ask_of<const N: usize, T>(
        &mut self,
        is_known: bool,
        spans: [Span; N],
        ask: impl FnOnce(&mut Sim, [&[u8]; N]) -> Hostcall<T>,
    ) -> Result<T, Fault> {
        self.ask(if is_known { spans } else { [(0, 0); N] }, ask)
    }

    /// Copies bytes out of the guest's memory, behind what is there already.
    pub(crate) fn read_into(&mut self, span: Span, buffer: &mut Vec<u8>) -> Result<(), Fault> {
        let memory = self.memory()?;
        let (memory, state) = memory.data_and_store_mut(&mut self.caller);
        let piece = slice(memory, span)?;
        state.meter.read(piece.len())?;
        buffer.extend_from_slice(piece);
        Ok(())
    }

    pub(crate) fn read_u32(&mut self, pointer: u32) -> Result<u32, Fault> {
        let memory = self.memory()?;
        let (memory, state) = memory.data_and_store_mut(&mut self.caller);
        state.meter.read(4)?;
        let bytes = slice(memory, (pointer, 4))?.first_chunk();
        bytes.copied().map(u32::from_le_bytes).ok_or_else(|| Fault::Memory("four bytes were not four".into()))
    }

    /// Copies bytes into the guest's memory.
    pub(crate) fn write(&mut self, pointer: u32, bytes: &[u8]) -> Result<(), Fault> {
        let memory = self.memory()?;
        let (memory, state) = memory.data_and_store_mut(&mut self.caller);
        state.meter.written(bytes.len())?;
        let (start, size) = (pointer as usize, memory.len());
        let place = start.checked_add(bytes.len()).and_then(|end| memory.get_mut(start..end));
        let place = place.ok_or_else(|| outside("written", bytes.len(), pointer, size))?;
        place.copy_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn write_u32(&mut self, pointer: u32, value: u32) -> Result<(), Fault> {
        self.write(pointer, &value.to_le_bytes())
    }

    /// Gives the guest bytes in memory of its own, and writes down where they are and how many.
    pub(crate) fn give(&mut self, bytes: &[u8], pointer_at: u32, size_at: u32) -> Result<(), Fault> {
        let pointer = self.place(bytes)?;
        self.write_u32(pointer_at, pointer)?;
        self.write_u32(size_at, bytes.len() as u32)
    }

    /// Puts bytes into memory that the guest's allocator gives; 0 for none, for which Envoy does not ask.
    pub(crate) fn place(&mut self, bytes: &[u8]) -> Result<u32, Fault> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let allocate = self.caller.data().allocate.clone();
        let allocate = allocate.ok_or_else(|| Fault::Memory("the module exports no allocator".into()))?;
        let phase = std::mem::replace(&mut self.caller.data_mut().phase, Phase::Allocating);
        // After a trap the VM is dead, and its report says that it died in here.
        let pointer = allocate.call(&mut self.caller, bytes.len() as u32).map_err(Fault::Trap)?;
        self.caller.data_mut().phase = phase;
        match pointer {
            0 => {
                Err(Fault::Memory(format!("the module's allocator gave no memory for {} bytes", bytes.len())))
            }
            pointer => self.write(pointer, bytes).map(|()| pointer),
        }
    }

    fn memory(&self) -> Result<Memory, Fault> {
        self.caller.data().memory.ok_or_else(|| Fault::Memory("the module exports no memory".into()))
    }
}

fn slice(memory: &[u8], (pointer, size): Span) -> Result<&[u8], Fault> {
    let start = pointer as usize;
    let bytes = start.checked_add(size as usize).and_then(|end| memory.get(start..end));
    bytes.ok_or_else(|| outside("read", size as usize, pointer, memory.len()))
}

fn outside(what: &str, size: usize, pointer: u32, memory: usize) -> Fault {
    Fault::Memory(format!(
        "{size} bytes at {pointer:#x} cannot be {what}: the module's memory ends at {memory:#x}"
    ))
}
