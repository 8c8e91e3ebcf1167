use std::ops::{Deref, DerefMut};

use crate::{Death, Forbidden, Overrun, State};

/// What an engine gives to a hostcall of a guest that runs in it.
pub trait Engine {
    /// A way to the state; one that is behind a lock has it for as long as it is held.
    type State<'a>: DerefMut<Target = State>
    where
        Self: 'a;
    /// The guest's memory, for as long as the guest does not run.
    type Memory<'a>: Memory
    where
        Self: 'a;
    /// What ends the guest.
    type Trap: From<Forbidden> + From<Overrun>;

    /// What the hostcalls of this guest work on.
    fn state(&mut self) -> Self::State<'_>;

    /// The memory that the guest exports, if it has started so far, and the state.
    fn memory(&mut self) -> Option<(Self::Memory<'_>, Self::State<'_>)>;

    /// Calls the guest's allocator for so many bytes; `None` where it exports none, and an error for one that trapped.
    fn allocate(&mut self, size: u32) -> Option<Result<u32, Death>>;
}

/// A memory as it is at the moment: it may grow whenever the guest runs. It need not lie in the memory of the host.
pub trait Memory {
    /// Bytes of it, in place or copied.
    type Piece<'a>: Deref<Target = [u8]> + Default
    where
        Self: 'a;

    /// How many bytes it has.
    fn size(&self) -> usize;

    /// So many bytes from `start` on; `None` where they are not all there.
    fn read(&self, start: usize, size: usize) -> Option<Self::Piece<'_>>;

    /// Puts bytes there, and says whether there was a place for all of them.
    fn write(&mut self, start: usize, bytes: &[u8]) -> bool;
}

impl Memory for &mut [u8] {
    type Piece<'a>
        = &'a [u8]
    where
        Self: 'a;

    fn size(&self) -> usize {
        self.len()
    }

    fn read(&self, start: usize, size: usize) -> Option<&[u8]> {
        self.get(start..start.checked_add(size)?)
    }

    fn write(&mut self, start: usize, bytes: &[u8]) -> bool {
        let end = start.checked_add(bytes.len());
        let place = end.and_then(|end| self.get_mut(start..end));
        place.is_some_and(|place| {
            place.copy_from_slice(bytes);
            true
        })
    }
}
