//! Of which requests there are records, and how much.

#[path = "../common/mod.rs"]
mod common;

mod bodies;
mod duplicates;
mod fingerprint;
mod rules;
mod samples;
