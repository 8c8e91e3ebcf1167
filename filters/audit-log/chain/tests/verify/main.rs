//! What the verifier finds, and what it must not find.

mod attacks;
mod checkpoints;
mod delivery;
mod holes;
mod interop;
mod laws;
mod lines;
mod writer;
