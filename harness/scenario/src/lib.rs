//! Scenario files, the runner that plays them on a target, and the reports.
//!
//! A scenario file names a plugin, its configuration and a list of steps. [`Scenario::load`] reads it, [`run`] plays it on
//! whatever [`Start`] starts, and [`report`] tells what came of it.

mod budget;
mod expectation;
mod explore;
mod golden;
mod interleaving;
mod leak;
mod load;
mod matrix;
pub mod report;
mod runner;
mod scenario;
pub mod schema;
mod secrets;
mod sim_target;
mod target;
pub mod traffic;
mod vars;
mod yaml;

pub use budget::Budget;
pub use expectation::{ExchangeExpected, Matcher, Mismatch, ProxyExpected, TcpExpected};
pub use explore::explore;
pub use golden::Golden;
pub use interleaving::Interleaving;
pub use leak::check_leaks;
pub use matrix::run_matrix;
pub use portcullis_sim::http::Sending;
pub use runner::{Start, run};
pub use scenario::{PluginRef, Refusal, Scenario, Sent, Step, StepAction};
pub use secrets::concealed;
pub use sim_target::SimTarget;
pub use target::{Open, Target, TargetError};
pub use yaml::{LoadError, parse_yaml};
