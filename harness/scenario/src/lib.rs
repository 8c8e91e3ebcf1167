//! Scenario files, the runner that plays them on a target, and the reports.
//!
//! A scenario file names a plugin, its configuration and a list of steps. [`Scenario::load`] reads it, [`run`] plays it on
//! whatever [`Start`] starts, and [`report`] tells what came of it.
//!
//! # A scenario in `cargo test`
//!
//! The target here is the simulated proxy over native code. Over a module of your own it is the same with
//! `portcullis_host::Module::instantiate` in the factory; what a scenario says of `module` or `filter` is for whoever
//! makes the factory, here nobody.
//!
//! ```
//! use std::sync::Arc;
//!
//! use portcullis_kit::{Action, ConfigError, Headers, Host, HttpFilter, LocalReply, StreamId};
//! use portcullis_scenario::report::{Ending, text};
//! use portcullis_scenario::{Scenario, SimTarget, Target, run};
//! use portcullis_sim::{NativePlugin, Setup};
//!
//! struct Stamp(Vec<u8>);
//! impl HttpFilter for Stamp {
//!     const NAME: &'static str = "stamp";
//!     type Stream = ();
//!
//!     fn configure(configuration: &[u8]) -> Result<Self, ConfigError> {
//!         Ok(Self(configuration.to_vec()))
//!     }
//!
//!     fn on_request_headers(
//!         &mut self,
//!         _: (StreamId, &mut ()),
//!         request: &mut Headers,
//!         _: &mut dyn Host,
//!     ) -> Result<Action, LocalReply> {
//!         request.set("x-stamp", &self.0);
//!         Ok(Action::Continue)
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let scenario = Scenario::load(
//!     "stamp.yaml",
//!     "
//! name: The filter stamps every request
//! module: stamp.wasm
//! config_text: hello
//! steps:
//!   - name: a request
//!     request: { path: /orders }
//!     upstream: { status: 201 }
//!     expect: { status: 201, upstream: { headers: { x-stamp: hello } } }
//! ",
//!     &|include| Err(format!("{include}: this scenario includes nothing")),
//! )?;
//! let start = |setup: &Setup| {
//!     let factory = Arc::new(|_: &_| Ok(NativePlugin::of::<Stamp>()));
//!     Ok(Box::new(SimTarget::start("native", factory, &[], setup)?) as Box<dyn Target>)
//! };
//! let report = run(&scenario, &("native", start));
//! assert!(report.outcome == Ending::Passed, "{}", text(std::slice::from_ref(&report)));
//! # Ok(())
//! # }
//! ```

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
mod taken;
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
pub use taken::{StepTaken, Taken};
pub use target::{Open, Target, TargetError};
pub use vars::fill;
pub use yaml::{LoadError, parse_scenario, parse_yaml};
