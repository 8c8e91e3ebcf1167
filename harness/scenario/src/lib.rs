//! Scenario files, the runner that plays them on a target, and the reports.

mod target;

pub use target::{PluginSetup, Target, TargetError};
