//! Scenarios on a real Envoy process, over real sockets.
//!
//! [`EnvoyTarget`] starts one Envoy with a chain of plugins, a client before it, an upstream behind it and servers for its
//! call-outs, and shows what went in and came out in the same words as the simulation. [`EnvoyBinary`], [`Bootstrap`] and
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
mod call_outs;
mod client;
mod cluster;
mod conversation;
mod filter;
mod grpc;
mod host;
mod journal;
mod log;
mod message;
mod obituary;
mod process;
mod server;
mod start;
mod target;
mod upstream;

pub use admin::Admin;
pub use binary::EnvoyBinary;
pub use bootstrap::{Bootstrap, RouteAction};
pub use call_outs::Servers;
pub use cluster::ClusterEntry;
pub use filter::Filter;
pub use obituary::Obituary;
pub use process::{EnvoyProcess, Launch, StartError};
pub use target::EnvoyTarget;
