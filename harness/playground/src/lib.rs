//! The filters in a browser: scenarios, audit files, modules.
//!
//! The page (`page/`) calls the functions of `border`, which are the only ones that know of JavaScript; what goes over is JSON, in forms of which a test
//! makes `page/src/forms.ts`. Behind it are `policy`, which plays scenarios in the simulated proxy, `audit`, which reads audit files, and `module`,
//! which looks into modules: the code of the command, and of the filters themselves.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod audit;
pub mod border;
#[cfg(test)]
mod forms;
mod guest;
mod module;
pub mod policy;
