//! The ABI as Envoy has it, one chapter per file, tried by small guests that are called directly.

mod budgets;
mod capabilities;
mod common;
mod damage;
mod pointers;
mod shapes;
mod starting;
mod versions;
mod wasi;
