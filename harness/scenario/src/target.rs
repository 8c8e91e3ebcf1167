use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_sim::http::{Exchange, LogLine, Protocol, Request, Response};

/// A proxy with one plugin in it: the simulation over native code or over a module, or a real Envoy.
///
/// A target is started once per scenario and dropped after it.
pub trait Target {
    /// `native`, `wasm` or `envoy`.
    fn name(&self) -> &'static str;

    /// Sends one request through the proxy; `upstream` is what the upstream answers, if it is asked.
    ///
    /// # Errors
    /// The target itself failed: a trap, a dead process, a timeout.
    fn send(
        &mut self,
        protocol: Protocol,
        request: &Request,
        upstream: &Response,
    ) -> Result<Exchange, TargetError>;

    /// Lets time pass.
    ///
    /// # Errors
    /// [`TargetError::NotHere`] where that takes too long.
    fn advance(&mut self, by: Duration) -> Result<(), TargetError>;

    /// The plugin's counters and gauges, without Envoy's prefix `wasmcustom.`.
    ///
    /// # Errors
    /// The target itself failed.
    fn metrics(&mut self) -> Result<BTreeMap<String, u64>, TargetError>;

    /// What the plugin has logged since it was loaded.
    ///
    /// # Errors
    /// The target itself failed.
    fn logs(&mut self) -> Result<Vec<LogLine>, TargetError>;
}

/// What is loaded into a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginSetup {
    /// The bytes of `proxy_on_configure`.
    pub configuration: Vec<u8>,
    /// The virtual clock at the start; `None` for the real time, which only who starts a target can know. A target that has no
    /// virtual clock refuses a given one.
    pub clock: Option<portcullis_kit::UnixTime>,
}

/// Why a target could not do what a scenario asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// The plugin refused its configuration; its log lines say why.
    Configuration(Vec<LogLine>),
    /// This target cannot do this step; the scenario counts as not run here, by name.
    NotHere(String),
    /// The plugin trapped; the text is the backtrace.
    Trap(String),
    /// The target failed: no process, no port, no answer in time.
    Broken(String),
}

impl std::fmt::Display for TargetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Configuration(lines) => {
                f.write_str("the plugin refused its configuration")?;
                lines.iter().try_for_each(|line| write!(f, "\n    {}: {}", line.level, line.message))
            }
            Self::NotHere(why) => write!(f, "not run on this target: {why}"),
            Self::Trap(backtrace) => write!(f, "the plugin trapped: {backtrace}"),
            Self::Broken(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for TargetError {}
