//! What is shown, and that nothing else is.

#[path = "../common/mod.rs"]
mod common;

mod bodies;
mod everywhere;
mod examples;
mod marks;
mod outputs;
mod places;
mod secrets;
