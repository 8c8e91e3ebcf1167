use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_sim::http::{CallOut, Exchange, LogLine, Sending};
use portcullis_sim::tcp::{Conversation, TcpExchange};
use portcullis_sim::{Costs, Warning};

/// A proxy with plugins in it: the simulation over native code or over modules, or a real Envoy.
///
/// A target is started once per scenario and dropped after it.
pub trait Target {
    /// `native`, `wasm` or `envoy`.
    fn name(&self) -> &'static str;

    /// From now on a trap is only a line of the log, and the requests become what Envoy makes of them.
    ///
    /// # Errors
    /// [`TargetError::NotHere`] where a trap always ends the scenario.
    fn tolerate_traps(&mut self) -> Result<(), TargetError> {
        Err(TargetError::NotHere("a trap ends a scenario on this target".to_owned()))
    }

    /// Sends requests through the proxy, one right after the other, each over a connection of its own, and waits until each is
    /// answered.
    ///
    /// # Errors
    /// The target itself failed: a trap, a dead process, a timeout.
    fn send(&mut self, requests: &[Sending]) -> Result<Vec<Exchange>, TargetError>;

    /// Carries a TCP connection through the proxy.
    ///
    /// # Errors
    /// The target itself failed.
    fn converse(&mut self, conversation: &Conversation) -> Result<TcpExchange, TargetError>;

    /// Lets time pass.
    ///
    /// # Errors
    /// [`TargetError::NotHere`] where that takes too long.
    fn advance(&mut self, by: Duration) -> Result<(), TargetError>;

    /// The plugins' counters and gauges, without Envoy's prefix `wasmcustom.`.
    ///
    /// # Errors
    /// The target itself failed.
    fn metrics(&mut self) -> Result<BTreeMap<String, u64>, TargetError>;

    /// What may explain that something is not as expected, since this was asked last, as far as the target knows: refused hostcalls
    /// with their reasons, streams that nobody resumed.
    fn hints(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// What the plugins have logged since they were loaded.
    ///
    /// # Errors
    /// The target itself failed.
    fn logs(&mut self) -> Result<Vec<LogLine>, TargetError>;

    /// What the clusters for call-outs have received, in order.
    ///
    /// # Errors
    /// The target itself failed.
    fn call_outs(&mut self) -> Result<Vec<CallOut>, TargetError>;

    /// What each callback has taken, where somebody counts.
    fn costs(&mut self) -> Costs {
        Costs::new()
    }

    /// What has not ended, where that is known.
    fn open(&mut self) -> Open {
        Open::default()
    }

    /// What the plugins have done that is worth a warning, where that is seen.
    fn warnings(&mut self) -> Vec<Warning> {
        Vec::new()
    }
}

/// What has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// HTTP streams and TCP connections.
    pub streams: usize,
    /// Their contexts in VMs.
    pub contexts: usize,
}

/// Why a target could not do what a scenario asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// A plugin refused its configuration; its log lines say why.
    Configuration(Vec<LogLine>),
    /// This target cannot do this step; the scenario counts as not run here, by name.
    NotHere(String),
    /// A plugin trapped; the text is the backtrace.
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
