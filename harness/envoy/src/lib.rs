//! Scenarios on a real Envoy process, over real sockets.
//!
//! [`EnvoyTarget`] starts one Envoy with one plugin, an upstream of its own and a client, and shows what
//! went in and came out in the same words as the simulation. [`EnvoyBinary`], [`Bootstrap`] and
//! [`EnvoyProcess`] are its parts, for whoever wants an Envoy with something else in it.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod access;
mod admin;
mod binary;
mod body;
mod bootstrap;
mod client;
mod log;
mod message;
mod obituary;
mod process;
mod target;
mod upstream;

pub use admin::Admin;
pub use binary::EnvoyBinary;
pub use bootstrap::{Bootstrap, RouteAction, wasm_filter};
pub use obituary::Obituary;
pub use process::{EnvoyProcess, Launch, StartError};
pub use target::EnvoyTarget;
