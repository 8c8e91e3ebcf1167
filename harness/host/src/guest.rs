use portcullis_abi::{Death, Engine};
use wasmtime::{Caller, Error};

use crate::state::State;
use crate::trap;

/// The guest during one hostcall.
pub(crate) struct Guest<'a>(pub(crate) Caller<'a, State>);

impl<'c> Engine for Guest<'c> {
    type State<'a>
        = &'a mut portcullis_abi::State
    where
        'c: 'a;
    type Memory<'a>
        = &'a mut [u8]
    where
        'c: 'a;
    type Trap = Error;

    fn state(&mut self) -> &mut portcullis_abi::State {
        &mut self.0.data_mut().vm
    }

    fn memory(&mut self) -> Option<(&mut [u8], &mut portcullis_abi::State)> {
        let memory = self.0.data().memory?;
        let (memory, state) = memory.data_and_store_mut(&mut self.0);
        Some((memory, &mut state.vm))
    }

    fn allocate(&mut self, size: u32) -> Option<Result<u32, Death>> {
        let allocate = self.0.data().allocate.clone()?;
        let allocated = allocate.call(&mut self.0, &[size]);
        Some(allocated.map_err(|error| trap::death(&error, self.state())))
    }
}
