//! What the filter makes of requests: which tokens they need, what they wait for, and ways around it that are closed.

mod bypass;
#[path = "../common/mod.rs"]
mod common;
mod fetching;
mod passing;
mod requirements;
