use portcullis_sim::{Refusal, Shown, Sim, Status};
use wasmtime::{Caller, Error, Memory, format_err};

use crate::state::{Phase, State};

/// The guest during one hostcall: its memory, its allocator, and the proxy that it has called.
pub(crate) struct Guest<'a> {
    caller: Caller<'a, State>,
}

/// Why a hostcall does not end well.
pub(crate) enum Fault {
    /// The proxy refused, and has written that down.
    Refused(Status),
    /// The guest gave an address outside its memory, or no memory when asked for some.
    Memory(String),
    /// The guest trapped in its allocator.
    Trap(Error),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.status)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Trap(error)
    }
}

/// Runs one hostcall and gives its status, or the trap that ends the VM.
pub(crate) fn hostcall(
    name: &'static str,
    caller: Caller<'_, State>,
    body: impl FnOnce(&mut Guest<'_>) -> Result<(), Fault>,
) -> Result<u32, Error> {
    let mut guest = Guest { caller };
    if let Some(why) = guest.caller.data().phase.forbids(name) {
        return Err(format_err!("{name} was called: {why}"));
    }
    match body(&mut guest) {
        Ok(()) => Ok(Status::Ok as u32),
        Err(Fault::Refused(status)) => Ok(status as u32),
        Err(Fault::Memory(reason)) => {
            let refusal: Result<(), _> = Err(Refusal::new(Status::InvalidMemoryAccess, reason));
            // Only the journal wants to know.
            let _ = guest.sim().note(name, &[], refusal);
            Ok(Status::InvalidMemoryAccess as u32)
        }
        Err(Fault::Trap(error)) => Err(error),
    }
}

impl Guest<'_> {
    pub(crate) fn sim(&mut self) -> &mut Sim {
        &mut self.caller.data_mut().sim
    }

    pub(crate) fn exited(&mut self, code: u32) {
        self.caller.data_mut().exited = Some(code);
    }

    /// Writes a WASI call into the journal, as done.
    pub(crate) fn note(&mut self, name: &'static str, arguments: &[&dyn Shown]) {
        // The journal gives back what it is given.
        let _ = self.sim().note(name, arguments, Ok(()));
    }

    /// Copies `size` bytes out of the guest's memory.
    pub(crate) fn bytes(&self, pointer: u32, size: u32) -> Result<Vec<u8>, Fault> {
        let memory = self.memory()?.data(&self.caller);
        let start = pointer as usize;
        let bytes = start.checked_add(size as usize).and_then(|end| memory.get(start..end));
        bytes.map(<[u8]>::to_vec).ok_or_else(|| outside("read", size, pointer, memory.len()))
    }

    /// Copies several pieces out of the guest's memory, each a pointer and a size.
    pub(crate) fn each<const N: usize>(&self, spans: [(u32, u32); N]) -> Result<[Vec<u8>; N], Fault> {
        let mut pieces = [const { Vec::new() }; N];
        for (piece, (pointer, size)) in pieces.iter_mut().zip(spans) {
            *piece = self.bytes(pointer, size)?;
        }
        Ok(pieces)
    }

    /// Copies bytes into the guest's memory.
    pub(crate) fn write(&mut self, pointer: u32, bytes: &[u8]) -> Result<(), Fault> {
        let memory = self.memory()?.data_mut(&mut self.caller);
        let (start, size) = (pointer as usize, memory.len());
        let place = start.checked_add(bytes.len()).and_then(|end| memory.get_mut(start..end));
        let place = place.ok_or_else(|| outside("written", bytes.len() as u32, pointer, size))?;
        place.copy_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn write_u32(&mut self, pointer: u32, value: u32) -> Result<(), Fault> {
        self.write(pointer, &value.to_le_bytes())
    }

    pub(crate) fn read_u32(&self, pointer: u32) -> Result<u32, Fault> {
        let bytes = self.bytes(pointer, 4)?;
        bytes.try_into().map(u32::from_le_bytes).map_err(|_| Fault::Memory("four bytes were not four".into()))
    }

    /// Gives the guest bytes in memory of its own, and writes down where they are and how many.
    pub(crate) fn give(&mut self, bytes: &[u8], pointer_at: u32, size_at: u32) -> Result<(), Fault> {
        // Envoy does not allocate for nothing.
        let pointer = if bytes.is_empty() { 0 } else { self.place(bytes)? };
        self.write_u32(pointer_at, pointer)?;
        self.write_u32(size_at, bytes.len() as u32)
    }

    fn place(&mut self, bytes: &[u8]) -> Result<u32, Fault> {
        let allocate = self.caller.data().allocate.clone();
        let allocate = allocate.ok_or_else(|| Fault::Memory("the module exports no allocator".into()))?;
        let phase = std::mem::replace(&mut self.caller.data_mut().phase, Phase::Allocating);
        let pointer = allocate.call(&mut self.caller, bytes.len() as u32);
        self.caller.data_mut().phase = phase;
        match pointer? {
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

fn outside(what: &str, size: u32, pointer: u32, memory: usize) -> Fault {
    Fault::Memory(format!(
        "{size} bytes at {pointer:#x} cannot be {what}: the module's memory ends at {memory:#x}"
    ))
}
