use portcullis_inspect::imports::Provided;

use crate::Engine;
use crate::guest::{Guest, enter};
use crate::table::{OWN, Own, Wasi};
use crate::wasi::errno;
use crate::wasi_constants::Constant;

const PTHREAD_EQUAL: &str = "pthread_equal";
const NOTIFY_MEMORY_GROWTH: &str = "emscripten_notify_memory_growth";

/// A function that a module can import.
#[derive(Clone, Copy)]
pub struct Function(Kind);

#[derive(Clone, Copy)]
enum Kind {
    Own(Own),
    Wasi(Wasi),
    Constant(Constant),
    /// Of Emscripten's C library, whose threads are numbers.
    PthreadEqual,
    /// What Emscripten tells of its memory, which nobody asks for.
    NotifyMemoryGrowth,
}

impl Function {
    /// The function behind an import.
    pub fn of(import: Provided) -> Option<Self> {
        let name = import.name;
        let kind = match (import.module, name) {
            (OWN, PTHREAD_EQUAL) => Kind::PthreadEqual,
            (OWN, NOTIFY_MEMORY_GROWTH) => Kind::NotifyMemoryGrowth,
            (OWN, _) => Kind::Own(Own::named(name)?),
            _ => Wasi::named(name).map(Kind::Wasi).or_else(|| Constant::named(name).map(Kind::Constant))?,
        };
        Some(Self(kind))
    }

    /// Calls it with as many arguments as it takes, each in the lower bits, and gives its result; 0 where it has none.
    ///
    /// # Errors
    /// What ends the guest: the call is not allowed now, the budget is used up, or the guest's allocator trapped.
    pub fn call<E: Engine>(self, engine: &mut E, arguments: &[u64]) -> Result<u32, E::Trap> {
        match self.0 {
            Kind::Own(function) => function.call(engine, arguments),
            Kind::Wasi(function) => function.call(engine, arguments),
            Kind::Constant(function) => {
                errno(function.name(), engine, |engine| function.call(engine, arguments))
            }
            Kind::PthreadEqual => pthread_equal(engine, arguments),
            Kind::NotifyMemoryGrowth => enter(NOTIFY_MEMORY_GROWTH, engine).map(|()| 0),
        }
    }
}

fn pthread_equal<E: Guest>(engine: &mut E, arguments: &[u64]) -> Result<u32, E::Trap> {
    enter(PTHREAD_EQUAL, engine)?;
    let mut threads = arguments.iter().map(|thread| *thread as u32);
    Ok(u32::from(threads.next() == threads.next()))
}
