//! What records say: who, what, where, when, what came of it and why.

#[path = "../common/mod.rs"]
mod common;

mod ecs;
mod identity;
mod notices;
mod operations;
mod otlp;
mod outcomes;
mod requests;
mod stages;
